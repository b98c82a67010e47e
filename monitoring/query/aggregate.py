"""Aggregations over series: sum by (…) and its kin, at all steps at once."""

import hashlib
import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

import numpy as np

from monitoring.query import sums
from monitoring.query.context import Context
from monitoring.query.errors import ExecutionError
from monitoring.query.frame import Frame, Rows, key_of, merge_same, numbered
from monitoring.query.functions.over_time import quantiles
from monitoring.query.numerals import number_text, plain_text
from monitoring.query.parse.literals import is_utf8
from monitoring.query.parse.plan import Aggregate
from monitoring.query.source import NAME, NAMING
from monitoring.query.values import Labels
from monitoring.store.batch import Mask, Values

_SEQUENTIAL = 256  # rows of a group that are added one after the other; more are added in pairs


@dataclass
class Groups:
    """Rows of a frame ordered by group; group g has rows starts[g] : starts[g] + sizes[g] of the ordered arrays."""

    labels: list[Labels]
    unnamed: list[bool]
    order: Rows
    starts: Rows
    sizes: Rows
    v: Values
    present: Mask

    @classmethod
    def of(cls, frame: Frame, node: Aggregate) -> "Groups":
        wanted = _grouping(node)
        numbers, firsts = numbered(key for key, _ in map(wanted, frame.labels))
        sizes = np.bincount(numbers, minlength=len(firsts))
        order = np.argsort(numbers, kind="stable")
        labels = [wanted(frame.labels[row])[1] for row in firsts]
        marked = set(numbers[np.flatnonzero(frame.unnamed)].tolist())
        unnamed = [group in marked and NAME in kept for group, kept in enumerate(labels)]
        in_order = len(firsts) == len(frame.labels)
        v, present = (frame.v, frame.present) if in_order else (frame.v[order], frame.present[order])
        return cls(labels, unnamed, order, np.cumsum(sizes) - sizes, sizes, v, present)

    def counts(self) -> Values:
        return np.add.reduceat(self.present, self.starts, axis=0, dtype=np.int64).astype(np.float64)

    def reduced(self, ufunc: np.ufunc, neutral: float) -> Values:
        found: Values = ufunc.reduceat(np.where(self.present, self.v, neutral), self.starts, axis=0)
        return found

    def members(self, group: int) -> slice:
        return slice(int(self.starts[group]), int(self.starts[group] + self.sizes[group]))

    def frame(self, v: Values) -> Frame:
        present = np.logical_or.reduceat(self.present, self.starts, axis=0)
        return Frame(self.labels, v, present, self.unnamed)


def _grouping(node: Aggregate) -> Callable[[Labels], tuple[Hashable, Labels]]:
    """From a series' labels to (key, labels) of its group."""
    named = node.labels
    if node.without:
        dropped = {*NAMING, *named}

        def rest(labels: Labels) -> tuple[Hashable, Labels]:
            kept = {name: value for name, value in labels.items() if name not in dropped}
            return key_of(kept), kept

        return rest

    def chosen(labels: Labels) -> tuple[Hashable, Labels]:
        kept = {name: labels[name] for name in named if name in labels}
        return tuple(labels.get(name) for name in named), kept

    return chosen


def aggregate(node: Aggregate, frame: Frame, param: Values | str | None, context: Context) -> Frame:
    """`param` is per step, or the label of count_values."""
    context.budget.check()
    if node.op == "count_values":
        assert isinstance(param, str)
        return _count_values(node, frame, param, context)
    if not frame.labels:
        return Frame.empty(context.steps)
    groups = Groups.of(frame, node)
    if node.op in _PLAIN:
        return groups.frame(_PLAIN[node.op](groups))
    assert isinstance(param, np.ndarray)
    if node.op == "quantile":
        return groups.frame(_quantile(groups, param, context))
    if node.op == "limit_ratio":
        return _limit_ratio(frame, param, context)
    return _selected(node.op, frame, groups, _count_wanted(param))


def _sum(groups: Groups) -> Values:
    v = np.where(groups.present, groups.v, 0.0)
    if (v >= 0).all() or (v <= 0).all():
        return np.add.reduceat(v, groups.starts, axis=0)
    return sums.finish(*_compensated(v, groups))


def _compensated(v: Values, groups: Groups) -> tuple[Values, Values]:
    if groups.sizes.max() > _SEQUENTIAL:
        return sums.paired(v, groups.sizes)
    width = int(groups.sizes.max())
    places = groups.starts[:, None] + np.minimum(np.arange(width), groups.sizes[:, None] - 1)
    here = np.arange(width) < groups.sizes[:, None]
    columns = ((v[places[:, k]], here[:, k][:, None]) for k in range(width))
    return sums.accumulate(columns, (len(groups.sizes), v.shape[1]))


def _avg(groups: Groups) -> Values:
    v, counts = np.where(groups.present, groups.v, 0.0), groups.counts()
    if (v >= 0).all() or (v <= 0).all():
        total = np.add.reduceat(v, groups.starts, axis=0)
        if np.isfinite(total).all():
            return total / counts
    total, error = _compensated(v, groups)
    scaled = sums.finish(*_compensated(v / np.repeat(counts, groups.sizes, axis=0), groups))
    infinite = np.add.reduceat(np.where(np.isfinite(v), 0.0, v), groups.starts, axis=0)
    return sums.mean(total, error, counts, scaled, infinite)


def _variance(groups: Groups) -> Values:
    """Population variance, about each group's first value: equal values give exactly 0."""
    counts = groups.counts()
    first = _first_present(groups)
    moved = np.where(groups.present, groups.v - np.repeat(first, groups.sizes, axis=0), 0.0)
    centre = np.repeat(np.add.reduceat(moved, groups.starts, axis=0) / counts, groups.sizes, axis=0)
    squares = np.where(groups.present, (moved - centre) ** 2, 0.0)
    return np.add.reduceat(squares, groups.starts, axis=0) / counts


