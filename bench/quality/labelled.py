"""Series with labelled anomalies, read from bench/data; and what every scorer asks of a detector."""

import csv
import importlib
import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

DATA = Path(__file__).resolve().parent.parent / "data"
CUTS = (1 / 4, 1 / 2, 9 / 10)  # of a series, at which causality is checked
Detector = Callable[[np.ndarray, np.ndarray], np.ndarray]  # times datetime64[s], values -> one score in [0, 1] per row


class Labelled(NamedTuple):
    name: str
    times: np.ndarray  # datetime64[s]
    values: np.ndarray
    windows: list[tuple[int, int]]  # first and last row of each event
    probation: int  # rows at the beginning that are not scored
    whole: bool  # an event may be found anywhere in it, not only at its beginning

    @property
    def label(self) -> np.ndarray:
        label = np.zeros(len(self.values), int)
        for first, last in self.windows:
            label[first : last + 1] = 1
        return label

    @property
    def step(self) -> float:
        """Seconds."""
        return max(1.0, float(np.median(np.diff(self.times).astype(float))))


def files(archive: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Name without its first folder, and rows without the head, of each CSV in order of name."""
    with tarfile.open(DATA / archive) as tar:
        for member in sorted((each for each in tar if each.name.endswith(".csv")), key=lambda each: each.name):
            text = tar.extractfile(member).read().decode()
            yield member.name.split("/", 1)[1], list(csv.reader(io.StringIO(text, newline="")))[1:]


def stamps(texts: list[str]) -> np.ndarray:
    return np.array([text[:19].replace(" ", "T") for text in texts], "datetime64[s]")


@cache
def nab() -> tuple[Labelled, ...]:
    with tarfile.open(DATA / "nab.tar.xz") as tar:
        windows = json.load(tar.extractfile("nab/labels/combined_windows.json"))
    held = []
    for path, rows in files("nab.tar.xz"):
        name = path.removeprefix("data/")
        times = stamps([row[0] for row in rows])
        bounds = [tuple(int(np.flatnonzero(times == stamp)[0]) for stamp in stamps(pair)) for pair in windows[name]]
        values = np.array([float(row[1]) for row in rows])
        held.append(Labelled(name, times, values, bounds, min(int(0.15 * len(rows)), 750), True))
    return tuple(held)


@cache
def mscloud() -> tuple[Labelled, ...]:
    """Missing values are filled with the last known one (0 before the first)."""
    held = []
    for path, rows in files("mscloud.tar.xz"):
        values = np.array([float(row[1]) if row[1] else np.nan for row in rows])
        last = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), -1))
        values = np.where(last >= 0, values[np.maximum(last, 0)], 0.0)
        windows = segments(np.array([int(row[2]) for row in rows]))
        held.append(Labelled(path.removesuffix(".csv"), stamps([row[0] for row in rows]), values, windows, len(rows) // 4, False))
    return tuple(held)


def segments(label: np.ndarray) -> list[tuple[int, int]]:
    """First and last row of each run of ones."""
    edges = np.diff(np.r_[0, label, 0])
    return [(int(first), int(after) - 1) for first, after in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)]


def named(path: str) -> Detector:
    """package.module:function."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def run(detector: Detector, series: Labelled, causal: bool) -> tuple[np.ndarray, float]:
    """Its scores and CPU seconds. SystemExit: no scores in [0, 1], or one that changes when later rows are unknown."""
    began = time.process_time()
    scores = np.asarray(detector(series.times.copy(), series.values.copy()), float)
    spent = time.process_time() - began
    rows = len(series.values)
    if scores.shape != (rows,) or not ((scores >= 0) & (scores <= 1)).all():
        raise SystemExit(f"{series.name}: one score in [0, 1] per row is needed")
    for cut in (int(share * rows) for share in CUTS if causal):
        early = np.asarray(detector(series.times[:cut].copy(), series.values[:cut].copy()), float)
        if early.shape != (cut,) or np.abs(early - scores[:cut]).max(initial=0.0) > 1e-6:
            raise SystemExit(f"{series.name}: not causal, scores before row {cut} change with the rows after it")
    return scores, spent


def difference_z(times: np.ndarray, x: np.ndarray, rows: int = 1000) -> np.ndarray:
    """A strong simple rival: the step since the last row in standard deviations of the last 1000 steps."""
    steps, at = np.r_[0.0, np.diff(x)], np.arange(len(x))
    first = np.maximum(0, at - rows)
    count = np.maximum(at - first, 1)
    total, squares = (np.r_[0.0, np.cumsum(steps**power)] for power in (1, 2))
    mean = (total[at] - total[first]) / count
    deviation = np.sqrt(np.maximum((squares[at] - squares[first]) / count - mean**2, 0))
    z = np.where(at < 30, 0.0, np.abs(steps - mean) / np.maximum(deviation, 1e-3 * np.abs(mean) + 1e-9))
    return z / (1 + z)
