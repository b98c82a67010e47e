"""When does a level reach its limit, and how sure is that?

Days to come are drawn from days that were: a daily pattern of growth with its nightly clean-ups, times the last day's speed, which
itself changes from day to day as it did before; plus rare events (a burst, a clean-up by hand) as often as they happened. The answer
is the median of many such paths, its interval holds 80 % of them.
"""

from dataclasses import replace
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecasting.cleaning import DAY, Floats, Regular, Unpredictable, long_enough, regular

HORIZON_DAYS = 7
MEMORY_DAYS = 14
SHAPE_DAYS, FADE = 7, 0.8  # daily patterns are drawn from the last ones; weight of a day against the next one's
UNSTEADY = 0.55  # of the day-to-day change of the level counts as lasting, measured
LEAST_UNSTEADY = 0.07
RARE = 20.0  # times the usual step: no growth but an event
SURE = 1.0  # standard errors of the days' net growth: beyond, the growth seen is believed as it is
STAYS = 0.7  # chance that the day that followed is drawn next
PATHS = 200
ROWS_A_DAY = 48
UP, DOWN = "up", "down"


class Eta(TypedDict):
    """Seconds after the last row; None: not within the horizon. lo and hi hold 80 %; hi None: open end."""

    eta_seconds: float | None
    lo: float | None
    hi: float | None
    reason: str  # one sentence when there is no eta, else empty


class Ways(NamedTuple):
    grown: Floats  # [path, step]: how far towards the limit since the last row
    step: int  # seconds


class WhatIf(NamedTuple):
    now: Eta
    then: Eta
    level: float  # the last value under the changed load
    limit: float


def time_to_limit(timestamps: ArrayLike, values: ArrayLike, limit: float, direction: str = UP, horizon_days: float = HORIZON_DAYS) -> Eta:
    """When the level reaches the limit from below ("up") or above ("down"). Raises Unpredictable."""
    series = levels(timestamps, values, limit, direction)
    return reach(float(series.values[-1]), limit, direction, ways_ahead(series, direction, horizon_days), horizon_days)


def what_if(
    timestamps: ArrayLike,
    values: ArrayLike,
    limit: float,
    direction: str = UP,
    *,
    load: float = 1.0,
    new_limit: float | None = None,
    nodes: int | None = None,
    removed: int = 1,
    total: float | None = None,
    accumulates: bool | None = None,
    horizon_days: float = HORIZON_DAYS,
) -> WhatIf:
    """The same question with more load, another limit, or `removed` of `nodes` gone (their share goes to the others).

    More load makes what accumulates (a disk) grow faster and lifts what does not (memory, CPU); accumulates=None: judged from the
    series. The load of a missing node lifts both. What is left (direction "down") can be lifted only where its `total` is told.
    Raises Unpredictable.
    """
    if load <= 0:
        raise Unpredictable("The load must be above zero.")
    if nodes is not None and not 0 < removed < nodes:
        raise Unpredictable(f"Of {nodes} nodes, {removed} cannot be removed.")
    series = levels(timestamps, values, limit, direction)
    piling = piles_up(series) if accumulates is None else accumulates
    share = nodes / (nodes - removed) if nodes else 1.0
    now = float(series.values[-1])
    then = lifted(now, share * (1.0 if piling else load), direction, total)
    goal = limit if new_limit is None else new_limit
    ways = ways_ahead(series, direction, horizon_days)
    faster = Ways(ways.grown * share * load, ways.step)  # what is lifted grows by as much more
    return WhatIf(
        now=reach(now, limit, direction, ways, horizon_days),
        then=reach(then, goal, direction, faster, horizon_days),
        level=then,
        limit=goal,
    )


def piles_up(series: Regular) -> bool:
    """Whether the net change of the last days is most of the range: a disk; else a gauge that comes and goes."""
    y = series.values[-SHAPE_DAYS * series.day :]
    return bool(abs(y[-1] - y[0]) > 0.5 * np.ptp(y))


def lifted(level: float, factor: float, direction: str, total: float | None) -> float:
    if factor == 1.0:
        return level
    if direction == UP:
        return level * factor
    if total is None:
        raise Unpredictable("For what is left the total is needed to tell how much is used.")
    return total - (total - level) * factor


def levels(timestamps: ArrayLike, values: ArrayLike, limit: float, direction: str) -> Regular:
    if direction not in (UP, DOWN):
        raise Unpredictable('The direction must be "up" or "down".')
    if not np.isfinite(limit):
        raise Unpredictable("The limit must be a number.")
    series = regular(timestamps, values)
    if direction == UP and limit > 0 and series.values.min() < 0:
        raise Unpredictable(f"There are values below zero, while the limit is {limit:g}: this is no level that fills up.")
    return thinned(long_enough(series, series.day + 1))


