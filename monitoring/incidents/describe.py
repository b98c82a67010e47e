"""What an incident says of itself, from its alerts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from monitoring.alerts.models import RANKS, Alert
from monitoring.incidents.models import Incident
from monitoring.incidents.opening import fired
from monitoring.incidents.relations import STORM
from monitoring.inventory.topology import Topology

MOST_SERVICES = 50
SERVICE_LABELS = ("service", "app", "application", "deployment")  # the first that an alert has


def grow(incident: Incident, alerts: Sequence[Alert]) -> None:
    """With these alerts too; with a count of 0, with these alone."""
    if not incident.alert_count:
        _begin(incident, alerts)
    incident.alert_count += len(alerts)
    incident.started_at = min(incident.started_at, *(alert.started_at for alert in alerts))
    incident.detected_at = min(incident.detected_at, *(alert.fired_at or alert.started_at for alert in alerts))
    incident.last_alert_at = max(incident.last_alert_at, *map(fired, alerts))
    if not incident.rated:
        incident.severity = worst([incident.severity, *(alert.severity for alert in alerts)])
    incident.services = services((alert.labels for alert in alerts), incident.services)


def _begin(incident: Incident, alerts: Sequence[Alert]) -> None:
    incident.services = []
    incident.last_alert_at = fired(alerts[0])
    if not incident.rated:
        incident.severity = alerts[0].severity
    if not incident.manual:  # else it began when the person who opened it says
        incident.started_at, incident.detected_at = alerts[0].started_at, alerts[0].fired_at or alerts[0].started_at


def worst(severities: Iterable[str]) -> str:
    return max(severities, key=lambda name: RANKS[name])


def services(labels: Iterable[Mapping[str, str]], before: Sequence[str] = ()) -> list[str]:
    found = dict.fromkeys(before)
    for one in labels:
        name = next((str(one[label]) for label in SERVICE_LABELS if one.get(label)), "")
        if name:
            found.setdefault(name)
    return list(found)[:MOST_SERVICES]


def title(summary: str, name: str, alerts: Sequence[Alert]) -> str:
    """The root alert's summary, unless it happens everywhere."""
    alike = sum(alert.name == name for alert in alerts)
    return (f"{name} in many places at once" if alike >= STORM else summary or name)[:300]


def summaries(alert_ids: Iterable[int | None]) -> dict[int, str]:
    rows = Alert.objects.filter(pk__in=[pk for pk in alert_ids if pk]).only("id", "name", "annotations")
    return {alert.pk: " ".join(alert.summary.split()) for alert in rows}


def opened_by(alerts: Sequence[Alert]) -> str:
    return f"Opened by {alerts[0].name}" if len(alerts) == 1 else f"Opened by {len(alerts):,} alerts: {most(alerts)}"


def most(alerts: Sequence[Alert]) -> str:
    counts = Counter(alert.name for alert in alerts).most_common(4)
    told = ", ".join(f"{count:,} × {name}" if count > 1 else name for name, count in counts[:3])
    return f"{told} and others" if len(counts) > 3 else told


def where(alert: Alert, topology: Topology) -> str:
    place = topology.places.get(alert.resource_id or 0)
    return f" on {place.name}" if place else ""
