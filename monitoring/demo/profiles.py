"""How the hours of a week differ, from Monday 00:00: 168 numbers from 0 to 1."""

import numpy as np
from numpy.typing import NDArray

_HOURS = np.arange(168) % 24
_WEEKEND = np.arange(168) >= 120
Profile = NDArray[np.float64]


def _hill(middle: float, half: float) -> Profile:
    """A day's hill, round on top; hours wrap at midnight."""
    away = np.abs((_HOURS - middle + 12) % 24 - 12)
    return np.clip(1 - (away / half) ** 2, 0, 1)


def _office() -> Profile:
    lunch = 1 - 0.18 * _hill(12.5, 1.5)
    return np.where(_WEEKEND, 0.22, 1.0) * _hill(13, 7) * lunch


def _evening() -> Profile:
    both = np.maximum(0.6 * _hill(12, 5), _hill(20, 4.5))
    return np.clip(both * np.where(_WEEKEND, 1.0, 0.85), 0, 1)


def _nightly() -> Profile:
    return np.where((_HOURS >= 1) & (_HOURS <= 4), np.where(_WEEKEND, 0.7, 1.0), 0.06 + 0.1 * _hill(14, 6))


def _jobs() -> Profile:
    """Training: long jobs, one after another, a pause between."""
    return np.where(np.arange(168) % 23 < 20, 1.0, 0.05)


def _steady() -> Profile:
    return 0.45 + 0.35 * _office() + 0.1 * _evening()


PROFILES: dict[str, Profile] = {
    "office": _office(), "evening": _evening(), "nightly": _nightly(), "jobs": _jobs(), "steady": _steady(),
}  # fmt: skip
