"""What happens to senders. Sent after commit."""

from django.dispatch import Signal

sender_appeared = Signal()  # sender_id: int – its first request was kept
