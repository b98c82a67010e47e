"""How trouble spreads over a call graph: up from a callee to its callers (slowness, errors), down from a caller to its callees (load)."""

import numpy as np

from genai.rca.reading import Floats, Ints

HOPS = 8
EACH_HOP = 0.9


def reach(edges: Ints, nodes: int, passes: Floats) -> Floats:
    """[to, from]: how well trouble that begins at `from` comes to `to` along edges (to, from): the best way's product over the nodes on it.

    passes: how readily each node hands on what comes to it, 0-1. Where trouble begins it is handed on in full.
    """
    found = np.eye(nodes)
    for _ in range(HOPS):
        before = found.copy()
        for to, via in edges:
            row = found[via] * passes[via]
            row[via] = 1.0
            np.maximum(found[to], EACH_HOP * row, out=found[to])
        if np.array_equal(before, found):
            break
    return found


def deepest_first(edges: Ints, nodes: int) -> Ints:
    """Edges ordered so that one or two rounds of `reach` suffice where there is no cycle."""
    depth = np.zeros(nodes, dtype=np.int64)
    for _ in range(min(nodes, 24)):
        if not len(edges):
            break
        deeper = depth.copy()
        np.maximum.at(deeper, edges[:, 1], depth[edges[:, 0]] + 1)
        if np.array_equal(deeper, depth):
            break
        depth = deeper
    return edges[np.argsort(-depth[edges[:, 0]], kind="stable")] if len(edges) else edges


def path(edges: Ints, strength: Floats, source: int, target: int) -> list[int]:
    """From `source` up its callers to `target`, a shortest way, over the stronger components; only the source where there is none."""
    callers: dict[int, list[int]] = {}
    for caller, callee in edges:
        callers.setdefault(int(callee), []).append(int(caller))
    came, rim = {source: source}, [source]
    while rim and target not in came:
        steps = [(caller, node) for node in sorted(rim, key=lambda place: -strength[place]) for caller in callers.get(node, [])]
        rim = list(dict.fromkeys(caller for caller, _ in steps if caller not in came))
        for caller, node in steps:
            came.setdefault(caller, node)
    if target not in came:
        return [source]
    way = [target]
    while way[-1] != source:
        way.append(came[way[-1]])
    return way[::-1]
