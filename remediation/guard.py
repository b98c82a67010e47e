"""What holds a rule back although it matches: pure, from what the database said. The first guard that holds is told, with its words.

guards: {cooldown, max_per_hour, blast_radius, breaker: {failures, pause}, maintenance, silenced, expires}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from monitoring.alerts import durations

HOLD, ALLOW = "hold", "allow"
KEYS = ("cooldown", "max_per_hour", "blast_radius", "breaker", "maintenance", "silenced", "expires")
LOOK_AGAIN = timedelta(minutes=1)  # at what may be over at any time
HOUR = timedelta(hours=1)
LONGEST = 30 * 86_400.0  # seconds


class GuardError(ValueError):
    """What of `guards` is not understood: one sentence, and where."""

    def __init__(self, sentence: str, place: str = "guards") -> None:
        super().__init__(sentence)
        self.sentence, self.place = sentence, place


@dataclass(frozen=True)
class Guards:
    """Durations in seconds."""

    cooldown: float = 900.0  # between two of the same action on one target
    max_per_hour: int = 10  # of the rule; 0 = without limit
    blast_radius: int = 25  # more resources than these may not hang on the target
    failures: int = 3  # in a row: then it stops
    pause: float = 6 * 3600.0  # for so long, then one is tried
    maintenance: str = HOLD
    silenced: str = HOLD
    expires: float | None = None  # how long a yes is waited for; None: by risk


class Run(NamedTuple):
    """A case of the rule, newest first. `failed`: None while it is not known."""

    pk: int
    created_at: datetime
    failed: bool | None
    over_at: datetime | None


class Near(NamedTuple):
    """A case on the target, of any rule or person. `same`: it does what this one would do."""

    pk: int
    title: str
    created_at: datetime
    is_open: bool
    same: bool


class Held(NamedTuple):
    step: str
    reason: str
    again_at: datetime | None = None  # when it is asked again, if the alert still fires then
    facts: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Known:
    now: datetime
    enabled: bool = True
    stopped: str = ""  # why everything is stopped
    stops: Mapping[str, str] = field(default_factory=dict)  # {scope of a kill switch that is on: why}
    open_case: str = ""  # of the same alert
    maintenance: bool = False
    silenced: str = ""  # why
    runs: Sequence[Run] = field(default_factory=tuple)  # of the rule, since its breaker was reset


def before(guards: Guards, known: Known) -> Held | None:
    """What can be said before it is known what exactly would be done."""
    soon = known.now + LOOK_AGAIN
    if not known.enabled:
        return Held("enabled", "The rule is switched off.")
    if known.open_case:
        return Held("open_case", f"{known.open_case} is about this alert already.")
    if known.stopped:
        return Held("stopped", f"Remediation is stopped: {known.stopped}.", soon)
    if known.maintenance and guards.maintenance == HOLD:
        return Held("maintenance", "A maintenance window lies over the alert.", soon)
    if known.silenced and guards.silenced == HOLD:
        return Held("silenced", f"The alert is silenced: {known.silenced}.", soon)
    return _breaker(guards, known) or _rate(guards, known)


def _breaker(guards: Guards, known: Known) -> Held | None:
    """Open after so many failures in a row; after the pause one more is tried, and one more failure opens it again."""
    over = [run for run in known.runs if run.failed is not None][: guards.failures]
    if not guards.failures or len(over) < guards.failures or not all(run.failed for run in over):
        return None
    until = (over[0].over_at or over[0].created_at) + timedelta(seconds=guards.pause)
    if known.now >= until:
        return None
    words = f"The last {guards.failures} runs failed: the breaker is open until {until:%Y-%m-%d %H:%M} UTC, or until somebody resets it."
    return Held("breaker", words, until, {"runs": [run.pk for run in over]})


def is_open(guards: Guards, runs: Sequence[Run], now: datetime) -> datetime | None:
    """Until when the breaker is open; None: it is closed."""
    held = _breaker(guards, Known(now, runs=runs))
    return held.again_at if held else None


def _rate(guards: Guards, known: Known) -> Held | None:
    hour = [run for run in known.runs if run.created_at > known.now - HOUR]
    if not guards.max_per_hour or len(hour) < guards.max_per_hour:
        return None
    again = hour[guards.max_per_hour - 1].created_at + HOUR
    return Held("rate", f"{len(hour)} ran in the last hour; {guards.max_per_hour} may.", again, {"runs": len(hour)})


def at_target(guards: Guards, known: Known, near: Sequence[Near], reach: int, reach_words: str = "") -> Held | None:
    """What can be said once the target is known."""
    same = [one for one in near if one.same]
    if going_on := next((one for one in same if one.is_open), None):
        return Held("lock", f"The same is under way at this target: RUN-{going_on.pk}.", known.now + LOOK_AGAIN, {"execution": going_on.pk})
    latest = max((one.created_at for one in same), default=None)
    if latest is not None and (until := latest + timedelta(seconds=guards.cooldown)) > known.now:
        words = f"The same was done at this target {_ago(known.now - latest)} ago; the cooldown is {durations.shown(guards.cooldown)}."
        return Held("cooldown", words, until)
    if reach > guards.blast_radius:
        words = f"{reach} resources hang on the target ({reach_words}); the rule may touch {guards.blast_radius}."
        return Held("blast_radius", words, None, {"reach": reach})
    return None


def _ago(since: timedelta) -> str:
    return durations.shown(max(1.0, since.total_seconds()))


# -- reading ---------------------------------------------------------------------------------------------------------------
def compiled(raw: Any) -> Guards:
    """Raises GuardError with the first thing that is not understood."""
    if not isinstance(raw, Mapping):
        raise GuardError("Guards are an object of names and values.")
    if strange := next((str(name) for name in raw if name not in KEYS), None):
        raise GuardError(f"There is no guard {strange[:40]!r}; there are {', '.join(KEYS)}.", f"guards.{strange[:40]}")
    usual = Guards()
    failures, pause = _breaker_of(raw.get("breaker"), usual)
    return Guards(
        cooldown=_seconds(raw, "cooldown", usual.cooldown), max_per_hour=_count(raw, "max_per_hour", usual.max_per_hour),
        blast_radius=_count(raw, "blast_radius", usual.blast_radius), failures=failures, pause=pause,
        maintenance=_word(raw, "maintenance"), silenced=_word(raw, "silenced"),
        expires=_seconds(raw, "expires", 0.0) or None,
    )  # fmt: skip


def _breaker_of(raw: Any, usual: Guards) -> tuple[int, float]:
    """A number of failures, or {failures, pause}; off or 0: none."""
    if raw in (None, ""):
        return usual.failures, usual.pause
    if raw in ("off", False):
        return 0, usual.pause
    if not isinstance(raw, Mapping):
        return _count({"breaker": raw}, "breaker", usual.failures), usual.pause
    if set(raw) - {"failures", "pause"}:
        raise GuardError("breaker is {failures, pause}.", "guards.breaker")
    return _count(raw, "failures", usual.failures), _seconds(raw, "pause", usual.pause)


def _seconds(raw: Mapping[str, Any], name: str, usual: float) -> float:
    value = raw.get(name)
    if value in (None, ""):
        return usual
    try:
        found = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else durations.seconds(str(value))
    except ValueError as fault:
        raise GuardError(f"{name} is a duration, for example 15m.", f"guards.{name}") from fault
    if not 0 <= found <= LONGEST:
        raise GuardError(f"{name} is at most 30 days.", f"guards.{name}")
    return found


def _count(raw: Mapping[str, Any], name: str, usual: int) -> int:
    value = raw.get(name)
    if value in (None, ""):
        return usual
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100_000:
        raise GuardError(f"{name} is a whole number.", f"guards.{name}")
    return value


def _word(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name) or HOLD
    if value not in (HOLD, ALLOW):
        raise GuardError(f"{name} is {HOLD} or {ALLOW}.", f"guards.{name}")
    return str(value)
