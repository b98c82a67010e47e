"""The shipped detector row by row, for many series at once: what a tick needs of their past, in under 2 kB a series.

A State is for series that share a step. `advance` takes one new value of each and tells what is strange, with the same function that
judges a whole file (detectors.judge), so both say the same. `warm` learns a series' history at once. A state packs into bytes and back;
`take` and `merge` let series go and come.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.detectors.base import REASONS
from forecasting.detectors.judge import ALARM, Judged, judge, spread
from forecasting.detectors.memory import (
    BLOCK,
    CLIP,
    DAY,
    DAYS,
    STRETCHES,
    Floats,
    Rows,
    counting,
    gain,
    last_cell,
    learn,
    measured,
    rests,
    seconds,
    slot_width,
    slots_of,
    stretch,
)  # fmt: skip

__all__ = ["ALARM", "REASONS", "Judged", "State", "advance", "fresh", "merge", "pack", "take", "unpack", "warm"]

HEAD = struct.Struct("<4sIIII")  # magic, fields, series, step in seconds, slots of the day
MAGIC = b"AIO1"
LEARNED = 8  # fields that `usual` keeps beside the slots


@dataclass
class State:
    step: int  # seconds between rows
    fields: Floats  # [what is remembered, series]
    learned: NDArray[np.float32]  # [series, slots of the day]: what is usual, beside the first value

    def __len__(self) -> int:
        return self.fields.shape[1]


class Places:
    """The memory of many series with one new row each. Each question reads its fields and leaves them as they are after this row."""

    def __init__(self, state: State, t: int) -> None:
        self.state, self.step, self.t = state, float(state.step), t
        self.count = state.fields[0] if len(state.fields) else np.zeros(len(state))
        self.at = 0

    def _fields(self, count: int) -> Floats:
        self.at += count
        return self.state.fields[self.at - count : self.at]

    def age(self) -> Floats:
        self.count = self._fields(1)[0].copy()
        self.state.fields[self.at - 1] += 1
        return self.count

    def previous(self, x: Floats) -> Floats:
        field = self._fields(1)
        before = np.where(self.count > 0, field[0], x)
        field[0] = x
        return before

    def lowest(self, x: Floats) -> Floats:
        field = self._fields(1)
        field[0] = np.where(self.count > 0, np.minimum(field[0], x), x)
        return field[0].copy()

    def mean(self, x: Floats, span: float) -> tuple[Floats, Floats]:
        field = self._fields(1)
        before = field[0].copy()
        field[0] = before + gain(self.count + 1, span) * (x - before)
        return before, field[0].copy()

    def extremes(self, x: Floats) -> tuple[Floats, Floats]:
        rows = stretch(self.step)
        return self._peaks(x, rows, STRETCHES, -np.inf), -self._peaks(-x, rows, STRETCHES, -np.inf)

    def frozen(self, x: Floats, at: int) -> Floats:
        field = self._fields(1)
        field[0] = np.where(self.count <= at, x, field[0])
        return field[0].copy()

    def running(self, is_so: NDArray[np.bool_]) -> Floats:
        field = self._fields(1)
        field[0] = np.where(is_so, field[0] + (self.count > 0), 0.0)
        return field[0].copy()

    def days_alike(self) -> Floats:
        rested, rest = self._fields(1), bool(rests(self.t // DAY))
        rows = rested[0] if rest else self.count - rested[0]
        days = rows * (self.step / DAY)
        rested[0] += rest
        return np.asarray(days)

    def fading(self, x: Floats, keep: float) -> Floats:
        field = self._fields(1)
        field[0] = np.maximum(x, keep * field[0])
        return field[0].copy()

    def loudest(self, x: Floats, blocks: int) -> Floats:
        return self._peaks(x, BLOCK, blocks, 0.0)

    def _peaks(self, x: Floats, size: int, blocks: int, empty: float) -> Floats:
        peaks, series = self._fields(blocks + 1), np.arange(len(x))
        place = (self.count // size % (blocks + 1)).astype(int)
        peaks[:, self.count == 0] = empty
        begins = self.count % size == 0
        peaks[place[begins], series[begins]] = empty
        highest = peaks.max(axis=0)
        peaks[place, series] = np.maximum(peaks[place, series], x)
        return highest

    def usual(self, x: Floats) -> Floats:
        fields = self._fields(LEARNED)
        slots = slots_of(self.step)
        slot = self.t % DAY // slot_width(self.step)
        now = last_cell(self.t // DAY, slot, slots)
        fields[0] = np.where(self.count > 0, fields[0], x)
        self._close(fields, np.flatnonzero((fields[1] != now) & (fields[3] > 0)), now // slots, slots)
        fields[1] = now
        fields[2] += x - fields[0]
        fields[3] += 1
        return self.state.learned[:, slot] + fields[0]

    def _close(self, fields: Floats, over: NDArray[np.intp], day: float, slots: int) -> None:
        """Learns the slots that are over, and ends the day where a new one begins. Fields: first value, cell, total, rows, days, moved,
        total and count of what the slots moved today."""
        if not len(over):
            return
        _, cell, total, rows, days, moved, off, met = fields[:, over]
        slot, counts = (cell % slots).astype(int), counting(cell // slots, self.step)
        after, was_off = learn(self.state.learned[over, slot], total / rows, bounds(moved), days, counts)
        self.state.learned[over, slot] = after
        known = np.isfinite(was_off)
        off, met, ends = off + np.where(known, was_off, 0.0), met + known, cell // slots != day
        fields[2:4, over] = 0.0
        fields[4, over], fields[5, over] = days + counts * ends, np.where(ends, drifts(moved, off, met, days), moved)
        fields[6, over], fields[7, over] = np.where(ends, 0.0, off), np.where(ends, 0.0, met)


def bounds(moved: Floats) -> Floats:
    """By how much a slot may move at most. NaN: it is not known how far slots usually do."""
    with np.errstate(invalid="ignore"):
        return np.where(moved > 0, CLIP * moved, np.inf)


def drifts(moved: Floats, total: Floats, met: Floats, days: Floats) -> Floats:
    """memory.drift of many series."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / met
        most = np.where(moved > 0, np.minimum(mean, 3 * moved), mean)
        after = np.where(moved >= 0, moved + (most - moved) / np.clip(days, 1, DAYS), mean)
    return np.where(met > 0, after, moved)


