"""Anomalies: one shipped configuration for all series, causality checked on prefixes of each. NAB judges the alarms, 58 files and 116
windows at the one threshold that is best for all, as published figures do (Numenta HTM 70.1 / 63.2 / 74.3, ARTime 74.9 / 65.1 / 80.4),
and once at the shipped 0.5. The cloud set judges the graded score (VUS-PR) and the alarms; the rival is the z score of the step since
the last row, over 1000 rows, in the same run. Channels and weights were chosen by hand on these series: halves A and B (every
second file) and what each reaches at the threshold that was best on the other say how much of a figure is luck. How the figures are
computed: `bench/quality/nab.py`, `bench/quality/tsad.py`; data: `bench/data/README.md`. A tick is unpack, one sample of each of 20,000
series, pack, in shards of 300; 5-minute rows.
"""

import time

import numpy as np

from bench.quality import nab, tsad
from bench.quality.labelled import mscloud
from bench.row import Row
from forecasting import stream

SERIES, SHARD, STEP, TICKS = 20_000, 300, 300, 5
SCORE, ALARM, SHIPPED = "forecasting.detect:score", "forecasting.detect:alarm", 0.5


def run(scale: float) -> list[Row]:
    return [*_nab(), *_cloud(), *_tick(scale)]


def _nab() -> list[Row]:
    best, fixed = nab.score(ALARM), nab.score(ALARM, SHIPPED, causal=False)
    rival = nab.score(tsad.DIFFERENCE_Z, causal=False)
    halves, carried = ("{:.1f} / {:.1f}".format(*pair) for pair in (best.halves, best.carried))
    notes = (
        f"threshold {best.threshold:.3f}; halves {halves}, carried {carried}",
        "false alarms cost double",
        "missed windows cost double",
    )
    rows = [
        Row(f"NAB, {profile.name}", "58 files", reached, "of 100", least, note, least=True)
        for profile, reached, least, note in zip(nab.PROFILES, best.scores, (70.0, 62.0, 75.0), notes, strict=True)
    ]
    rows.append(Row("NAB, standard, at the shipped 0.5", "58 files", fixed.scores[0], "of 100", None, _slashed(fixed.scores[1:])))
    rows.append(Row("NAB, standard, difference z", "58 files", rival.scores[0], "of 100", None, "the rival"))
    speed = best.points_per_cpu_second / 1000
    return [*rows, Row("NAB, speed in batch", "58 files", speed, "k points/CPU-s", 500.0, "", least=True)]


def _slashed(scores: tuple[float, ...]) -> str:
    return "low FP / low FN " + " / ".join(f"{score:.1f}" for score in scores)


def _cloud() -> list[Row]:
    ours, rival = (tsad.score(*names, mscloud(), causal) for names, causal in (((SCORE, ALARM), True), ((tsad.DIFFERENCE_Z,) * 2, False)))
    rows = [
        Row("cloud, VUS-PR", "42 series", ours.whole.vus_pr, "", 0.62, _halves(ours, "vus_pr"), least=True),
        Row("cloud, VUS-PR against difference z", "42 series", ours.whole.vus_pr / rival.whole.vus_pr, "x", 1.12, "", least=True),
        Row("cloud, event F1", "42 series", ours.whole.own, "", 0.64, _halves(ours, "own"), least=True),
        Row("cloud, recall at 1 false alarm a day", "42 series", ours.whole.recall, "", 0.70, _halves(ours, "recall"), least=True),
        Row("cloud, event F1, one threshold", "42 series", ours.whole.one, "", rival.whole.one, "limit: difference z", least=True),
    ]
    return [*rows, Row("cloud, speed in batch", "60 series", ours.points_per_cpu_second / 1000, "k points/CPU-s", 500.0, "", least=True)]


def _halves(result: tsad.Result, figure: str) -> str:
    return "halves " + " / ".join(f"{getattr(half, figure):.3f}" for half in result.halves)


def _tick(scale: float) -> list[Row]:
    """After a day of rows, so that every slot is being learned."""
    shards, rng = max(1, round(SERIES * scale / SHARD)), np.random.default_rng(1)
    state = stream.fresh(SHARD, STEP)
    for row in range(300):
        stream.advance(state, row * STEP * 1000, rng.normal(size=SHARD))
    blob, spent = stream.pack(state), []
    for tick in range(TICKS):
        began = time.process_time()
        for _ in range(shards):
            shard = stream.unpack(blob)
            stream.advance(shard, (300 + tick) * STEP * 1000, rng.normal(size=SHARD))
            stream.pack(shard)
        spent.append(time.process_time() - began)
    per_tick = float(np.median(spent)) * SERIES / (shards * SHARD)
    return [
        Row("a tick of 20,000 series", "numpy", per_tick, "CPU-s", 3.0, "unpack, judge one sample each, pack; without the store"),
        Row("state of a series", "numpy", len(blob) / SHARD, "B", 2048.0, "packed, rows of 5 minutes or finer: the largest"),
    ]
