"""info(): labels of info metrics (target_info …) copied onto the series of the same instance and job."""

from collections.abc import Iterator, Sequence

import numpy as np

from monitoring.query import select
from monitoring.query.context import Context
from monitoring.query.errors import ExecutionError
from monitoring.query.frame import Frame, concat, merge_same
from monitoring.query.parse.plan import Selector, When
from monitoring.query.source import NAME, Matcher, accepts
from monitoring.query.values import Labels
from monitoring.store.batch import Mask

IDENTITY = ("instance", "job")


def enriched(base: Frame, wanted: Sequence[Matcher], context: Context) -> Frame:
    """`wanted` tells which info metrics (default target_info) and which of their labels; a series without a match stays
    as it is, unless a wanted label must not be empty.
    """
    names = [matcher for matcher in wanted if matcher.name == NAME]
    if not names:
        names = [Matcher(NAME, "=", "target_info")]
    elif all(matcher.op.startswith("!") for matcher in names):
        names.append(Matcher(NAME, "=~", ".+_info"))
    data = [matcher for matcher in wanted if matcher.name != NAME]
    is_info = accepts(names)
    info = _info_series([*names, *data], context)
    optional = all(matcher.test()("") for matcher in data)
    chosen = {matcher.name for matcher in data}
    parts = []
    for row, labels in enumerate(base.labels):
        one = base.take([row])
        parts.append(one if is_info(labels) else _enriched_row(one, info, chosen, optional=optional))
    return merge_same(concat(parts)).compact() if parts else base


def _info_series(matchers: list[Matcher], context: Context) -> Frame:
    """Info metrics; of series that overlap for one target only the newest sample stays."""
    selector = Selector(tuple(matchers), When())
    frame, sampled = select.instant_vector(selector, context), select.sample_times(selector, context)
    newest = frame.present.copy()
    for rows in _same_target(frame):
        times = np.where(frame.present[rows], sampled.v[rows], -np.inf)
        newest[rows] &= times == times.max(axis=0)
        if (newest[rows].sum(axis=0) > 1).any():
            raise ExecutionError(f"found duplicate series for info metric: existing {frame.labels[rows[0]]}, new {frame.labels[rows[1]]}")
    return Frame(frame.labels, frame.v, newest, frame.unnamed)


def _same_target(frame: Frame) -> Iterator[list[int]]:
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, labels in enumerate(frame.labels):
        groups.setdefault((labels.get(NAME, ""), *_identity(labels)), []).append(row)
    return (rows for rows in groups.values() if len(rows) > 1)


def _identity(labels: Labels) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in IDENTITY)


def _enriched_row(one: Frame, info: Frame, chosen: set[str], *, optional: bool) -> Frame:
    """One series, as several when its info changes over the steps."""
    mine = _identity(one.labels[0])
    rows = [row for row, labels in enumerate(info.labels) if any(mine) and _identity(labels) == mine]
    if not rows:
        return one if optional else Frame(one.labels, one.v, np.zeros_like(one.present), one.unnamed)
    patterns, which = np.unique(info.present[rows].T, axis=0, return_inverse=True)
    parts = []
    for number, pattern in enumerate(patterns):
        here = one.present & (which.ravel() == number)
        found = [info.labels[row] for row, there in zip(rows, pattern, strict=True) if there]
        parts.append(_with_labels(one, here, found, chosen, optional=optional))
    return concat(parts)


def _with_labels(one: Frame, here: Mask, found: Sequence[Labels], chosen: set[str], *, optional: bool) -> Frame:
    if not found and not optional:
        return Frame(one.labels, one.v, np.zeros_like(here), one.unnamed)
    added: Labels = {}
    for labels in found:
        for name, value in labels.items():
            if name == NAME or name in IDENTITY or name in one.labels[0] or (chosen and name not in chosen):
                continue
            if added.setdefault(name, value) != value:
                raise ExecutionError(f"conflicting label: {name}")
    return Frame([{**one.labels[0], **added}], one.v, here, one.unnamed)
