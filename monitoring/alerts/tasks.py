import logging
from collections.abc import Callable
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db import Error
from django.utils import timezone

from aiops.errors import when_it_answers
from monitoring.alerts import lifecycle, overlays, running, schedule
from monitoring.alerts.models import Alert, AlertRule
from monitoring.alerts.observations import Observation
from monitoring.store import StoreUnavailable

EXPIRED_AT_ONCE = 1000
log = logging.getLogger(__name__)


@shared_task
def evaluate_due() -> int:
    """Every second: evaluates the rule groups that are due. Two at once share the work by leases."""
    return _when_it_answers("evaluate_due", _evaluate_due)


def _evaluate_due() -> int:
    lease, groups = schedule.claim_due()
    if not groups:
        return 0
    try:
        return running.run(groups, lease)
    except (StoreUnavailable, Error):
        schedule.release(lease)
        raise


def _when_it_answers(task: str, work: Callable[[], int]) -> int:
    """Pending alerts keep their times meanwhile."""
    return when_it_answers(task, work, "store", (StoreUnavailable, Error))


@shared_task
def tend_alerts() -> int:
    """Every 15 s: silences that begin and end, alerts that flap no more, alerts whose rule is gone."""
    return _when_it_answers("tend_alerts", lambda: overlays.overlay() + overlays.calm() + end_orphans())


@shared_task
def expire_alerts() -> int:
    """Every night: resolved alerts that are older than AIOPS_ALERT_RETENTION_DAYS, with their history, a thousand at a time."""
    since = timezone.now() - timedelta(days=settings.ALERT_RETENTION_DAYS)
    old = Alert.objects.filter(state=Alert.State.RESOLVED, resolved_at__lt=since).order_by("id")
    gone = 0
    while ids := list(old.values_list("pk", flat=True)[:EXPIRED_AT_ONCE]):
        Alert.objects.filter(pk__in=ids).delete()
        gone += len(ids)
    return gone


def end_orphans() -> int:
    """Alerts of rules that were deleted, switched off or made into recording rules."""
    rows = Alert.objects.exclude(state=Alert.State.RESOLVED).filter(source="rule")
    gone = rows.filter(rule=None) | rows.filter(rule__enabled=False) | rows.filter(rule__kind=AlertRule.Kind.RECORD)
    marks = [*gone.values_list("fingerprint", flat=True)[:20_000], *_mended()]
    ended = [Observation(mark, "resolved", resolution="expired", reason="its rule is gone or switched off") for mark in marks]
    lifecycle.observe(ended, timezone.now())
    return len(ended)


def _mended() -> list[str]:
    """Fingerprints of alerts about rules that fail, where there is no such rule any more."""
    rows = Alert.objects.filter(source="self", name=running.FAILING, state=Alert.State.FIRING).values_list("fingerprint", "labels")
    failing = set(AlertRule.objects.filter(enabled=True).exclude(last_error="").values_list("name", "group__name")) if rows else set()
    return [mark for mark, labels in rows if (labels.get("rule"), labels.get("rule_group")) not in failing]
