"""Times in which tracks are not judged or learned from: maintenance windows that match their labels."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from monitoring.alerts import silences
from monitoring.alerts.models import Silence
from monitoring.query.source import accepts

Times = NDArray[np.int64]
Mask = NDArray[np.bool_]


def excluded(labels: Sequence[Mapping[str, str]], t: Times) -> Mask | None:
    """[series, times] where a window held, times in ms ascending; None where none did."""
    mask: Mask | None = None
    for silence, start, end in _windows(int(t[0]), int(t[-1])) if len(t) else ():
        fits = accepts(silences.matchers_of(silence))
        rows = np.fromiter((fits(one) for one in labels), np.bool_, len(labels))
        if rows.any():
            mask = np.zeros((len(labels), len(t)), np.bool_) if mask is None else mask
            mask |= rows[:, None] & ((t >= start) & (t < end))
    return mask


def _windows(a: int, b: int) -> Iterator[tuple[Silence, int, int]]:
    """Windows of kind maintenance that touch [a, b], ms."""
    start, end = (datetime.fromtimestamp(at / 1000, UTC) for at in (a, b + 1))
    held = Q(ended_at=None) | Q(ended_at__gt=start)
    may = Q(ends_at__gt=start) | ~Q(rrule="")
    for silence in Silence.objects.filter(held, may, kind=Silence.Kind.MAINTENANCE, starts_at__lt=end):
        for window in silences.occurrences(silence, start, end):
            yield silence, round(window.start.timestamp() * 1000), round(window.end.timestamp() * 1000)
