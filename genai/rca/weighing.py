"""What speaks for each component being the root cause: a row of figures for each, in three roles.

A fault: its own trouble spreads to its callers. A load: more (or fewer) calls came to it than before, and its callees feel them too.
The figures are log odds where a model of spreading gives them, else shares; WEIGHTS add them up.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genai.rca.meaning import ERRORS, LATENCY, OTHER
from genai.rca.observing import Seen, Signs
from genai.rca.reading import Case, Floats, Ints
from genai.rca.spreading import deepest_first, reach

BY_CHANCE = 0.04  # a component shows symptoms that have nothing to do with the incident
AT_ROOT, AT_CALLER = 0.9, 0.8
OWN_AT_ROOT, OWN_BY_CHANCE = 0.5, 0.1
LOAD_BY_CHANCE, LOAD_BELOW = 0.06, 0.85
ALERT_COUNTS = 2.0  # times, what is seen at the alerting component
FEATURES = ("spread", "unexplained", "size", "late", "own", "reach", "unseen", "load", "is_load", "stranger")


class Weighed(NamedTuple):
    figures: Floats  # [candidate, feature]
    component: Ints  # of each candidate
    load: NDArray[np.bool_]  # the candidate's role
    spread: Floats  # log odds of what is seen, against chance: absolute, comparable between cases
    upward: Floats  # [to, from] reach of symptoms


def weigh(case: Case, signs: Signs, seen: Seen) -> Weighed:
    nodes = len(case.components)
    edges = deepest_first(case.edges, nodes)
    state = np.maximum(seen.symptom, np.where(seen.has_symptom, 0.0, seen.own))
    observed = seen.has_symptom | seen.has_own
    upward = reach(edges, nodes, np.where(observed, 0.3 + 0.7 * state, 0.8))
    fault = spreading(state, observed, upward, case.alerting, AT_ROOT, AT_CALLER)
    own = own_strain(seen)
    shares = explained(signs, edges, state, observed, nodes)
    sizes, late = sizes_of(signs, nodes), lateness(case, seen.onset, upward)
    arrive = arrival(upward, case.alerting, nodes)
    loads, load_spread = load_roots(edges, seen, upward, state, observed, case.alerting)
    none = np.zeros(nodes)
    stranger = (~case.in_graph).astype(float) * (case.in_graph.any())
    faults = [
        fault,
        np.where(observed, np.log(1 - 0.9 * shares), 0.0),
        sizes,
        -late,
        own,
        arrive,
        (~observed).astype(float),
        none,
        none,
        -stranger,
    ]
    later = -lateness(case, seen.load_onset, np.ones_like(upward))
    pushes = [none, none, sizes, later, none, none, none, loads, np.ones(nodes), -stranger]
    figures = np.vstack([np.column_stack(faults), np.column_stack(pushes)])
    role = np.arange(2 * nodes) >= nodes
    return Weighed(figures, np.tile(np.arange(nodes), 2), role, np.concatenate([fault + np.maximum(own, 0), load_spread]), upward)


def odds(sure: Floats, expected: Floats, by_chance: float) -> Floats:
    """Log odds of what is seen where it is expected with that probability, against chance."""
    sure = np.clip(sure, 0.02, 0.98)
    found: Floats = np.log((expected * sure + (1 - expected) * (1 - sure)) / (by_chance * sure + (1 - by_chance) * (1 - sure)))
    return found


def spreading(state: Floats, observed: NDArray[np.bool_], upward: Floats, alerting: int | None, root: float, caller: float) -> Floats:
    expected = BY_CHANCE + (caller - BY_CHANCE) * upward
    np.fill_diagonal(expected, root)
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
    """Log odds that load came in at each component and went down from there, rising or falling, whichever is more."""
    best = np.full(len(state), -20.0)
    for load, odds_of_kind in ((seen.surge, 0.0), (seen.drop, -2.0)):
        best = np.maximum(best, odds_of_kind + load_root(edges, load, seen, upward, state, observed, alerting))
    return best, best


def load_root(
    edges: Ints, load: Floats, seen: Seen, upward: Floats, state: Floats, observed: NDArray[np.bool_], alerting: int | None
) -> Floats:
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
    return np.where(seen.has_load & (load > 0.3), found, -20.0)
