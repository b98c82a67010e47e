"""How risky an action is and who has to say yes: a pure function of what is known and of the policy table.

Risk is a product: what the class of the action weighs, times what hangs on the target, times whether it can be taken back, times how it
went before, times when it is. Each factor is one of five steps, as a page draws them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from remediation import policy_table

AUTOMATIC, ONE, TWO, FORBIDDEN = "automatic", "one", "two", "forbidden"
NEEDED = {ONE: 1, TWO: 2}  # approvers
VERDICTS = {
    AUTOMATIC: "it runs by itself",
    ONE: "one approver has to say yes",
    TWO: "two approvers have to say yes",
    FORBIDDEN: "it may not run",
}
CLASSES = ("low", "medium", "high", "critical")
BASE = {"low": 15.0, "medium": 30.0, "high": 55.0, "critical": 80.0}  # points
LEVELS = ((75, "critical"), (50, "high"), (25, "medium"), (0, "low"))  # from this score on
WORKING_HOURS = range(8, 18)
ENOUGH = 3  # runs from which a record says something


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """All that is looked at. `at` is local time; the counts are runs of this runbook, on this target where it ran there before."""

    at: datetime
    action: str = "medium"  # class of the riskiest action: low, medium, high, critical
    reversible: str = "none"  # all, some or none of what it does can be taken back
    reach: int = 0  # resources that hang on the target
    reach_words: str = ""
    verified: int = 0  # runs that were seen to help
    unverified: int = 0  # that ended well, but nobody could see whether they helped
    failed: int = 0
    record_of: str = ""  # what the counts are of: "here" or "everywhere"
    maintenance: bool = False  # the target is in a maintenance window
    environment: str = ""
    by: str = "rule"  # rule, person
    kind: str = "manual"  # of the alert: real, anomaly, predictive; manual = there is none
    severity: str = ""
    confidence: float | None = None  # of what is predicted, 0–1
    providers: tuple[str, ...] = ()  # kinds
    verbs: tuple[str, ...] = ()
    runbook: str = ""  # its key
    target_kind: str = ""
    dry_run: bool = False


class Factor(msgspec.Struct, frozen=True, kw_only=True):
    """`step`: 1 (harmless) to 5. `weight`: what the score is multiplied by; of the action itself, points."""

    name: str
    label: str
    step: int
    weight: float
    words: str


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    inputs: Inputs
    factors: tuple[Factor, ...]
    score: int  # 0–100
    risk: str
    verdict: str
    row: str  # name of the line of the table that decided; empty: none did
    row_id: int | None = None
    words: str = ""

    @property
    def needed(self) -> int:
        """Approvers."""
        return NEEDED.get(self.verdict, 0)

    @property
    def automatic(self) -> bool:
        return self.verdict == AUTOMATIC

    @property
    def forbidden(self) -> bool:
        return self.verdict == FORBIDDEN

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    @classmethod
    def of(cls, stored: Any) -> "Decision":
        """Raises msgspec.ValidationError for what is no decision."""
        return msgspec.convert(stored, cls)


class Row(Protocol):
    """A line of the table, as a PolicyRow is."""

    @property
    def pk(self) -> Any: ...
    @property
    def name(self) -> str: ...
    @property
    def conditions(self) -> Any: ...
    @property
    def verdict(self) -> str: ...
    @property
    def enabled(self) -> bool: ...


class _Step(NamedTuple):
    step: int
    weight: float
    words: str


def decide(inputs: Inputs, rows: Iterable[Row]) -> Decision:
    """By the first row whose conditions hold. Where none does, one approver: what nobody thought of is asked."""
    factors = factors_of(inputs)
    score = score_of(factors)
    risk = risk_of(score, inputs.action)
    if inputs.dry_run:
        return _decision(inputs, factors, score, risk, AUTOMATIC, None, "A dry run changes nothing: it runs by itself.")
    facts = policy_table.facts(inputs, score, risk)
    row = next((row for row in rows if row.enabled and policy_table.holds(row.conditions, facts)), None)
    verdict = row.verdict if row else ONE
    return _decision(inputs, factors, score, risk, verdict, row, _words(factors, score, risk, verdict, row))


def _decision(inputs: Inputs, factors: tuple[Factor, ...], score: int, risk: str, verdict: str, row: Row | None, words: str) -> Decision:
    name, pk = (row.name, row.pk) if row else ("", None)
    return Decision(inputs=inputs, factors=factors, score=score, risk=risk, verdict=verdict, row=name, row_id=pk, words=words)


def _words(factors: Sequence[Factor], score: int, risk: str, verdict: str, row: Row | None) -> str:
    why = f"by the line “{row.name}” of the policy" if row else "as no line of the policy speaks of it"
    said = "; ".join(one.words for one in factors)
    return f"{risk.capitalize()} risk, {score} of 100: {VERDICTS[verdict]}, {why}. {said[:1].upper()}{said[1:]}."


def factors_of(inputs: Inputs) -> tuple[Factor, ...]:
    """In the order in which they are shown."""
    found = (
        ("action", "Action", _action(inputs)),
        ("reach", "Blast radius", _reach(inputs)),
        ("reversible", "Reversible", _reversible(inputs)),
        ("record", "Track record", _record(inputs)),
        ("time", "Time", _time(inputs)),
    )
    return tuple(Factor(name=name, label=label, step=one.step, weight=one.weight, words=one.words) for name, label, one in found)


def score_of(factors: Sequence[Factor]) -> int:
    points = 1.0
    for one in factors:
        points *= one.weight
    return max(0, min(100, round(points)))


def risk_of(score: int, action: str) -> str:
    """The score's level; never more than one below the class of the action, however good the rest is."""
    level = next(name for least, name in LEVELS if score >= least)
    return CLASSES[max(CLASSES.index(level), CLASSES.index(_class(action)) - 1)]


