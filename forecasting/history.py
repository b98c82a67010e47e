"""What watched series did: their watch's expression over time, read for the series asked for and no others."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.models import Track, Watch
from monitoring.query import engine, evaluate
from monitoring.query.context import LOOKBACK
from monitoring.query.errors import QueryError
from monitoring.query.evaluate import Limits
from monitoring.query.source import NAME, Matcher, SeriesData
from monitoring.query.stored import StoredSource, run_range
from monitoring.query.values import Matrix
from monitoring.store import matching

Floats = NDArray[np.float64]
LIMITS = Limits(seconds=5, samples=20_000_000)
MOST_VALUES = 200  # of one label in a matcher


class Narrowed(StoredSource):
    """Reads only series whose labels are among `only`, where a selector has such labels at all; what is joined to them is read as it is."""

    def __init__(self, only: Mapping[str, Collection[str]], within: Limits) -> None:
        super().__init__(within)
        self.only = [_among(name, values) for name, values in only.items() if values and len(values) <= MOST_VALUES]

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> list[SeriesData]:
        for extra in self.only:
            if any(len(found.rows) for found in matching.select([*matchers, extra])):
                matchers = [*matchers, extra]
        return super().select(matchers, start, end)


def _among(name: str, values: Collection[str]) -> Matcher:
    if len(values) == 1:
        return Matcher(name, "=", next(iter(values)))
    return Matcher(name, "=~", "|".join(sorted(re.escape(value) for value in values)))


def of_track(track: Track, start: int, end: int, step: int) -> tuple[NDArray[np.int64], Floats]:
    """(times in ms, values) at start, start + step … up to end; NaN where there is no sample. Raises StoreUnavailable."""
    found = of_tracks([track], start, end, step)
    times = np.arange(start, end + 1, step, dtype=np.int64)
    return times, found.get(track.pk, np.full(len(times), np.nan))


def of_tracks(tracks: Iterable[Track], start: int, end: int, step: int) -> dict[int, Floats]:
    """{track's id: values on the grid}, ms; those whose watch cannot be evaluated, or that have no samples, are missing."""
    by_watch: defaultdict[int, list[Track]] = defaultdict(list)
    for track in tracks:
        by_watch[track.watch_id].append(track)
    found: dict[int, Floats] = {}
    for listed in by_watch.values():
        found |= _of_watch(listed[0].watch, listed, start, end, step)
    return found


def _of_watch(watch: Watch, tracks: Sequence[Track], start: int, end: int, step: int) -> dict[int, Floats]:
    try:
        matrix = read(watch, tracks, start, end, step)
    except QueryError:
        return {}  # the watch's page says what is wrong with it
    rows = {_key(watch, labels, labels.get(NAME, "")): row for row, labels in enumerate(matrix.labels)}
    places = ((track, rows.get(_key(watch, track.labels, track.metric))) for track in tracks)
    return {track.pk: np.where(matrix.present[row], matrix.v[row], np.nan) for track, row in places if row is not None}


def read(watch: Watch, tracks: Sequence[Track], start: int, end: int, step: int) -> Matrix:
    """The watch's answer for these tracks. Raises QueryError, StoreUnavailable."""
    lookback = max(LOOKBACK, 2000 * watch.step)
    if engine.configured() is not None:
        return run_range(watch.expr, start, end, step, lookback=lookback, within=LIMITS)
    source = Narrowed(_labels_of(watch, tracks), LIMITS)
    return evaluate.range_query(watch.expr, source, start, end, step, lookback=lookback, limits=LIMITS)


def _labels_of(watch: Watch, tracks: Sequence[Track]) -> dict[str, set[str]]:
    """Values of the labels that all of them have."""
    names = set.intersection(*(set(track.labels) for track in tracks)) if tracks else set()
    found = {name: {track.labels[name] for track in tracks} for name in sorted(names)}
    return found if watch.metric else {NAME: {track.metric for track in tracks}, **found}


def _key(watch: Watch, labels: Mapping[str, str], metric: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """A watch of many metrics tells its series apart by their names too."""
    return ("" if watch.metric else metric), frozenset((name, value) for name, value in labels.items() if name != NAME)
