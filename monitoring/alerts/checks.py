"""What can be wrong with a rule or a silence before it is stored: one sentence each, with the place where there is one."""

import math
import re
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from dateutil.rrule import rrulestr

from monitoring.alerts import silences
from monitoring.alerts.models import RANKS, AlertRule, Silence
from monitoring.alerts.shared_source import metrics_of
from monitoring.alerts.templates import TemplateError
from monitoring.alerts.templates import check as check_template
from monitoring.alerts.thresholds import limit_of, threshold
from monitoring.query import evaluate
from monitoring.query.errors import QueryError
from monitoring.query.parse.plan import RangeSelector, String, Subquery, plan
from monitoring.query.source import Matcher, MemorySource, accepts

LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
OPERATORS = ("=", "!=", "=~", "!~")
LONGEST_EXPR, LONGEST_TEXT, MOST_TEXTS = 10_000, 5000, 50
LONGEST_WAIT = 86_400 * 30  # seconds
MOST_MATCHERS = 20
LONGEST_WINDOW = timedelta(days=366)
_TOO_OFTEN = re.compile(r"FREQ=(SECONDLY|MINUTELY)", re.IGNORECASE)


class Fault(NamedTuple):
    field: str
    message: str
    position: int | None = None  # offset in characters within the field


def check_rule(rule: AlertRule) -> list[Fault]:
    """An empty list for a rule that can be stored."""
    faults = [
        *_name(rule),
        *_expression(rule.expr),
        *_numbers(rule),
        *_recovery(rule),
        *_texts("labels", rule),
        *_texts("annotations", rule),
    ]
    if rule.immediate and not faults and not (rule.kind == AlertRule.Kind.ALERT and metrics_of(rule.expr)):
        faults.append(Fault("immediate", "Only an alert whose selectors all name their metric can be evaluated on arrival."))
    return faults


def _name(rule: AlertRule) -> Iterator[Fault]:
    recording = rule.kind == AlertRule.Kind.RECORD
    if not rule.name.strip() or len(rule.name) > 200 or "\0" in rule.name:
        yield Fault("name", "A rule has a name of 1 to 200 characters.")
    elif recording and not METRIC_NAME.fullmatch(rule.name):
        yield Fault("name", f"{rule.name[:40]} is not the name of a metric.")
    if recording and (rule.for_seconds or rule.keep_firing_for or rule.annotations):
        yield Fault("kind", "A recording rule has no for, keep_firing_for or annotations.")


def _expression(expr: str) -> Iterator[Fault]:
    if not expr.strip() or len(expr) > LONGEST_EXPR or "\0" in expr:
        yield Fault("expr", f"An expression has 1 to {LONGEST_EXPR:,} characters.")
        return
    try:
        node = plan(expr)
        if isinstance(node, String | RangeSelector | Subquery):
            yield Fault("expr", "The expression answers neither an instant vector nor a number.", 0)
            return
        evaluate.instant(expr, MemorySource(), 0)
    except QueryError as fault:
        yield Fault("expr", fault.message, fault.position)


def _numbers(rule: AlertRule) -> Iterator[Fault]:
    for field in ("for_seconds", "keep_firing_for"):
        if not 0 <= getattr(rule, field) <= LONGEST_WAIT:
            yield Fault(field, "From 0 seconds to 30 days.")
    if rule.severity not in RANKS:
        yield Fault("severity", f"There are {', '.join(RANKS)}.")
    if rule.runbook_url and not re.match(r"(https?://|/)[^\s\0]+$", rule.runbook_url):
        yield Fault("runbook_url", "A runbook's address begins with https://, http:// or /.")


def _recovery(rule: AlertRule) -> Iterator[Fault]:
    recording = rule.kind == AlertRule.Kind.RECORD
    if rule.without_data not in AlertRule.WithoutData.values:
        yield Fault("without_data", f"There are {', '.join(AlertRule.WithoutData.values)}.")
    elif rule.without_data != AlertRule.WithoutData.RESOLVE and (recording or threshold(rule.expr) is None):
        yield Fault("without_data", "Only an alert that compares something with a number can tell that there is nothing to compare.")
    if rule.clears_at is None:
        return
    limit = None if recording else limit_of(rule.expr)
    if limit is None or not limit.ordered:
        yield Fault("clears_at", "Only an alert with a limit, such as a > 80, can have another one at which it clears.")
    elif not math.isfinite(rule.clears_at) or rule.clears_at == limit.value or limit.beyond(rule.clears_at):
        yield Fault("clears_at", f"It lies {'below' if limit.op.startswith('>') else 'above'} the limit of {limit.value:g}.")


