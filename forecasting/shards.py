"""Detector states in this process' memory, a few hundred tracks each, and how they come from the database and go back to it.

A state is written now and then (CHECKPOINT); what came since is replayed, which gives the same again. So a tick writes kilobytes, and
a process that is killed, or another that takes a watch over, goes on where the rows say.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db import transaction

from forecasting import evaluation, stream
from forecasting.evaluation import Floats
from forecasting.models import DetectorState, Track, Watch
from forecasting.tracks import Mark, mark_of_track, sample_key
from monitoring.store.batch import SeriesKey
from monitoring.store.windows import DAY, MINUTE

SIZE = 512  # tracks of a shard, and as many begin at once
QUIET_SECONDS = 2 * 86_400  # of a track's first rows: until then nobody knows what its days are like
QUIET = "It is scored, and quiet until two days of it are known."
CHECKPOINT = 30 * MINUTE
WARM_DAYS, WARM_POINTS = 14, 2_000_000  # history that a new track learns from; rows of all new ones together
COLUMNS = ("pk", "version", "through", "scored")


@dataclass
class Shard:
    """`through` is the last row in `state`, `scored` the last that was told of, `saved` the last in the database's blob; ms."""

    pk: int
    version: int
    state: Any
    through: int
    scored: int
    saved: int
    tracks: list[int] = field(default_factory=list)  # id by place, 0 where nobody is any more
    marks: dict[Mark, int] = field(default_factory=dict)  # -> place
    keys: list[SeriesKey] = field(default_factory=list)  # of the score's samples, by place
    resources: list[int | None] = field(default_factory=list)


_held: dict[int, dict[int, Shard]] = {}  # by watch, then shard


def forget() -> None:
    _held.clear()


def ages(shard: Shard) -> Floats:
    """How many rows the detector has seen of each track, [place]."""
    return np.asarray(shard.state.fields[0])


def load(watch: Watch) -> list[Shard]:
    """The watch's shards as the database has them, from memory where that is still so."""
    held, found = _held.get(watch.pk, {}), {}
    for pk, version, through, scored in DetectorState.objects.filter(watch=watch).order_by("pk").values_list(*COLUMNS):
        mine = held.get(pk)
        # Rows beyond `scored` were computed, but not told of: then something failed, and they are computed again.
        if mine is None or mine.version != version or not through <= mine.through <= scored:
            mine = _read(watch, pk)
        if mine is not None:
            mine.scored = scored
            found[pk] = mine
    _held[watch.pk] = found
    return list(found.values())


def _read(watch: Watch, pk: int) -> Shard | None:
    """None for a state that another release's detector left: its tracks learn their past again."""
    row = DetectorState.objects.get(pk=pk)
    try:
        state = stream.unpack(bytes(row.blob))
    except ValueError:
        with transaction.atomic():
            Track.objects.filter(shard=pk).update(shard=None, place=None)
            row.delete()
        return None
    shard = Shard(pk, row.version, state, row.through, row.scored, row.through)
    _place(watch, shard, list(Track.objects.filter(shard=pk, place__isnull=False)), row.size)
    return shard


def _place(watch: Watch, shard: Shard, tracks: Sequence[Track], size: int) -> None:
    nobody = SeriesKey("")
    shard.tracks += [0] * (size - len(shard.tracks))
    shard.keys += [nobody] * (size - len(shard.keys))
    shard.resources += [None] * (size - len(shard.resources))
    for track in tracks:
        assert track.place is not None
        shard.tracks[track.place] = track.pk
        shard.marks[mark_of_track(watch, track)] = track.place
        shard.keys[track.place] = sample_key(track, "anomaly")
        shard.resources[track.place] = track.resource_id


def save(shard: Shard, version: int | None = None) -> None:
    """The state as it is now."""
    fields = {"blob": stream.pack(shard.state), "through": shard.through, "size": len(shard.tracks)}
    DetectorState.objects.filter(pk=shard.pk).update(**fields, **({} if version is None else {"version": version}))
    shard.saved = shard.through


