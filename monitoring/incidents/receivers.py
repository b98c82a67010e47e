"""Alerts that fire are correlated, alerts that end or are taken up are followed; backtests know what really happened; at the start, what
the process before left undone is done."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.dispatch import receiver
from django.urls import NoReverseMatch, reverse

from aiops import navigation, resume
from monitoring.alerts import backtest, memberships
from monitoring.alerts.pacing import Pacing, ask
from monitoring.alerts.signals import alert_opened, alert_resolved
from monitoring.alerts.transitions import portions
from monitoring.incidents import tasks
from monitoring.incidents.models import Incident, IncidentAlert

navigation.register("Respond", "Incidents", "incidents", "incidents", "monitoring:read", jump="i", order=20)


PAUSE = 0.5  # seconds: a storm of alerts is not a storm of tasks
fired = tasks.Arrived()
correlate = Pacing(lambda: ask(tasks.correlate_alerts, fired.take()), PAUSE)
follow = Pacing(lambda: ask(tasks.follow_alerts), PAUSE)


@receiver(alert_opened, dispatch_uid="incidents of alerts")
def on_alert_opened(alert_ids: list[int], **rest: Any) -> None:
    fired.add(alert_ids)
    correlate()


@receiver(alert_resolved, dispatch_uid="ends of incidents")
def on_alert_resolved(alert_ids: list[int], **rest: Any) -> None:
    follow()


@resume.register
def take_up() -> None:
    tasks.tend_incidents.delay()


@backtest.troubles
def troubles(start: datetime, end: datetime) -> Iterator[backtest.Trouble]:
    """Incidents that went on at some time between the two."""
    rows = Incident.counted().filter(Q(resolved_at=None) | Q(resolved_at__gte=start), started_at__lte=end).order_by("started_at")
    for one in rows.only("id", "title", "started_at", "resolved_at"):
        yield backtest.Trouble(f"{one.number} {one.title}", _link(one.pk), one.started_at, one.resolved_at)


def _link(pk: int) -> str:
    try:
        return reverse("incident", args=[pk])
    except NoReverseMatch:
        return ""


@memberships.register
def belongs(alert_ids: Collection[int]) -> dict[int, memberships.Membership]:
    """For lists of alerts."""
    found = {}
    for ids in portions(alert_ids):
        for alert, pk, title in IncidentAlert.objects.filter(alert__in=ids).values_list("alert_id", "incident_id", "incident__title"):
            found[alert] = memberships.Membership(str(pk), f"INC-{pk}", title, _link(pk))
    return found
