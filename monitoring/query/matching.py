"""Binary operations between instant vectors: which series meet, and what their result is called."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np

from monitoring.query import arithmetic
from monitoring.query.context import Context
from monitoring.query.errors import ExecutionError
from monitoring.query.frame import Frame, Rows, concat, merge_same, numbered, without_name
from monitoring.query.parse.plan import Binary, Matching
from monitoring.query.source import NAMING
from monitoring.query.values import Labels
from monitoring.store.batch import Mask

_NOT_UNIQUE = "multiple matches for labels: grouping labels must ensure unique matches"
_NOT_EXPLICIT = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"


def signature(matching: Matching) -> Callable[[Labels], Hashable]:
    """Series meet when this is equal."""
    if matching.on:
        names = matching.labels
        return lambda labels: tuple(labels.get(name, "") for name in names)
    ignored = {*NAMING, *matching.labels}
    return lambda labels: frozenset(item for item in labels.items() if item[0] not in ignored)


def match_labels(labels: Labels, matching: Matching) -> Labels:
    if matching.on:
        return {name: labels[name] for name in matching.labels if name in labels}
    return {name: value for name, value in labels.items() if name not in NAMING and name not in matching.labels}


@dataclass
class Meeting:
    """Group numbers of the rows of both sides, in one numbering."""

    left: Rows
    right: Rows
    count: int

    @classmethod
    def of(cls, left: Frame, right: Frame, matching: Matching) -> "Meeting":
        sign = signature(matching)
        numbers, firsts = numbered([*map(sign, left.labels), *map(sign, right.labels)])
        return cls(numbers[: len(left.labels)], numbers[len(left.labels) :], len(firsts))


def any_present(frame: Frame, groups: Rows, count: int) -> Mask:
    """[group, step]: whether any row of the group has a value."""
    found = np.zeros((count, frame.present.shape[1]), bool)
    if len(np.unique(groups)) == len(groups):
        found[groups] = frame.present
    else:
        np.logical_or.at(found, groups, frame.present)
    return found


def set_operation(node: Binary, left: Frame, right: Frame) -> Frame:
    meeting = Meeting.of(left, right, node.matching)
    if node.op == "or":
        taken = any_present(left, meeting.left, meeting.count)[meeting.right]
        rest = Frame(right.labels, right.v, right.present & ~taken, right.unnamed).compact()
        return merge_same(concat([left, rest]))
    there = any_present(right, meeting.right, meeting.count)[meeting.left]
    return Frame(left.labels, left.v, left.present & (there if node.op == "and" else ~there), left.unnamed).compact()


def vector_operation(node: Binary, left: Frame, right: Frame, context: Context) -> Frame:
    """Arithmetic and comparison of series that meet; the "many" side of group_left/right keeps its labels."""
    context.budget.check()
    matching = node.matching
    swapped = matching.card == "one-to-many"
    many, one = (right, left) if swapped else (left, right)
    many_fill, one_fill = (matching.fill_right, matching.fill_left) if swapped else (matching.fill_left, matching.fill_right)
    meeting = Meeting.of(many, one, matching)
    if many_fill is None and one_fill is None:
        # At steps where a side is empty nothing is matched, nor complained about.
        both = np.logical_and(many.present.any(axis=0), one.present.any(axis=0))
        many, one = _only(many, both), _only(one, both)
    _refuse_duplicates(one, meeting.right, meeting.count, matching, "left" if swapped else "right")
    many, one, meeting = _filled(many, one, meeting, many_fill, one_fill, matching)
    rows_many, rows_one = _pairs(meeting)
    a, b = many.take(rows_many), one.take(rows_one)
    v, stays = arithmetic.combine(node.op, *((b.v, a.v) if swapped else (a.v, b.v)), as_bool=node.as_bool)
    present = a.present & b.present if stays is None else a.present & b.present & stays
    if matching.card == "one-to-one":
        _refuse_many(present, meeting.left[rows_many])
    return _named(node, a, b, v, present, context)


def _only(frame: Frame, steps: Mask) -> Frame:
    return frame if steps.all() else Frame(frame.labels, frame.v, frame.present & steps, frame.unnamed)


def _refuse_duplicates(frame: Frame, groups: Rows, count: int, matching: Matching, side: str) -> None:
    if len(np.unique(groups)) == len(groups):
        return
    met = np.zeros((count, frame.present.shape[1]), np.int32)
    np.add.at(met, groups, frame.present)
    if (met > 1).any():
        group, step = np.argwhere(met > 1)[0]
        rows = [row for row in np.flatnonzero(groups == group) if frame.present[row, step]][:2]
        shared = label_text(match_labels(frame.labels[rows[0]], matching))
        shown = ", ".join(label_text(frame.labels[row]) for row in reversed(rows))
        raise ExecutionError(
            f"found duplicate series for the match group {shared} on the {side} hand-side of the operation: [{shown}]"
            ";many-to-many matching not allowed: matching labels must be unique on one side"
        )


def label_text(labels: Labels) -> str:
    inside = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return "{" + inside + "}"


def _refuse_many(present: Mask, groups: Rows) -> None:
    if len(np.unique(groups)) < len(groups):
        met = np.zeros((int(groups.max()) + 1, present.shape[1]), np.int32)
        np.add.at(met, groups, present)
        if (met > 1).any():
            raise ExecutionError(_NOT_EXPLICIT)


def _pairs(meeting: Meeting) -> tuple[Rows, Rows]:
    """Every row of one side with every row of the other of its group."""
    order = np.argsort(meeting.right, kind="stable")
    sorted_groups = meeting.right[order]
    low, high = np.searchsorted(sorted_groups, meeting.left, "left"), np.searchsorted(sorted_groups, meeting.left, "right")
    counts = high - low
    rows = np.repeat(np.arange(len(meeting.left)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, order[np.repeat(low, counts) + within]


def _filled(
    many: Frame, one: Frame, meeting: Meeting, many_fill: float | None, one_fill: float | None, matching: Matching
) -> tuple[Frame, Frame, Meeting]:
    """With a row of the fill value for every group and step that one side lacks, when fill modifiers ask for it."""
    here = any_present(many, meeting.left, meeting.count)
    there = any_present(one, meeting.right, meeting.count)
    left, right = meeting.left, meeting.right
    stand_ins = [(many_fill, there & ~here), (one_fill, here & ~there)]
    (many, left), (one, right) = (
        _with_fill(frame, groups, fill, lacks, _group_labels(many, one, meeting, matching))
        for (frame, groups), (fill, lacks) in zip([(many, left), (one, right)], stand_ins, strict=True)
    )
    return many, one, Meeting(left, right, meeting.count)


def _group_labels(many: Frame, one: Frame, meeting: Meeting, matching: Matching) -> Callable[[int], Labels]:
    def found(group: int) -> Labels:
        rows = np.flatnonzero(meeting.left == group)
        labels = many.labels[rows[0]] if len(rows) else one.labels[np.flatnonzero(meeting.right == group)[0]]
        return match_labels(labels, matching)

    return found


def _with_fill(frame: Frame, groups: Rows, fill: float | None, lacks: Mask, labels: Callable[[int], Labels]) -> tuple[Frame, Rows]:
    if fill is None:
        return frame, groups
    added = np.flatnonzero(lacks.any(axis=1))
    stand_ins = Frame([labels(int(g)) for g in added], np.full((len(added), lacks.shape[1]), fill), lacks[added], [False] * len(added))
    return concat([frame, stand_ins]), np.concatenate((groups, added))


def _named(node: Binary, many: Frame, one: Frame, v: np.ndarray, present: Mask, context: Context) -> Frame:
    """The result's labels: those that matched, or the "many" side's with labels copied from the "one" side."""
    matching = node.matching
    drops = node.op in arithmetic.ARITHMETIC or node.as_bool
    eager = drops and not context.semantics.delayed_names
    labels = []
    for mine, other in zip(many.labels, one.labels, strict=True):
        kept = without_name(mine) if eager else mine
        if matching.card == "one-to-one":
            kept = _matched(kept, matching)
        elif matching.include:
            kept = _included(kept, other, matching.include)
        labels.append(kept)
    unnamed = [mark or (drops and not eager) for mark in many.unnamed]
    complaint = _NOT_EXPLICIT if matching.card == "one-to-one" else _NOT_UNIQUE
    return merge_same(Frame(labels, v, present, unnamed).compact(), complaint)


def _matched(labels: Labels, matching: Matching) -> Labels:
    if matching.on:
        return {name: labels[name] for name in matching.labels if name in labels}
    if not matching.labels:
        return labels
    return {name: value for name, value in labels.items() if name not in matching.labels}


def _included(labels: Labels, other: Labels, include: tuple[str, ...]) -> Labels:
    copied = {name: other[name] for name in include if name in other}
    return {**{name: value for name, value in labels.items() if name not in include}, **copied}


def scalar_operation(node: Binary, frame: Frame, scalar: np.ndarray, *, scalar_left: bool) -> Frame:
    """Vector and scalar; a comparison keeps the vector's values, whichever side they are on. Names are left to the caller."""
    v, stays = arithmetic.combine(node.op, *((scalar, frame.v) if scalar_left else (frame.v, scalar)), as_bool=node.as_bool)
    if stays is None:
        return frame.with_values(v)
    return frame.with_values(frame.v, frame.present & stays).compact()
