"""The shipped detector: what is strange about a row, judged from the rows before it.

Two families of channels. Novelty adds up how far several views of a series (means of it, its logarithm, what is unlike this time of day)
go beyond everything seen in the last weeks, in units of the range seen. Unlikeness multiplies the step since the last row with the
distance from this time of day, each in units of its usual size. Beside them stands what is seldom: a state far from everything usual that
takes a small part of the time is told each time it comes, however often it was seen. `score` is graded and fades slowly; `strength` speaks
once per event, and alarms from 0.5 on.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecasting.detectors.base import LEVEL, RANGE, STEP, TIME_OF_DAY
from forecasting.detectors.memory import DAY, HOURLY, NARROWEST, Floats, Memory

LONG = 500.0  # rows that "its usual size" is taken over
HEAD = 32  # rows that the unit of the logarithm is taken from
ALARM = 0.5  # strength from which an alarm is one
MOST = 50.0  # times its usual size: more is not stranger
ALIKE, WEEKDAYS = 2, 7  # days of a kind, and of any, until it is known what such days are like
BLOCKS = 12  # of ten rows: an alarm speaks only above what it said in them
NOVEL = 0.0114  # novelty that alarms in rows of five minutes
UNLIKE = 3.0  # unlikeness that alarms in hourly rows
FINER = 0.15, 0.3  # how much more than that each halving of the step asks, of unlikeness and of novelty: more rows, more chances to be odd
STEP_SHARE = 0.65  # of the step in unlikeness
EVIDENCE = 0.25  # what unlikeness adds to novelty in fine rows
TRUST, TRUSTED_AFTER = 0.9, 3000  # in hourly rows novelty counts by the length of the past: after so many rows half of TRUST
RIPE = 150  # rows after which novelty in fine rows counts half of what it will: at first everything is new
FINEST = 5.0  # rows finer than a fifth of five minutes are treated as such
SELDOM = 8.0  # times the mean distance of a week is far: whatever its law, a series is so far away for an eighth of the time at most
LASTING, LEAST_ROWS = 1800, 3  # seconds and rows that it stays there before it is told
WEEK = 2000.0  # rows of five minutes that the mean distance is taken over
TOLD, SHOWN = 1.3, 1.5  # how much of an alarm that is, and how strange it is at SELDOM
TINY = 1e-30  # instead of nothing
SUDDEN = 0.5  # loudness of the step against that of the distance, from which it is the step that is told
ROUNDING = 1e-6  # of the usual size of a value
FAR, NEW = 2.0, 0.05  # what the distance from the time of day by itself, and novelty, add to the graded score
KEEP, FADES = 0.85, 10.0  # of a score is left after an hour or so many rows, whichever is sooner; in coarser rows after one


class Judged(NamedTuple):
    """[rows] of a series or [series] at a time; NaN and code 0 where there was no sample."""

    score: Floats  # 0..1, graded
    strength: Floats  # 0..1, de-duplicated: 0 while nothing new is to be said
    low: Floats  # the expected band
    high: Floats
    reason: NDArray[np.int8]  # code in REASONS
    loudness: Floats  # [channel, …]: how much each says, 1 = as much as alarms; in the order of CHANNELS

    @property
    def alarm(self) -> NDArray[np.bool_]:
        return self.strength >= ALARM

    def channels(self, place: int) -> dict[str, float]:
        """What each channel says of a row or series; those alone that say something."""
        return {name: round(float(loud), 2) for name, loud in zip(CHANNELS, self.loudness[:, place], strict=True) if loud > 0}


class Channel(NamedTuple):
    name: str
    reason: int  # code of a rise
    weight: float
    rows: int  # to stay silent at first …
    days: int  # … and days
    log: bool = False  # of the logarithm, which has no unit


BY_DAY = Channel("time of day", TIME_OF_DAY, 0.5, 50, 2)
NOVELTY = (
    Channel("range", RANGE, 0.12, 102, 0),
    Channel("level", LEVEL, 0.7, 110, 0, True),
    Channel("shift", LEVEL, 0.5, 100, 0),
    BY_DAY,
    Channel("hours unlike", TIME_OF_DAY, 0.25, 65, 7, True),
)
QUIET = Channel("unlike", STEP, 1.0, 30, 2)
CHANNELS = (*(channel.name for channel in NOVELTY), "seldom", "step", "distance")


class Views(NamedTuple):
    """What a row looks like from several sides."""

    step: Floats  # since the last row
    distance: Floats  # from this time of day
    usual: Floats  # at this time of day; NaN while unknown
    level: Floats  # of the rows just before
    lowest: Floats  # so far
    size: Floats  # usual size of a value
    novel: tuple[Floats, ...]  # in the order of NOVELTY


def look(memory: Memory, x: Floats) -> Views:
    lowest, (size, size_now) = memory.lowest(x), memory.mean(np.abs(x), LONG)
    unit = memory.frozen(memory.mean(x - lowest, LONG)[1] + 1e-3 * size_now + TINY, HEAD)
    log = np.log1p((x - lowest) / unit)
    usual = memory.usual(x)
    known = np.isfinite(usual)
    distance = np.where(known, x - usual, 0.0)
    log_distance = np.where(known, log - np.log1p(np.maximum(usual - lowest, 0.0) / unit), 0.0)
    minutes = fineness(memory.step)
    novel = (
        memory.mean(x, 2.5 * minutes)[1],
        memory.mean(log, 10 * minutes)[1],
        x - memory.mean(x, 400 * minutes)[0],
        distance,
        memory.mean(log_distance, 15 * minutes)[1],
    )
    return Views(x - memory.previous(x), distance, usual, memory.mean(x, 10)[0], lowest, size, novel)


def fineness(step: float) -> float:
    """Rows of a minute are looked at over the same time as rows of five."""
    return min(max(NARROWEST / step, 1.0), FINEST)


def overshoot(memory: Memory, view: Floats, quiet: NDArray[np.bool_], least: Floats | float) -> tuple[Floats, NDArray[np.bool_]]:
    """How far beyond the highest or lowest before, in units of the range between them, at most 1; and whether above it. A range is at
    `least` so wide: what is below is the rounding of what was learned."""
    top, low = memory.extremes(view)
    with np.errstate(invalid="ignore", divide="ignore"):
        over = np.maximum(view - top, low - view) / np.maximum(top - low, least)
    return np.where(quiet | ~np.isfinite(over), 0.0, np.clip(over, 0.0, 1.0)), view > top


def known(memory: Memory, age: Floats) -> Floats:
    """0 … 1: how far it is known what this time of day is like. In fine rows nothing is while two such days, rest days or work days, have
    not been: a first weekend is like no day before it. All is after a week. In hours a new extreme only strengthens what is odd anyway."""
    if memory.step >= HOURLY:
        return np.ones_like(age)
    return np.where(memory.days_alike() >= ALIKE, np.minimum(age * (memory.step / DAY) / WEEKDAYS, 1.0), 0.0)


def in_units(memory: Memory, error: Floats, size: Floats) -> tuple[Floats, Floats]:
    """How many times its usual size an error is; and that size."""
    usual = np.sqrt(memory.mean(error * error, LONG)[0])
    return np.minimum(np.abs(error) / np.maximum(usual, TINY + 0.01 * size), MOST), usual


def rarity(memory: Memory, x: Floats, views: Views, quiet: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """How far a state that lasts is from what is usual, 1 = so far that it takes an eighth of the time at most (Markov's inequality); 0
    while it does not last. And whether it has just lasted long enough. Far is what is far from this time of day and from the mean of a
    week: one of them alone may have learned an earlier occurrence. Hourly rows are not asked: there one odd row is an event."""
    if memory.step >= HOURLY:
        return np.zeros_like(x), np.zeros(len(x), bool)
    span = WEEK * fineness(memory.step)
    away = np.minimum(np.abs(views.distance), np.abs(x - memory.mean(x, span)[0]))
    far = away / np.maximum(SELDOM * memory.mean(away, span)[0], TINY + 0.01 * views.size)
    rows, least = memory.running(~quiet & (far >= 1)), max(LEAST_ROWS, round(LASTING / memory.step))
    return np.where(rows >= least, np.minimum(far, MOST), 0.0), rows == least


def judge(memory: Memory, x: Floats, explained: bool = True) -> Judged:
    """Judges rows `x`, finite, in the memory's order. Without an explanation (band and reasons are left empty) it takes less time."""
    age, views = memory.age(), look(memory, x)
    day = DAY / memory.step
    week = known(memory, age)
    novelty, up, least = [], [], TINY + ROUNDING * views.size
    for channel, view in zip(NOVELTY, views.novel, strict=True):
        over, above = overshoot(memory, view, age < channel.rows + channel.days * day, ROUNDING if channel.log else least)
        novelty.append(channel.weight * (over * week if channel is BY_DAY else over) / NOVEL)
        up.append(above)
    step, _ = in_units(memory, views.step, views.size)
    distance, usual = in_units(memory, views.distance, views.size)
    novel = np.sum(novelty, axis=0)
    odd = UNLIKE * asked(FINER[0], HOURLY, memory.step)
    quiet = age < QUIET.rows + QUIET.days * day
    unlike = np.where(quiet, 0.0, step**STEP_SHARE * distance ** (1 - STEP_SHARE) / odd)
    rare, lasting = rarity(memory, x, views, quiet)
    strength = speak(memory, novel, unlike, age, lasting)
    strange = np.where(quiet, 0.0, (unlike + FAR * distance / odd + NEW * novel) / (1 + FAR))
    strange = np.maximum(strange, SHOWN * rare)
    fading = memory.fading(strange, KEEP ** (1 / min(max(HOURLY / memory.step, 1.0), FADES)))
    score, strength = fading / (1 + fading), strength / (1 + strength)
    if not explained:
        unknown = np.full_like(x, np.nan)
        return Judged(score, strength, unknown, unknown, np.zeros(len(x), np.int8), np.zeros((len(CHANNELS), len(x))))
    low, high, by_day = band(memory, x, views, usual)
    loudness = np.array([*novelty, rare, step / odd, distance / odd])
    rises = np.array([*up, views.distance > 0, views.step > 0, views.distance > 0])
    reason = reasons(loudness, rises, by_day, outside(memory, x, age))
    something = (strength > 0) | (loudness.max(axis=0) > ALARM)  # whatever bar a watch has, no alarm is without a reason
    return Judged(score, strength, low, high, np.where(something, reason, 0).astype(np.int8), loudness)


def asked(share: float, coarse: float, step: float) -> float:
    """How much more is asked of rows that are finer than `coarse` seconds."""
    return 1 + share * max(0.0, float(np.log2(coarse / step)))


def speak(memory: Memory, novel: Floats, unlike: Floats, age: Floats, lasting: NDArray[np.bool_]) -> Floats:
    """What is worth an alarm, 1 = just so.

    In hours one odd row is an event, and a new extreme says little until the past is long. In finer rows one odd row is noise, and what
    was never seen before is the event, or what is seldom and lasts; there an alarm speaks only above what it said in the rows before.
    """
    ripe = age / (age + RIPE)
    fine = np.maximum((ripe * novel + EVIDENCE * unlike) / asked(FINER[1], NARROWEST, memory.step), TOLD * lasting)
    quieter = np.where(fine > memory.loudest(fine, BLOCKS), fine, 0.0)
    trust = TRUST * age / (age + TRUSTED_AFTER)
    return unlike * (1 - trust + trust * novel) if memory.step >= HOURLY else quieter


def spread(judged: Judged | None, places: NDArray[np.intp], n: int) -> Judged:
    """The same for `n` rows or series of which only those at `places` had a sample."""
    score, strength, low, high = np.full((4, n), np.nan)
    wide = Judged(score, strength, low, high, np.zeros(n, np.int8), np.full((len(CHANNELS), n), np.nan))
    if judged is not None:
        wide.reason[places], wide.loudness[:, places] = judged.reason, judged.loudness
        for into, value in zip(wide[:4], judged[:4], strict=True):
            into[places] = value
    return wide


def reasons(loudness: Floats, up: NDArray[np.bool_], by_day: NDArray[np.bool_], beyond: Floats) -> NDArray[np.int64]:
    """The code of the loudest channel; of a value outside its range, that. Where the time of day foretells little it explains little: what
    is unlike it came suddenly, or is a level."""
    rises = np.array([*(channel.reason for channel in NOVELTY), TIME_OF_DAY, STEP, TIME_OF_DAY])
    loudest = loudness.argmax(axis=0)
    code, rise = rises[loudest], np.take_along_axis(up, loudest[None], 0)[0]
    sudden = loudness[-2] >= SUDDEN * loudness[-1]
    code = np.where((code == TIME_OF_DAY) & ~by_day, np.where(sudden, STEP, LEVEL), code)
    code, rise = np.where(beyond == 0, code, RANGE), np.where(beyond == 0, rise, beyond > 0)
    return np.asarray(code + ~rise)


def outside(memory: Memory, x: Floats, age: Floats) -> Floats:
    """1 above everything seen in the last weeks, -1 below, else 0."""
    top, low = memory.extremes(x)
    return np.where(age < HEAD, 0.0, (x > top) * 1.0 - (x < low))


def band(memory: Memory, x: Floats, views: Views, spread: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Three usual sizes around this time of day, or around the level where that foretells better. Not below 0 where nothing ever was. And
    whether it is the time of day."""
    away = np.sqrt(memory.mean((x - views.level) ** 2, LONG)[0])
    by_day = np.isfinite(views.usual) & (spread < away)
    middle, width = np.where(by_day, views.usual, views.level), 3 * np.where(by_day, spread, away)
    low = middle - width
    return np.where(views.lowest >= 0, np.maximum(low, 0.0), low), middle + width, by_day
