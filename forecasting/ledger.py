"""Predictive alerts and what came of them.

One is opened when `agreeing` runs in a row foresaw the limit within the time that is warned of, and closed as *came true* (the limit was
reached), *averted* (the level went away from the limit, further than it was when the alert was opened) or *false* (the time passed, or the
prediction was withdrawn while the level stayed where it was). A watch whose predictions do not hold is muted: its predictions are still
noted, without an alert, and when they hold again it speaks again.
"""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Count

from forecasting import alerting
from forecasting.alerting import FORESEEN, HIGH_WITHIN, SOURCE, shown, span
from forecasting.anomalies import moment
from forecasting.kept import Series
from forecasting.models import Forecast, Foresight, Track, Watch
from monitoring.alerts import lifecycle, silences
from monitoring.alerts.observations import Observation

Outcome = Foresight.Outcome
LEAST_DECIDED, LEAST_HIT_RATE = 5, 0.5  # closed predictions of a metric, and the share of them that came true, below which it is muted
LOOKED_BACK = timedelta(days=90)
LATE = 0.5  # of the time foreseen: so much later than the interval's end, or than an ETA without one, a prediction is false
FURTHER = 1.1  # times the distance to the limit when it was opened: then the danger was left
SHOWN = 96  # values of the history in the evidence
EMPTY: Series = (np.empty(0, np.int64), np.empty(0))


def danger(row: Forecast, watch: Watch) -> bool:
    """Whether the limit is foreseen within the time that is warned of, and is not reached already."""
    return row.eta is not None and row.made_at < row.eta <= row.made_at + timedelta(hours=watch.warn_within)


def agreeing(row: Forecast, before: Forecast | None, watch: Watch) -> int:
    """Runs in a row, this one included, that foresee the same: their intervals overlap."""
    if not danger(row, watch):
        return 0
    same = before is not None and before.agreeing > 0 and before.eta_lo is not None and row.eta_lo is not None
    if not same or before is None:
        return 1
    never = row.made_at + timedelta(days=3650)
    overlap = (before.eta_lo or never) <= (row.eta_hi or never) and (row.eta_lo or never) <= (before.eta_hi or never)
    return before.agreeing + 1 if overlap else 1


def judge(track: Track, row: Forecast, series: Series, state: str, now: datetime) -> Foresight | None:
    """Opens, goes on with or closes the track's prediction after a run. In the caller's transaction; doing it again changes nothing."""
    known = Foresight.objects.filter(track=track, outcome=Outcome.OPEN).first()
    if known is None:
        return _opened(track, row, series, now) if _worth_it(track, row, state, now) else None
    _look(known, track, row, series, now)
    return known


def _worth_it(track: Track, row: Forecast, state: str, now: datetime) -> bool:
    enough = row.agreeing >= track.watch.agreeing and row.value is not None
    return enough and state == Track.State.OK and not _in_maintenance(track, now)


def _in_maintenance(track: Track, now: datetime) -> bool:
    return any(one.silence.kind == "maintenance" for one in silences.matching(track.labels, now))


# -- opening ---------------------------------------------------------------------------------------------------------------
def _opened(track: Track, row: Forecast, series: Series, now: datetime) -> Foresight:
    assert row.eta is not None
    assert row.limit is not None
    assert row.value is not None
    one = Foresight.objects.create(
        track=track, model=row.model, kind=row.model.kind if row.model else "", opened_at=now, limit=row.limit, value=row.value,
        eta=row.eta, eta_lo=row.eta_lo, eta_hi=row.eta_hi, nearest=row.value,
        fingerprint="" if silent(track.watch) else alerting.mark_of(track, FORESEEN),
    )  # fmt: skip
    if one.fingerprint:
        alerts = lifecycle.observe([_observed(one, track, row, series, now)], now)
        one.alert = alerts[0] if alerts else None
        one.save(update_fields=["alert"])
    return one


def silent(watch: Watch) -> bool:
    return watch.muting == Watch.Muting.ALWAYS or (watch.muting == Watch.Muting.AUTO and bool(watch.muted_because))


def _observed(one: Foresight, track: Track, row: Forecast, series: Series, now: datetime) -> Observation:
    watch, eta = track.watch, row.eta or one.eta
    severity = "high" if eta - now <= HIGH_WITHIN else "medium"
    said = {
        "summary": f"{track.vm}: {watch.name} reaches {shown(one.limit, watch.unit)} in {in_words(row, now)}",
        "description": f"{track.series} is at {shown(row.value or one.value, watch.unit)}; {row.agreeing} forecasts in a row agree.",
    }
    return Observation(
        one.fingerprint,
        "firing",
        name=alerting.name_of(watch, FORESEEN),
        value=row.value,
        labels=alerting.labels_of(watch, track, FORESEEN, severity),
        annotations=said,
        severity=severity,
        source=SOURCE,
        resource=track.resource_id,
        started_at=one.opened_at,
        kind="predictive",
        evidence=evidence(track, row, series),
        reason=f"foreseen by {row.agreeing} forecasts in a row",
    )


def in_words(row: Forecast, now: datetime) -> str:
    """3 days (2 days to 5 days)."""
    if row.eta is None:
        return ""
    ends = f" to {span((row.eta_hi - now).total_seconds())}" if row.eta_hi else " or later"
    interval = f" ({span(max(0.0, (row.eta_lo - now).total_seconds()))}{ends})" if row.eta_lo else ""
    return span((row.eta - now).total_seconds()) + interval


