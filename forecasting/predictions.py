"""Predictions that others made, kept beside ours; and how well any of them did."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from accounts import audit
from forecasting.cleaning import Unpredictable
from forecasting.foretelling import NoSuchSeries, ref_of
from forecasting.models import Prediction
from monitoring.store import reader

WRITTEN = ["mean", "lower", "upper", "made_at"]
NEAR_MS = 300_000  # a sample this near a prediction's time is what came
MOST_FILLED = 2000


class Ours(ValueError):
    """One sentence: a series that is forecast here is not written from outside."""


def store(rows: Sequence[dict[str, Any]], actor: Any) -> list[Prediction]:
    """Makes or replaces them, one for each vm, metric and time; audited as one. Raises Ours."""
    named = {(row["vm"], row["metric"]) for row in rows}
    held = set(Prediction.objects.filter(vm__in={vm for vm, _ in named}, track__isnull=False).values_list("vm", "metric").distinct())
    if taken := sorted(named & held):
        raise Ours(f"{taken[0][1][:100]} of {taken[0][0][:100]} is forecast here; its predictions are not written from outside.")
    made = [Prediction(**row, made_at=timezone.now()) for row in rows]
    with transaction.atomic():
        unique = ["vm", "metric", "timestamp"]
        Prediction.objects.bulk_create(made, batch_size=200, update_conflicts=True, unique_fields=unique, update_fields=WRITTEN)
        audit.record(
            "prediction.stored", target=f"{len(made)} predictions", actor=actor, after={"vms": sorted({row["vm"] for row in rows})[:20]}
        )
    return made


def came(vm: str, metric: str, start: datetime, end: datetime) -> list[Prediction]:
    """Those whose time has come and whose outcome is known, oldest first; what the store knows is filled in."""
    rows = Prediction.objects.filter(vm=vm, metric=metric, timestamp__gte=start, timestamp__lt=min(end, timezone.now()))
    waiting = list(rows.filter(actual=None, track=None).order_by("timestamp")[:MOST_FILLED])
    if waiting:
        _fill(vm, metric, waiting)
    return list(rows.exclude(actual=None).order_by("timestamp"))


def _fill(vm: str, metric: str, waiting: Sequence[Prediction]) -> None:
    """From the samples nearest in time; a series that the store does not know stays open."""
    try:
        ref = ref_of(vm, metric, {})
    except (NoSuchSeries, Unpredictable):
        return
    at = np.array([int(one.timestamp.timestamp() * 1000) for one in waiting], np.int64)
    t, v = reader.raw(ref.id, int(at[0]) - NEAR_MS, int(at[-1]) + NEAR_MS)
    if not len(t):
        return
    place = np.clip(np.searchsorted(t, at), 1, max(1, len(t) - 1))
    near = np.where(np.abs(t[place - 1] - at) <= np.abs(t[np.minimum(place, len(t) - 1)] - at), place - 1, np.minimum(place, len(t) - 1))
    found = []
    for one, sample, when in zip(waiting, near, at, strict=True):
        if abs(int(t[sample]) - int(when)) <= NEAR_MS and np.isfinite(v[sample]):
            one.actual = float(v[sample])
            found.append(one)
    Prediction.objects.bulk_update(found, ["actual"], batch_size=200)
