"""What happens to sources. Sent after commit."""

from django.dispatch import Signal

source_polled = Signal()  # source_id: int, resource_ids: list[int], t_ms: int – samples and facts of one poll are stored
source_failed = Signal()  # source_id: int, error: str, t_ms: int
