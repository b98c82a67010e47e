"""What the conditions of a line of the policy table may be, whether they hold, and the lines a fresh installation begins with."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from aiops.prepared import Prepared
from remediation.models import PolicyRow

if TYPE_CHECKING:
    from remediation.policy import Inputs

Facts = Mapping[str, Any]
WORDS = {  # conditions on one of several words: {condition: its words; none: any}
    "risk": ("low", "medium", "high", "critical"),
    "action": ("low", "medium", "high", "critical"),
    "reversible": ("all", "some", "none"),
    "by": ("rule", "person"),
    "kind": ("real", "anomaly", "predictive", "manual"),
    "severity": ("critical", "high", "medium", "low"),
    "environment": (),
    "target_kind": (),
    "runbook": (),
    "providers": (),
    "verbs": (),
}
NUMBERS = ("score", "reach", "verified", "failed", "runs", "success", "confidence")  # each as <name>_from and <name>_below
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ABOUT = {
    "score": "the score, 0–100",
    "reach": "how many resources hang on the target",
    "verified": "runs that were seen to help",
    "failed": "runs that failed",
    "runs": "all runs",
    "success": "verified runs of those that could be judged, 0–1",
    "confidence": "how sure a prediction is, 0–1",
}


class Default(NamedTuple):
    name: str
    verdict: str
    conditions: dict[str, Any]


DEFAULTS = (
    Default("A critical action that cannot be taken back, much hangs on it", "forbidden",
            {"action": ["critical"], "reversible": ["none"], "reach_from": 30}),
    Default("A critical action", "two", {"action": ["critical"]}),
    Default("Critical risk", "two", {"risk": ["critical"]}),
    Default("High risk in production", "two", {"risk": ["high"], "environment": ["production", "prod"]}),
    Default("High risk", "one", {"risk": ["high"]}),
    Default("It failed as often as it helped", "one", {"failed_from": 2, "success_below": 0.5}),
    Default("Only predicted, and not surely", "one", {"kind": ["anomaly", "predictive"], "confidence_below": 0.6}),
    Default("More than a low action, and not yet proved", "one", {"action": ["medium", "high"], "verified_below": 3}),
    Default("Files are deleted, and it is not yet proved", "one", {"verbs": ["clean_directory"], "verified_below": 3}),
    Default("Medium risk", "one", {"risk": ["medium"]}),
    Default("Low risk", "automatic", {"risk": ["low"]}),
)  # fmt: skip


def install() -> int:
    """The usual lines, where there is none yet. Returns how many were written."""
    if PolicyRow.objects.exists():
        return 0
    rows = [PolicyRow(position=10 * (place + 1), **one._asdict()) for place, one in enumerate(DEFAULTS)]
    return len(PolicyRow.objects.bulk_create(rows))


class Line(NamedTuple):
    """A line as it is asked."""

    pk: int
    name: str
    conditions: Any
    verdict: str
    enabled: bool = True


_in_use = Prepared(
    lambda: PolicyRow.objects.filter(enabled=True).order_by("position", "id").values_list("pk", "name", "conditions", "verdict")
)


def rows() -> list[Line]:
    """Those that are in use, in their order."""
    return [Line(*row) for row in _in_use()]


def facts(inputs: "Inputs", score: int, risk: str) -> Facts:
    """What conditions are held against."""
    known = inputs.verified + inputs.failed
    return {
        **{
            name: getattr(inputs, name)
            for name in (*WORDS, "maintenance", "at", "reach", "verified", "failed", "confidence")
            if name != "risk"
        },
        "score": score,
        "risk": risk,
        "runs": known + inputs.unverified,
        "success": inputs.verified / known if known else None,
    }


# -- whether they hold ---------------------------------------------------------------------------------------------------
def holds(conditions: Any, facts: Facts) -> bool:
    """All of them. What is not understood holds for `problems` to tell and never for a line to decide by: False."""
    if not isinstance(conditions, Mapping):
        return False
    return all(_holds(name, wanted, facts) for name, wanted in conditions.items() if wanted not in ("", None, []))


def _holds(name: str, wanted: Any, facts: Facts) -> bool:
    if name in WORDS:
        return _is_one_of(wanted, facts[name])
    if name == "maintenance":
        return bool(facts["maintenance"]) is wanted
    if name in _MOMENTS:
        return _MOMENTS[name](wanted, facts["at"])
    return _compared(name, wanted, facts)


def _is_one_of(wanted: Any, found: Any) -> bool:
    listed = wanted if isinstance(wanted, list) else [wanted]
    if isinstance(found, tuple | list):
        return any(one in listed for one in found)
    return found in listed


def _compared(name: str, wanted: Any, facts: Facts) -> bool:
    what, _, end = name.rpartition("_")
    if what not in NUMBERS or end not in ("from", "below") or isinstance(wanted, bool) or not isinstance(wanted, int | float):
        return False
    found = facts[what]
    if found is None:
        return False
    return bool(found >= wanted) if end == "from" else bool(found < wanted)


def moment(text: Any) -> datetime | None:
    """A date (its beginning) or a time in ISO form; local where it names no zone."""
    if not isinstance(text, str):
        return None
    try:
        found = parse_datetime(text)
        if found is None and (day := parse_date(text)):
            found = datetime(day.year, day.month, day.day)
    except ValueError:
        return None
    return timezone.make_aware(found) if found and timezone.is_naive(found) else found


def _hours(wanted: Any, at: datetime) -> bool:
    span = _span(wanted)
    if span is None:
        return False
    start, end = span
    return start <= at.hour < end if start <= end else at.hour >= start or at.hour < end


def _span(wanted: Any) -> tuple[int, int] | None:
    """[from hour, to hour], the end not included; from 22 to 6 goes over midnight."""
    right = isinstance(wanted, list) and len(wanted) == 2 and all(isinstance(one, int) and 0 <= one <= 24 for one in wanted)
    return (wanted[0], wanted[1]) if right else None


_MOMENTS: dict[str, Callable[[Any, datetime], bool]] = {
    "hours": _hours,
    "days": lambda wanted, at: isinstance(wanted, list) and DAYS[at.weekday()] in wanted,
    "from": lambda wanted, at: (since := moment(wanted)) is not None and at >= since,
    "until": lambda wanted, at: (end := moment(wanted)) is not None and at < end,
}


# -- whether they can be -------------------------------------------------------------------------------------------------
def problems(conditions: Any) -> list[str]:
    """One sentence for each condition that is not understood."""
    if not isinstance(conditions, Mapping):
        return ["The conditions are an object of names and values."]
    found = (_problem(str(name), wanted) for name, wanted in conditions.items())
    return [one for one in found if one]


def _problem(name: str, wanted: Any) -> str:
    if name in WORDS:
        return _problem_of_words(name, wanted)
    if name == "maintenance":
        return "" if isinstance(wanted, bool) else "maintenance is true or false."
    if name == "hours":
        return "" if _span(wanted) else "hours are two numbers from 0 to 24, as [22, 6]."
    if name == "days":
        return "" if isinstance(wanted, list) and set(wanted) <= set(DAYS) else f"days are a list of {', '.join(DAYS)}."
    if name in ("from", "until"):
        return "" if moment(wanted) else f"{name} is a date or a time, as 2026-12-18 or 2026-12-18T22:00."
    return _problem_of_number(name, wanted)


def _problem_of_words(name: str, wanted: Any) -> str:
    listed = wanted if isinstance(wanted, list) else [wanted]
    known = WORDS[name]
    if all(isinstance(one, str) and (not known or one in known) for one in listed):
        return ""
    return f"{name} is a list of {', '.join(known)}." if known else f"{name} is a list of words."


def _problem_of_number(name: str, wanted: Any) -> str:
    what, _, end = name.rpartition("_")
    if what not in NUMBERS or end not in ("from", "below"):
        return f"There is no condition {name[:40]}; there are {', '.join(names())}."
    return "" if isinstance(wanted, int | float) and not isinstance(wanted, bool) else f"{name} is a number."


def names() -> Sequence[str]:
    """Every condition there is."""
    compared = [f"{what}_{end}" for what in NUMBERS for end in ("from", "below")]
    return [*compared, *WORDS, "maintenance", "hours", "days", "from", "until"]


def words(conditions: Any) -> list[str]:
    """Each condition as a page shows it."""
    if not isinstance(conditions, Mapping):
        return ["cannot be read"]
    return [_said(str(name), wanted) for name, wanted in conditions.items() if wanted not in ("", None, [])]


def _said(name: str, wanted: Any) -> str:
    if name == "maintenance":
        return "in a maintenance window" if wanted else "in no maintenance window"
    if name == "hours" and (span := _span(wanted)):
        return f"{span[0]:02}:00–{span[1]:02}:00"
    what, _, end = name.rpartition("_")
    if what in NUMBERS:
        return f"{what} {'≥' if end == 'from' else '<'} {wanted}"
    listed = " or ".join(str(one) for one in wanted) if isinstance(wanted, list) else str(wanted)
    return f"{name.replace('_', ' ')} {listed}"
