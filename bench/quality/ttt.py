"""Scores estimators of the time to a limit: python -m bench.quality.ttt [forecasting.capacity:time_to_limit …] [--kinds]

An estimator is called with times (datetime64[s]), values, the limit and "up" or "down", and answers eta_seconds, lo, hi: seconds after the
last row, None = not within 7 days; lo and hi hold 80 %, hi None = open end.

The paths are half synthetic: real rates of NAB (server counters, tweets), half-hour means tiled to 60 days and summed up to a level that
crosses its limit after about 50 days: plain; clean-up (every midnight 30 % of the day's growth is released); regime (the rate triples
four days before the crossing); never (every midnight all growth is released, asked six times each). Asked 12, 24 and 72 h before the
crossing; every second path is turned upside down. In 25 %: |eta - true| within a quarter of the true time. False 72: "never" paths that
are said to cross within 72 h. The paths of every second series are half A, the others half B. A straight line through the last 6 hours,
as alerting rules draw it, runs beside.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from bench.quality.forecast import named
from bench.quality.series import half_hours, nab

Estimator = Callable[[np.ndarray, np.ndarray, float, str], dict[str, float | None]]
STEP, DAY, WEEK = 1800, 48, 7 * 86_400.0
DAYS, CROSSING = 60, 50
KINDS = ("plain", "clean-up", "regime", "never")
LINE = "straight line, 6 h"
HEAD = " " * 36 + "asked   in 25 %   missed   80 % holds   false 72   CPU ms"


class Path(NamedTuple):
    series: str
    kind: str
    level: np.ndarray
    crossing: int | None  # row


class Answer(NamedTuple):
    path: Path
    true: float | None  # seconds
    eta: float  # inf: none within a week
    inside: bool
    cpu: float


def rates() -> Iterator[tuple[str, np.ndarray]]:
    for group in ("realAWSCloudwatch", "realTweets"):
        for name, csv in nab(group).items():
            rate = np.maximum(half_hours(csv, None)[1], 0)
            if len(rate) >= 7 * DAY:
                yield name, np.resize(rate[: len(rate) // DAY * DAY], DAYS * DAY) + 0.02 * rate.mean()


def released(total: np.ndarray, rate: np.ndarray, share: float) -> np.ndarray:
    """Every midnight `share` of the day's growth is gone."""
    days = rate.reshape(-1, DAY).sum(axis=1)
    return total - share * np.repeat(np.cumsum(days) - days, DAY)


def paths() -> Iterator[Path]:
    rng, crossing = np.random.default_rng(0), CROSSING * DAY
    for name, rate in rates():
        for kind in KINDS:
            grown = rate.copy()
            if kind == "regime":
                grown[crossing - 4 * DAY :] *= 3
            total = released(np.cumsum(grown), grown, {"clean-up": 0.3, "never": 1.0}.get(kind, 0.0))
            start = 20 + 40 * rng.random()
            if kind == "never":
                yield Path(name, kind, start + (90 - start) * total / total.max() * 0.9, None)
            else:
                level = start + (100 - start) * total / total[crossing]
                yield Path(name, kind, level, int(np.argmax(level >= 100)))


def straight_line(times: np.ndarray, y: np.ndarray, limit: float, direction: str) -> dict[str, float | None]:
    recent = y[-6 * 3600 // STEP :]
    slope = float(np.polyfit(np.arange(len(recent)), recent, 1)[0])
    away = (limit - recent[-1]) / slope if abs(slope) > 1e-12 else -1.0
    return {"eta_seconds": away * STEP if away > 0 else None, "lo": None, "hi": None}


def ask(estimator: Estimator, path: Path, known: int, down: bool) -> Answer:
    times = np.datetime64("2024-01-01T00:00:00", "s") + STEP * np.arange(known).astype("timedelta64[s]")
    level = path.level[:known].copy()
    begun = time.process_time()
    told = estimator(times, 100 - level, 0.0, "down") if down else estimator(times, level, 100.0, "up")
    cpu = time.process_time() - begun
    eta, lo, hi = told["eta_seconds"], told["lo"], told["hi"]
    true = None if path.crossing is None else (path.crossing - known + 1) * STEP
    given = lo is not None or hi is not None
    inside = true is not None and given and (lo or 0.0) <= true <= (np.inf if hi is None else hi)
    return Answer(path, true, float(eta) if eta is not None and eta <= WEEK else np.inf, inside, cpu)


def score(estimator: Estimator, share: float = 1.0) -> list[Answer]:
    """share: of the paths."""
    rng, answers = np.random.default_rng(1), []
    every = list(paths())
    for number, path in enumerate(every[: max(8, round(share * len(every)))]):
        known = rng.integers(20 * DAY, 55 * DAY, 6) if path.crossing is None else path.crossing - np.array([24, 48, 144])
        answers += [ask(estimator, path, int(rows), number % 2 == 1) for rows in known]
    return answers


def half(answers: list[Answer], which: int) -> list[Answer]:
    """0: paths of the first, third, … series; 1: of the others."""
    names = list(dict.fromkeys(each.path.series for each in answers))[which::2]
    return [each for each in answers if each.path.series in names]


def figures(answers: list[Answer]) -> dict[str, float]:
    filling = [each for each in answers if each.true is not None]
    never = [each for each in answers if each.true is None]
    return {
        "asked": len(filling),
        "near": float(np.mean([abs(each.eta - each.true) <= 0.25 * each.true for each in filling])) if filling else np.nan,
        "missed": float(np.mean([np.isinf(each.eta) for each in filling])) if filling else np.nan,
        "holds": float(np.mean([each.inside for each in filling])) if filling else np.nan,
        "false": float(np.mean([each.eta <= 72 * 3600 for each in never])) if never else np.nan,
        "cpu": 1e3 * float(np.mean([each.cpu for each in answers])),
    }


def line(label: str, answers: list[Answer]) -> str:
    f = figures(answers)
    return f"{label:34s} {f['asked']:6.0f} {f['near']:9.2f} {f['missed']:8.2f} {f['holds']:12.2f} {f['false']:10.3f} {f['cpu']:8.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("estimators", nargs="*", default=["forecasting.capacity:time_to_limit"], help="module:function")
    parser.add_argument("--kinds", action="store_true", help="also by kind of path and by time ahead")
    asked = parser.parse_args()
    estimators: dict[str, Any] = {path: named(path) for path in asked.estimators} | {LINE: straight_line}
    print(HEAD)
    for label, estimator in estimators.items():
        answers = score(estimator)
        print(line(label, answers))
        parts = {"  half A": half(answers, 0), "  half B": half(answers, 1)}
        if asked.kinds:
            parts |= {f"  {kind}": [each for each in answers if each.path.kind == kind] for kind in KINDS}
            parts |= {f"  {h} h ahead": [a for a in answers if a.true and round(a.true / 43_200) * 12 == h] for h in (12, 24, 72)}
        for name, part in parts.items():
            print(line(name, part), flush=True)


if __name__ == "__main__":
    main()
