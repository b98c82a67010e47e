"""From series to components: which of them show symptoms, strain of their own or another load, how strongly, since when."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genai.rca import meaning
from genai.rca.departures import Departures, departures, leaves
from genai.rca.meaning import ERRORS, LATENCY, OTHER, OWN, TRAFFIC, Meaning
from genai.rca.reading import Case, Floats, Ints, Track

ENOUGH, STEEPNESS = 6.0, 4.0  # spreads at which a series has as likely left its past as not
EITHER_WAY = 0.8  # of the spreads, where it is not known which way is worse
SMALLEST_SHARE = 0.004  # of errors, of a whole of 1
SMALLEST_PERCENT = 0.5  # of a processor and the like


class Signs(NamedTuple):
    """A row for each series: how it left its past in the direction that is worse."""

    component: Ints
    metric: list[str]
    kind: Ints
    sure: Floats  # 0-1 that it left its past
    spreads: Floats
    change: Floats  # ≥ 0, in the series' unit
    usual: Floats
    rises: NDArray[np.bool_]
    onset: Floats


class Seen(NamedTuple):
    """A row for each component, 0-1 unless said otherwise; 0 where it reports nothing of the kind."""

    symptom: Floats  # slowness, errors: what callers feel
    own: Floats  # strain of its own
    surge: Floats  # more load than usual
    drop: Floats
    has_symptom: NDArray[np.bool_]
    has_own: NDArray[np.bool_]
    has_load: NDArray[np.bool_]
    onset: Floats  # seconds, the first of symptom and strain; NaN
    load_onset: Floats


def signs_of(case: Case) -> Signs:
    tracks = case.tracks
    meanings, floors = read_names(tracks)
    left = departures(tracks, case.window, floors)
    for metric in dict.fromkeys(track.metric for track, told in zip(tracks, meanings, strict=True) if told is None):
        rows = np.array([row for row, track in enumerate(tracks) if track.metric == metric])
        rows = rows[np.isfinite(left.usual[rows])]
        told = meaning.of_values(left.usual[rows], left.low[rows], left.high[rows])
        meanings = [told if track.metric == metric else known for track, known in zip(tracks, meanings, strict=True)]
    return worse_way(tracks, [told or Meaning(OTHER, 0) for told in meanings], left)


def read_names(tracks: list[Track]) -> tuple[list[Meaning | None], Floats]:
    """What each series' metric means, and the smallest change of its unit that means something."""
    meanings = [meaning.of_name(track.metric) for track in tracks]
    top: dict[str, float] = {}
    whole: dict[str, bool] = {}
    for track in tracks:
        top[track.metric] = max(top.get(track.metric, 0.0), float(track.values.max()))
        whole[track.metric] = whole.get(track.metric, True) and bool((track.values[:200] % 1 == 0).all())
    smallest = {metric: smallest_change(meaning.of_name(metric), top[metric], whole[metric]) for metric in top}
    return meanings, np.array([smallest[track.metric] for track in tracks])


def smallest_change(told: Meaning | None, top: float, whole: bool) -> float:
    if told is None or told.kind in (LATENCY, TRAFFIC):
        return 0.3 if whole and top > 1 else 0.0
    if told.kind == ERRORS:
        return SMALLEST_SHARE if top <= 1.0001 else (100 * SMALLEST_SHARE if top <= 100.01 and not whole else 0.7)
    if top <= 1.0001:
        return SMALLEST_PERCENT / 100
    return SMALLEST_PERCENT if top <= 100.01 else 0.0


def worse_way(tracks: list[Track], meanings: list[Meaning], left: Departures) -> Signs:
    worse = np.array([told.worse for told in meanings])
    up = np.where(worse == 0, EITHER_WAY, 1.0) * np.nan_to_num(left.up.spreads)
    down = np.where(worse == 0, EITHER_WAY, 1.0) * np.nan_to_num(left.down.spreads)
    rises = (worse > 0) | ((worse == 0) & (up >= down))
    spreads = np.where(rises, up, down)
    return Signs(
        component=np.array([track.component for track in tracks], dtype=np.int64),
        metric=[track.metric for track in tracks],
        kind=np.array([told.kind for told in meanings], dtype=np.int64),
        sure=leaves(spreads, ENOUGH, STEEPNESS),
        spreads=spreads,
        change=np.nan_to_num(np.where(rises, left.up.change, left.down.change)),
        usual=np.nan_to_num(left.usual),
        rises=rises,
        onset=np.where(rises, left.up.onset, left.down.onset),
    )


def seen(signs: Signs, components: int) -> Seen:
    symptoms = np.isin(signs.kind, (LATENCY, ERRORS, OTHER))
    own, load = signs.kind == OWN, signs.kind == TRAFFIC
    return Seen(
        symptom=strongest(signs, symptoms, components),
        own=strongest(signs, own, components),
        surge=strongest(signs, load & signs.rises, components),
        drop=strongest(signs, load & ~signs.rises, components),
        has_symptom=has(signs, symptoms, components),
        has_own=has(signs, own, components),
        has_load=has(signs, load, components),
        onset=first_onset(signs, symptoms | own, components),
        load_onset=first_onset(signs, load, components),
    )


def strongest(signs: Signs, rows: NDArray[np.bool_], components: int) -> Floats:
    found = np.zeros(components)
    np.maximum.at(found, signs.component[rows], signs.sure[rows])
    return found


def has(signs: Signs, rows: NDArray[np.bool_], components: int) -> NDArray[np.bool_]:
    return np.bincount(signs.component[rows], minlength=components) > 0


def first_onset(signs: Signs, rows: NDArray[np.bool_], components: int) -> Floats:
    found = np.full(components, np.inf)
    rows = rows & (signs.sure >= 0.5) & np.isfinite(signs.onset)
    np.minimum.at(found, signs.component[rows], signs.onset[rows])
    return np.where(np.isfinite(found), found, np.nan)
