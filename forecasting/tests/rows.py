"""Rows as the tasks write them, for tests of pages and API."""

import math
import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from forecasting import tracks
from forecasting.models import Anomaly, Forecast, ForecastModel, Foresight, Track, Watch
from monitoring.inventory.facts import ResourceReport, report
from monitoring.inventory.models import Resource
from monitoring.store import writer
from monitoring.store.batch import Batch

HOUR = 3600
NOTES = {
    "open": "", "came_true": "It reached 95 %.", "averted": "It went away from the limit.", "false": "The time passed without it.",
}  # fmt: skip


def a_watch(metric: str = "disk_used_percent", **fields: Any) -> Watch:
    given = {"name": "Disk used", "expr": metric, "unit": "percent", "direction": "up", "limit": 95.0, "forecast": True, **fields}
    found, _ = Watch.objects.get_or_create(key=given.pop("key", metric), defaults={"metric": metric, **given})
    return found


def a_resource(name: str = "db-1", kind: str = "host", **labels: str) -> Resource:
    [row] = report([ResourceReport(kind, name, {"site": "fra", "instance": name, **labels}, {}, report_interval=86_400)], None)
    return row


def a_track(name: str = "db-1", watch: Watch | None = None, mountpoint: str = "/", **fields: Any) -> Track:
    watch = watch or a_watch()
    resource = fields.pop("resource", None) or a_resource(name)
    labels = {"instance": name, "mountpoint": mountpoint}
    return Track.objects.create(
        watch=watch, labels=labels, key=tracks.key_of(watch, frozenset(labels.items())), metric=watch.metric or "some_metric", vm=name,
        series=f'{watch.metric}{{mountpoint="{mountpoint}"}}', resource=resource, **{"state": Track.State.OK, **fields},
    )  # fmt: skip


def samples(track: Track, first: float = 80.0, last: float = 90.0, days: float = 3, step: int = 300) -> None:
    """A line with a daily wave, until now."""
    now = int(time.time()) // step * step
    count = int(days * 86_400 / step)
    rows = []
    for at in range(count + 1):
        t = now - (count - at) * step
        value = first + (last - first) * at / count + 0.8 * math.sin(2 * math.pi * t / 86_400)
        rows.append((track.metric, track.labels, t * 1000, value))
    writer.write(Batch.of(rows, track.resource_id))


def a_model(track: Track, version: int = 1, **fields: Any) -> ForecastModel:
    given = {
        "kind": "blend", "rows": 336, "weights": {"theta": 0.6, "mstl": 0.4}, "mae": 0.4, "mase": 0.61, "naive_mase": 1.0, "ratio": 0.61,
        "errors": {"seasonal_naive": {"mae": 0.66, "mase": 1.0}, "theta": {"mae": 0.45, "mase": 0.7}, "blend": {"mae": 0.4, "mase": 0.61}},
        "coverage": 0.81, "active": True, "why": "first",
    }  # fmt: skip
    return ForecastModel.objects.create(track=track, version=version, **{**given, **fields})


def a_forecast(track: Track, hours: float | None = 54, value: float = 90.4, **fields: Any) -> Forecast:
    """hours: until the limit is reached; None: never."""
    now = timezone.now()
    mean = [value + 0.08 * n for n in range(48)]
    points = {
        "mean": mean, "lo80": [v - 0.02 * n for n, v in enumerate(mean)], "hi80": [v + 0.02 * n for n, v in enumerate(mean)],
        "lo95": [v - 0.04 * n for n, v in enumerate(mean)], "hi95": [v + 0.04 * n for n, v in enumerate(mean)],
    }  # fmt: skip
    due = None if hours is None else now + timedelta(hours=hours)
    model = fields.pop("model", None) or ForecastModel.objects.filter(track=track, active=True).first() or a_model(track)
    edges = {"eta_lo": due and due - timedelta(hours=10), "eta_hi": due and due + timedelta(hours=13)}
    return Forecast.objects.create(
        track=track, model=model, made_at=now, start=(int(now.timestamp()) // HOUR + 1) * HOUR * 1000, step=HOUR, points=points,
        value=value, limit=track.watch.limit, eta=due, **{**edges, "agreeing": 4 if due else 0, **fields},
    )  # fmt: skip


def an_anomaly(track: Track, score: float = 0.97, minutes: int = 46, **fields: Any) -> Anomaly:
    began = timezone.now() - timedelta(minutes=minutes)
    given = {
        "reason": "Above its range", "value": 97.0, "low": 80.0, "high": 91.0, "channels": {"range": 0.98, "level": 0.9, "step": 0.2},
        "peak_at": began, "seen_at": began,
    }  # fmt: skip
    return Anomaly.objects.create(track=track, started_at=began, score=score, **{**given, **fields})


def a_case(track: Track, outcome: str = "came_true", days: float = 3, **fields: Any) -> Foresight:
    opened = timezone.now() - timedelta(days=days)
    given = {
        "kind": "blend", "fingerprint": f"f{track.pk}", "limit": 95.0, "value": 90.0, "eta": opened + timedelta(days=2), "nearest": 95.2,
        "closed_at": None if outcome == "open" else opened + timedelta(days=2), "note": NOTES[outcome],
        "reached_at": opened + timedelta(days=2) if outcome == "came_true" else None,
    }  # fmt: skip
    return Foresight.objects.create(track=track, opened_at=opened, outcome=outcome, **{**given, **fields})
