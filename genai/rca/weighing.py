"""What speaks for each component being the root cause: a row of figures for each, in three roles.

A fault: its own trouble spreads to its callers. A load: more (or fewer) calls came to it than before, and its callees feel them too.
The figures are log odds where a model of spreading gives them, else shares; WEIGHTS add them up.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genai.rca.meaning import ERRORS, LATENCY, OTHER
from genai.rca.observing import Seen, Signs
from genai.rca.reading import Case, Floats, Ints
from genai.rca.spreading import deepest_first, reach

BY_CHANCE = 0.06  # a component shows symptoms that have nothing to do with the incident
AT_ROOT, AT_CALLER = 0.9, 0.65
OWN_AT_ROOT, OWN_BY_CHANCE = 0.5, 0.1
LOAD_BY_CHANCE, LOAD_BELOW = 0.06, 0.85
DROP_COSTS = 2.0  # log odds: what fails also loses calls
NO_LOAD = -50.0  # log odds where the load is as it was
SPREAD_AT_MOST, LOAD_AT_MOST = 15.0, 12.0  # log odds: more components that show the same are not more evidence
ALERT_COUNTS = 2.0  # times, what is seen at the alerting component
FEATURES = ("spread", "unexplained", "size", "late", "own", "reach", "unseen", "pushed", "pushes", "load", "is_load", "entry", "stranger")


class Weighed(NamedTuple):
    figures: Floats  # [candidate, feature]
    component: Ints  # of each candidate
    nodes: int  # candidates from this place on are in the role of a load
    spread: Floats  # log odds of what is seen, against chance: absolute, comparable between cases
    upward: Floats  # [to, from] reach of symptoms


def weigh(case: Case, signs: Signs, seen: Seen) -> Weighed:
    nodes = len(case.components)
    edges = deepest_first(case.edges, nodes)
    state = np.maximum(seen.symptom, np.where(seen.has_symptom, 0.0, seen.own))
    observed = seen.has_symptom | seen.has_own
    upward = reach(edges, nodes, np.where(observed, 0.3 + 0.7 * state, 0.8))
    shares = explained(signs, edges, state, observed, nodes)
    sizes, stranger = sizes_of(signs, nodes), -((~case.in_graph) * float(case.in_graph.any()))
    entry = 1.0 - np.isin(np.arange(nodes), edges[:, 1])
    loads, downward = load_roots(edges, seen, upward, state, observed, case.alerting)
    load_odds = np.clip(loads, -LOAD_AT_MOST, LOAD_AT_MOST)
    fault = {
        "spread": np.minimum(spreading(state, observed, upward, case.alerting), SPREAD_AT_MOST),
        "unexplained": np.where(observed, np.log(1 - 0.9 * shares), 0.0),
        "size": np.where(seen.has_symptom, sizes, state),  # what only tells of itself, a host say, by that
        "late": -lateness(case, seen.onset, upward),
        "own": own_strain(seen),
        "reach": arrival(upward, case.alerting, nodes),
        "unseen": np.where(observed, 0.0, felt_above(edges, state * (1 - shares), nodes)),
        "pushed": -seen.surge * (downward * (entry * np.maximum(load_odds, 0) / LOAD_AT_MOST) * (1 - np.eye(nodes))).max(axis=1),
        "pushes": pushes(edges, seen, nodes),
        "stranger": stranger,
    }
    load = {
        "size": sizes,
        "late": -lateness(case, seen.load_onset, np.ones_like(upward)),
        "load": load_odds,
        "is_load": np.ones(nodes),
        "entry": entry,
        "stranger": stranger,
    }
    odds_of_each = np.concatenate([fault["spread"] + np.maximum(fault["own"], 0), loads])
    figures = np.vstack([table(fault, nodes), table(load, nodes)])
    able = np.flatnonzero(np.concatenate([np.ones(nodes), loads > NO_LOAD]))
    return Weighed(figures[able], np.tile(np.arange(nodes), 2)[able], nodes, odds_of_each[able], upward)


def table(figures: Mapping[str, NDArray[Any]], nodes: int) -> Floats:
    return np.column_stack([figures.get(name, np.zeros(nodes)) for name in FEATURES])


def felt_above(edges: Ints, state: Floats, nodes: int) -> Floats:
    """The most that a caller of each component shows."""
    found = np.zeros(nodes)
    if len(edges):
        np.maximum.at(found, edges[:, 1], state[edges[:, 0]])
    return found


def pushes(edges: Ints, seen: Seen, nodes: int) -> Floats:
    """Of each component: whether a callee's load rose though none of the callee's callers' did."""
    comes, found = np.zeros(nodes), np.zeros(nodes)
    if len(edges):
        np.maximum.at(comes, edges[:, 1], seen.surge[edges[:, 0]])
        np.maximum.at(found, edges[:, 0], (seen.surge * (1 - comes))[edges[:, 1]])
    return found


def odds(sure: Floats, expected: Floats, by_chance: float) -> Floats:
    """Log odds of what is seen where it is expected with that probability, against chance."""
    sure = np.clip(sure, 0.02, 0.98)
    found: Floats = np.log((expected * sure + (1 - expected) * (1 - sure)) / (by_chance * sure + (1 - by_chance) * (1 - sure)))
    return found


