"""What remediation counts of itself, for /metrics."""

from django.db.models import Count
from django.utils import timezone
from prometheus_client import Counter, Histogram

from aiops import metrics
from remediation.models import Approval, Execution

ACTIONS = Counter("aiops_remediation_actions", "Actions that ended, by kind of provider and how", ["provider", "state"])
VERIFIED = Counter("aiops_remediation_verified", "Cases whose success criteria were judged, by result", ["result"])
STARTED = Histogram(
    "aiops_remediation_start_seconds",
    "From a case's proposal to its start, of those that nobody had to approve",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 30),
)


def by_state() -> dict[str, float]:
    """Of cases that are not over."""
    rows = Execution.objects.filter(state__in=Execution.OPEN).order_by().values_list("state").annotate(Count("pk"))
    return {state: float(count) for state, count in rows}


def waiting() -> float:
    return float(Approval.objects.filter(state=Approval.State.WAITING).count())


def latest() -> float:
    """Seconds for which the case that is due longest has waited."""
    due = Execution.objects.filter(due_at__lte=timezone.now()).order_by("due_at").values_list("due_at", flat=True).first()
    return max(0.0, (timezone.now() - due).total_seconds()) if due else 0.0


def register() -> None:
    metrics.gauge_source("aiops_remediation_executions", "Cases that are not over, by state", by_state, "state")
    metrics.gauge_source("aiops_remediation_approvals_waiting", "Questions that nobody has answered yet", waiting)
    metrics.gauge_source("aiops_remediation_lag_seconds", "How long the case that is due longest has waited", latest)