def _layout() -> int:
    """How many fields the detector's questions take."""
    memory = Rows(np.zeros(1, np.int64), 300.0)
    judge(memory, np.zeros(1))
    return len(memory.left)


def fresh(n: int, step: int) -> State:
    """`n` series of which nothing is known, `step` seconds between their rows."""
    fields = np.zeros((_layout(), n))
    return State(step, fields, np.full((n, slots_of(step)), np.nan, np.float32))


def advance(state: State, t: int, x: Floats) -> Judged:
    """What is strange about the values `x` [series] of the time `t` (ms). NaN: no sample, that series stays as it is and has no score."""
    there = np.flatnonzero(measured(x))
    if len(there) == len(state):
        return judge(Places(state, t // 1000), x.astype(float))
    part = take(state, there)
    judged = judge(Places(part, t // 1000), x[there].astype(float)) if len(there) else None
    _put(state, there, part)
    return spread(judged, there, len(state))


def warm(state: State, place: int, t: Floats, x: Floats) -> None:
    """Forgets the series at `place` and learns its history: times `t` (ms, ascending) and values `x`, NaN where there was none."""
    there = measured(x)
    t, x = t[there], x[there].astype(float)
    part = fresh(1, state.step)
    if len(x):
        memory = Rows(seconds(t // 1000), float(state.step))
        judge(memory, x)
        part.fields[: len(memory.left), 0], part.learned[0] = memory.left, memory.learned  # coarse rows ask less
    _put(state, np.array([place]), part)


def take(state: State, places: Sequence[int] | NDArray[np.intp]) -> State:
    """A state of its own of some series, in the order given."""
    index = np.asarray(places, int)
    return State(state.step, state.fields[:, index].copy(), state.learned[index].copy())


def merge(states: Sequence[State]) -> State:
    """One state of the series of all, in the order given. ValueError: they have different steps."""
    if len({state.step for state in states}) != 1:
        raise ValueError("Only states of one step can be merged.")
    fields, learned = [state.fields for state in states], [state.learned for state in states]
    return State(states[0].step, np.concatenate(fields, axis=1), np.concatenate(learned))


def _put(state: State, places: NDArray[np.intp], part: State) -> None:
    state.fields[:, places], state.learned[places] = part.fields, part.learned


def pack(state: State) -> bytes:
    head = HEAD.pack(MAGIC, len(state.fields), len(state), state.step, state.learned.shape[1])
    return head + state.fields.tobytes() + state.learned.tobytes()


def unpack(blob: bytes) -> State:
    """ValueError: not a state, or one of a detector that remembered other things: it must learn again."""
    blob = bytes(blob)
    magic, fields, series, step, slots = HEAD.unpack_from(blob) if len(blob) >= HEAD.size else (b"", 0, 0, 0, 0)
    if magic != MAGIC or fields != _layout() or len(blob) != HEAD.size + series * (8 * fields + 4 * slots):
        raise ValueError("This state is of another detector: the series must be learned again.")
    middle = HEAD.size + 8 * fields * series
    values = np.frombuffer(blob, np.float64, fields * series, HEAD.size).reshape(fields, series).copy()
    return State(step, values, np.frombuffer(blob, np.float32, series * slots, middle).reshape(series, slots).copy())