def _texts(field: str, rule: AlertRule) -> Iterator[Fault]:
    given = getattr(rule, field)
    if len(given) > MOST_TEXTS:
        yield Fault(field, f"At most {MOST_TEXTS} are possible.")
    for name, text in given.items():
        if not LABEL_NAME.fullmatch(str(name)) or name in ("__name__", "alertname"):
            yield Fault(field, f"{str(name)[:40]} cannot be the name of a label here.")
        elif not isinstance(text, str) or len(text) > LONGEST_TEXT or "\0" in text:
            yield Fault(field, f"{name}: a text of at most {LONGEST_TEXT:,} characters.")
        else:
            yield from _template(f"{field}.{name}", text, rule.kind)


def _template(field: str, text: str, kind: str) -> Iterator[Fault]:
    if kind == AlertRule.Kind.RECORD:
        return
    try:
        check_template(text)
    except TemplateError as fault:
        yield Fault(field, fault.message, fault.position)


# -- silences --------------------------------------------------------------------------------------------------------------
def check_silence(silence: Silence) -> list[Fault]:
    return [*check_matchers(silence.matchers), *_reason(silence), *_window(silence)]


def check_matchers(given: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """One that matches everything is refused: it would hide what nobody thought of."""
    if not given or len(given) > MOST_MATCHERS:
        return [Fault("matchers", f"From 1 to {MOST_MATCHERS} matchers are needed.")]
    for one in given:
        name, op, value = one.get("name"), one.get("op", "="), one.get("value")
        if not isinstance(name, str) or not LABEL_NAME.fullmatch(name) or op not in OPERATORS:
            return [Fault("matchers", "A matcher has a label's name, one of = != =~ !~, and a value.")]
        if not isinstance(value, str) or len(value) > 1000 or "\0" in value:
            return [Fault("matchers", f"{name}: a value of at most 1,000 characters.")]
    try:
        if accepts([Matcher(one["name"], one.get("op", "="), one["value"]) for one in given])({}):
            return [Fault("matchers", "At least one matcher must not match the empty text, or everything would be hidden.")]
    except QueryError as fault:
        return [Fault("matchers", fault.message, fault.position)]
    return []


def _reason(silence: Silence) -> Iterator[Fault]:
    if not silence.reason.strip() or len(silence.reason) > 2000 or "\0" in silence.reason:
        yield Fault("reason", "Say why, in at most 2,000 characters: others will ask.")
    if silence.kind not in Silence.Kind.values:
        yield Fault("kind", "There are silence and maintenance.")


def _window(silence: Silence) -> Iterator[Fault]:
    if silence.ends_at <= silence.starts_at:
        yield Fault("ends_at", "It must end after it starts.")
    elif silence.ends_at - silence.starts_at > LONGEST_WINDOW:
        yield Fault("ends_at", "At most a year at a time.")
    if silence.time_zone not in zoneinfo.available_timezones():
        yield Fault("time_zone", f"{silence.time_zone[:40]} is not a time zone; write for example Europe/Berlin.")
    elif silence.rrule:
        yield from _recurrence(silence)


def _recurrence(silence: Silence) -> Iterator[Fault]:
    text = silence.rrule
    if len(text) > 500 or "DTSTART" in text.upper() or "\n" in text or _TOO_OFTEN.search(text):
        yield Fault("rrule", "One line such as FREQ=WEEKLY;BYDAY=SU, at most once an hour, without DTSTART.")
        return
    try:
        rrulestr(text, dtstart=datetime(2026, 1, 1, 1), ignoretz=True)  # local time, as it is kept
        if not silences.next_occurrence(silence, silence.starts_at):
            yield Fault("rrule", "It never occurs.")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as fault:
        yield Fault("rrule", f"The recurrence cannot be read: {fault}; write for example FREQ=WEEKLY;BYDAY=SU.")