def spreading(state: Floats, observed: NDArray[np.bool_], upward: Floats, alerting: int | None) -> Floats:
    expected = BY_CHANCE + (AT_CALLER - BY_CHANCE) * upward
    np.fill_diagonal(expected, AT_ROOT)
    counts = observed.astype(float)
    if alerting is not None:
        counts[alerting] *= ALERT_COUNTS
    found: Floats = counts @ odds(state[:, None], expected, BY_CHANCE)
    return found


def own_strain(seen: Seen) -> Floats:
    """Strain that another load explains tells little."""
    sure = seen.own * (1 - 0.7 * seen.surge)
    found: Floats = np.where(seen.has_own & seen.has_symptom, odds(sure, np.full(len(sure), OWN_AT_ROOT), OWN_BY_CHANCE), 0.0)
    return found


def explained(signs: Signs, edges: Ints, state: Floats, observed: NDArray[np.bool_], nodes: int) -> Floats:
    """Share of each component's symptoms that its callees' account for: how the change of the same metric there compares."""
    total, weight = np.zeros(nodes), np.zeros(nodes)
    for _, rows in by_metric(signs):
        change, has = np.zeros(nodes), np.zeros(nodes, dtype=bool)
        np.maximum.at(change, signs.component[rows], signs.change[rows] * signs.sure[rows])
        has[signs.component[rows]] = True
        below, felt = np.zeros(nodes), np.zeros(nodes)
        for _ in range(3):  # through components that do not report
            if len(edges):
                np.maximum.at(below, edges[:, 0], np.where(has, change, below)[edges[:, 1]])
        if len(edges):
            np.maximum.at(felt, edges[:, 0], (0.6 * state * (observed & ~has))[edges[:, 1]])
        ratio = np.maximum(np.minimum(1.0, below / np.maximum(change, 1e-300)), felt)
        sure = np.zeros(nodes)
        np.maximum.at(sure, signs.component[rows], signs.sure[rows])
        total += np.where(has, sure**2 * ratio, 0.0)
        weight += np.where(has, sure**2, 0.0)
    shares: Floats = total / np.maximum(weight, 1e-9)
    return np.where(weight > 1e-4, shares, 0.0)


def by_metric(signs: Signs) -> list[tuple[str, Ints]]:
    """Rows of the series of each metric that callers feel."""
    groups: dict[str, list[int]] = {}
    for row in np.flatnonzero(np.isin(signs.kind, (LATENCY, ERRORS, OTHER))):
        groups.setdefault(signs.metric[row], []).append(int(row))
    return [(metric, np.array(rows)) for metric, rows in groups.items()]


def sizes_of(signs: Signs, nodes: int) -> Floats:
    """How large a component's change is beside the largest of the same metric: in times of the usual for slowness, as it is for errors."""
    found = np.zeros(nodes)
    for _, rows in by_metric(signs):
        change, usual = signs.change[rows], np.abs(signs.usual[rows])
        size = signs.sure[rows] * np.where(signs.kind[rows] == ERRORS, change, np.log1p(change / np.maximum(usual, 1e-12)))
        if size.max() > 0:
            np.maximum.at(found, signs.component[rows], signs.sure[rows] * size / size.max())
    return found


def lateness(case: Case, onset: Floats, upward: Floats) -> Floats:
    """How long after the first a component left its past, as a share of the window; a half where it did not."""
    length = max(case.window.end - case.window.start, 1e-9)
    concerned = onset if case.alerting is None else np.where(upward[case.alerting] > 0, onset, np.nan)
    if np.isnan(concerned).all():
        return np.full(len(onset), 0.5)
    return np.where(np.isfinite(onset), np.clip((onset - np.nanmin(concerned)) / length, 0.0, 0.5), 0.5)


def arrival(upward: Floats, alerting: int | None, nodes: int) -> Floats:
    return np.zeros(nodes) if alerting is None else np.log(np.maximum(upward[alerting], 0.02))


def load_roots(
    edges: Ints, seen: Seen, upward: Floats, state: Floats, observed: NDArray[np.bool_], alerting: int | None
) -> tuple[Floats, Floats]:
    """Log odds that load came in at each component and went down from there, rising or falling; the reach of the rising one."""
    rising, downward = load_root(edges, seen.surge, seen, upward, state, observed, alerting)
    falling, _ = load_root(edges, seen.drop, seen, upward, state, observed, alerting)
    return np.maximum(rising, falling - DROP_COSTS), downward


def load_root(
    edges: Ints, load: Floats, seen: Seen, upward: Floats, state: Floats, observed: NDArray[np.bool_], alerting: int | None
) -> tuple[Floats, Floats]:
    nodes = len(state)
    downward = reach(edges[::-1, ::-1], nodes, np.where(seen.has_load, 0.2 + 0.8 * load, 0.6))
    expected = LOAD_BY_CHANCE + (LOAD_BELOW - LOAD_BY_CHANCE) * downward
    found = seen.has_load.astype(float) @ odds(load[:, None], expected, LOAD_BY_CHANCE)
    comes = np.zeros(nodes)
    if len(edges):
        np.maximum.at(comes, edges[:, 1], load[edges[:, 0]])
    felt = np.minimum(1.0, (upward @ (downward * state[:, None])) + downward)  # where the load is felt, and by whom
    feels = np.where(felt > 0.3, 0.35, BY_CHANCE)
    counts = observed.astype(float)
    if alerting is not None:
        counts[alerting] *= ALERT_COUNTS
    found = found + counts @ odds(state[:, None], feels, BY_CHANCE) + np.log(1 - 0.9 * comes)
    return np.where(seen.has_load & (load > 0.3), found, NO_LOAD - DROP_COSTS), downward
