"""How figures, times to a limit, reasons and outcomes are written on pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from aiops.templatetags.ui import NBSP, NONE, duration, si, significant
from forecasting.models import Anomaly, Foresight, Track

UNITS = {"percent": "%", "celsius": "°C", "bytes": "B", "bytes/s": "B/s", "seconds": "s", "watts": "W", "per second": "/s"}
SCALED = {"B", "B/s", "/s", "bit/s"}
HIGH, MEDIUM = timedelta(days=5), timedelta(days=14)
CRITICAL = timedelta(days=1)


@dataclass(frozen=True)
class Sign:
    label: str
    icon: str
    tone: str


STATES: Mapping[str, Sign] = {
    Track.State.LEARNING: Sign("Learning", "clock", "t3"),
    Track.State.OK: Sign("Forecast", "ok", "h-ok"),
    Track.State.NOT_PREDICTABLE: Sign("Not predictable yet", "unknown", "h-unknown"),
    Track.State.FAILED: Sign("Failed", "degraded", "h-degraded"),
    Track.State.ENDED: Sign("Ended", "same", "t3"),
}
OUTCOMES: Mapping[str, Sign] = {
    Foresight.Outcome.OPEN: Sign("Open", "clock", "c-forecast"),
    Foresight.Outcome.AVERTED: Sign("Averted", "shield", "h-ok"),
    Foresight.Outcome.CAME_TRUE: Sign("Came true", "check", "c-high"),
    Foresight.Outcome.FALSE: Sign("False", "close", "t3"),
}
FEEDBACK: Mapping[str, Sign] = {
    Anomaly.Feedback.USEFUL: Sign("Useful", "thumb-up", "h-ok"),
    Anomaly.Feedback.EXPECTED: Sign("Expected", "calendar", "t3"),
    Anomaly.Feedback.NOISE: Sign("Noise", "thumb-down", "t3"),
}
CHANNELS = {  # of the detector -> (name, what it looks at)
    "range": ("Range", "the range it has ever been in"),
    "level": ("Level", "its level of late"),
    "shift": ("Level shift", "its level of the last days"),
    "time of day": ("Time of day", "what is usual at this hour"),
    "hours unlike": ("Hours unlike", "hours that are not like the others"),
    "seldom": ("Seldom", "states so far from usual that they take a small part of the time"),
    "step": ("Step", "the step since the row before"),
    "distance": ("Usual course", "the distance from the usual course of a day"),
}
FORECASTERS = {
    "blend": "Blend", "seasonal_naive": "Seasonal naive", "seasonal_naive_week": "Seasonal naive, week", "ridge_ar": "Ridge regression",
    "theta": "Theta", "mstl": "MSTL", "auto_ets": "AutoETS", "prophet": "Prophet",
}  # fmt: skip


def unit_of(unit: str) -> str:
    """As charts write it."""
    return UNITS.get(unit, unit)


def figure(value: float | None, unit: str = "") -> str:
    """A value with its unit; "–" for none."""
    if value is None or not np.isfinite(value):
        return NONE
    sign = unit_of(unit)
    if sign in SCALED:
        return si(value, sign)
    if sign == "s":
        return duration(value, 2)
    return f"{tenth(value)}{NBSP}{sign}" if sign else tenth(value)


def tenth(value: float) -> str:
    """Four figures near a hundred, where limits are; three elsewhere."""
    return f"{value:.1f}".removesuffix(".0") if 10 <= abs(value) < 1000 else significant(value)


def ranged(low: float | None, high: float | None, unit: str) -> str:
    """ "9–14 ms"."""
    if low is None or high is None:
        return NONE
    first, last = figure(low, unit), figure(high, unit)
    same = first.rpartition(NBSP)[2] == last.rpartition(NBSP)[2]
    return f"{first.rpartition(NBSP)[0] if same and NBSP in first else first}–{last}"


def until(moment: datetime | None, now: datetime) -> str:
    """ "2 d 6 h" from now, "now" where it has come."""
    if moment is None:
        return NONE
    left = moment - now
    return duration(left, 2) if left > timedelta(minutes=1) else "now"


def between(low: datetime | None, high: datetime | None, now: datetime) -> str:
    """The interval: "1 d 20 h – 2 d 19 h"; an open end has no second part, what has come has none at all."""
    if low is None or until(high, now) == "now":
        return ""
    return f"{until(low, now)} – {until(high, now)}" if high else f"{until(low, now)} or later"


def urgency(eta: datetime | None, now: datetime) -> str:
    """A severity's name, "" for none."""
    if eta is None:
        return ""
    left = eta - now
    return "critical" if left <= CRITICAL else "high" if left <= HIGH else "medium" if left <= MEDIUM else ""


def channel(key: str) -> tuple[str, str]:
    """(name, what it looks at); one without words here is its own."""
    return CHANNELS.get(key, (key.replace("_", " ").capitalize(), ""))


def model(kind: str) -> str:
    return FORECASTERS.get(kind, kind.replace("_", " ").capitalize())
