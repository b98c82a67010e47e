"""How many alerts of an incident fired at each time: what its chart shows."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from monitoring.alerts.models import RANKS, Alert, AlertTransition
from monitoring.alerts.transitions import portions
from monitoring.incidents.models import Incident, IncidentAlert

STEPS = 160
COLOURS = {"critical": 5, "high": 3, "medium": 8, "low": 1}  # of the series
Span = tuple[float, float]  # seconds


def window(incident: Incident, now: datetime | None = None) -> tuple[datetime, datetime]:
    """The incident with some time before it, and after it where it is over."""
    now = now or timezone.now()
    end = incident.resolved_at or now
    margin = max((end - incident.started_at) * 0.15, timedelta(minutes=5))
    return incident.started_at - margin, min(end + margin, now) if incident.resolved_at else now


def chart(incident: Incident, now: datetime | None = None) -> dict[str, Any]:
    """A spec for static/js/charts.js: by severity, piled. Two statements per 5,000 alerts."""
    start, end = window(incident, now)
    edges = np.linspace(start.timestamp(), end.timestamp(), STEPS + 1)
    counts = {name: np.zeros(STEPS, int) for name in RANKS}
    for severity, spans in _spans(incident, end.timestamp()):
        for begin, over in spans:
            first, last = np.searchsorted(edges, (begin, over), "right") - 1
            counts[severity][max(int(first), 0) : max(int(last), int(first)) + 1] += 1
    present = [name for name in reversed(RANKS) if counts[name].any()]
    total = sum((counts[name] for name in present), np.zeros(STEPS, int))
    series = [{"id": name, "label": name.capitalize(), "color": COLOURS[name], "data": counts[name].tolist()} for name in present]
    return {
        "t": edges[:-1].round(1).tolist(), "unit": "", "series": series, "stacked": True, "whole": True, "from": float(edges[0]),
        "to": float(edges[-1]), "sentence": _sentence(incident, total),
    }  # fmt: skip


def _spans(incident: Incident, until: float) -> Iterable[tuple[str, list[Span]]]:
    rows = list(
        IncidentAlert.objects.filter(incident=incident).values_list("alert_id", "alert__severity", "alert__fired_at", "alert__state")
    )
    told: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    for ids in portions([row[0] for row in rows]):
        steps = AlertTransition.objects.filter(alert__in=ids, axis=AlertTransition.Axis.STATE).order_by("id")
        for alert, time, after in steps.values_list("alert_id", "time", "after"):
            told[alert].append((time.timestamp(), after == Alert.State.FIRING))
    for alert, severity, fired_at, _ in rows:
        yield severity, _fires(told[alert], until) or ([(fired_at.timestamp(), until)] if fired_at and not told[alert] else [])


def _fires(steps: list[tuple[float, bool]], until: float) -> list[Span]:
    spans: list[Span] = []
    begun: float | None = None
    for time, fires in steps:
        if fires and begun is None:
            begun = time
        elif not fires and begun is not None:
            spans.append((begun, time))
            begun = None
    return [*spans, (begun, until)] if begun is not None else spans


def _sentence(incident: Incident, total: Any) -> str:
    most, last = int(total.max(initial=0)), int(total[-1])
    return f"Up to {most:,} of its {incident.alert_count:,} alerts fired at the same time; {last:,} at the end"
