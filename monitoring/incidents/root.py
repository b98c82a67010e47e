"""Which alert of an incident is the root, and what part the others play: pure, from what they are about and when they fired."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from monitoring.alerts.models import RANKS
from monitoring.incidents.models import IncidentAlert
from monitoring.inventory.topology import Topology

ROOT, SYMPTOM, MEMBER = IncidentAlert.Role.ROOT, IncidentAlert.Role.SYMPTOM, IncidentAlert.Role.MEMBER


class Candidate(NamedTuple):
    pk: int
    resource: int | None
    at: datetime
    severity: str
    opens: bool = True  # it could open an incident by itself


def root_of(candidates: Iterable[Candidate], topology: Topology, alerting: Collection[int]) -> Candidate | None:
    """The deepest cause: of those that hang on nothing which has an alert, the earliest. In a circle, the earliest of all."""
    listed = list(candidates)
    deepest = [one for one in listed if not caused(one.resource, topology, alerting)] or listed
    return min(deepest, key=_order, default=None)


def _order(one: Candidate) -> tuple[bool, datetime, int, int]:
    return not one.opens, one.at, -RANKS[one.severity], one.pk


def caused(resource: int | None, topology: Topology, alerting: Collection[int]) -> bool:
    """Whether something it hangs on has an alert too."""
    return resource is not None and any(pk in alerting for pk in topology.above(resource))


def role_of(one: Candidate, root: Candidate, topology: Topology, alerting: Collection[int]) -> str:
    if one.pk == root.pk:
        return ROOT
    same = one.resource is not None and one.resource == root.resource
    return SYMPTOM if same or caused(one.resource, topology, alerting) else MEMBER


def roles(candidates: Sequence[Candidate], topology: Topology) -> tuple[Candidate | None, dict[int, str]]:
    """Of a whole incident: its root, and the role of each alert."""
    alerting = {one.resource for one in candidates if one.resource}
    root = root_of(candidates, topology, alerting)
    return root, {one.pk: role_of(one, root, topology, alerting) for one in candidates} if root else {}