def checkpoint(shards: Sequence[Shard]) -> int:
    """Writes those that have gone on for a while since they were written, each in its own transaction."""
    due = [shard for shard in shards if shard.through - shard.saved >= CHECKPOINT]
    for shard in due:
        save(shard)
    return len(due)


# -- tracks come and go ----------------------------------------------------------------------------------------------------
def add(watch: Watch, tracks: Sequence[Track], at: int) -> None:
    """Gives new tracks a place and what they were before. `at`: the row up to which everything is told of, ms. Raises QueryError,
    StoreUnavailable."""
    shards = _held.setdefault(watch.pk, {})
    last = next((shard for shard in shards.values() if len(shard.tracks) + len(tracks) <= SIZE and shard.through == at), None)
    learned = _learned(watch, tracks, at)
    with transaction.atomic():
        if last is None:
            row = DetectorState.objects.create(watch=watch, through=at, scored=at)
            last = Shard(row.pk, 0, learned, at, at, at)
            state, first = learned, 0
        else:
            state, first = stream.merge([last.state, learned]), len(last.tracks)
        for place, track in enumerate(tracks, first):
            track.shard_id, track.place = last.pk, place
            _say(watch, track, float(learned.fields[0][place - first]))
        Track.objects.bulk_update(tracks, ["shard", "place", "state", "reason"], batch_size=200)
        last.state = state
        _place(watch, last, tracks, first + len(tracks))
        last.version += 1
        save(last, last.version)
    shards[last.pk] = last


def _say(watch: Watch, track: Track, rows: float) -> None:
    """A track that is forecast is told of by its forecasts."""
    if not watch.forecast:
        known = rows * watch.step >= QUIET_SECONDS
        track.state = Track.State.OK if known else Track.State.LEARNING
        track.reason = "" if known else QUIET


def _learned(watch: Watch, tracks: Sequence[Track], at: int) -> Any:
    """A state in which these tracks have seen their past."""
    rows = int(min(WARM_DAYS * 86_400 / watch.step, WARM_POINTS / len(tracks)))
    t, x = evaluation.past(watch, tracks, at - rows * watch.step * 1000, at, watch.step)
    state = stream.fresh(len(tracks), watch.step)
    for place in range(len(tracks)):
        known = np.isfinite(x[place])
        if known.any():
            stream.warm(state, place, t[known], x[place][known])
    return state


def sweep(watch: Watch, silent_since: Any) -> int:
    """Takes the places of tracks that have been silent for long; returns how many. Under the watch's lease."""
    gone = 0
    for shard in load(watch):
        ended = set(Track.objects.filter(shard=shard.pk, last_seen__lt=silent_since).values_list("pk", flat=True))
        keep = [place for place, pk in enumerate(shard.tracks) if pk and pk not in ended]
        if len(keep) < len(shard.tracks):
            gone += len(shard.tracks) - len(keep)
            _keep(watch, shard, keep)
    return gone


def _keep(watch: Watch, shard: Shard, keep: list[int]) -> None:
    with transaction.atomic():
        stays = Track.objects.in_bulk([shard.tracks[place] for place in keep])
        Track.objects.filter(shard=shard.pk).update(place=None, shard=None)
        if not keep:
            DetectorState.objects.filter(pk=shard.pk).delete()
        else:
            tracks = [stays[shard.tracks[place]] for place in keep]
            for place, track in enumerate(tracks):
                track.shard_id, track.place = shard.pk, place
            Track.objects.bulk_update(tracks, ["shard", "place"], batch_size=200)
            state = stream.take(shard.state, keep)
            fields = {"blob": stream.pack(state), "through": shard.through, "size": len(keep), "version": shard.version + 1}
            DetectorState.objects.filter(pk=shard.pk).update(**fields)
    _held.get(watch.pk, {}).pop(shard.pk, None)


def rows_behind(shards: Sequence[Shard], at: int, step: int) -> int:
    """Where reading has to begin, ms: after the row that the shard furthest behind has seen, at most a day ago."""
    earliest = min((shard.through for shard in shards), default=at - step * 1000)
    return max(earliest + step * 1000, at - DAY)
