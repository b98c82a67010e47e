"""Alerts as lines of a table: what every list of them shows, read in a fixed number of statements."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, QuerySet, SmallIntegerField, Value, When
from django.utils.dateparse import parse_datetime

from aiops.templatetags.ui import significant
from monitoring.alerts import memberships
from monitoring.alerts.memberships import Membership
from monitoring.alerts.models import RANKS, Alert

ICONS = {"host", "vm", "node", "pod", "gpu", "device", "service", "database", "agent", "cloud"}
OWNERSHIP = {"new": "New", "acknowledged": "Acknowledged", "in_progress": "In progress"}
OPERATORS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}
LIST_MOST = 10
SHOWN = (
    "name", "severity", "state", "ownership", "flapping", "source", "kind", "rule_id", "value", "labels", "annotations", "evidence",
    "suppressed", "suppressed_by", "started_at", "fired_at", "resolved_at", "resolution", "resource__kind", "resource__name",
    "assignee__name",
)  # fmt: skip
BY_SEVERITY = Case(
    *(When(severity=name, then=Value(rank)) for name, rank in RANKS.items()), default=Value(0), output_field=SmallIntegerField()
)


@dataclass(frozen=True)
class Suppression:
    kind: str  # silence or maintenance
    reason: str
    by: str
    until: datetime | None
    silence: int

    @property
    def icon(self) -> str:
        return "maint" if self.kind == "maintenance" else "silence"

    @property
    def word(self) -> str:
        return "Maintenance" if self.kind == "maintenance" else "Silenced"


@dataclass(frozen=True)
class Row:
    """One alert of a list; `alert` with resource and assignee read along."""

    alert: Alert
    incident: Membership | None = None

    @property
    def since(self) -> datetime:
        return self.alert.fired_at or self.alert.started_at

    @property
    def owner(self) -> str:
        return OWNERSHIP[self.alert.ownership]

    @property
    def icon(self) -> str:
        return icon_of(self.alert.resource.kind) if self.alert.resource else "resources"

    @property
    def value(self) -> str:
        return value_and_limit(self.alert)

    @property
    def suppressions(self) -> list[Suppression]:
        return [suppression(one) for one in self.alert.suppressed_by]

    @property
    def avatar(self) -> int:
        return (self.alert.assignee_id or 0) % 4 + 1

    @property
    def where(self) -> str:
        """What it is about, where it is no resource that we know."""
        labels = self.alert.labels
        return str(next((labels[name] for name in ("instance", "host", "node", "pod", "service", "job") if labels.get(name)), ""))


@dataclass(frozen=True)
class Listed:
    rows: list[Row]
    total: int


def icon_of(kind: str) -> str:
    return kind if kind in ICONS else "resources"


def value_and_limit(alert: Alert) -> str:
    """ "221 > 200"; the value alone where its rule compares with no number; "" where its sender gave none."""
    if alert.value is None:
        return ""
    limit, op = alert.evidence.get("threshold"), str(alert.evidence.get("op", ""))
    if not isinstance(limit, int | float) or not op:
        return significant(alert.value)
    return f"{significant(alert.value)} {OPERATORS.get(op, op)} {significant(limit)}"


def suppression(told: dict[str, Any]) -> Suppression:
    until = parse_datetime(str(told.get("until", "")))
    return Suppression(
        str(told.get("kind", "")), str(told.get("reason", "")), str(told.get("by", "")), until, int(told.get("silence") or 0)
    )


def with_neighbours(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    """With all that a row shows, and no more: of the resource its kind and name, of the assignee the name."""
    return alerts.select_related("resource", "assignee").only(*SHOWN)


def of(alerts: Iterable[Alert]) -> list[Row]:
    listed = list(alerts)
    incidents = memberships.of([alert.pk for alert in listed])
    return [Row(alert, incidents.get(alert.pk)) for alert in listed]


def by_ids(ids: Sequence[int]) -> list[Row]:
    """In their order; those that are gone are left out."""
    found = with_neighbours(Alert.objects.all()).in_bulk(list(ids))
    return of(found[pk] for pk in ids if pk in found)


def firing(resources: Collection[int] | None = None, most: int = LIST_MOST, suppressed: bool = False) -> Listed:
    """The worst that fire now, newest first among equals: of these resources, or of all. Three statements."""
    rows = Alert.objects.filter(state=Alert.State.FIRING)
    rows = rows if resources is None else rows.filter(resource__in=resources)
    rows = rows if suppressed else rows.filter(suppressed=False)
    shown = with_neighbours(rows).order_by(BY_SEVERITY.desc(), "-fired_at", "-pk")[:most]
    return Listed(of(shown), rows.count())


def of_resource(resource: int, most: int = 50) -> Listed:
    """Of one resource: what is open first, then what has ended, newest first. For a page about it; suppressed ones are shown as such."""
    rows = Alert.objects.filter(resource=resource).exclude(state=Alert.State.PENDING)
    firing_first = Case(When(state=Alert.State.FIRING, then=Value(0)), default=Value(1), output_field=SmallIntegerField())
    return Listed(of(with_neighbours(rows).order_by(firing_first, "-fired_at", "-pk")[:most]), rows.count())
