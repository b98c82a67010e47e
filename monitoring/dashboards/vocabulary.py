"""The names the store knows: metrics, labels, values, each with the number of its series; and what a metric is said to be."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from monitoring.query.source import NAME, Matcher
from monitoring.store import matching, metadata

PARTS = ("_bucket", "_count", "_sum", "_total")


def metrics() -> dict[str, int]:
    """{metric: series}, by name."""
    return matching.counts()


def labels(metric: str, matchers: Iterable[tuple[str, str, str]] = (), several: Sequence[str] = ()) -> dict[str, dict[str, int]]:
    """{label: {value: series}} of the series of this metric (or of `several`, or of all) that match. Raises QueryError for a bad regex."""
    wanted = [Matcher(name, operator, value) for name, operator, value in matchers]
    groups = [[*wanted, Matcher(NAME, "=", one)] for one in ([metric] if metric else several)] or [wanted]
    found: dict[str, Counter[str]] = {}
    for group in groups:
        for selection in matching.select(group):
            for name, column in selection.table.columns.items():
                codes, counts = np.unique(column[selection.rows], return_counts=True)
                texts = (selection.texts.of[code] for code in codes.tolist())
                found.setdefault(name, Counter()).update({text: n for text, n in zip(texts, counts.tolist(), strict=True) if text})
    return {name: dict(counts) for name, counts in found.items() if counts}


@dataclass(frozen=True)
class Described:
    type: str
    unit: str
    help: str

    @property
    def tags(self) -> list[str]:
        return [word for word in (self.type, self.unit) if word and word != metadata.UNKNOWN]


def describe(names: Sequence[str]) -> dict[str, Described]:
    """What senders say of these metrics; of a histogram's parts what they say of the whole."""
    whole = {name: _whole(name) for name in names}
    known = metadata.of({*names, *whole.values()})
    nothing = metadata.Description()
    return {name: Described(*known.get(name, known.get(whole[name], nothing))) for name in names}


def _whole(name: str) -> str:
    for part in PARTS:
        if name.endswith(part):
            return name.removesuffix(part)
    return name
