"""Other systems' alerts: each becomes one of ours, known by its sender's key or else its labels, and ends when its sender says so."""

from collections.abc import Sequence

from monitoring.alerts import lifecycle, subjects
from monitoring.alerts.models import Alert
from monitoring.alerts.observations import Observation, fingerprint
from monitoring.alerts.severities import severity_of
from monitoring.ingest.notices import Notice


def receive(notices: Sequence[Notice]) -> list[Alert]:
    """Idempotent: the same notice again changes nothing. Raises django.db.Error; then it may be sent again."""
    about = subjects.resources([one.labels for one in notices])
    return lifecycle.observe([_observation(one, resource) for one, resource in zip(notices, about, strict=True)])


def _observation(one: Notice, resource: int | None) -> Observation:
    severity = severity_of(one.severity)
    labels = {**one.labels, "alertname": one.name, "severity": severity}
    identity = {"key": one.key} if one.key else dict(one.labels)
    details = {name: value for name, value in one.details.items() if value}
    return Observation(
        fingerprint(one.source, identity),
        "firing" if one.firing else "resolved",
        name=one.name,
        value=one.value,
        labels=labels,
        annotations=one.annotations,
        severity=severity,
        source=one.source,
        resource=resource,
        started_at=one.started_at,
        evidence=details,
        resolution=Alert.Resolution.SOURCE,
        reason=f"said by {one.source}",
    )
