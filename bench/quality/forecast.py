"""Scores forecasters 48 steps ahead: python -m bench.quality.forecast [forecasting.predict:forecast …] [--no-prophet] [--each]

A forecaster is called with times (datetime64[s]), values and the horizon, and answers mean, lo80, hi80, lo95, hi95. It sees the history
only: the last 48 rows of a series are the test. MASE = mean |error| / mean |y[t] - y[t - day]| of the history. sMAPE in percent.
Coverage is the share of test rows inside the 80 % and the 95 % interval; MSIS the width of the 95 % interval plus 40 x what falls
outside, in units of MASE. CPU seconds per series are fit and answer, after one call that pays for imports. The same time yesterday and
Prophet with its default settings run beside. Every second series is half A, the others half B: one configuration must hold on both.
"""

import argparse
import importlib
import logging
import os
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from bench.quality.series import HORIZON, SETS, Series

Forecaster = Callable[[np.ndarray, np.ndarray, int], dict[str, np.ndarray]]
KEYS = ("mean", "lo80", "hi80", "lo95", "hi95")
HEAD = " " * 36 + "MASE  median  half A  half B   sMAPE   cov80   cov95    MSIS   CPU s   x naive x Prophet"
DIGITS = {"smape": 1, "cov80": 2, "cov95": 2, "msis": 1, "cpu": 3}
NAIVE, PROPHET = "same time yesterday", "Prophet"


class Score(NamedTuple):
    mase: float
    smape: float
    cov80: float
    cov95: float
    msis: float
    cpu: float


def same_time_yesterday(times: np.ndarray, y: np.ndarray, horizon: int) -> dict[str, np.ndarray]:
    day = round(86_400 / float(np.median(np.diff(times).astype(float))))
    mean = np.resize(y[-day:], horizon)
    sigma = np.sqrt(np.mean((y[day:] - y[:-day]) ** 2)) * np.sqrt(np.arange(horizon) // day + 1)
    near, far = 1.2816 * sigma, 1.96 * sigma
    return {"mean": mean, "lo80": mean - near, "hi80": mean + near, "lo95": mean - far, "hi95": mean + far}


def prophet_default(times: np.ndarray, y: np.ndarray, horizon: int) -> dict[str, np.ndarray]:
    import pandas
    from prophet import Prophet

    model = Prophet()
    model.fit(pandas.DataFrame({"ds": times.astype("datetime64[ns]"), "y": y}))
    step = np.median(np.diff(times).astype(np.int64)).astype("timedelta64[s]")
    future = pandas.DataFrame({"ds": (times[-1] + step * np.arange(1, horizon + 1)).astype("datetime64[ns]")})
    quantiles = np.nanpercentile(model.predictive_samples(future)["yhat"], [10, 90, 2.5, 97.5], axis=1)
    return dict(zip(KEYS, (model.predict(future)["yhat"].to_numpy(), *quantiles), strict=True))


def named(path: str) -> Forecaster:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def judge(forecast: dict[str, np.ndarray], series: Series, cpu: float) -> Score:
    told = {key: np.asarray(forecast[key], float) for key in KEYS}
    assert all(each.shape == (HORIZON,) and np.isfinite(each).all() for each in told.values()), series.name
    past, came = series.values[:-HORIZON], series.values[-HORIZON:]
    unit = np.mean(np.abs(past[series.day :] - past[: -series.day])) + 1e-12
    error = np.abs(came - told["mean"])
    beyond = np.maximum(told["lo95"] - came, 0) + np.maximum(came - told["hi95"], 0)
    return Score(
        mase=error.mean() / unit,
        smape=200 * np.mean(error / np.maximum(np.abs(came) + np.abs(told["mean"]), 1e-12)),
        cov80=np.mean((came >= told["lo80"]) & (came <= told["hi80"])),
        cov95=np.mean((came >= told["lo95"]) & (came <= told["hi95"])),
        msis=np.mean(told["hi95"] - told["lo95"] + 40 * beyond) / unit,
        cpu=cpu,
    )


def cpu_of(work: Callable[[], dict[str, np.ndarray]]) -> tuple[dict[str, np.ndarray], float]:
    """What it answers and its CPU seconds, those of ended children (cmdstan) included."""
    before = sum(os.times()[:4])
    told = work()
    return told, sum(os.times()[:4]) - before


def warm_up(forecaster: Forecaster) -> None:
    hours = np.arange(720)
    times = np.datetime64("2020-01-06T00:00:00", "s") + hours * np.timedelta64(3600, "s")
    forecaster(times, 10 + np.sin(hours * 2 * np.pi / 24) + np.random.default_rng(0).normal(0, 0.1, 720), HORIZON)


def score(forecasters: dict[str, Forecaster], kind: str, share: float = 1.0) -> dict[str, dict[str, Score]]:
    """Of each forecaster each series of a set. share: of the series."""
    every = list(SETS[kind]())
    told: dict[str, dict[str, Score]] = {}
    for label, forecaster in forecasters.items():
        warm_up(forecaster)
        told[label] = {}
        for series in every[: max(2, round(share * len(every)))]:
            seen = series.times[:-HORIZON].copy(), series.values[:-HORIZON].copy(), HORIZON
            answer, cpu = cpu_of(lambda f=forecaster, s=seen: f(*s))
            told[label][series.name] = judge(answer, series, cpu)
    return told


def mean(scores: dict[str, Score], field: str) -> float:
    return float(np.mean([getattr(each, field) for each in scores.values()]))


def half(scores: dict[str, Score], which: int) -> dict[str, Score]:
    """0: the first, third, … series; 1: the others."""
    return dict(list(scores.items())[which::2])


def quiet() -> None:
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")


def lines(kind: str, told: dict[str, dict[str, Score]]) -> list[str]:
    out = [f"== {kind}, {len(next(iter(told.values())))} series", HEAD]
    for label, scores in told.items():
        mase = [
            mean(scores, "mase"),
            float(np.median([each.mase for each in scores.values()])),
            *(mean(half(scores, w), "mase") for w in (0, 1)),
        ]
        rest = [
            f"{mean(scores, field):7.{digits}f}" for field, digits in (("smape", 1), ("cov80", 2), ("cov95", 2), ("msis", 1), ("cpu", 3))
        ]
        against = [f"{mase[0] / mean(told[rival], 'mase'):9.3f}" for rival in (NAIVE, PROPHET) if rival in told]
        out.append(f"{label:32s} {' '.join([*(f'{each:7.3f}' for each in mase), *rest, *against])}")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("forecasters", nargs="*", default=["forecasting.predict:forecast"], help="module:function")
    parser.add_argument("--no-prophet", action="store_true")
    parser.add_argument("--each", action="store_true", help="also each series")
    asked = parser.parse_args()
    quiet()
    forecasters = {path: named(path) for path in asked.forecasters} | {NAIVE: same_time_yesterday}
    if not asked.no_prophet:
        forecasters[PROPHET] = prophet_default
    begun = time.monotonic()
    for kind in SETS:
        told = score(forecasters, kind)
        if asked.each:
            for name in next(iter(told.values())):
                print(f"    {name:42s} MASE " + "  ".join(f"{scores[name].mase:.3f}" for scores in told.values()))
        print("\n".join(lines(kind, told)), flush=True)
    print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
