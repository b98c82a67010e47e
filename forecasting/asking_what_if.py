"""What a person asks of a forecast: more load, another limit, nodes that are gone. Read from the address, refused with one sentence."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.http import QueryDict

from forecasting import capacity, history, kept, runs, words
from forecasting.cleaning import Unpredictable
from forecasting.models import Track
from monitoring.store.windows import DAY

STEP_MS = 900_000
LEAST_LOAD, MOST_LOAD, MOST_NODES = -90.0, 1000.0, 10_000
NAMES = ("load", "limit", "nodes", "removed", "total")


@dataclass
class Asked:
    load: float | None = None  # per cent more; negative: less
    limit: float | None = None
    nodes: int | None = None
    removed: int = 1
    total: float | None = None  # of what is left of it, for limits from above
    error: str = ""

    @property
    def given(self) -> bool:
        return any(value is not None for value in (self.load, self.limit, self.nodes))


def asked(given: QueryDict | dict[str, Any]) -> Asked:
    found = Asked()
    try:
        found.load = _number(given, "load", LEAST_LOAD, MOST_LOAD)
        found.limit = _number(given, "limit", -1e15, 1e15)
        nodes, removed = _number(given, "nodes", 2, MOST_NODES), _number(given, "removed", 1, MOST_NODES)
        found.nodes, found.removed = (int(nodes) if nodes else None), int(removed or 1)
        found.total = _number(given, "total", 0, 1e18)
        if found.nodes and found.removed >= found.nodes:
            raise Unpredictable(f"Of {found.nodes} nodes, {found.removed} cannot be removed.")
    except Unpredictable as fault:
        found.error = fault.sentence
    return found


def _number(given: QueryDict | dict[str, Any], name: str, least: float, most: float) -> float | None:
    text = str(given.get(name) or "").strip().removesuffix("%").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise Unpredictable(f"{name.capitalize()} is a number, not {text[:40]!r}.") from None
    if not least <= value <= most:
        raise Unpredictable(f"{name.capitalize()} is from {least:g} to {most:g}.")
    return value


@dataclass
class Told:
    """Times as datetimes; None: not within what is looked ahead."""

    now: datetime | None
    then: datetime | None
    now_lo: datetime | None
    now_hi: datetime | None
    lo: datetime | None
    hi: datetime | None
    level: float
    limit: float
    reason_now: str
    reason: str


def answer(track: Track, ask: Asked, now: datetime) -> Told:
    """Raises Unpredictable with one sentence, StoreUnavailable."""
    watch = track.watch
    limit = ask.limit if watch.limit is None else watch.limit
    if limit is None:
        raise Unpredictable("This metric has no limit; say one to ask when it is reached.")
    if watch.direction == "both" and ask.limit is None:
        raise Unpredictable("This metric has no side on which trouble is; give its watch a direction.")
    t, values = past(track, now)
    found = capacity.what_if(
        t // 1000, values, limit, "down" if watch.direction == "down" else "up",
        load=1 + (ask.load or 0) / 100, new_limit=ask.limit, nodes=ask.nodes, removed=ask.removed, total=ask.total,
        horizon_days=runs.horizon_days(watch),
    )  # fmt: skip
    last = np.flatnonzero(np.isfinite(values))
    since = datetime.fromtimestamp(int(t[last[-1]]) / 1000, now.tzinfo)
    return Told(
        now=_at(since, found.now["eta_seconds"]), then=_at(since, found.then["eta_seconds"]),
        now_lo=_at(since, found.now["lo"]), now_hi=_at(since, found.now["hi"]), lo=_at(since, found.then["lo"]),
        hi=_at(since, found.then["hi"]), level=found.level, limit=found.limit, reason_now=found.now["reason"], reason=found.then["reason"],
    )  # fmt: skip


def past(track: Track, now: datetime) -> kept.Series:
    """What the time to the limit is told from; before the first run as the store has it."""
    t, values = kept.of(track)
    if len(t):
        return t, values
    end = int(now.timestamp() * 1000) // STEP_MS * STEP_MS
    return history.of_track(track, end - (capacity.MEMORY_DAYS + 1) * DAY, end, STEP_MS)


def _at(since: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else since + timedelta(seconds=seconds)


def shown(told: Told, unit: str, now: datetime) -> dict[str, str]:
    """For the page."""
    return {
        "now": words.until(told.now, now), "now_interval": words.between(told.now_lo, told.now_hi, now),
        "then": words.until(told.then, now), "interval": words.between(told.lo, told.hi, now),
        "level": words.figure(told.level, unit), "limit": words.figure(told.limit, unit),
        "reason_now": told.reason_now, "reason": told.reason,
    }  # fmt: skip
