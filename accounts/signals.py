"""What other rooms, and the audit trail, may want to hear of."""

from django.dispatch import Signal

permission_refused = Signal()  # bearer, permission: a token asked for more than it may
