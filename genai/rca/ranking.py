"""The ranking itself."""

from typing import Any, NamedTuple

import numpy as np

from genai.rca.explaining import explain
from genai.rca.hypothesis import Hypothesis
from genai.rca.observing import Seen, Signs, seen, signs_of
from genai.rca.reading import Case, Floats, case_of
from genai.rca.weighing import Weighed, weigh

# Of FEATURES, in their order; fitted on simulated incidents (docs/root-cause.md).
WEIGHTS = np.array([0.17, 1.17, 4.15, 0.86, 0.95, 0.25, 3.53, 0.75, 1.71, 0.13, -0.34, 4.69, 1.0])
# Of: one; how far the alerting component left its past; the best hypothesis' odds against chance; how far its component left its past.
CERTAINTY = np.array([-5.8, 2.64, 0.33, 0.4])
SILENT_BELOW = -1.0
NOT_SEEN = 5.0  # spreads that an alerting component without series is taken to have left its past by
MOST = 5


class Ranked(NamedTuple):
    case: Case
    signs: Signs
    seen: Seen
    weighed: Weighed
    scores: Floats  # of each candidate


def rank_causes(graph: Any, series: Any, window: Any) -> list[Hypothesis]:
    """Hypotheses of what caused the trouble at the window's component, best first; none where nothing stands out.

    graph: {caller: callees}. series: {(component, metric): (timestamps, values)}, any times, irregular or with gaps, best with an hour and
    more before the window. window: start, end and the alerting component, as a sequence, mapping or object. Raises ValueError when the
    window has no times.
    """
    ranked = ranked_causes(case_of(graph, series, window))
    if ranked is None or is_calm(ranked):
        return []
    return explain(ranked.case, ranked.signs, ranked.seen, ranked.weighed, *best(ranked))


def ranked_causes(case: Case) -> Ranked | None:
    if not case.tracks or not case.components:
        return None
    signs = signs_of(case)
    observed = seen(signs, len(case.components))
    weighed = weigh(case, signs, observed)
    return Ranked(case, signs, observed, weighed, weighed.figures @ WEIGHTS)


def is_calm(ranked: Ranked) -> bool:
    return certainty(ranked) < SILENT_BELOW


def certainty(ranked: Ranked) -> float:
    """Log odds that there is an incident."""
    return float(what_is_certain(ranked, int(ranked.scores.argmax())) @ CERTAINTY)


def what_is_certain(ranked: Ranked, place: int) -> Floats:
    far = np.zeros(len(ranked.case.components))
    np.maximum.at(far, ranked.signs.component, ranked.signs.spreads)
    alerting = ranked.case.alerting
    at_alert = NOT_SEEN if alerting is None or not (ranked.signs.component == alerting).any() else far[alerting]
    odds = np.clip(ranked.weighed.spread[place], -6, 12)
    return np.array([1.0, np.log1p(at_alert), odds, np.log1p(far[ranked.weighed.component[place]])])


def best(ranked: Ranked) -> tuple[list[int], Floats]:
    """The best candidates, one for each component, and how probable each is."""
    order = np.argsort(-ranked.scores, kind="stable")
    _, first = np.unique(ranked.weighed.component[order], return_index=True)
    chosen = order[np.sort(first)]
    shares = np.exp(ranked.scores[chosen] - ranked.scores[chosen[0]])
    incident = 1 / (1 + np.exp(-certainty(ranked)))
    return [int(place) for place in chosen[:MOST]], incident * shares[:MOST] / shares.sum()
