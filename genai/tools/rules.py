"""A rule as it could be: its PromQL checked, how it reads now, and what it would have done in the past days. Nothing is stored."""

from datetime import timedelta
from urllib.parse import urlencode

from genai.evidence.kinds import address
from genai.tools import base, citing, times, words
from genai.tools.base import Context, Json, Result, Tool, ToolError
from genai.tools.words import said
from monitoring.alerts import durations
from monitoring.alerts.backtest import Backtest, backtest
from monitoring.alerts.checks import Fault, check_rule
from monitoring.alerts.models import AlertRule, RuleGroup, Severity
from monitoring.alerts.rule_trial import Trial, trial
from monitoring.query.evaluate import Limits

LIMITS = Limits(seconds=10, samples=20_000_000)
USUAL_DAYS, INTERVAL = 7, 15
MOST_FIRINGS = 8
NOTHING = "Nothing in the store matches the expression: look for the metric with find_metrics."


def draft_rule(given: Json, context: Context) -> Result:
    rule = _rule(given)
    if faults := check_rule(rule):
        raise ToolError(f"The rule is not right: {'; '.join(map(_fault, faults[:3]))}")
    now = trial(rule)
    days = given.get("days", USUAL_DAYS)
    start = context.now - timedelta(days=days)
    found = backtest(rule, start, context.now, str(times.zone_of(context)), LIMITS)
    note = citing.series(rule.expr, start, context.now, said(f"{rule.name}: {rule.expr}"), _short(found)) if found.series else None
    block = {"type": "rule_draft", "rule": as_json(rule), "backtest": figures(found, days), "url": url(rule)}
    told = f"{words.cited(note)}{_told(rule, now, found, days)}"
    return Result(told, {"rule": as_json(rule), "backtest": figures(found, days), "url": url(rule)}, [note] if note else [], [block])


def _rule(given: Json) -> AlertRule:
    try:
        wait = round(durations.seconds(given.get("for", "5m")))
    except ValueError as fault:
        raise ToolError(f"for: {fault}.") from fault
    summary = given.get("summary", "")
    return AlertRule(
        group=RuleGroup(name="Made here", interval=INTERVAL), name=given["name"].strip(), expr=given["expr"].strip(), for_seconds=wait,
        severity=given.get("severity", Severity.MEDIUM), annotations={"summary": summary} if summary else {},
    )  # fmt: skip


def _fault(one: Fault) -> str:
    where = f" at character {one.position}" if one.position is not None else ""
    return f"{one.field}{where}: {one.message}"


def as_json(rule: AlertRule) -> Json:
    return {
        "name": rule.name, "expr": rule.expr, "for": durations.shown(rule.for_seconds), "severity": str(rule.severity),
        "summary": rule.annotations.get("summary", ""),
    }  # fmt: skip


def url(rule: AlertRule) -> str:
    """The editor with everything filled in: a person looks, changes and saves."""
    return f"{address('rule-new')}?{urlencode({key: text for key, text in as_json(rule).items() if text})}"


def figures(found: Backtest, days: int) -> Json:
    return {
        "days": days, "series": found.series, "firings": found.count, "per_day": round(found.per_day, 2), "at_night": found.at_night,
        "median_seconds": found.median_seconds, "longest_seconds": found.longest_seconds, "share": round(found.firing_share, 4),
        "caught": [one.name for one in found.caught[:10]], "missed": [one.name for one in found.missed[:10]],
    }  # fmt: skip


def _short(found: Backtest) -> str:
    return f"{words.many(found.count, 'firing')}, {found.per_day:.1f} a day"


def _told(rule: AlertRule, now: Trial, found: Backtest, days: int) -> str:
    said_now = f"cannot be evaluated now: {said(now.error)}" if now.error else f"answers {now.answered:,} series now"
    if not now.error and now.limit is not None:
        said_now += f" of {now.compared:,} that it compares"
    length = words.duration(found.median_seconds, 2) if found.median_seconds is not None else words.NONE
    parts = [
        f"Draft of the rule {said(rule.name, 120)} (not saved): {said(rule.expr, 600)} for {durations.shown(rule.for_seconds)}, "
        f"{rule.severity}. It {said_now}.",
        f"In the last {words.many(days, 'day')} it would have fired {words.many(found.count, 'time')} ({found.per_day:.1f} a day, "
        f"{found.at_night:,} at night, median length {length}); caught {words.many(len(found.caught), 'incident')}, "
        f"missed {len(found.missed)}.",
        *(f"{words.moment(one.fired_at)}: {said(words.labelled(one.labels), 160)}" for one in found.firings[: -MOST_FIRINGS - 1 : -1]),
        *(said(note) for note in found.warnings[:2]),
        *([NOTHING] if not found.series and not now.compared else []),
    ]  # fmt: skip
    return "\n".join(parts)


DRAFT_RULE = Tool(
    "draft_rule",
    "Draft an alert rule: checks the PromQL and tells what it would have done in the past days. Saves nothing: a person does.",
    base.takes(
        ["name", "expr"],
        name=base.text("CamelCase name of the alert", 200, minLength=1),
        expr=base.text("PromQL with a comparison, such as a > 80", 5000, minLength=1),
        **{"for": base.text("how long it must hold: 30s, 5m, 1h; default 5m", 20)},
        severity=base.one_of("default medium", *Severity.values),
        summary=base.text("one sentence for people; may use {{ $labels.instance }} and {{ $value }}", 1000),
        days=base.number("days to look back; default 7", 1, 30),
    ),
    "rules:write",
    draft_rule,
)
