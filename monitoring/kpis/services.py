"""Which services there are, which resources carry them, since when these are watched, and when maintenance was planned on them.

A service is a resource of kind service, or what carries a label `service` by that name. Where neither is known, resources of one `role` are
a service, and a machine without a role stands for itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from django.conf import settings

from monitoring.alerts import silences
from monitoring.alerts.columns import when
from monitoring.alerts.models import Silence
from monitoring.inventory.models import Resource
from monitoring.kpis.compute import Ints, Period, Spans, spans
from monitoring.query.source import accepts

KIND, LABEL, ROLE, TEAM, OBJECTIVE = "service", "service", "role", "team", "objective"
MACHINES = frozenset({"host", "vm", "node", "device", "database"})


class Member(NamedTuple):
    """A resource that is part of a service."""

    pk: int
    kind: str
    name: str
    labels: dict[str, Any]
    state: str
    first_seen: datetime
    last_seen: datetime

    def label(self, name: str) -> str:
        return str(self.labels.get(name) or "")


@dataclass(frozen=True)
class Service:
    name: str
    members: tuple[Member, ...]
    objective: float  # per cent

    @property
    def ids(self) -> Ints:
        return np.array([one.pk for one in self.members], np.int64)


def read() -> list[Service]:
    """By name. One statement."""
    rows = Resource.objects.order_by("name").values_list("pk", "kind", "name", "labels", "state", "first_seen", "last_seen")
    return services([Member(*row) for row in rows.iterator(2000)])


def services(resources: Sequence[Member]) -> list[Service]:
    declared = any(one.kind == KIND or one.label(LABEL) for one in resources)
    members: defaultdict[str, list[Member]] = defaultdict(list)
    for one in resources:
        if name := _declared(one) if declared else _by_role(one):
            members[name].append(one)
    return [Service(name, tuple(found), _objective(found)) for name, found in sorted(members.items())]


def _declared(one: Member) -> str:
    return one.label(LABEL) or (one.name if one.kind == KIND else "")


def _by_role(one: Member) -> str:
    return one.label(ROLE) or (one.name if one.kind in MACHINES else "")


def _objective(members: Iterable[Member]) -> float:
    """The strictest that a member states in its label, else the usual one."""
    stated = [found for one in members if (found := _percent(one.label(OBJECTIVE)))]
    return max(stated, default=settings.AVAILABILITY_OBJECTIVE)


def _percent(text: str) -> float | None:
    try:
        found = float(text.strip().removesuffix("%"))
    except ValueError:
        return None
    return found if 0 < found < 100 else None


def teams(found: Iterable[Service]) -> list[str]:
    return sorted({team for one in found for member in one.members if (team := member.label(TEAM))})


# -- since when ----------------------------------------------------------------------------------------------------------
def watched(found: Iterable[Service], now: int) -> Spans:
    """Each from when it was first seen to now; what is gone, to when it was last seen."""
    return spans([(one.pk, int(one.first_seen.timestamp()), _until(one, now)) for service in found for one in service.members])


def unknown(found: Iterable[Service]) -> Spans:
    """Before each was first seen: alerts of then say nothing of how long it was up."""
    return spans([(one.pk, 0, int(one.first_seen.timestamp())) for service in found for one in service.members])


def _until(one: Member, now: int) -> int:
    return int(one.last_seen.timestamp()) if one.state == Resource.State.GONE else now


def maintenance(found: Sequence[Service], period: Period) -> Spans:
    """Windows that match a resource by its labels or name. One statement."""
    rows: list[tuple[int, int, int]] = []
    for silence in Silence.objects.filter(kind=Silence.Kind.MAINTENANCE, starts_at__lt=when(period.end)):
        windows = silences.occurrences(silence, when(period.start), when(period.end))
        matches = accepts(silences.matchers_of(silence))
        hit = [one.pk for service in found for one in service.members if matches(_subject(one))] if windows else []
        rows += [(pk, int(start.timestamp()), int(end.timestamp())) for pk in hit for start, end in windows]
    return spans(rows)


def _subject(one: Member) -> dict[str, str]:
    """What a matcher sees of a resource: its labels, and its name under those that alerts about it carry."""
    named = {"instance": one.name, one.kind: one.name}
    return named | {name: str(value) for name, value in one.labels.items()}
