"""Analyses that are made beside the pages. Each may run twice: a row that is filled is left alone."""

import logging
from collections.abc import Sequence

from celery import shared_task
from django.utils import timezone

from aiops.errors import when_it_answers
from genai.causes import analyse, scene
from genai.causes.models import Analysis
from monitoring.incidents.models import Incident
from monitoring.store import StoreUnavailable

AT_ONCE = 10  # incidents
log = logging.getLogger(__name__)


@shared_task
def explain(analysis_id: int) -> bool:
    """One that somebody asked for."""
    row = Analysis.objects.filter(pk=analysis_id, state="asked").first()
    if row is None:
        return False
    try:
        analyse.run(row, scene.of(row.subject, row.start, row.end))
    except scene.Unknown as gone:
        Analysis.objects.filter(pk=row.pk).update(state="failed", error=str(gone))
    except StoreUnavailable as fault:  # the row says so
        log.info("%s was not explained: %s", row.subject, fault)
    return row.state == "done"


@shared_task
def explain_incidents(incident_ids: Sequence[int]) -> int:
    """After incidents opened or changed: those whose alerts are newer than what was found."""
    return when_it_answers("explain_incidents", lambda: sum(_explain_incident(pk) for pk in list(incident_ids)[-AT_ONCE:]))


def _explain_incident(pk: int) -> bool:
    incident = Incident.objects.filter(pk=pk, merged_into=None).exclude(status=Incident.Status.RESOLVED).first()
    if incident is None or not incident.alert_count:
        return False
    subject = f"incident:{pk}"
    row, found = analyse.latest(subject), scene.of(subject)
    if row is not None and incident.last_alert_at <= row.created_at and not analyse.is_old(row, found):
        return False
    try:
        analyse.analyse(subject)
    except StoreUnavailable as fault:
        log.info("%s was not explained at %s: %s", subject, timezone.now(), fault)
        return False
    return True
