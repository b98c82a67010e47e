"""Root causes on simulated call-graph incidents (bench/rca_cases.py): 5 to 60 components, fan-out, shared databases, hosts; samples from
10 s to 5 min apart. Kinds of graph, of fault and of metric names are split in two: weights were fitted on the first, the second was never
tuned on; neither are the seeds measured here. By fault, sampling and names: `python -m bench.rca_score`. Baselines: the component that
left its past the most, and the deepest departing callee on the way down from the alerting one.
"""

import time

import numpy as np

from bench import rca_score
from bench.row import Row
from genai.rca import rank_causes

FIRST, FIRST_THREE, SILENT, MILLISECONDS, LARGE = 0.70, 0.90, 0.85, 50.0, 3.0
INCIDENTS = 250


def run(scale: float) -> list[Row]:
    rows = []
    for held in (False, True):
        on = "other graphs, faults and names" if held else "kinds tuned on, other seeds"
        rows += quality(on, rca_score.score(max(20, int(INCIDENTS * scale)), held))
    return [*rows, large(max(20, int(500 * scale)), 20)]


def quality(on: str, found: dict) -> list[Row]:
    places, plain = found["by"]["all"], found["plain"]

    def beside(within: int) -> str:
        return ", ".join(f"{name}: {rca_score.share(others, within):.3f}" for name, others in plain.items())

    return [
        Row(f"top-1, {on}", "-", rca_score.share(places, 1), "", FIRST, beside(1), least=True),
        Row(f"top-3, {on}", "-", rca_score.share(places, 3), "", FIRST_THREE, beside(3), least=True),
        Row(f"silent on calm times, {on}", "-", found["silent"], "", SILENT, "", least=True),
        Row(f"one case, {on}", "-", 1000 * float(np.mean(found["seconds"])), "CPU-ms", MILLISECONDS, f"of {len(places)}"),
    ]


def large(resources: int, metrics: int) -> Row:
    """Two hours in steps of 30 s after two hours of past."""
    rng = np.random.default_rng(7)
    times = 1_750_000_000 + np.arange(480) * 30.0
    graph = {f"r{number}": [f"r{below}" for below in rng.integers(number + 1, resources + 1, 3)] for number in range(resources)}
    series = {(f"r{number}", f"metric_{kind}"): (times, rng.normal(50, 5, 480)) for number in range(resources) for kind in range(metrics)}
    for number in (0, resources // 2):
        series[f"r{number}", "metric_3"][1][300:] += 100
    begun = time.process_time()
    rank_causes(graph, series, (times[240], times[-1], "r0"))
    return Row(f"{resources} resources, {len(series):,} series, 2 h", "-", time.process_time() - begun, "CPU-s", LARGE, "two hours of past")
