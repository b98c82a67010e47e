"""What is to be explained: an alert, an incident or a stretch of time, with the resources it is about."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from monitoring.alerts.models import RANKS, Alert
from monitoring.dashboards import query_units
from monitoring.incidents.models import ROOT_FIRST, Incident, IncidentAlert
from monitoring.inventory.models import Resource

LEAD, TRAIL = timedelta(minutes=45), timedelta(minutes=30)  # of the beginning: what came before may have caused it
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=2)
MOST_ALERTS, MOST_FOCUS = 200, 50
SUBJECT = re.compile(r"(alert|incident):(\d{1,18})|window:(\d{0,18})")
Symptom = tuple[int, str]  # (resource, metric)


class Unknown(LookupError):
    """There is no such thing; one sentence says what."""


@dataclass(frozen=True)
class Scene:
    """`focus`: resources, the one in whose trouble everything began first; empty: all there are. `onset`: when the trouble began."""

    subject: str
    start: datetime
    end: datetime
    onset: datetime
    focus: tuple[int, ...] = ()
    alerts: tuple[Alert, ...] = ()
    incident: Incident | None = None

    @property
    def alerting(self) -> int | None:
        return self.focus[0] if self.focus else None

    @property
    def what(self) -> str:
        """As sentences name it."""
        return {"a": "the alert", "i": "the incident"}.get(self.subject[:1], "the window")

    @property
    def symptoms(self) -> set[Symptom]:
        """What the alerts themselves are about: that it left its past explains nothing."""
        found = set()
        for one in self.alerts:
            expr = one.rule.expr if one.rule else str(one.evidence.get("expr", ""))
            found |= {(one.resource_id, metric) for metric in query_units.metrics_of(expr) if one.resource_id}
        return found


def of(subject: str, start: datetime | None = None, end: datetime | None = None) -> Scene:
    """Without times, those around the beginning of the trouble. Raises Unknown; ValueError for a subject of another form, or a window
    without times."""
    match = SUBJECT.fullmatch(subject)
    if match is None:
        raise ValueError(f"A subject is alert:<id>, incident:<id> or window:<resource id>, not {subject[:40]!r}.")
    if match[1] is None:
        return _of_window(subject, match[3], start, end)
    if match[1] == "alert":
        return _of_alert(subject, int(match[2]), start, end)
    return _of_incident(subject, int(match[2]), start, end)


def _of_alert(subject: str, pk: int, start: datetime | None, end: datetime | None) -> Scene:
    alert = Alert.objects.select_related("resource", "rule").filter(pk=pk).first()
    if alert is None:
        raise Unknown("There is no such alert.")
    member = IncidentAlert.objects.filter(alert=pk).select_related("incident").first()
    focus = (alert.resource_id,) if alert.resource_id else ()
    first, last = _around(alert.started_at, alert.started_at, alert.resolved_at, start, end)
    return Scene(subject, first, last, alert.started_at, focus, (alert,), member.incident if member else None)


def _of_incident(subject: str, pk: int, start: datetime | None, end: datetime | None) -> Scene:
    incident = Incident.objects.filter(pk=pk).first()
    if incident is None:
        raise Unknown("There is no such incident.")
    members = IncidentAlert.objects.filter(incident=pk).select_related("alert__resource", "alert__rule")
    alerts = tuple(one.alert for one in members.order_by(ROOT_FIRST, "alert__started_at", "pk")[:MOST_ALERTS])
    focus = dict.fromkeys(one.resource_id for one in _worst_first(alerts) if one.resource_id)
    onset = min((one.started_at for one in alerts), default=incident.started_at)
    latest = max((one.started_at for one in alerts), default=onset)
    first, last = _around(onset, min(latest, onset + LONGEST / 2), incident.resolved_at, start, end)
    return Scene(subject, first, last, onset, tuple(focus)[:MOST_FOCUS], alerts, incident)


def _worst_first(alerts: tuple[Alert, ...]) -> list[Alert]:
    """The root stays in front; of the others those that hurt most: causes are looked for below what suffers."""
    return [*alerts[:1], *sorted(alerts[1:], key=lambda one: -RANKS.get(one.severity, 0))]


def _of_window(subject: str, resource: str, start: datetime | None, end: datetime | None) -> Scene:
    if start is None or end is None or end - start < SHORTEST or end - start > LONGEST:
        raise ValueError("A window needs a start and an end, between a minute and two days apart.")
    if resource and not Resource.objects.filter(pk=int(resource)).exists():
        raise Unknown("There is no such resource.")
    return Scene(subject, start, min(end, timezone.now()), start, (int(resource),) if resource else ())


def _around(
    onset: datetime, latest: datetime, over: datetime | None, start: datetime | None, end: datetime | None
) -> tuple[datetime, datetime]:
    """From well before the beginning until a while after it; not beyond its end, nor now."""
    last = end or min(timezone.now(), latest + TRAIL, (over or timezone.now()) + timedelta(minutes=5))
    first = start or onset - LEAD
    return first, max(last, onset + SHORTEST, first + SHORTEST)
