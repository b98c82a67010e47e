"""What a ranking by eye would do: the component that left its past the most, and the deepest departing callee on the way down."""

import numpy as np

from genai.rca.observing import Seen, Signs, seen, signs_of
from genai.rca.reading import Case, case_of


def read(incident) -> tuple[Case, Signs, Seen]:
    case = case_of(incident.graph, incident.series, incident.window)
    signs = signs_of(case)
    return case, signs, seen(signs, len(case.components))


def biggest(case: Case, signs: Signs, seen: Seen) -> list[object]:
    most = np.zeros(len(case.components))
    np.maximum.at(most, signs.component, signs.spreads)
    return [case.components[node] for node in np.argsort(-most, kind="stable")]


def deepest(case: Case, signs: Signs, seen: Seen) -> list[object]:
    """From the alerting component to whichever callee departs, as long as one does; then the others by their departures."""
    state = np.maximum(seen.symptom, seen.own)
    node, way = case.alerting, []
    while node is not None and node not in way:
        way.append(node)
        callees = [int(callee) for caller, callee in case.edges if caller == node and state[callee] >= 0.5]
        node = max(callees, key=lambda callee: state[callee], default=None)
    names = [case.components[node] for node in reversed(way)]
    return names + [name for name in biggest(case, signs, seen) if name not in names]
