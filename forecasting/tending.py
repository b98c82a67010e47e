"""Rows that end and rows that are too old."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from forecasting import anomalies, ledger, schedule, shards
from forecasting.models import Anomaly, Forecast, ForecastModel, Foresight, Prediction, Track, Watch

ENDS_AFTER = timedelta(days=1)  # silent so long, a track has ended
PLACE_KEPT = timedelta(days=2)  # and so long, its place is another's
FORECASTS_KEPT = timedelta(days=7)  # without points
VERSIONS_KEPT = 5  # of a track's models
AT_ONCE = 1000


def end_silent(now: datetime | None = None) -> int:
    """Tracks that said nothing for a day: what is open of them is closed, nothing is foretold of them any more. Idempotent."""
    now = now or timezone.now()
    rows = Track.objects.filter(last_seen__lt=now - ENDS_AFTER).exclude(state=Track.State.ENDED)
    ids = list(rows.filter(_is_scored()).values_list("pk", flat=True)[:AT_ONCE])
    anomalies.end_of(ids)
    ledger.close_silent(ids, now)
    Track.objects.filter(pk__in=ids).update(state=Track.State.ENDED, reason="Nothing has been heard of it for a day.")
    return len(ids)


def introduce(now: datetime | None = None) -> int:
    """Tracks that are scored alone and are known well enough by now."""
    known = (now or timezone.now()) - timedelta(seconds=shards.QUIET_SECONDS)
    rows = Track.objects.filter(state=Track.State.LEARNING, watch__forecast=False, place__isnull=False, first_seen__lt=known)
    return rows.update(state=Track.State.OK, reason="")


def _is_scored() -> Q:
    """Whoever is scored is seen to be there; a watch that is off says nothing of its tracks."""
    return Q(watch__enabled=True)


def sweep(now: datetime | None = None) -> int:
    """Every night: places of tracks that ended are given to others."""
    now = now or timezone.now()
    gone = 0
    for pk in Watch.objects.filter(tracks__state=Track.State.ENDED, tracks__place__isnull=False).values_list("pk", flat=True).distinct():
        claimed = schedule.claim(pk, now)
        if claimed is not None:
            watch, lease = claimed
            try:
                gone += shards.sweep(watch, now - PLACE_KEPT)
            finally:
                schedule.release_watch(watch, lease)
    return gone


def expire(now: datetime | None = None) -> int:
    """Every night: what is older than AIOPS_FORECAST_RETENTION_DAYS; the ledger is kept as long as alerts."""
    now = now or timezone.now()
    old = now - timedelta(days=settings.FORECAST_RETENTION_DAYS)
    ledger_old = now - timedelta(days=settings.ALERT_RETENTION_DAYS)
    judged = Foresight.objects.filter(closed_at__lt=ledger_old)
    gone = _delete(Anomaly.objects.filter(ended_at__lt=old)) + _delete(Prediction.objects.filter(timestamp__lt=old)) + _delete(judged)
    gone += _delete(Forecast.objects.filter(latest=False, made_at__lt=now - FORECASTS_KEPT))
    return gone + _delete(_superseded()) + _delete(Track.objects.filter(last_seen__lt=old, state=Track.State.ENDED, foresights=None))


def _superseded() -> QuerySet[ForecastModel]:
    """Versions that are neither active nor among the latest of their track."""
    rows = ForecastModel.objects.filter(active=False).values_list("track", "version")
    last: dict[int, int] = {}
    for track, version in rows.order_by("track", "version"):
        last[track] = version
    wanted = Q(pk__in=[])
    too_old = {track: version - VERSIONS_KEPT for track, version in last.items() if version > VERSIONS_KEPT}
    for track, version in list(too_old.items())[: AT_ONCE // 4]:
        wanted |= Q(track=track, version__lte=version)
    return ForecastModel.objects.filter(wanted, active=False)


def _delete(rows: QuerySet[Model]) -> int:
    """A thousand at a time, so that writers are not kept waiting."""
    gone = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        rows.model._default_manager.filter(pk__in=ids).delete()
        gone += len(ids)
    return gone
