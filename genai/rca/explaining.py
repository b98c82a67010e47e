"""A hypothesis in words and figures: facts of the series only."""

from typing import Any

import numpy as np

from genai.rca.hypothesis import Hypothesis
from genai.rca.meaning import NAMES
from genai.rca.observing import Seen, Signs
from genai.rca.reading import Case, Floats, Ints
from genai.rca.spreading import path
from genai.rca.weighing import Weighed

MOST_EVIDENCE = 6
CLEARLY = 0.5  # sure enough to be named


def explain(case: Case, signs: Signs, seen: Seen, weighed: Weighed, chosen: list[int], shares: Floats) -> list[Hypothesis]:
    return [hypothesis(case, signs, seen, weighed, place, float(share)) for place, share in zip(chosen, shares, strict=True)]


def hypothesis(case: Case, signs: Signs, seen: Seen, weighed: Weighed, place: int, share: float) -> Hypothesis:
    node = int(weighed.component[place])
    way = way_to_alert(case, weighed, node)
    rows = telling(signs, node)
    lead = rows[0] if len(rows) else None
    facts = [fact(case, signs, row) for row in [*rows[:MOST_EVIDENCE], *along(signs, way[1:])]]
    return Hypothesis(
        component=case.components[node],
        score=round(share, 4),
        metric="" if lead is None else signs.metric[lead],
        onset=None if lead is None or not np.isfinite(signs.onset[lead]) else round(float(signs.onset[lead]), 3),
        reason=reason(case, signs, seen, lead, way, place >= weighed.nodes),
        evidence=facts,
        path=[case.components[step] for step in way],
    )


def telling(signs: Signs, node: int) -> Ints:
    """The component's series that left their past, the clearest first."""
    rows = np.flatnonzero((signs.component == node) & (signs.sure >= CLEARLY))
    return rows[np.argsort(-signs.spreads[rows], kind="stable")]


def way_to_alert(case: Case, weighed: Weighed, node: int) -> list[int]:
    if case.alerting is None or case.alerting == node:
        return [node]
    return path(case.edges, weighed.upward[case.alerting], node, case.alerting)


def along(signs: Signs, way: list[int]) -> list[int]:
    """The clearest series of each component on the way."""
    return [int(rows[0]) for step in way[-MOST_EVIDENCE:] if len(rows := telling(signs, step))]


def fact(case: Case, signs: Signs, row: int) -> dict[str, Any]:
    onset = float(signs.onset[row])
    usual, change = float(signs.usual[row]), float(signs.change[row]) * (1 if signs.rises[row] else -1)
    return {
        "component": case.components[int(signs.component[row])],
        "metric": signs.metric[row],
        "kind": NAMES[int(signs.kind[row])],
        "usual": usual,
        "reached": usual + change,
        "spreads": round(float(signs.spreads[row]), 1),
        "onset": round(onset, 3) if np.isfinite(onset) else None,
    }


def reason(case: Case, signs: Signs, seen: Seen, lead: int | None, way: list[int], load: bool) -> str:
    name = case.components[way[0]]
    if lead is None:
        return (
            f"{name} reports nothing itself, but what its callers show has it in common."
            if len(way) > 1
            else f"{name} reports nothing itself."
        )
    change = f"{signs.metric[lead]} of {name} {'rose' if signs.rises[lead] else 'fell'} {signs.spreads[lead]:.0f} times its usual spread"
    if load:
        return f"{change}: its load changed first, and what it calls feels it."
    if len(way) > 1:
        return f"{change}, and {' → '.join(str(case.components[step]) for step in way)} carries it to the alerting component."
    return f"{change}" + (", at the alerting component itself." if case.alerting == way[0] else ".")
