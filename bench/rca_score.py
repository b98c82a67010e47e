"""Scores of a ranking over simulated incidents. `python -m bench.rca_score [incidents]` prints them by fault, sampling, names and more."""

import sys
import time
from collections import defaultdict

from bench import rca_baselines
from bench.rca_cases import Incident, incident
from genai.rca import rank_causes

FIRST_SEED = 1_000_000  # tuning takes its own from 0 on


def answer(case: Incident) -> tuple[list[object], float]:
    begun = time.process_time()
    found = rank_causes(case.graph, case.series, case.window)
    return [hypothesis.component for hypothesis in found], time.process_time() - begun


def place(culprit: object, names: list[object]) -> int:
    """1 for the first; 0 where it is not named."""
    return names.index(culprit) + 1 if culprit in names else 0


def share(places: list[int], within: int) -> float:
    return sum(0 < found <= within for found in places) / max(1, len(places))


def incidents(count: int, held: bool, first: int = FIRST_SEED):
    return (incident(first + number, held) for number in range(count))


def score(count: int, held: bool, first: int = FIRST_SEED) -> dict[str, object]:
    """Places by fact, CPU seconds of each, silence of as many calm times, places of the baselines."""
    by, seconds, plain = defaultdict(list), [], {"biggest": [], "deepest": []}
    for case in incidents(count, held, first):
        names, spent = answer(case)
        found = place(case.culprit, names)
        seconds.append(spent)
        for fact, value in {"all": "", **case.facts}.items():
            by[f"{fact} {value}".strip()].append(found)
        read = rca_baselines.read(case)
        for name, ranking in (("biggest", rca_baselines.biggest), ("deepest", rca_baselines.deepest)):
            plain[name].append(place(case.culprit, ranking(*read)))
    silent = [not answer(incident(first + number, held, calm=True))[0] for number in range(count)]
    return {"by": by, "seconds": seconds, "silent": sum(silent) / max(1, len(silent)), "plain": plain}


def show(title: str, found: dict) -> None:
    print(f"\n{title}: silent on calm {found['silent']:.3f}; {1000 * sum(found['seconds']) / len(found['seconds']):.1f} CPU-ms a case")
    for name, places in [
        *found["plain"].items(),
        *sorted((name, places) for name, places in found["by"].items() if not name.startswith("size")),
    ]:
        missed = sum(not found for found in places) / len(places)
        print(f"  {name:28s} n {len(places):4d}  top-1 {share(places, 1):.3f}  top-3 {share(places, 3):.3f}  not named {missed:.3f}")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    for held in (False, True):
        show("never tuned on" if held else "tuned kinds, other seeds", score(count, held))
