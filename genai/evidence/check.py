"""Asks again: whether what a piece of evidence shows is still there."""

import logging
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from genai.evidence import kinds
from genai.evidence.models import Evidence
from monitoring.dashboards import query_units
from monitoring.query.errors import QueryError
from monitoring.store import StoreUnavailable, retention
from monitoring.store.windows import DAY, now_ms

FRESH = timedelta(seconds=60)  # one that was checked so lately is not asked again
NEAR = {"min": 0.05, "max": 0.05, "mean": 0.05, "first": 0.2, "last": 0.2}  # of the range's size: samples that came late move them a little
FEWEST = 0.8  # of the points that there were
log = logging.getLogger(__name__)


def check(evidence: Evidence) -> bool | None:
    """Writes and returns whether it holds; None: it cannot be told, since it is gone, rolled up, or the store does not answer."""
    try:
        evidence.holds = _holds(evidence)
    except (StoreUnavailable, QueryError) as fault:
        log.info("evidence %s cannot be checked now: %s", evidence.pk, fault)
        evidence.holds = None
    evidence.checked_at = timezone.now()
    Evidence.objects.filter(pk=evidence.pk).update(holds=evidence.holds, checked_at=evidence.checked_at)
    return evidence.holds


def standing(ids: Collection[int]) -> dict[int, Evidence]:
    """Those that exist, each checked within the last minute."""
    found = Evidence.objects.in_bulk(list(ids))
    for one in found.values():
        if one.checked_at is None or timezone.now() - one.checked_at > FRESH:
            check(one)
    return found


def _holds(evidence: Evidence) -> bool | None:
    now = kinds.kind(evidence.kind).look(evidence.reference)
    if now is None:
        return None
    if evidence.kind != Evidence.Kind.SERIES:
        return now == evidence.found
    return same_figures(evidence.found, now) or (None if _rolled_up(evidence.reference) else False)


def same_figures(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Each within its share of the larger of size and spread; as many points, or more that came late."""
    if not then.get("points"):
        return not now.get("points")
    if now.get("points", 0) < FEWEST * then["points"]:
        return False
    scale = max(abs(then["max"]), abs(then["min"]), then["max"] - then["min"])
    return all(abs(now[name] - then[name]) <= near * scale + 1e-12 for name, near in NEAR.items())


def _rolled_up(reference: Mapping[str, Any]) -> bool:
    """Its raw samples are gone, or will be by tonight: rollups tell less."""
    kept = [retention.of(metric).raw for metric in query_units.metrics_of(reference["query"])] or [retention.default().raw]
    return bool(reference["start"] < now_ms() - min(kept) + DAY)
