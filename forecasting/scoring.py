"""A tick: the new rows of a watch's series are judged, scores are written as samples, anomalies open, go on and end.

What a tick does is told in one transaction at its end (`_tell`). A process that is killed before does it again: the states are those of
the rows told of last, samples of equal times settle to one, anomalies are unique by track and start.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import Error, transaction
from django.utils import timezone
from prometheus_client import Counter, Histogram

from aiops.metrics import ERRORS
from forecasting import anomaly_alerts, evaluation, maintenance, resets, schedule, shards, stream, tracks
from forecasting.anomalies import Episodes, Mask, Row, counts, moment
from forecasting.evaluation import Floats, Times
from forecasting.models import DetectorState, Track, Watch
from forecasting.shards import Shard
from monitoring.query.errors import QueryError
from monitoring.query.source import NAME
from monitoring.query.values import Matrix
from monitoring.store import StoreUnavailable, writer
from monitoring.store.batch import Batch, SeriesKey

SEEN_AGAIN = timedelta(hours=1)  # how late last_seen may be
SCORED = Counter("aiops_rows_judged", "Samples judged by the detector")
SECONDS = Histogram("aiops_scoring_seconds", "Duration of one watch's tick", buckets=(0.01, 0.1, 1, 5, 30))
log = logging.getLogger(__name__)


class Lost(Exception):
    """Somebody else has the watch by now: what was computed is dropped."""


@dataclass
class Judgement:
    """Rows of one shard at one time that are told of; arrays [place]."""

    shard: Shard
    t: int
    x: Floats
    judged: stream.Judged
    young: Mask  # of whom too little is known: scored, but quiet


def score_due(now: datetime | None = None) -> int:
    """Scores every watch that is due; returns how many. Several at once share them."""
    count = 0
    while (claimed := schedule.claim_watch(now)) is not None:
        watch, lease = claimed
        _score(watch, lease, now or timezone.now())
        count += 1
    return count


def _score(watch: Watch, lease: str, now: datetime) -> None:
    at = schedule.slot(watch.step, now)
    due = schedule.due_after(watch, at)
    try:
        with SECONDS.time():
            score(watch, lease, at) if watch.detect else look(watch, lease, at)
    except QueryError as fault:
        schedule.release_watch(watch, lease, due, fault.message)
    except Lost:
        shards.forget()
    except (StoreUnavailable, Error):
        shards.forget()
        schedule.release_watch(watch, lease)
        raise
    except Exception as fault:  # one watch must not keep the others from being scored
        log.exception("watch %s could not be scored", watch.key)
        ERRORS.labels("scoring").inc()
        shards.forget()
        schedule.release_watch(watch, lease, due, f"{type(fault).__name__}: {fault}")


def score(watch: Watch, lease: str, at: int) -> int:
    """Rows up to `at` (ms); returns how many samples were judged. Raises QueryError, StoreUnavailable, Lost."""
    held = shards.load(watch)
    start = shards.rows_behind(held, at, watch.step)
    found, x = evaluation.ask(watch, min(start, at), at)
    new, told = _judged(watch, held, found, x)
    samples = _write(told)
    _tell(watch, lease, at, len(found.labels), told)
    _seen(told, at)
    waiting = _begin(watch, new, at) if new else False
    shards.checkpoint(held)
    nobody = not (held or found.labels)
    schedule.release_watch(watch, lease, watch.due_at if waiting else schedule.due_after(watch, at, nobody))
    SCORED.inc(samples)
    return samples


def look(watch: Watch, lease: str, at: int) -> int:
    """Of a watch whose series are forecast and not judged: which there are. Raises QueryError, StoreUnavailable, Lost."""
    found, x = evaluation.ask(watch, at, at)
    there = np.unique(np.nonzero(np.isfinite(x))[0]).tolist()
    marks = [tracks.mark_of(watch, found.labels[row]) for row in there]
    said = {"last_evaluated": moment(at), "last_series": len(found.labels), "last_error": ""}
    if not Watch.objects.filter(pk=watch.pk, lease=lease).update(**said):
        raise Lost
    _are_there([track.pk for track in tracks.register(watch, marks[: watch.most])], at)
    schedule.release_watch(watch, lease, schedule.due_after(watch, at))
    return len(marks)


# -- judging ---------------------------------------------------------------------------------------------------------------
def _judged(watch: Watch, held: Sequence[Shard], found: Matrix, x: Floats) -> tuple[list[tracks.Mark], list[Judgement]]:
    """Series that nobody knows yet, and what is told of the others. Advances the states."""
    marks = [tracks.mark_of(watch, labels) for labels in found.labels]
    told: list[Judgement] = []
    labels = [{name: value for name, value in one.items() if name != NAME} for one in found.labels]
    quiet = maintenance.excluded(labels, found.t)
    x = x if quiet is None else np.where(quiet, np.nan, x)
    for shard in held:
        rows = [(row, place) for row, mark in enumerate(marks) if (place := shard.marks.get(mark)) is not None]
        told += _advance(shard, found.t, _placed(shard, rows, x), shards.QUIET_SECONDS / watch.step)
    known = set().union(*(shard.marks for shard in held)) if held else set()
    return sorted(set(marks) - known, key=sorted), told


def _placed(shard: Shard, rows: Sequence[tuple[int, int]], x: Floats) -> Floats:
    """[place, times]; NaN for tracks without samples."""
    values = np.full((len(shard.tracks), x.shape[1]), np.nan)
    if rows:
        here, places = np.array(rows, np.intp).T
        values[places] = x[here]
    return values


def _advance(shard: Shard, t: Times, x: Floats, quiet: float) -> Iterator[Judgement]:
    """quiet: rows of a track's life in which it makes no anomaly."""
    for column, at in enumerate(t.tolist()):
        if at > shard.through:
            judged = stream.advance(shard.state, at, x[:, column])
            shard.through = at
            if at > shard.scored:
                yield Judgement(shard, at, x[:, column], judged, shards.ages(shard) < quiet)


