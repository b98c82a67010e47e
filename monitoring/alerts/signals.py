"""What happens to alerts: after commit, many at once, whatever changed them."""

from django.dispatch import Signal

alert_opened = Signal()  # alert_ids: list[int] – they fire: new, from pending, or again
alert_resolved = Signal()  # alert_ids: list[int] – they fired and are over
alert_changed = Signal()  # alert_ids: list[int], transition_ids: list[int] – any change on any axis; also sent beside the two above
