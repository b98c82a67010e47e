"""Alerts and incidents as the overview and the pages of resources show them. Those that fire are held by the process: one statement
sees whether they are still the same."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, F, Min
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from aiops.navigation import Badge
from aiops.timerange import TimeRange
from monitoring.alerts import rows, standing
from monitoring.alerts.columns import Epoch
from monitoring.alerts.models import RANKS, Alert
from monitoring.alerts.standing import Member
from monitoring.incidents.models import Incident
from monitoring.inventory.models import Resource, ResourceChange

SHOWN, BARS = 6, 48
SEVERITIES = tuple(RANKS)  # worst first
TONES = {"critical": "--critical-fill", "high": "--high-fill", "medium": "--medium-fill", "low": "--low-fill"}
TOLD_ALREADY = timedelta(minutes=1)  # a change of health so soon after an alert fired is the same event


# -- now -----------------------------------------------------------------------------------------------------------------
@dataclass
class Now:
    """What fires and is not kept quiet, and the incidents that are open."""

    alerts: Counter[str]  # by severity
    suppressed: int
    shown: list[rows.Row]  # the worst, newest first among equals
    incidents: Counter[str] = field(default_factory=Counter)
    oldest: datetime | None = None

    @property
    def total(self) -> int:
        return self.alerts.total()

    @property
    def incident_count(self) -> int:
        return self.incidents.total()

    @property
    def severities(self) -> list[tuple[str, int]]:
        return [(name, self.alerts[name]) for name in SEVERITIES if self.alerts[name]]


def now() -> Now:
    """Four statements."""
    loud, quiet = _firing()
    worst = sorted(loud, key=lambda one: (-RANKS[one.traits.severity], -one.since))[:SHOWN]
    found = Now(Counter(one.traits.severity for one in loud), quiet, rows.by_ids([one.pk for one in worst]))
    open_ones = Incident.counted().exclude(status=Incident.Status.RESOLVED).order_by()
    for severity, count, since in open_ones.values_list("severity").annotate(Count("pk"), Min("detected_at")):
        found.incidents[severity] = count
        found.oldest = min(found.oldest or since, since)
    return found


def _firing() -> tuple[list[Member], int]:
    """Those that nothing keeps quiet, and how many others there are."""
    firing = [one for one in standing.members() if one.traits.state == Alert.State.FIRING]
    loud = [one for one in firing if not one.silences]
    return loud, len(firing) - len(loud)


def alert_badge() -> Badge:
    """In the rail: what is critical or high wants somebody."""
    loud, _ = _firing()
    return Badge(sum(RANKS[one.traits.severity] >= RANKS["high"] for one in loud), alarm=True)


def incident_badge() -> Badge:
    return Badge(Incident.counted().exclude(status=Incident.Status.RESOLVED).count())


# -- over time -----------------------------------------------------------------------------------------------------------
def activity(span: TimeRange) -> dict[str, Any] | None:
    """Alerts that fired, per bucket and severity, as a chart of bars; None where none did. One statement, counted in the database."""
    start, step = span.start_ms // 1000, max(-(-span.span_ms // (1000 * BARS)), 1)  # whole seconds, for the database divides them
    counts = np.zeros((len(SEVERITIES), BARS), int)
    # Every kind, said so that the index that holds all of this can be used.
    inside = Alert.objects.filter(kind__in=Alert.Kind.values, fired_at__gte=span.start, fired_at__lt=span.end).order_by()
    buckets = inside.annotate(bar=(Epoch("fired_at") - start) / step).values_list("severity", "bar").annotate(Count("pk"))
    for severity, bar, count in buckets:
        counts[SEVERITIES.index(severity), min(max(int(bar), 0), BARS - 1)] += count
    if not counts.any():
        return None
    series = [
        {"id": name, "label": name.capitalize(), "color": at + 1, "tone": TONES[name], "data": counts[at]}
        for at, name in enumerate(SEVERITIES)
        if counts[at].any()
    ]
    middles = start + step * (np.arange(BARS) + 0.5)
    return {"t": middles, "unit": "", "series": series, "stacked": True, "bars": True, "alone": True, "total": int(counts.sum())}


# -- of one resource -----------------------------------------------------------------------------------------------------
def firing_of(resource: Resource) -> int:
    return Alert.objects.filter(resource=resource, state=Alert.State.FIRING).count()


def marks(resource: Resource, span: TimeRange, most: int) -> list[dict[str, Any]]:
    """Alerts of a resource that fired in the range, newest first, as events of its charts."""
    fired = Alert.objects.filter(resource=resource, fired_at__gte=span.start, fired_at__lt=span.end).order_by(F("fired_at").desc())
    found = fired.values_list("pk", "name", "severity", "fired_at")[:most]
    return [_mark(*row) for row in found]


def _mark(pk: int, name: str, severity: str, fired: datetime | None) -> dict[str, Any]:
    time = fired or timezone.now()  # never None: the range asks for it
    event = {"t": time.timestamp(), "kind": "alert", "mark": "mark-alert", "text": f"{name}, {severity}", "time": time}
    try:
        return {**event, "url": reverse("alert", args=[pk])}
    except NoReverseMatch:
        return event


def untold(changes: Iterable[ResourceChange], alerts: Sequence[dict[str, Any]]) -> list[ResourceChange]:
    """Without the changes of health that an alert tells of already."""
    return [
        one for one in changes if not (one.kind == ResourceChange.Kind.HEALTH and any(_same(one.time, alert["time"]) for alert in alerts))
    ]


def _same(change: datetime, alert: datetime) -> bool:
    return abs(change - alert) < TOLD_ALREADY
