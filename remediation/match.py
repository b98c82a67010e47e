"""Which alerts a rule is for: a pure function of the rule's `match` and of what is known of the alert, and why it is not.

    match: {alertname, labels, severity, kind, failure_type, min_confidence, source, resource_kind, time}

Any other name is a label. A value is one word, a list of them, or begins with an operator: "!=x", "=~x.*", "!~x.*".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from monitoring.alerts import silences
from monitoring.alerts.models import Alert, Severity
from monitoring.query.errors import QueryError
from monitoring.query.source import Matcher
from remediation import confidence
from remediation.policy_table import DAYS

OURS = "remediation"  # alerts that a failed case raises: never mended by a rule that does not ask for them
OPERATORS = ("!=", "=~", "!~", "=")
CHOICES: Mapping[str, tuple[str, ...]] = {"severity": tuple(Severity.values), "kind": tuple(Alert.Kind.values)}
LISTS = ("failure_type", "source", "resource_kind", "environment")
NAMES = ("alertname", "alert", "name")
KEYS = ("alertname", "labels", *CHOICES, *LISTS, "min_confidence", "time")
Labels = Mapping[str, str]


class MatchError(ValueError):
    """What of a `match` is not understood: one sentence, and where."""

    def __init__(self, sentence: str, place: str = "match") -> None:
        super().__init__(sentence)
        self.sentence, self.place = sentence, place


class Seen(NamedTuple):
    """What rules look at of an alert. `at` is an aware time."""

    name: str
    labels: Labels
    severity: str
    kind: str
    source: str
    failure_type: str
    confidence: float | None
    resource_kind: str
    environment: str
    at: datetime


class Verdict(NamedTuple):
    """`concerns`: the rule is about such alerts, whatever it says of this one."""

    matched: bool
    concerns: bool
    step: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Compiled:
    """A `match` made ready."""

    names: tuple[str, ...] = ()  # with * for any text
    labels: tuple[tuple[Matcher, Callable[[str], bool]], ...] = ()
    wanted: Mapping[str, frozenset[str]] = field(default_factory=dict)  # {severity, kind, failure_type …: words}
    least: float | None = None
    time: "Window | None" = None

    @property
    def exact(self) -> tuple[str, ...] | None:
        """The only names it can be for; None: any."""
        plain = bool(self.names) and not any(set(name) & set("*?[") for name in self.names)
        return self.names if plain else None


class Window(NamedTuple):
    hours: tuple[int, int] | None
    days: frozenset[str]
    zone: ZoneInfo

    def holds(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        if self.days and DAYS[local.weekday()] not in self.days:
            return False
        if self.hours is None:
            return True
        start, end = self.hours
        return start <= local.hour < end if start <= end else local.hour >= start or local.hour < end

    @property
    def words(self) -> str:
        hours = f"{self.hours[0]:02}:00–{self.hours[1]:02}:00" if self.hours else ""
        return " ".join(part for part in (hours, ", ".join(day for day in DAYS if day in self.days), self.zone.key) if part)


def seen(alert: Alert, at: datetime) -> Seen:
    labels = silences.subject(alert)
    environment = (
        labels.get("environment") or labels.get("env") or (str(alert.resource.labels.get("environment", "")) if alert.resource else "")
    )
    return Seen(
        alert.name, labels, alert.severity, alert.kind, alert.source, labels.get("failure_type") or labels.get("watch", ""),
        confidence.of(alert), alert.resource.kind if alert.resource else "", environment, at,
    )  # fmt: skip


# -- asking ----------------------------------------------------------------------------------------------------------------
def match(rule: Compiled, alert: Seen) -> Verdict:
    named = _named(rule, alert.name)
    if rule.names and not named:
        return Verdict(False, False, "alertname", f"The alert is {alert.name}; the rule is for {_or(rule.names)}.")
    wrong = next((one for one, test in rule.labels if not test(alert.labels.get(one.name, ""))), None)
    if wrong is not None:
        return Verdict(False, bool(rule.names), "labels", _of_label(wrong, alert.labels.get(wrong.name, "")))
    concerns = bool(rule.names) or any(one.op in ("=", "=~") for one, _ in rule.labels)
    step, reason = _other(rule, alert)
    return Verdict(not step, concerns or not step, step, reason)


def _other(rule: Compiled, alert: Seen) -> tuple[str, str]:
    if alert.source == OURS and OURS not in rule.wanted.get("source", ()):
        return "source", "The alert says that remediation failed; only a rule for the source remediation acts on those."
    for name, words in rule.wanted.items():
        found = str(getattr(alert, name))
        if found not in words:
            return name, f"{_called(name)} is {found or 'not known'}; the rule wants {_or(sorted(words))}."
    if rule.least is not None and (alert.confidence is None or alert.confidence < rule.least):
        sure = "not said" if alert.confidence is None else f"{alert.confidence:.2f}"
        return "confidence", f"Its confidence is {sure}; the rule wants at least {rule.least:g}."
    if rule.time is not None and not rule.time.holds(alert.at):
        return "time", f"It fired out of the rule's time: {rule.time.words}."
    return "", ""


def _named(rule: Compiled, name: str) -> bool:
    return any(fnmatchcase(name, one) for one in rule.names)


def _of_label(one: Matcher, found: str) -> str:
    return f"Its label {one.name} is {found or 'missing'}; the rule wants {one.name}{one.op}{one.value or '(nothing)'}."


def _called(name: str) -> str:
    return {"severity": "The severity", "kind": "The kind", "resource_kind": "The kind of resource"}.get(
        name, f"Its {name.replace('_', ' ')}"
    )


def _or(words: Iterable[str]) -> str:
    return " or ".join(words)


# -- reading ---------------------------------------------------------------------------------------------------------------
def compiled(raw: Any) -> Compiled:
    """Raises MatchError with the first thing that is not understood."""
    if not isinstance(raw, Mapping):
        raise MatchError("A match is an object of names and values.")
    labels = [*_matchers(raw.get("labels") or {}), *_labels_beside(raw)]
    names = [name for key in NAMES if key in raw for name in words(raw[key], key)]
    return Compiled(
        names=tuple(names), labels=tuple((one, _test(one)) for one in labels),
        wanted={key: frozenset(_chosen(key, raw[key])) for key in (*CHOICES, *LISTS) if raw.get(key) not in (None, "", [])},
        least=_ratio(raw.get("min_confidence")), time=_window(raw.get("time") or raw.get("time_window")),
    )  # fmt: skip


def _labels_beside(raw: Mapping[Any, Any]) -> list[Matcher]:
    known = {*KEYS, *NAMES, "time_window"}
    return _matchers({key: value for key, value in raw.items() if key not in known})


def _matchers(raw: Any) -> list[Matcher]:
    """From {label: value} or [{"name", "op", "value"}]."""
    if isinstance(raw, list):
        return [_matcher_of(one) for one in raw]
    if not isinstance(raw, Mapping):
        raise MatchError("Labels are an object of names and values.", "match.labels")
    return [_matcher(str(name), value) for name, value in raw.items()]


def _matcher_of(one: Any) -> Matcher:
    right = isinstance(one, Mapping) and isinstance(one.get("name"), str) and one.get("op", "=") in OPERATORS
    if not right or not isinstance(one.get("value"), str):
        raise MatchError('A matcher is {"name", "op", "value"}, op one of = != =~ !~.', "match.labels")
    return Matcher(one["name"], one.get("op", "="), one["value"])


def _matcher(name: str, value: Any) -> Matcher:
    if isinstance(value, list):
        return Matcher(name, "=~", "|".join(_quoted(word) for word in words(value, f"match.{name}")))
    if isinstance(value, Mapping) or value is None:
        raise MatchError(f"The label {name[:60]} is one word or a list of words.", f"match.{name[:60]}")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    op = next((one for one in OPERATORS if text.startswith(one)), "")
    return Matcher(name, op or "=", text[len(op) :].strip() if op else text)


def _quoted(word: str) -> str:
    return "".join(one if one.isalnum() or one in "_-/ :" else f"\\{one}" for one in word)


def _test(one: Matcher) -> Callable[[str], bool]:
    try:
        return one.test()
    except QueryError as fault:
        raise MatchError(f"The label {one.name[:60]}: {fault}.", f"match.{one.name[:60]}") from fault


def words(value: Any, place: str) -> Sequence[str]:
    """One word or a list of them."""
    listed = value if isinstance(value, list | tuple) else [value]
    if not listed or not all(isinstance(one, str | int | float) and not isinstance(one, bool) and str(one).strip() for one in listed):
        raise MatchError(f"{place} is one word or a list of words.", place)
    return [str(one).strip() for one in listed]


def _chosen(key: str, value: Any) -> Sequence[str]:
    found = words(value, f"match.{key}")
    known = CHOICES.get(key)
    if known and (strange := next((one for one in found if one not in known), None)):
        raise MatchError(f"{strange[:40]!r} is no {key}; there are {', '.join(known)}.", f"match.{key}")
    return found


def _ratio(value: Any) -> float | None:
    if value in (None, ""):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise MatchError("min_confidence is a number from 0 to 1.", "match.min_confidence")
    return float(value)


def _window(raw: Any) -> Window | None:
    if not raw:
        return None
    if not isinstance(raw, Mapping) or set(raw) - {"hours", "days", "time_zone"}:
        raise MatchError("time is {hours: [from, to], days: [mon, …], time_zone}.", "match.time")
    days = [day.lower()[:3] for day in words(raw["days"], "match.time.days")] if raw.get("days") else []
    if strange := next((day for day in days if day not in DAYS), None):
        raise MatchError(f"{strange!r} is no day; there are {', '.join(DAYS)}.", "match.time.days")
    return Window(_hours(raw.get("hours")), frozenset(days), _zone(str(raw.get("time_zone") or "UTC")))


def _hours(raw: Any) -> tuple[int, int] | None:
    if raw in (None, [], ""):
        return None
    right = isinstance(raw, list | tuple) and len(raw) == 2 and all(isinstance(one, int) and 0 <= one <= 24 for one in raw)
    if not right:
        raise MatchError("hours are two whole numbers from 0 to 24, as [22, 6].", "match.time.hours")
    return raw[0], raw[1]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise MatchError(f"{name[:40]} is not a time zone; write for example Europe/Berlin.", "match.time.time_zone") from fault