def _class(action: str) -> str:
    return action if action in CLASSES else "critical"  # what is not known is taken for the worst


def _action(inputs: Inputs) -> _Step:
    name = _class(inputs.action)
    step = {"low": 1, "medium": 2, "high": 4, "critical": 5}[name]
    return _Step(step, BASE[name], f"an action of {name} risk")


def _reach(inputs: Inputs) -> _Step:
    words = inputs.reach_words or (f"{inputs.reach} resources hang on it" if inputs.reach else "nothing else hangs on it")
    for most, step, weight in ((0, 1, 0.9), (3, 2, 1.0), (10, 3, 1.2), (30, 4, 1.5)):
        if inputs.reach <= most:
            return _Step(step, weight, words)
    return _Step(5, 1.9, words)


def _reversible(inputs: Inputs) -> _Step:
    if inputs.reversible == "all":
        return _Step(1, 0.8, "can be taken back")
    return _Step(3, 1.0, "can be taken back in part") if inputs.reversible == "some" else _Step(4, 1.25, "cannot be taken back")


def _record(inputs: Inputs) -> _Step:
    known, runs = inputs.verified + inputs.failed, inputs.verified + inputs.failed + inputs.unverified
    where = " here" if inputs.record_of == "here" else ""
    if not runs:
        return _Step(3, 1.0, "never ran before")
    words = f"{inputs.verified} of {runs} verified{where}"
    if inputs.failed and inputs.failed * 2 >= known:
        return _Step(5, 1.6, f"{words}, {inputs.failed} failed")
    if inputs.failed * 5 >= known and inputs.failed:
        return _Step(4, 1.3, f"{words}, {inputs.failed} failed")
    if inputs.verified >= ENOUGH:
        return _Step(1, 0.7, words)
    return _Step(2, 0.9, words)


def _time(inputs: Inputs) -> _Step:
    if inputs.maintenance:
        return _Step(1, 0.85, "in a maintenance window")
    weekend = inputs.at.weekday() >= 5
    if not weekend and inputs.at.hour in WORKING_HOURS:
        return _Step(2, 1.0, "working hours")
    if not weekend and (6 <= inputs.at.hour < 22):
        return _Step(3, 1.1, "out of working hours")
    return _Step(4, 1.2, "at the weekend" if weekend else "at night")


def merged(stored: Mapping[str, Any]) -> Decision | None:
    """A case's decision as it was stored; None where there is none, or of another make."""
    try:
        return Decision.of(stored) if stored else None
    except msgspec.ValidationError:
        return None
