"""What a resource hangs on, and what hangs on it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db.models import Q

from genai.evidence import collect
from genai.evidence.models import Evidence
from genai.tools import base, citing, subjects, words
from genai.tools.base import Context, Json, Result, Tool
from genai.tools.words import said
from monitoring.inventory.models import Dependency, Resource
from monitoring.inventory.topology import Topology

MOST, MOST_BELOW, LEVELS_BELOW = 40, 40, 3


class Hanging(NamedTuple):
    """One resource below: it needs, or runs on, another one of the tree."""

    pk: int
    on: int
    distance: int
    relation: str


def topology(given: Json, context: Context) -> Result:
    found = subjects.resource(given.get("name", ""), context)
    above, below = Topology.of([found.pk]).above(found.pk), list(_below(found.pk))
    rows = Resource.objects.in_bulk([*list(above)[:MOST], *(one.pk for one in below[:MOST_BELOW])])
    evidence = [citing.resource(found), *_direct(found, rows)]
    up = [_line(rows[pk], step.distance, "it runs on" if step.runs_on else "it needs") for pk, step in above.items() if pk in rows]
    down = [_line(rows[one.pk], one.distance, one.relation) for one in below[:MOST_BELOW] if one.pk in rows]
    head = f"{words.cited(evidence[0])}{said(found.name, 120)} ({found.kind}), {found.status}"
    told = "\n".join([
        words.lines(f"{head}; it hangs on {len(above):,}:", up, len(above) - len(up)),
        words.lines(f"{len(below):,} hang on it:", down, len(below) - len(down)),
    ])  # fmt: skip
    data = {"id": found.pk, "above": list(above), "below": [one.pk for one in below]}
    return Result(told, data, [one for one in evidence if one])


def _line(row: Resource, distance: int, relation: str) -> str:
    far = f", {distance} steps away" if distance > 1 else ""
    return f"{relation}: {said(row.name, 120)} ({row.kind}, {row.status}{far})"


def _below(pk: int) -> Iterable[Hanging]:
    """Those that need it or run on it, then those that hang on these, up to LEVELS_BELOW; two statements a level."""
    seen, edge = {pk}, [pk]
    for distance in range(1, LEVELS_BELOW + 1):
        found = [one for one in _one_level(edge, distance) if one.pk not in seen]
        yield from {one.pk: one for one in found}.values()
        seen |= {one.pk for one in found}
        edge = sorted({one.pk for one in found})[:500]
        if not edge or len(seen) > 2000:
            return


def _one_level(edge: Sequence[int], distance: int) -> Iterable[Hanging]:
    for child, parent in Resource.objects.filter(parent__in=edge).order_by("name").values_list("pk", "parent_id"):
        yield Hanging(child, parent or 0, distance, "runs on it")
    needs = Dependency.objects.filter(to_resource__in=edge).order_by("from_resource__name")
    for one, other, kind in needs.values_list("from_resource_id", "to_resource_id", "kind"):
        yield Hanging(one, other, distance, f"{said(kind, 32)} it")


def _direct(found: Resource, rows: dict[int, Resource]) -> list[Evidence]:
    """Of what it hangs on at once: these can be cited."""
    needs = list(Dependency.objects.filter(Q(from_resource=found), to_resource__in=list(rows))[: citing.MOST_ROWS])
    pairs = [(one.to_resource_id, one.kind) for one in needs]
    if found.parent_id and found.parent_id in rows:
        pairs.insert(0, (found.parent_id, "runs on"))
    return [one for pk, kind in pairs if (one := _edge(found, rows[pk], kind)) is not None]


def _edge(found: Resource, other: Resource, kind: str) -> Evidence | None:
    try:
        return collect.of("topology", {"from": found.pk, "to": other.pk}, said(f"{found.name} {kind} {other.name}"), other.status)
    except collect.Gone:
        return None


TOPOLOGY = Tool(
    "topology",
    "What a resource runs on and needs, and what runs on it or needs it, with the state of each: where trouble comes from and goes to.",
    base.takes(name=base.text("its name or id; default: the one the page shows", 255)),
    "monitoring:read",
    topology,
)
