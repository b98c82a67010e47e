"""From series to components: which of them show symptoms, strain of their own or another load, how strongly, since when."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genai.rca import meaning
from genai.rca.departures import Departures, Least, departures, leaves
from genai.rca.meaning import ERRORS, LATENCY, OTHER, OWN, TRAFFIC, Meaning
from genai.rca.reading import Case, Floats, Ints, Track

ENOUGH, STEEPNESS = 5.0, 3.0  # spreads at which a series has as likely left its past as not
EITHER_WAY = 0.8  # of the spreads, where it is not known which way is worse
SMALLEST_ERRORS, SMALLEST_STRAIN, SMALLEST_COUNT = (
    0.004,
    0.005,
    0.7,
)  # spreads: shares of a whole of 1, of a processor …; a number of errors
SHARE_OF_LEVEL = {LATENCY: 0.03, ERRORS: 0.0, TRAFFIC: 0.05, OWN: 0.02, OTHER: 0.03}


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
    groups: dict[str, list[int]] = {}
    for row, track in enumerate(case.tracks):
        groups.setdefault(track.metric, []).append(row)
    meanings = [Meaning(OTHER, 0)] * len(case.tracks)
    least = Least(np.zeros(len(case.tracks)), np.zeros(len(case.tracks)))
    for metric, rows in groups.items():
        told, unit, share = read_metric(metric, [case.tracks[row].values for row in rows])
        for row in rows:
            meanings[row], least.units[row], least.shares[row] = told, unit, share
    return worse_way(case.tracks, meanings, departures(case.tracks, case.window, least))


def read_metric(metric: str, lines: list[Floats]) -> tuple[Meaning, float, float]:
    """What a metric means, and the smallest spread of it that means something: in its unit, and as a share of the usual level."""
    told = meaning.of_name(metric)
    top = max(float(line.max()) for line in lines)
    if told is None:
        told = meaning.of_values(
            np.array([np.sort(line[:200])[len(line[:200]) // 2] for line in lines]), min(float(line.min()) for line in lines), top
        )
    whole = all(bool((line[:200] % 1 == 0).all()) for line in lines)
    return told, smallest(told, top, whole), SHARE_OF_LEVEL[told.kind]


def smallest(told: Meaning, top: float, whole: bool) -> float:
    """By what the unit seems to be: a share of 1, percent, or a count."""
    if told.kind == ERRORS:
        return SMALLEST_ERRORS * (1 if top <= 1.0001 else 100) if top <= 100.01 and not (whole and top > 1) else SMALLEST_COUNT
    if told.kind == OWN and top <= 100.01:
        return SMALLEST_STRAIN * (1 if top <= 1.0001 else 100)
    return SMALLEST_COUNT / 2 if whole and top > 1 else 0.0


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
