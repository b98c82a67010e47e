"""Forecasts 48 steps ahead on 36 hourly series of M4 and 18 NAB series at half hours, one shipped configuration; Prophet with default
settings and the same time yesterday in the same run. MASE is the mean over the series; halves A and B are every second series. Each
series and all measures: `python -m bench.quality.forecast`. The fleet: a day's forecasts of 60-day-old hourly series through the child
process, one blend and 23 refits, CPU of both processes.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from bench import cpu
from bench.quality import forecast as quality
from bench.quality.series import SETS
from bench.row import Row
from forecasting import fit_process, predict

BLEND, NUMPY = "blend", "numpy level"
CPU = {BLEND: 0.5, NUMPY: 0.02}
COVERAGE = {"80": (0.75, 0.88), "95": (0.90, 0.98)}
RATIO = 0.70  # of Prophet's MASE
FLEET, HOUR = 5_000, 3600.0


def run(scale: float) -> list[Row]:
    quality.quiet()
    forecasters: dict[str, quality.Forecaster] = {
        BLEND: predict.forecast,
        NUMPY: partial(predict.forecast, level="numpy"),
        quality.NAIVE: quality.same_time_yesterday,
        quality.PROPHET: quality.prophet_default,
    }
    rows: list[Row] = []
    for kind in SETS:
        told = quality.score(forecasters, kind, scale)
        for label in (BLEND, NUMPY):
            rows += accuracy(f"{kind}, {label}", told[label], told[quality.PROPHET], told[quality.NAIVE])
            rows.append(
                Row(f"{kind}, {label}: a series", "-", quality.mean(told[label], "cpu"), "CPU-s", CPU[label], "backtest, fit, intervals")
            )
        rows.append(
            Row(f"{kind}, Prophet: a series", "-", quality.mean(told[quality.PROPHET], "cpu"), "CPU-s", None, "fit and answer alone")
        )
    return rows + fleet(max(2, round(20 * scale)))


def accuracy(name: str, mine: dict[str, quality.Score], prophet: dict[str, quality.Score], naive: dict[str, quality.Score]) -> list[Row]:
    mase, theirs = quality.mean(mine, "mase"), quality.mean(prophet, "mase")
    halves = [quality.mean(quality.half(mine, w), "mase") / quality.mean(quality.half(prophet, w), "mase") for w in (0, 1)]
    note = f"MASE {mase:.3f} against {theirs:.3f}, halves A {halves[0]:.2f} and B {halves[1]:.2f}"
    rows = [
        Row(f"{name}: error against Prophet's", "-", mase / theirs, "x", RATIO, note),
        Row(f"{name}: error against the same time yesterday", "-", mase / quality.mean(naive, "mase"), "x", 1.0, median(mine, naive)),
    ]
    for level, (low, high) in COVERAGE.items():
        held = quality.mean(mine, f"cov{level}")
        note = f"holds {held:.3f}; asked for {low:g} to {high:g}"
        rows.append(Row(f"{name}: {level} % interval, off what is asked", "-", max(0.0, low - held, held - high), "", 0.0, note))
    return rows


def median(mine: dict[str, quality.Score], naive: dict[str, quality.Score]) -> str:
    better = np.mean([mine[name].mase < naive[name].mase for name in mine])
    return f"median MASE {np.median([each.mase for each in mine.values()]):.3f}; better on {better:.0%} of the series"


def fleet(series: int) -> list[Row]:
    """The same child as in the product, so that frames and packing count."""
    hours = np.arange(60 * 24)
    times = np.datetime64("2026-01-05T00:00:00", "s") + hours * np.timedelta64(3600, "s")
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 2, (series, len(hours))) + np.cumsum(rng.normal(0, 0.2, (series, len(hours))), axis=1)
    made = list(50 + 10 * np.sin(hours * np.pi / 12) + noise)
    rows = []
    for label, level in ((BLEND, "full"), (NUMPY, "numpy")):
        kept = fit_process.blend(times, made[0], 48, level=level)  # pays for the child's imports
        fit_process.refit(times, made[0], 48, kept)
        child = fit_process.SHARED.child
        assert child is not None
        clock = cpu.Clock([child.pid])
        blends: list[predict.Blended] = []
        fresh = clock.measure(lambda lv=level, b=blends: b.extend(fit_process.blend(times, each, 48, level=lv) for each in made)) / series
        again = clock.measure(refits(times, made, blends)) / series
        hour = (fresh + 23 * again) / 24
        note = f"blend {fresh:.3f}, refit {again:.3f} CPU-s; {FLEET:,} series are {hour * FLEET / 60:.0f} CPU-min"
        rows.append(Row(f"fleet, {label}: an hourly forecast of a series", "-", hour, "CPU-s", HOUR / FLEET, note))
        if label == BLEND:
            rows.append(Row(f"fleet, {label}: all weighed anew each hour", "-", fresh, "CPU-s", HOUR / FLEET, "no refits"))
    fit_process.SHARED.close()
    return rows


def refits(times: np.ndarray, made: list[np.ndarray], blends: list[predict.Blended]) -> Callable[[], object]:
    return lambda: [fit_process.refit(times, each, 48, kept) for each, kept in zip(made, blends, strict=True)]