# -- telling ---------------------------------------------------------------------------------------------------------------
def _write(told: Sequence[Judgement]) -> int:
    """Scores as samples <metric>:anomaly. Raises StoreUnavailable."""
    keys: list[SeriesKey] = []
    resources: list[int | None] = []
    index, t, v = [], [], []
    for one in told:
        there = np.flatnonzero(np.isfinite(one.judged.score))
        index.append(np.arange(len(keys), len(keys) + len(there), dtype=np.int32))
        keys += [one.shard.keys[place] for place in there]
        resources += [one.shard.resources[place] for place in there]
        t.append(np.full(len(there), one.t, np.int64))
        v.append(one.judged.score[there])
    if keys:
        writer.write(Batch(keys, np.concatenate(index), np.concatenate(t), np.concatenate(v).round(3), resources))
    return len(keys)


def _tell(watch: Watch, lease: str, at: int, series: int, told: Sequence[Judgement]) -> None:
    """One transaction: anomalies, and how far it is told. Raises Lost."""
    episodes = Episodes.of(watch)
    for one in sorted(told, key=lambda judgement: judgement.t):
        _hear(watch, episodes, one)
    with transaction.atomic():
        mine = Watch.objects.filter(pk=watch.pk, lease=lease)
        until = timezone.now() + schedule.PATIENCE
        if not mine.update(leased_until=until, last_evaluated=moment(at), last_series=series, last_error=""):
            raise Lost
        episodes.save()
        DetectorState.objects.filter(watch=watch, scored__lt=at).update(scored=at)
    for shard in {one.shard.pk: one.shard for one in told}.values():
        shard.scored = at
    anomaly_alerts.tell(watch)


def _hear(watch: Watch, episodes: Episodes, one: Judgement) -> None:
    """Python goes through the few tracks alone that are loud, or were."""
    judged, shard = one.judged, one.shard
    loud = counts(watch, judged, one.x) & ~one.young
    if loud.any():
        loud &= ~resets.of(watch, one.t, [shard.keys[place] if loud[place] else None for place in range(len(loud))])
    for place in np.flatnonzero(loud).tolist():
        episodes.loud(_row(one, place))
    if episodes.open:
        known = np.isin(np.array(shard.tracks), np.fromiter(episodes.open, np.int64))
        for place in np.flatnonzero(known & ~loud & np.isfinite(judged.score)).tolist():
            if shard.tracks[place] in episodes.open:
                episodes.heard(_row(one, place))


def _row(one: Judgement, place: int) -> Row:
    judged = one.judged
    return Row(
        track=one.shard.tracks[place],
        at=moment(one.t),
        score=float(judged.score[place]),
        value=float(one.x[place]),
        low=float(judged.low[place]),
        high=float(judged.high[place]),
        reason=stream.REASONS[int(judged.reason[place])],
        channels={name: round(said, 3) for name, said in judged.channels(place).items()},
    )


def _seen(told: Sequence[Judgement], at: int) -> None:
    """Tracks that have samples are there; said once an hour."""
    there: set[int] = set()
    for one in told:
        there.update(one.shard.tracks[place] for place in np.flatnonzero(np.isfinite(one.x)).tolist())
    _are_there(sorted(there - {0}), at)


def _are_there(listed: Sequence[int], at: int) -> None:
    now = moment(at)
    for place in range(0, len(listed), 500):
        rows = Track.objects.filter(pk__in=listed[place : place + 500])
        rows.filter(last_seen__lt=now - SEEN_AGAIN).update(last_seen=now)
        rows.filter(state=Track.State.ENDED).update(state=Track.State.LEARNING, reason="It is back after it was silent.", due_at=now)


def _begin(watch: Watch, new: Sequence[tracks.Mark], at: int) -> bool:
    """New series learn their past before they are judged. Whether more are waiting: many at once come in several ticks."""
    room = max(0, watch.most - sum(len(shard.marks) for shard in shards.load(watch)))
    some = list(new)[: min(room, shards.SIZE)]
    if some:
        shards.add(watch, tracks.register(watch, some), at)
    return len(some) < min(room, len(new))
