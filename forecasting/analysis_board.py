"""The page of analysis: what rules and detectors said over a time, how complete the data is, and a chosen set of series compared."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.core.exceptions import BadRequest
from django.db.models import Count, Exists, F, OuterRef, Q
from django.http import QueryDict
from django.utils import timezone

from aiops.timerange import TimeRange
from forecasting import analysis, forecast_board, forecast_chart, history, words
from forecasting.models import Anomaly, Track, Watch
from monitoring.alerts.models import Alert
from monitoring.dashboards.frames import STEPS_MS

MOST, LISTED, BARS = 10, 12, 48  # series compared; rows of a list; bars of a chart
SILENT = timedelta(hours=2)  # a track's last_seen is at most an hour late
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LIKE = 0.7  # |r| from which two series are said to move together
Json = dict[str, Any]


# -- over all of it ----------------------------------------------------------------------------------------------------------
def hits(span: TimeRange) -> tuple[list[Json], int]:
    """Alerts that fired in the range, by name, those that fired most first; and how many in all."""
    rows = Alert.objects.filter(kind__in=Alert.Kind.values, fired_at__gte=span.start, fired_at__lt=span.end).order_by()
    found: Any = list(rows.values("name", "rule").annotate(n=Count("pk"), where=Count("resource", distinct=True)).order_by("-n", "name"))
    return found[:LISTED], sum(row["n"] for row in found)


def counted(span: TimeRange) -> tuple[list[Json], int, Json | None]:
    """Anomalies that began in the range, by watch; how many in all; and over time as bars."""
    rows = Anomaly.objects.filter(started_at__gte=span.start, started_at__lt=span.end)
    named: Any = {"name": F("track__watch__name"), "watch": F("track__watch")}
    kinds: Any = rows.order_by().values(**named)
    by_watch = list(kinds.annotate(n=Count("pk"), noise=Count("pk", filter=Q(feedback="noise"))).order_by("-n", "name"))
    total = sum(row["n"] for row in by_watch)
    return by_watch[:LISTED], total, _bars(list(rows.values_list("started_at", flat=True)), span) if total else None


def _bars(moments: Sequence[Any], span: TimeRange) -> Json:
    step = next((one for one in STEPS_MS if one >= span.span_ms / BARS), STEPS_MS[-1])
    first = span.start_ms // step
    count = max(2, -(-span.end_ms // step) - first)
    counts = Counter(int(at.timestamp() * 1000) // step - first for at in moments)
    middles = (first + np.arange(count) + 0.5) * step / 1000
    series = {"id": "n", "label": "Anomalies", "color": 5, "tone": "--anomaly", "data": [counts[place] for place in range(count)]}
    return {"t": middles, "unit": "", "series": [series], "bars": True, "alone": True}


def silent() -> tuple[list[Json], int, int]:
    """(watches with series that send nothing now, most of them first; silent series, all of them)."""
    edge = timezone.now() - SILENT
    rows = Watch.objects.filter(enabled=True).annotate(
        all=Count("tracks", filter=~Q(tracks__state=Track.State.ENDED)),
        gone=Count("tracks", filter=Q(tracks__last_seen__lt=edge) & ~Q(tracks__state=Track.State.ENDED)),
    )
    found: list[Json] = [{"watch": one, "all": one.all, "gone": one.gone} for one in rows.filter(all__gt=0).order_by("-gone", "name")]
    return [row for row in found if row["gone"]][:LISTED], sum(row["gone"] for row in found), sum(row["all"] for row in found)


# -- a chosen set --------------------------------------------------------------------------------------------------------------
@dataclass
class Compared:
    """A series of the set."""

    track: Track
    complete: float
    daily: float
    weekly: float
    anomalies: int
    likes: list[Json]  # r with each of the set, in its order

    @property
    def what(self) -> str:
        return forecast_board.what(self.track)

    @property
    def label(self) -> str:
        return f"{self.what}, {self.track.vm}"


def chosen(query: QueryDict) -> tuple[list[Track], int]:
    """The series that the address names, else those that its words and watch find, the unusual and
    the longest watched first; at most MOST, and how many there are."""
    rows = Track.objects.exclude(state=Track.State.ENDED).filter(watch__enabled=True)
    if picked := [_id(text) for text in query.getlist("track")]:
        rows = rows.filter(pk__in=picked)
    else:
        if watch := query.get("watch", ""):
            rows = rows.filter(watch=_id(watch))
        rows = forecast_board.searched(rows, query.get("q", "").strip().replace("\0", "")[:200])
    unusual = Exists(Anomaly.objects.filter(track=OuterRef("pk")))
    listed = rows.annotate(unusual=unusual).select_related("watch", "resource").order_by("-unusual", "first_seen", "vm", "series", "pk")
    return list(listed[:MOST]), rows.count()


def _id(text: str) -> int:
    if not (text.isdecimal() and text.isascii() and len(text) < 19):
        raise BadRequest(f"A series is named by its number, not {text[:40]!r}.")
    return int(text)


def compared(tracks: Sequence[Track], span: TimeRange, zone: str, of: str) -> Json:
    """Rows, and the heat map of one of them. Raises StoreUnavailable."""
    if not tracks:
        return {"rows": [], "heat": None}
    step = max(forecast_chart.step_of(span.span_ms, max(track.watch.step for track in tracks) * 1000), 60_000)
    step = min(step, 3_600_000)
    times = np.arange(span.start_ms // step * step, span.end_ms + 1, step, dtype=np.int64)
    read = history.of_tracks(tracks, int(times[0]), int(times[-1]), step)
    values = np.array([read.get(track.pk, np.full(len(times), np.nan)) for track in tracks])
    picked = next((place for place, track in enumerate(tracks) if str(track.pk) == of), 0)
    rows = _rows(tracks, values, times // 1000, span)
    return {
        "rows": rows, "picked": rows[picked].label,
        "heat": _heat(tracks[picked], values[picked], times // 1000, zone),
    }  # fmt: skip


def _rows(tracks: Sequence[Track], values: history.Floats, seconds: Any, span: TimeRange) -> list[Compared]:
    shares, r = analysis.completeness(values), analysis.correlations(values)
    daily, weekly = (analysis.strength(values, seconds, period) for period in (analysis.DAY, analysis.WEEK))
    inside = Anomaly.objects.filter(track__in=tracks, started_at__gte=span.start, started_at__lt=span.end)
    counts = dict(inside.order_by().values_list("track").annotate(Count("pk")))
    likes = [[_like(value, row == other) for other, value in enumerate(line)] for row, line in enumerate(r.tolist())]
    return [Compared(track, shares[row], daily[row], weekly[row], counts.get(track.pk, 0), likes[row]) for row, track in enumerate(tracks)]


def _like(r: float, same: bool) -> Json:
    known = bool(np.isfinite(r)) and not same
    r = round(r, 2) + 0.0  # no minus before a zero
    return {"text": "" if same else f"{r:.2f}".replace("-", "−") if known else words.NONE, "strong": known and abs(r) >= LIKE}


CELL_W, CELL_H = 10, 8


def _heat(track: Track, line: history.Floats, seconds: Any, zone: str) -> Json | None:
    """Cells of an SVG, by the reader's clock; the sentence says the busiest hour in words."""
    local = _local(seconds, ZoneInfo(zone))
    found = analysis.heat(line, (local // 86_400 + 3) % 7, local % 86_400 // 3600)  # 1970 began on a Thursday
    if found is None:
        return None
    width = (found.high - found.low) or 1.0
    cells = [
        {
            "x": hour * CELL_W, "y": day * CELL_H,
            "opacity": f"{0.08 + 0.92 * (value - found.low) / width:.2f}" if np.isfinite(value) else "",
            "told": f"{WEEKDAYS[day]} {hour:02d}:00, {words.figure(value, track.watch.unit)}",
        }
        for day in range(analysis.DAYS)
        for hour, value in enumerate(found.means[day])
    ]  # fmt: skip
    day, hour = divmod(int(np.nanargmax(found.means)), analysis.HOURS)
    top = words.figure(found.high, track.watch.unit)
    sentence = f"Highest on {WEEKDAYS[day]} at {hour:02d}:00, {top}; lowest {words.figure(found.low, track.watch.unit)}"
    return {"cells": cells, "sentence": sentence, "width": CELL_W - 1, "height": CELL_H - 1}


def _local(seconds: Any, zone: ZoneInfo) -> Any:
    """Seconds by the clock of a zone; the offset is that of each end of the range, changed where the clock was."""
    moments = (datetime.fromtimestamp(int(at), UTC).astimezone(zone).utcoffset() or timedelta() for at in seconds[::24])
    offsets = [int(offset.total_seconds()) for offset in moments]
    return seconds + np.repeat(offsets, 24)[: len(seconds)]
