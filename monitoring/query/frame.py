"""Instant vectors of all steps at once, and what is done to their labels."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.query.errors import ExecutionError
from monitoring.query.source import NAMING
from monitoring.query.values import Labels
from monitoring.store.batch import Mask, Values

SAME_LABELSET = "vector cannot contain metrics with the same labelset"
Rows = NDArray[np.intp]


@dataclass
class Frame:
    """v[i, k] is the value of labels[i] at step k where present[i, k].

    unnamed[i]: the metric name of row i is to be dropped when the query is done. Labels are shared between frames: never change them.
    """

    labels: list[Labels]
    v: Values
    present: Mask
    unnamed: list[bool]

    @classmethod
    def empty(cls, steps: int) -> "Frame":
        return cls([], np.empty((0, steps)), np.empty((0, steps), bool), [])

    def take(self, rows: Sequence[int] | Rows) -> "Frame":
        return Frame([self.labels[k] for k in rows], self.v[rows], self.present[rows], [self.unnamed[k] for k in rows])

    def with_values(self, v: Values, present: Mask | None = None) -> "Frame":
        return Frame(self.labels, v, self.present if present is None else present, self.unnamed)

    def compact(self) -> "Frame":
        """Without the rows that are never there."""
        there = self.present.any(axis=1)
        return self if there.all() else self.take(np.flatnonzero(there))


def key_of(labels: Labels) -> Hashable:
    return frozenset(labels.items())


def without_name(labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if name not in NAMING}


def drop_names(frame: Frame, *, delayed: bool) -> Frame:
    """Marks the names for the end of the query, or takes them away now; then equal label sets may not meet at a step."""
    if delayed:
        return Frame(frame.labels, frame.v, frame.present, [True] * len(frame.labels))
    bare = Frame([without_name(labels) for labels in frame.labels], frame.v, frame.present, frame.unnamed)
    same_names = len({tuple(map(labels.get, NAMING)) for labels in frame.labels}) <= 1
    return bare if same_names else merge_same(bare)


def drop_marked(frame: Frame) -> Frame:
    """The end of a query with delayed names."""
    if not any(frame.unnamed):
        return merge_same(frame)
    labels = [without_name(labels) if drop else labels for labels, drop in zip(frame.labels, frame.unnamed, strict=True)]
    return merge_same(Frame(labels, frame.v, frame.present, [False] * len(labels)))


def merge_same(frame: Frame, complaint: str = SAME_LABELSET) -> Frame:
    """Rows of equal labels become one; ExecutionError where two of them have a value at the same step."""
    groups, firsts = numbered(map(key_of, frame.labels))
    if len(firsts) == len(frame.labels):
        return frame
    merged = frame.take(firsts)
    merged.v, merged.present = merged.v.copy(), merged.present.copy()
    first_rows = set(firsts)
    for row, group in enumerate(groups):
        if row not in first_rows:
            _merge_row(merged, int(group), frame, row, complaint)
    return merged


def _merge_row(merged: Frame, group: int, frame: Frame, row: int, complaint: str) -> None:
    here = frame.present[row]
    if (merged.present[group] & here).any():
        raise ExecutionError(complaint)
    merged.v[group, here] = frame.v[row, here]
    merged.present[group] |= here
    merged.unnamed[group] = merged.unnamed[group] or frame.unnamed[row]


def numbered(keys: Iterable[Hashable]) -> tuple[NDArray[np.intp], list[int]]:
    """For every key the number of its kind in order of first appearance, and the first place of each kind."""
    seen: dict[Hashable, int] = {}
    firsts: list[int] = []
    groups = []
    for place, key in enumerate(keys):
        number = seen.setdefault(key, len(seen))
        if number == len(firsts):
            firsts.append(place)
        groups.append(number)
    return np.array(groups, np.intp), firsts


def concat(frames: Sequence[Frame]) -> Frame:
    labels = [labels for frame in frames for labels in frame.labels]
    unnamed = [mark for frame in frames for mark in frame.unnamed]
    return Frame(labels, np.concatenate([f.v for f in frames]), np.concatenate([f.present for f in frames]), unnamed)


def beside(frames: Sequence[Frame]) -> Frame:
    """Steps of one frame after those of the other; each frame has every label set once."""
    labels = [labels for frame in frames for labels in frame.labels]
    groups, firsts = numbered(map(key_of, labels))
    shape = (len(firsts), sum(frame.v.shape[1] for frame in frames))
    v, present = np.zeros(shape), np.zeros(shape, bool)
    row = step = 0
    for frame in frames:
        rows, steps = groups[row : row + len(frame.labels)], slice(step, step + frame.v.shape[1])
        v[rows, steps], present[rows, steps] = frame.v, frame.present
        row, step = row + len(frame.labels), steps.stop
    marked = set(groups[np.flatnonzero([mark for frame in frames for mark in frame.unnamed])].tolist())
    return Frame([labels[k] for k in firsts], v, present, [group in marked for group in range(len(firsts))])
