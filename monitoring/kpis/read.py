"""Alerts and incidents as columns, in a fixed number of statements."""

from collections.abc import Collection

import numpy as np
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from monitoring.alerts.columns import Columns, Epoch, columns, when
from monitoring.alerts.models import Alert, AlertTransition
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.kpis.compute import RANKS, Ints, Period, Troubles

NOBODY = np.empty(0, np.int64)
QUIET = ["suppression", "note"]  # as the index of these transitions says it


def _epoch(field: str) -> Coalesce:
    return Coalesce(Epoch(field), 0)


def _number(*cases: tuple[Q, int]) -> Case:
    """That of the first condition that holds, else 0."""
    return Case(*(When(condition, then=Value(number)) for condition, number in cases), default=Value(0), output_field=IntegerField())


_severity = _number(*((Q(severity=name), rank) for rank, name in enumerate(RANKS) if rank))
ACTED_BIT, LAPSED_BIT = 4, 8  # above the severity: a column less to carry


def ints(values: list[int]) -> Ints:
    return np.array(values, np.int64)


# -- alerts --------------------------------------------------------------------------------------------------------------
ACTED = Q(acknowledged_at__isnull=False) | ~Q(ownership=Alert.Ownership.NEW) | Q(resolution=Alert.Resolution.MANUAL)


def alerts(period: Period) -> Troubles:
    """Those that fired in it, and the critical ones that fired before and were open in it: downtime reaches in from outside.

    Two statements; predictions and anomalies are no troubles yet.
    """
    real = Alert.objects.filter(kind=Alert.Kind.REAL)
    inside = Q(fired_at__gte=when(period.start), fired_at__lt=when(period.end))
    open_then = Q(resolved_at__isnull=True) | Q(resolved_at__gte=when(period.start))
    earlier = Q(severity="critical", fired_at__lt=when(period.start)) & open_then
    parts = [_alerts(real.filter(which)) for which in (inside, earlier)]
    return _troubles({name: parts[0][name] + parts[1][name] for name in parts[0]}, *_quiet(period))


def _alerts(rows: QuerySet[Alert]) -> Columns:
    return columns(
        rows, id="pk", began=Epoch("started_at"), opened=Epoch("fired_at"), acknowledged=_epoch("acknowledged_at"),
        resolved=_epoch("resolved_at"), resource=Coalesce("resource_id", 0), name="name",
        marks=_severity + _number((Q(resolution=Alert.Resolution.EXPIRED), LAPSED_BIT)) + _number((ACTED, ACTED_BIT)),
    )  # fmt: skip


def _quiet(period: Period) -> tuple[Ints, Ints]:
    """Ids of alerts that something kept quiet since the period began, and of those that flapped."""
    rows = AlertTransition.objects.filter(axis__in=QUIET, time__gte=when(period.start))
    told = rows.filter(Q(axis="suppression") & ~Q(after="") | Q(axis="note", after="flapping"))
    found = columns(told, alert="alert_id", flaps=_number((Q(axis="note"), 1)))
    who, flapped = ints(found["alert"]), ints(found["flaps"]) == 1
    return np.unique(who[~flapped]), np.unique(who[flapped])


def _troubles(found: Columns, quiet: Ints = NOBODY, flapped: Ints = NOBODY) -> Troubles:
    codes = {name: at for at, name in enumerate(dict.fromkeys(found["name"]))}
    places = list(map(codes.__getitem__, found["name"]))
    numbers = {name: ints(found[name]) for name in ("id", "began", "opened", "acknowledged", "resolved", "resource")}
    who, marks = numbers["id"], ints(found["marks"])
    return Troubles(
        **numbers, severity=marks & 3, name=ints(places), acted=marks & ACTED_BIT > 0, lapsed=marks & LAPSED_BIT > 0,
        quiet=np.isin(who, quiet), flapped=np.isin(who, flapped), names=tuple(codes),
    )  # fmt: skip


# -- incidents -----------------------------------------------------------------------------------------------------------
def incidents(period: Period, only: Ints | None = None) -> Troubles:
    """Those that were noticed in it, merged ones counted once; `only`: about one of these resources. Two statements at most."""
    rows = Incident.counted().filter(detected_at__gte=when(period.start), detected_at__lt=when(period.end))
    found = _troubles(
        columns(
            rows, id="pk", began=Epoch("started_at"), opened=Epoch("detected_at"), acknowledged=_epoch("acknowledged_at"),
            resolved=_epoch("resolved_at"), resource=Coalesce("root_alert__resource_id", 0), name="title",
            marks=_severity + _number((Q(acknowledged_at__isnull=False), ACTED_BIT)),
        )
    )  # fmt: skip
    return found if only is None else found.where(np.isin(found.id, _about(period, only)))


def _about(period: Period, resources: Ints) -> Ints:
    """Ids of incidents with an alert about one of the resources."""
    rows = IncidentAlert.objects.filter(incident__detected_at__gte=when(period.start), incident__detected_at__lt=when(period.end))
    pairs = columns(rows, incident="incident_id", resource=Coalesce("alert__resource_id", 0))
    return np.unique(ints(pairs["incident"])[np.isin(ints(pairs["resource"]), resources)])


# -- maintenance ---------------------------------------------------------------------------------------------------------
def hidden(alert_ids: Collection[int], end: int) -> dict[int, list[tuple[int, int]]]:
    """When maintenance windows lay over these alerts, as it was recorded: {alert: [(from, to), …]}. One statement."""
    rows = AlertTransition.objects.filter(axis="suppression", alert__in=list(alert_ids)).order_by("alert_id", "id")
    found: dict[int, list[tuple[int, int]]] = {}
    since: dict[int, int] = {}
    for alert, time, after in rows.values_list("alert_id", "time", "after"):
        covered, at = "maintenance" in after, int(time.timestamp())
        if covered:
            since.setdefault(alert, at)
        elif alert in since:
            found.setdefault(alert, []).append((since.pop(alert), at))
    for alert, at in since.items():
        found.setdefault(alert, []).append((at, end))
    return found