def _first_present(groups: Groups) -> Values:
    numbers = np.where(groups.present, np.arange(len(groups.present))[:, None], len(groups.present))
    firsts = np.minimum(np.minimum.reduceat(numbers, groups.starts, axis=0), len(groups.present) - 1)
    return np.take_along_axis(groups.v, firsts, axis=0)


_PLAIN: dict[str, Callable[[Groups], Values]] = {
    "sum": _sum,
    "avg": _avg,
    "min": lambda groups: groups.reduced(np.fmin, np.nan),
    "max": lambda groups: groups.reduced(np.fmax, np.nan),
    "count": lambda groups: groups.counts(),
    "group": lambda groups: np.ones((len(groups.labels), groups.v.shape[1])),
    "stdvar": _variance,
    "stddev": lambda groups: np.sqrt(_variance(groups)),
}


def _quantile(groups: Groups, share: Values, context: Context) -> Values:
    warn_quantile(share, context)
    found = np.empty((len(groups.labels), groups.v.shape[1]))
    for group in range(len(groups.labels)):
        rows = groups.members(group)
        found[group] = quantiles(groups.v[rows].T, groups.present[rows].T, share)
    return found


def warn_quantile(share: Values, context: Context) -> None:
    for wrong in np.unique(share[~((share >= 0) & (share <= 1))]):
        context.notes.warn(f"quantile value should be between 0 and 1, got {number_text(wrong)}")


def _count_wanted(param: Values) -> Values:
    if np.isnan(param).any():
        raise ExecutionError("Parameter value is NaN")
    for bound, word in ((param.max(initial=0), "overflows"), (param.min(initial=0), "underflows")):
        if abs(bound) >= 2**63:
            raise ExecutionError(f"Scalar value {number_text(bound)} {word} int64")
    return np.trunc(param)


def _selected(op: str, frame: Frame, groups: Groups, wanted: Values) -> Frame:
    """topk, bottomk and limitk: the members that stay, with all their labels, the best first within each group."""
    stay = np.zeros(frame.v.shape, bool)
    ranked: list[int] = []
    for group in range(len(groups.labels)):
        rows = groups.order[groups.members(group)]
        rank = _rank(op, frame.v[rows], frame.present[rows])
        stay[rows] = (rank < wanted) & frame.present[rows]
        ranked.extend(rows[np.argsort(rank[:, -1], kind="stable")])
    return Frame(frame.labels, frame.v, stay, frame.unnamed).take(ranked).compact()


def _rank(op: str, v: Values, present: Mask) -> Rows:
    """[row, step]: how many of the column come before; equal ones as they stand, NaN last, absent ones after all."""
    if op == "limitk":
        return np.cumsum(present, axis=0) - 1
    worth = np.where(np.isnan(v), np.inf, -v if op == "topk" else v)
    order = np.lexsort((worth, np.isnan(v), ~present), axis=0)
    return np.argsort(order, axis=0, kind="stable")


def _limit_ratio(frame: Frame, ratio: Values, context: Context) -> Frame:
    """A share of the series, chosen by a hash of their labels; a negative ratio takes the others."""
    if np.isnan(ratio).any():
        raise ExecutionError("Ratio value is NaN")
    for wrong in np.unique(ratio[np.abs(ratio) > 1]):
        capped = number_text(math.copysign(1.0, wrong))
        context.notes.warn(f"ratio value should be between -1 and 1, got {number_text(wrong)}, capping to {capped}")
    ratio = np.clip(ratio, -1, 1)
    place = np.array([_hash_share(labels) for labels in frame.labels])[:, None]
    stay = np.where(ratio >= 0, place < ratio, place >= 1 + ratio)
    return Frame(frame.labels, frame.v, frame.present & stay, frame.unnamed).compact()


def _hash_share(labels: Labels) -> float:
    """In [0, 1), the same wherever it is computed."""
    text = "\xff".join(f"{name}\xff{value}" for name, value in sorted(labels.items()))
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest(), "big") / 2**48


def _count_values(node: Aggregate, frame: Frame, label: str, context: Context) -> Frame:
    if not label or not is_utf8(label):
        raise ExecutionError(f'invalid label name "{label.encode("utf-8", "replace").decode()}"')
    wanted = _grouping(node)
    counted: dict[Hashable, tuple[Labels, Values, bool]] = {}
    for row, labels in enumerate(frame.labels):
        base = wanted(labels)[1]
        v, steps = frame.v[row], np.flatnonzero(frame.present[row])
        for value, hit in _distinct(v[steps]):
            out = {**base, label: plain_text(value)}
            key = key_of(out)
            if key not in counted:
                context.budget.spend(context.steps)
                counted[key] = (out, np.zeros(context.steps), frame.unnamed[row] and NAME in out)
            counted[key][1][steps[hit]] += 1
    if not counted:
        return Frame.empty(context.steps)
    v = np.array([count for _, count, _ in counted.values()])
    return merge_same(Frame([out for out, _, _ in counted.values()], v, v > 0, [mark for _, _, mark in counted.values()]))


def _distinct(v: Values) -> Iterator[tuple[float, Rows]]:
    """Each value and its places; all NaN are one."""
    values, which = np.unique(v, return_inverse=True)
    order = np.argsort(which, kind="stable")
    return zip(values.tolist(), np.split(order, np.cumsum(np.bincount(which, minlength=len(values)))[:-1]), strict=True)
