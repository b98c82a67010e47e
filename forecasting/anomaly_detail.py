"""One anomaly: its chart over the usual band, what each channel said, what else was unusual then, what it has to do with alerts."""

from datetime import timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from aiops import timerange
from forecasting import anomaly_board, forecast_chart, history, words
from forecasting.models import Anomaly
from monitoring.alerts.models import Alert
from monitoring.dashboards import charts
from monitoring.store import reader

BEFORE, AFTER = timedelta(hours=5), timedelta(hours=1)
NEAR = timedelta(minutes=45)  # what began within this of it moved with it
MOVED, ALERTS = 8, 5
MOST = 1000  # of those that are looked through
Json = dict[str, Any]


def window(found: Anomaly) -> timerange.TimeRange:
    """Some hours before it to an hour after; never later than now."""
    last = found.ended_at or timezone.now()
    end = min(timezone.now(), max(found.started_at, min(last, found.started_at + timedelta(hours=12))) + AFTER)
    return timerange.absolute(int((found.started_at - BEFORE).timestamp() * 1000), int(end.timestamp() * 1000))


def chart(found: Anomaly) -> Json:
    """A spec of static/js/charts.js, with the band that was expected and the scores as a ribbon."""
    span, track = window(found), found.track
    step = forecast_chart.step_of(span.span_ms, track.watch.step * 1000)
    t, values = history.of_track(track, span.start_ms // step * step, span.end_ms, step)
    known = values[np.isfinite(values)]
    spec: Json = {
        "t": t / 1000, "unit": words.unit_of(track.watch.unit), "from": span.start_ms / 1000, "to": span.end_ms / 1000,
        "series": [{"id": "value", "label": track.watch.name, "color": 1, "data": charts.compact(values)}], "alone": True,
        "anomaly": _ribbon(found, t, step), "note": "" if len(known) else "The store holds no samples of it around that time.",
        "sentence": f"{track}: {words.figure(found.value, track.watch.unit)} at its worst",
        "events": [{"t": found.started_at.timestamp(), "n": "1", "kind": "alert", "text": "Began"}],
    }  # fmt: skip
    if found.low is not None and found.high is not None:
        spec["expected"] = {"lo": np.full(len(t), found.low), "hi": np.full(len(t), found.high)}
        spec["sentence"] += f", usual {words.ranged(found.low, found.high, track.watch.unit)}"
    return spec


def _ribbon(found: Anomaly, t: Any, step: int) -> list[float]:
    """The written scores; where there are none, the anomaly's own score from its beginning to its end."""
    scores = written(found.track.metric, found.track.labels, int(t[0]), int(t[-1]) + step, step)
    if scores is not None:
        return scores
    last = (found.ended_at or found.seen_at).timestamp() * 1000
    inside = (t >= found.started_at.timestamp() * 1000 - step) & (t <= last)
    return [round(found.score, 3) if one else 0 for one in inside]


def written(metric: str, labels: dict[str, str], start: int, end: int, step: int) -> list[float] | None:
    """The highest score of each step; None where the store holds none."""
    refs = [ref for ref in reader.select(f"{metric}:anomaly", labels) if ref.labels == labels]
    if not refs:
        return None
    t, v = reader.raw(refs[0].id, start, end)
    if not len(t):
        return None
    highest = np.zeros(-(-(end - start) // step))
    np.maximum.at(highest, (t - start) // step, np.nan_to_num(v))
    return [round(float(value), 3) for value in highest]


def channels(found: Anomaly) -> list[Json]:
    """What each part of the detector said, the loudest first; `agrees`: it alone would have alarmed."""
    rows = [
        {"name": words.channel(key)[0], "score": round(100 * min(1.0, value)), "agrees": value >= AGREES, "saw": words.channel(key)[1]}
        for key, value in found.channels.items()
        if isinstance(value, int | float)
    ]
    return sorted(rows, key=lambda row: -row["score"])


AGREES = 0.5


def moved(found: Anomaly) -> list[Json]:
    """Other anomalies that began about then, the nearest of them first, those of the same resource before others."""
    near = Anomaly.objects.filter(started_at__gte=found.started_at - NEAR, started_at__lte=found.started_at + NEAR)
    here = found.track.resource_id
    listed = (
        near.exclude(pk=found.pk).exclude(track=found.track).order_by("-score").values_list("track__resource", "started_at", "score", "pk")
    )
    order = sorted((where != here, abs(began - found.started_at), -score, pk) for where, began, score, pk in listed[:MOST])
    ids = [pk for *_, pk in order[:MOVED]]
    rows = Anomaly.objects.select_related("track__watch", "track__resource").in_bulk(ids)
    return [
        {"row": anomaly_board.Row(one, None), "same": here is not None and one.track.resource_id == here, "lead": _lead(one, found)}
        for one in (rows[pk] for pk in ids if pk in rows)
    ]


def _lead(one: Anomaly, found: Anomaly) -> str:
    apart = (one.started_at - found.started_at).total_seconds()
    if abs(apart) < 60:
        return "same minute"
    return f"{words.duration(abs(apart))} {'after' if apart > 0 else 'before'}"


def alerts(found: Anomaly) -> list[Alert]:
    """About the same resource, going on while it did."""
    if not found.track.resource_id:
        return []
    rows = Alert.objects.filter(resource=found.track.resource_id, started_at__lte=(found.ended_at or timezone.now()) + NEAR)
    rows = rows.exclude(resolved_at__lt=found.started_at - NEAR).exclude(state=Alert.State.PENDING)
    return list(rows.order_by("-started_at")[:ALERTS])
