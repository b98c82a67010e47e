"""What PromStore asks an engine, and what it reads from the answers."""

import re
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from monitoring.store.batch import SeriesKey, Times, Values

COLUMN = "aiops_column"
AGGREGATES = ("min", "max", "avg", "last", "count")


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def selector(keys: Collection[SeriesKey]) -> str:
    """Matches these series, and maybe more: their names and the labels all of them share. Answers are filtered by key."""
    names = sorted({key.metric for key in keys})
    shared = set.intersection(*(set(key.labels) for key in keys))
    name = f"__name__={quoted(names[0])}" if len(names) == 1 else f"__name__=~{quoted('|'.join(map(re.escape, names)))}"
    return "{" + ",".join([name, *(f"{label}={quoted(value)}" for label, value in sorted(shared))]) + "}"


def aggregates(which: str, window: int) -> str:
    """All AGGREGATES in one answer, told apart by the label COLUMN."""
    return " or ".join(f'label_replace({name}_over_time({which}[{window}ms]),"{COLUMN}","{name}","","")' for name in AGGREGATES)


def key_of(labels: dict[str, str], metric: str = "") -> SeriesKey:
    """`metric` stands in where the engine dropped the name."""
    rest = {name: value for name, value in labels.items() if name not in ("__name__", COLUMN)}
    return SeriesKey.of(labels.get("__name__", metric), rest)


def matrix(data: dict[str, Any]) -> Iterator[tuple[dict[str, str], Times, Values]]:
    """Series of a range vector; NaN, as which ended series may show, is left out."""
    for row in data["result"]:
        t = np.array([round(float(when) * 1000) for when, _ in row["values"]], np.int64)
        v = np.array([float(value) for _, value in row["values"]], np.float64)
        keep = ~np.isnan(v)
        yield row["metric"], t[keep], v[keep]


def vector(data: dict[str, Any]) -> Iterator[tuple[dict[str, str], float]]:
    for row in data["result"]:
        yield row["metric"], float(row["value"][1])
