"""What suppresses each open alert, kept beside it: brought up to date when a silence is made or ended, and every few seconds for those
that begin and end by themselves. A window that ends leaves a transition, by which a still firing alert is told of."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

import orjson
from django.db.models import Q
from django.utils import timezone

from monitoring.alerts import silences
from monitoring.alerts.models import Alert, AlertTransition
from monitoring.alerts.observations import FLAP_WINDOW
from monitoring.alerts.transitions import Change, changing, portions, write

SUPPRESSION, NOTE = AlertTransition.Axis.SUPPRESSION, AlertTransition.Axis.NOTE
OPEN = ~Q(state=Alert.State.RESOLVED)
NEEDED = ("id", "labels", "name", "severity", "source", "suppressed_by", "suppressed")


def overlay(now: datetime | None = None) -> int:
    """Returns how many alerts became quiet or stopped being so. Idempotent."""
    now = now or timezone.now()
    if not silences.active(now) and not Alert.objects.filter(OPEN, suppressed=True).exists():
        return 0
    with changing():
        alerts = list(Alert.objects.filter(OPEN).only(*NEEDED).order_by("id"))
        before = {alert.pk: alert.suppressed_by for alert in alerts}
        moved = list(silences.quieten(alerts, now))
        _save(alert for alert in alerts if alert.suppressed_by != before[alert.pk])
        told = {alert.pk: "; ".join(one["reason"] for one in before[alert.pk]) for alert, _, _ in moved}
        write([Change(alert, SUPPRESSION, was, now_is, _why(alert, told[alert.pk])) for alert, was, now_is in moved], now)
    return len(moved)


def _why(alert: Alert, before: str) -> str:
    return silences.reason_of(alert) or f"ended: {before}"


def _save(alerts: Iterable[Alert]) -> None:
    """One statement for all that are suppressed by the same."""
    alike: defaultdict[bytes, list[Alert]] = defaultdict(list)
    for alert in alerts:
        alike[orjson.dumps(alert.suppressed_by)].append(alert)
    for group in alike.values():
        for ids in portions([alert.pk for alert in group]):
            Alert.objects.filter(pk__in=ids).update(suppressed_by=group[0].suppressed_by, suppressed=group[0].suppressed)


def calm(now: datetime | None = None) -> int:
    """Alerts that flapped and have not fired for a while flap no more."""
    now = now or timezone.now()
    since = (now - FLAP_WINDOW).timestamp() * 1000
    rows = Alert.objects.filter(flapping=True).only("id", "fires")
    quiet = [alert for alert in rows if not alert.fires or alert.fires[-1] < since]
    if not quiet:
        return 0
    with changing():
        Alert.objects.filter(pk__in=[alert.pk for alert in quiet]).update(flapping=False)
        write([Change(alert, NOTE, "flapping", "", "has not fired anew for an hour") for alert in quiet], now)
    return len(quiet)
