"""Time to a limit on 78 filling paths and 26 that never fill, built from real rates of NAB, asked 12, 24 and 72 h ahead; half of them
upside down. Halves A and B are the paths of every second series. By kind of path and time ahead: `python -m bench.quality.ttt --kinds`.
What-if is the question of a page's slider, asked of 14 days of half hours and of single minutes.
"""

import time

import numpy as np

from bench.quality import ttt
from bench.row import Row
from forecasting.capacity import time_to_limit, what_if

NEAR, FALSE = 0.65, 0.05
HOLDS = (0.70, 0.90)


def run(scale: float) -> list[Row]:
    answers = ttt.score(time_to_limit, scale)
    line = ttt.figures(ttt.score(ttt.straight_line, scale))
    whole, halves = ttt.figures(answers), [ttt.figures(ttt.half(answers, which)) for which in (0, 1)]

    def both(figure: str) -> str:
        return f"A {halves[0][figure]:.3f}, B {halves[1][figure]:.3f}; a straight line over 6 h: {line[figure]:.3f}"

    held = whole["holds"]
    return [
        Row("answers more than 25 % off", "-", 1 - whole["near"], "", 1 - NEAR, f"{whole['near']:.3f} are near: {both('near')}"),
        Row('false "full in 72 h"', "-", whole["false"], "", FALSE, both("false")),
        Row(
            "80 % interval, off what is asked", "-", max(0.0, HOLDS[0] - held, held - HOLDS[1]), "", 0.0,
            f"holds {held:.3f}; asked for {HOLDS[0]:g} to {HOLDS[1]:g}; A {halves[0]['holds']:.3f}, B {halves[1]['holds']:.3f}",
        ),
        Row("crossings missed", "-", whole["missed"], "", None, both("missed")),
        Row("one question", "-", whole["cpu"], "CPU-ms", None, "60 days of half hours"),
        *[slider(step) for step in (1800, 60)],
    ]  # fmt: skip


def slider(step: int) -> Row:
    rows = 14 * 86_400 // step
    times = np.datetime64("2026-01-05T00:00:00", "s") + np.arange(rows) * np.timedelta64(step, "s")
    level = 40 + np.cumsum(np.maximum(np.random.default_rng(0).normal(3.0, 2.0, rows), 0)) * step / 86_400
    what_if(times, level, 95.0, load=1.1)
    begun = time.process_time()
    for load in np.linspace(1.0, 2.0, 20):
        what_if(times, level, 95.0, load=float(load))
    return Row(
        f"what-if, steps of {step // 60} min",
        "-",
        (time.process_time() - begun) / 20 * 1000,
        "CPU-ms",
        10.0,
        "before and after in one call",
    )
