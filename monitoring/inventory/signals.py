"""What happens to resources. Sent after commit. resource_id: int; before, after: as stored (None where there is nothing)."""

from django.dispatch import Signal

resource_discovered = Signal()  # resource_id, before=None, after=state
resource_state_changed = Signal()  # resource_id, before, after: reporting, stale, gone; after=None when it was deleted
resource_health_changed = Signal()  # resource_id, before, after: 0-100 or None
