"""What happens to alerts and incidents, for those who watch: ids in few events, and the first alerts in words, read once per process."""

from typing import Any

from django.dispatch import receiver

from aiops.errors import is_outage
from monitoring.alerts.models import Alert
from monitoring.alerts.signals import alert_changed, alert_opened, alert_resolved
from monitoring.incidents.signals import incident_changed, incident_opened, incident_resolved
from monitoring.live import hub, topics
from monitoring.live.gathered import Gathered

IN_WORDS = 50  # alerts of one event
KINDS = ("opened", "resolved", "changed")
topics.register("alerts", "monitoring:read")
topics.register("incidents", "monitoring:read")
AFTER_ALERTS = 0.2  # seconds: what an alert means for incidents comes after it, in one event
alerts, incidents = Gathered("alerts"), Gathered("incidents", AFTER_ALERTS)


@receiver(alert_opened)
def on_alert_opened(alert_ids: list[int], **kwargs: Any) -> None:
    alerts.add("opened", alert_ids)


@receiver(alert_resolved)
def on_alert_resolved(alert_ids: list[int], **kwargs: Any) -> None:
    alerts.add("resolved", alert_ids)


@receiver(alert_changed)
def on_alert_changed(alert_ids: list[int], **kwargs: Any) -> None:
    alerts.add("changed", alert_ids)


@receiver(incident_opened)
def on_incident_opened(incident_ids: list[int], **kwargs: Any) -> None:
    incidents.add("opened", incident_ids)


@receiver(incident_resolved)
def on_incident_resolved(incident_ids: list[int], **kwargs: Any) -> None:
    incidents.add("resolved", incident_ids)


@receiver(incident_changed)
def on_incident_changed(incident_ids: list[int], **kwargs: Any) -> None:
    incidents.add("changed", incident_ids)


def in_words(topic: str, data: dict[str, Any]) -> dict[str, Any]:
    """Adds the alerts themselves, the opened ones first; without a database the ids go out alone."""
    ids = list(dict.fromkeys(pk for kind in KINDS for pk in data.get(kind, ())))[:IN_WORDS]
    try:
        rows = Alert.objects.filter(pk__in=ids).select_related("resource", "assignee").defer("evidence", "fires", "labels").in_bulk()
    except Exception as fault:
        if not is_outage(fault):
            raise
        return data
    return {**data, "alerts": [_told(rows[pk]) for pk in ids if pk in rows]}


def _told(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.pk, "name": alert.name, "severity": alert.severity, "state": alert.state, "ownership": alert.ownership,
        "assignee": alert.assignee.name if alert.assignee else None, "suppressed": alert.suppressed, "summary": alert.summary[:300],
        "resource": alert.resource.name if alert.resource else None, "value": alert.value, "started_at": alert.started_at,
        "fired_at": alert.fired_at, "url": f"/alerts/{alert.pk}/",
    }  # fmt: skip


hub.renderer("alerts", in_words)