def evidence(track: Track, row: Forecast, series: Series) -> dict[str, Any]:
    """What the alert's page shows: the last day, the limit, the forecast's points [ms, mean, low, high]."""
    watch, (t, x) = track.watch, series
    recent = [[at, value] for at, value in zip(t[-SHOWN:].tolist(), x[-SHOWN:].tolist(), strict=True) if value == value]
    times = [row.start + row.step * 1000 * place for place in range(len(row.points.get("mean", ())))]
    points = [list(point) for point in zip(times, *(row.points.get(name, ()) for name in ("mean", "lo80", "hi80")), strict=False)]
    op = ">=" if watch.direction == Watch.Direction.UP else "<="
    when = {name: at.isoformat() for name in ("eta", "eta_lo", "eta_hi") if (at := getattr(row, name))}
    return {
        "expr": f"({watch.expr}) {op} {row.limit:g}", "query": watch.expr, "op": op, "threshold": row.limit, "value": row.value,
        "at": row.made_at.isoformat(), "series": track.labels, "samples": recent, "forecast": points, "track": track.pk, **when,
    }  # fmt: skip


# -- closing ---------------------------------------------------------------------------------------------------------------
def _look(one: Foresight, track: Track, row: Forecast, series: Series, now: datetime) -> None:
    _approach(one, track.watch, series)
    if one.reached_at is not None:
        close(one, track.watch, Outcome.CAME_TRUE, f"The limit was reached at {one.reached_at:%Y-%m-%d %H:%M} UTC.", now)
    elif _left(one, track.watch, row) and not danger(row, track.watch):
        close(one, track.watch, Outcome.AVERTED, f"The level went back to {shown(row.value or 0.0, track.watch.unit)}.", now)
    elif now > overdue(one):
        close(one, track.watch, Outcome.FALSE, "The time passed and the limit was not reached.", now)
    elif danger(row, track.watch):
        one.withdrawn = 0
        one.save(update_fields=["nearest", "withdrawn"])
        if one.fingerprint:
            lifecycle.observe([_observed(one, track, row, series, now)], now)
    else:
        one.withdrawn += 1
        one.save(update_fields=["nearest", "withdrawn"])
        if one.withdrawn >= track.watch.agreeing:
            close(one, track.watch, Outcome.FALSE, f"{one.withdrawn} forecasts in a row did not foresee it any more.", now)


def _approach(one: Foresight, watch: Watch, series: Series) -> None:
    """How close it came since it was said, and when it reached the limit."""
    t, x = series
    since = np.flatnonzero((t > one.opened_at.timestamp() * 1000) & np.isfinite(x))
    if not len(since):
        return
    sign = 1.0 if watch.direction == Watch.Direction.UP else -1.0
    closest = since[np.argmax(sign * x[since])]
    if sign * x[closest] > sign * one.nearest:
        one.nearest = float(x[closest])
    reached = since[sign * x[since] >= sign * one.limit]
    if len(reached):
        one.reached_at = moment(int(t[reached[0]]))


def _left(one: Foresight, watch: Watch, row: Forecast) -> bool:
    sign = 1.0 if watch.direction == Watch.Direction.UP else -1.0
    return row.value is not None and sign * (one.limit - row.value) > FURTHER * sign * (one.limit - one.value)


def overdue(one: Foresight) -> datetime:
    last = one.eta_hi or one.eta
    return last + LATE * (last - one.opened_at)


def close(one: Foresight, watch: Watch, outcome: str, note: str, now: datetime) -> None:
    """Idempotent: of two that close it the first counts."""
    with transaction.atomic():
        rows = Foresight.objects.filter(pk=one.pk, outcome=Outcome.OPEN)
        said = {"outcome": outcome, "closed_at": now, "note": note, "nearest": one.nearest, "reached_at": one.reached_at}
        if not rows.update(**said):
            return
        Forecast.objects.filter(track=one.track_id, latest=True).update(agreeing=0)  # another one needs as many runs again
        if one.fingerprint:
            words = str(Outcome(outcome).label)
            lifecycle.observe([Observation(one.fingerprint, "resolved", reason=f"{words}: {note}")], now)
        mute(watch, now)
    one.outcome, one.closed_at, one.note = outcome, now, note


def mute(watch: Watch, now: datetime) -> str:
    """Mutes a watch whose predictions do not hold, and lets it speak again when they do; why it is muted, empty when it is not."""
    rows = Foresight.objects.filter(track__watch=watch, closed_at__gte=now - LOOKED_BACK).values_list("outcome")
    counts = dict(rows.annotate(Count("pk")).order_by())
    true, decided = counts.get(Outcome.CAME_TRUE, 0), counts.get(Outcome.CAME_TRUE, 0) + counts.get(Outcome.FALSE, 0)
    fails = decided >= LEAST_DECIDED and true < LEAST_HIT_RATE * decided
    why = f"{true} of {decided} predictions came true within {LOOKED_BACK.days} days." if fails else ""
    if why != watch.muted_because:
        Watch.objects.filter(pk=watch.pk).update(muted_because=why)
        watch.muted_because = why
    return why


def close_silent(tracks: list[int], now: datetime) -> int:
    """Predictions of series that ended: nobody knows what would have been, which counts for nobody."""
    found = list(Foresight.objects.filter(track__in=tracks, outcome=Outcome.OPEN).select_related("track__watch"))
    for one in found:
        close(one, one.track.watch, Outcome.AVERTED, "The series ended.", now)
    return len(found)