def thinned(series: Regular) -> Regular:
    """Every so many rows, counted from the last: hours and days ahead need no minutes."""
    every = max(1, series.day // ROWS_A_DAY)
    return replace(series, times=series.times[::-1][::every][::-1], values=series.values[::-1][::every][::-1], step=series.step * every)


def ways_ahead(series: Regular, direction: str, horizon_days: float) -> Ways:
    sign = 1.0 if direction == UP else -1.0
    steps = drawn(days_of_growth(sign * series.values, series.day), int(np.ceil(horizon_days)) + 1)
    return Ways(np.cumsum(steps, axis=1), series.step)


def reach(level: float, limit: float, direction: str, ways: Ways, horizon_days: float) -> Eta:
    away = limit - level if direction == UP else level - limit
    if away <= 0:
        return Eta(eta_seconds=0.0, lo=0.0, hi=0.0, reason="")
    lo, eta, hi = np.quantile(crossings(ways.grown, away), [0.1, 0.5, 0.9], method="nearest") * ways.step
    return answer(float(eta), float(lo), float(hi), horizon_days * DAY)


def days_of_growth(y: Floats, day: int) -> Floats:
    """Steps of the last whole days, [days, day]."""
    growth = np.diff(y[-(MEMORY_DAYS * day + 1) :])
    days = len(growth) // day
    return settled(growth[len(growth) - days * day :].reshape(days, day))


def settled(growth: Floats) -> Floats:
    """The days after the last clean-up by hand, where that was a week ago or longer: it says nothing of how it grows now. [days, day]"""
    falls = np.flatnonzero((rare(growth) < 0).any(axis=1))
    since = len(growth) - 1 - falls[-1] if len(falls) else 0
    return growth[-since:] if since >= SHAPE_DAYS else growth


def drawn(growth: Floats, ahead: int) -> Floats:
    """Possible steps of the days ahead, [path, step]; the same question gives the same answer."""
    rng = np.random.default_rng(0)
    events = rare(growth)
    calm = growth - events
    speed = np.maximum(calm, 0).sum(axis=1)  # clean-ups left out, [days]
    speed = np.maximum(speed, 1e-3 * speed.max() + 1e-9 * np.abs(calm).max() + 1e-300)
    recent = min(SHAPE_DAYS, len(growth))
    weights = FADE ** np.arange(recent)[::-1]
    pattern = runs(weights / weights.sum(), ahead, rng)
    event = runs(np.full(len(growth), 1 / len(growth)), ahead, rng)
    speeds = speed[-1] * wandering(np.log(speed), ahead, rng)
    steps = (calm / speed[:, None])[-recent:][pattern] * speeds[:, :, None] + events[event]
    return steps.reshape(PATHS, -1) - (1 - sureness(growth)) * max(0.0, float(steps.mean()))


def runs(weights: Floats, ahead: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which of the days that were, [path, day ahead]: drawn by weight, often followed by the day that followed it, for what rises on one
    day may fall on the next."""
    days = rng.choice(len(weights), (PATHS, ahead), p=weights)
    stays = rng.random((PATHS, ahead)) < STAYS
    for at in range(1, ahead):
        after = days[:, at - 1] + 1
        days[:, at] = np.where(stays[:, at] & (after < len(weights)), after, days[:, at])
    return days


def sureness(growth: Floats) -> float:
    """0 … 1: how far the days [days, day] go the same way. What rises and is cleaned up again goes nowhere, whatever the last day did."""
    net = growth.sum(axis=1)
    away = abs(float(net.sum()))
    return min(1.0, away / (SURE * float(net.std()) * len(net) ** 0.5 + 1e-300))


def rare(growth: Floats) -> Floats:
    """The steps far beyond the usual ones, where they come on fewer than half of the days; else zero. [days, day]"""
    rising = growth[growth > 0]
    far = RARE * float(np.quantile(rising, 0.95)) if len(rising) else 0.0
    found = np.zeros_like(growth)
    for beyond in (growth > far, growth < -far):
        if beyond.any(axis=1).mean() < 0.5:
            found += np.where(beyond, growth, 0.0)
    return found


def wandering(logs: Floats, ahead: int, rng: np.random.Generator) -> Floats:
    """Factors [path, day] of a random walk whose steps are as large as a part of those of `logs` [days]."""
    changes = np.clip(np.diff(logs), -1.5, 1.5)
    size = UNSTEADY * float(np.sqrt(np.mean(changes**2))) if len(changes) else 0.0
    walk = np.cumsum(rng.standard_normal((PATHS, ahead)) * max(size, LEAST_UNSTEADY), axis=1)
    return np.exp(np.clip(walk, logs.min() - logs[-1] - 1.5, logs.max() - logs[-1] + 1.5))


def crossings(paths: Floats, away: float) -> Floats:
    """Steps until each path [path, step] has grown by `away`, inf where it does not."""
    hit = paths >= away
    return np.where(hit.any(axis=1), hit.argmax(axis=1) + 1.0, np.inf)


def answer(eta: float, lo: float, hi: float, horizon: float) -> Eta:
    """In seconds; inf = never seen."""
    within = eta <= horizon
    return Eta(
        eta_seconds=eta if within else None,
        lo=lo if np.isfinite(lo) else None,
        hi=hi if np.isfinite(hi) else None,
        reason="" if within else f"It does not reach the limit within {horizon / DAY:g} days.",
    )
