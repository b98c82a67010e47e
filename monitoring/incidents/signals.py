"""What happens to incidents: after commit, many at once."""

from django.dispatch import Signal

incident_opened = Signal()  # incident_ids: list[int] – new, or open again
incident_changed = (
    Signal()
)  # incident_ids: list[int] – anything: alerts, status, severity, commander, timeline; also sent beside the others
incident_resolved = Signal()  # incident_ids: list[int]
