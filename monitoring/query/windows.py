"""Samples of many series as one long column, and the window of them that each step sees."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.query.context import Context
from monitoring.query.source import SeriesData
from monitoring.query.values import Labels
from monitoring.store.batch import Mask, Times, Values, is_stale

Places = NDArray[np.int64]
_CELLS = 1 << 20  # of a padded block
_LONG = 512  # samples a window, on average
_RUN = 64  # samples reduced together for long windows


@dataclass
class Columns:
    """Samples of all series one after the other; those of series i are at first[i] : first[i + 1]."""

    labels: list[Labels]
    t: Times
    v: Values
    first: Places
    grids: Sequence[Times] = ()  # the times of each series again, where several series may have the very same array

    @classmethod
    def of(cls, series: Sequence[SeriesData]) -> "Columns":
        sizes = np.fromiter((len(one.t) for one in series), np.int64, len(series))
        t = np.concatenate([one.t for one in series]) if series else np.empty(0, np.int64)
        v = np.concatenate([one.v for one in series]) if series else np.empty(0)
        return cls([one.labels for one in series], t, v, np.concatenate(([0], np.cumsum(sizes))), [one.t for one in series])

    def without_stale(self) -> "Columns":
        """Ranges do not see that a series ended."""
        kept = ~is_stale(self.v)
        if kept.all():
            return self
        counts = np.concatenate(([0], np.cumsum(kept)))
        return Columns(self.labels, self.t[kept], self.v[kept], counts[self.first])

    def rank(self, edges: Times) -> Places:
        """[series, edges]: the place after the last sample with t <= edge. Edges ascend evenly or are one."""
        if len(edges) == 1:
            counted = np.concatenate(([0], np.cumsum(self.t <= edges[0])))
            return (self.first[:-1] + counted[self.first[1:]] - counted[self.first[:-1]])[:, None]
        grids = {id(grid): grid for grid in self.grids}
        if 0 < len(grids) <= len(self.grids) // 2:
            return self._rank_once(grids, edges)
        # Each sample is counted in the gap between edges where it falls; sums along the edges are ranks.
        step, gaps = int(edges[1] - edges[0]), len(edges) + 1
        gap = np.clip(-((edges[0] - self.t) // step), 0, len(edges))
        gap += np.repeat(np.arange(len(self.labels)) * gaps, np.diff(self.first))
        counted = np.bincount(gap, minlength=len(self.labels) * gaps).reshape(-1, gaps)[:, :-1]
        return np.cumsum(counted, axis=1) + self.first[:-1, None]

    def _rank_once(self, grids: dict[int, Times], edges: Times) -> Places:
        """The same where series share their times, as they do that one agent sends or one chunk holds."""
        ranks = {key: np.searchsorted(grid, edges, "right") for key, grid in grids.items()}
        return np.stack([ranks[id(grid)] for grid in self.grids]) + self.first[:-1, None]


@dataclass
class Windows:
    """Window [i, k] of series i at step k: samples low[i, k] : high[i, k] of the columns, in (ends[k] - range, ends[k]].

    A window with a fixed time (@) is the same at all steps: low and high then have one column, ends one entry.
    """

    columns: Columns
    low: Places
    high: Places
    ends: Times  # ms
    range: int  # ms
    steps: int
    unnamed: list[bool]
    lookback: int  # ms that ranges which look beyond their ends may look
    check: Callable[[], None]  # asked between blocks: raises when the query has to end

    @classmethod
    def over(cls, columns: Columns, ends: Times, span: int, context: Context, unnamed: list[bool] | None = None) -> "Windows":
        clean = columns.without_stale()
        low, high = clean.rank(ends - span - int(context.semantics.closed_ranges)), clean.rank(ends)
        marks = unnamed or [False] * len(columns.labels)
        return cls(clean, low, high, ends, span, context.steps, marks, context.lookback, context.budget.check)

    @property
    def counts(self) -> Places:
        return self.high - self.low

    def at_least(self, samples: int) -> Mask:
        found: Mask = self.counts >= samples
        return found

    def first(self, column: NDArray) -> NDArray:
        """The column's entry for each window's first sample; nonsense for an empty window."""
        return self.pick(column, self.low)

    def last(self, column: NDArray) -> NDArray:
        return self.pick(column, self.high - 1)

    def before_last(self, column: NDArray) -> NDArray:
        return self.pick(column, self.high - 2)

    def pick(self, column: NDArray, places: Places) -> NDArray:
        """Entries of the column; of the nearest end for places that are not there."""
        if not len(column):
            return np.zeros(places.shape, column.dtype)
        return column.take(places, mode="clip")

    def reduced(self, ufunc: np.ufunc, column: NDArray) -> NDArray:
        """np.add, fmin or fmax over each window's part of the column; nonsense for an empty window."""
        self.check()
        if not len(column):
            return np.zeros(self.low.shape, column.dtype)
        if self.counts.sum() < _LONG * self.low.size:
            return _reduced(ufunc, column, self.low, self.high)
        # Long windows overlap much: their middle is put together from runs that are reduced once.
        runs = ufunc.reduceat(column, np.arange(0, len(column), _RUN))
        first, last = -(-self.low // _RUN), self.high // _RUN
        whole = first < last
        head = _reduced(ufunc, column, self.low, np.where(whole, first * _RUN, self.high))
        neutral = 0.0 if ufunc is np.add else np.nan
        middle = np.where(whole, _reduced(ufunc, runs, first, last), neutral)
        tail = np.where(whole & (last * _RUN < self.high), _reduced(ufunc, column, last * _RUN, self.high), neutral)
        return ufunc(ufunc(np.where(whole & (first * _RUN == self.low), neutral, head), middle), tail)

    def blocks(self) -> Iterator[tuple[slice, "Block"]]:
        """All windows as padded rectangles of bounded size, with the flat range of windows each holds."""
        low, counts = self.low.ravel(), self.counts.ravel()
        start = 0
        while start < len(low):
            self.check()
            end = _block_end(counts, start)
            width = max(int(counts[start:end].max()), 1)
            places = low[start:end, None] + np.arange(width)
            here = np.arange(width) < counts[start:end, None]
            yield slice(start, end), Block(self.pick(self.columns.t, places), self.pick(self.columns.v, places), here, counts[start:end])
            start = end

    def each(self, compute: Callable[["Block", slice], Values]) -> Values:
        """[series, steps]: what `compute` makes of each window; it gets blocks of windows and the flat range they stand for."""
        out = np.full(self.low.size, np.nan)
        for part, block in self.blocks():
            out[part] = compute(block, part)
        return out.reshape(self.low.shape)


def _reduced(ufunc: np.ufunc, column: NDArray, low: Places, high: Places) -> NDArray:
    padded = np.append(column, column[-1:])
    places = np.minimum(np.stack((low.ravel(), high.ravel()), axis=1).ravel(), len(column))
    return ufunc.reduceat(padded, places)[::2].reshape(low.shape)


def _block_end(counts: Places, start: int) -> int:
    """As many windows as fit; at least one."""
    some = counts[start : start + _CELLS]
    cells = np.maximum.accumulate(np.maximum(some, 1)) * np.arange(1, len(some) + 1)
    return start + max(int(np.searchsorted(cells, _CELLS, "right")), 1)


@dataclass
class Block:
    """Windows as rows; cells that are not `here` only fill the rectangle."""

    t: Times
    v: Values
    here: Mask
    counts: Places
