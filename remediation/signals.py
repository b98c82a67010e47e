"""What happens to cases: after commit, many at once."""

from django.dispatch import Signal

execution_changed = Signal()  # execution_ids: list[int] – state, approvals, outcome
approval_asked = Signal()  # approval_ids: list[int]
approval_closed = Signal()  # approval_ids: list[int]
