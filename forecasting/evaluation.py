"""What a watch answers over a time, as a matrix on its grid."""

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting import history
from forecasting.models import Track, Watch
from forecasting.tracks import mark_of, mark_of_track
from monitoring.query.errors import QueryTimeout, TooManySamples
from monitoring.query.evaluate import LOOKBACK
from monitoring.query.stored import run_range
from monitoring.query.values import Matrix
from monitoring.store.windows import DAY

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
TRACKS_AT_ONCE = 64
REST = 0.25  # of the time a portion took, so that whoever asks for a page meanwhile gets his turn


def ask(watch: Watch, start: int, end: int) -> tuple[Matrix, Floats]:
    """All series at start, start + step … end (ms) and their values [series, times], NaN where there is none. Raises QueryError,
    StoreUnavailable."""
    lookback = max(LOOKBACK, watch.step * 1000)
    found = run_range(watch.expr, start, end, watch.step * 1000, lookback=lookback)
    return found, plain(found)


def plain(found: Matrix) -> Floats:
    """What is no number is no sample."""
    return np.where(found.present & np.isfinite(found.v), found.v, np.nan)


def past(watch: Watch, tracks: Sequence[Track], start: int, end: int, step: int) -> tuple[Times, Floats]:
    """Times (ms) and values [track, times] of these tracks, read in portions: days of a few dozen tracks. Raises QueryError,
    StoreUnavailable."""
    t = np.arange(start, end + 1, step * 1000, dtype=np.int64)
    x = np.full((len(tracks), len(t)), np.nan)
    for first in range(0, len(tracks), TRACKS_AT_ONCE):
        some = slice(first, first + TRACKS_AT_ONCE)
        _fill(x[some], watch, tracks[some], t)
    return t, x


def _fill(x: Floats, watch: Watch, tracks: Sequence[Track], t: Times) -> None:
    """Portions become shorter where the limits of a query say so."""
    rows = {mark_of_track(watch, track): row for row, track in enumerate(tracks)}
    step = int(t[1] - t[0]) if len(t) > 1 else watch.step * 1000
    size, first = max(1, DAY // step), 0
    while first < len(t):
        begun = time.perf_counter()
        some = slice(first, first + size)
        try:
            _put(x[:, some], watch, rows, history.read(watch, tracks, int(t[some][0]), int(t[some][-1]), step))
        except (TooManySamples, QueryTimeout):
            if size == 1:
                raise
            size = max(1, size // 4)
            continue
        first += size
        time.sleep(REST * (time.perf_counter() - begun))


def _put(x: Floats, watch: Watch, rows: Mapping[frozenset[tuple[str, str]], int], found: Matrix) -> None:
    values = plain(found)
    for place, labels in enumerate(found.labels):
        row = rows.get(mark_of(watch, labels))
        if row is not None:
            x[row] = values[place]
