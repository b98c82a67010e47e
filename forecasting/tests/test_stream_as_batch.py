"""What holds for a whole file holds row by row, for many series at once, and from bytes."""

import numpy as np
import pytest

from forecasting import detect, stream

pytestmark = pytest.mark.once

STEP = 300
DAY = 86_400 // STEP


def busy(days: int, seed: int, step: int = STEP) -> tuple[np.ndarray, np.ndarray]:
    """A daily wave with noise, a spike and a shift: times in ms, values."""
    rows = days * 86_400 // step
    t = 1_700_000_000_000 // (step * 1000) * step * 1000 + np.arange(rows, dtype=np.int64) * step * 1000
    x = 50 + 20 * np.sin(np.arange(rows) * 2 * np.pi * step / 86_400) + np.random.default_rng(seed).normal(size=rows)
    x[rows * 3 // 4] += 60
    x[rows * 9 // 10 :] += 25
    return t, x


def rows_of(state: stream.State, t: np.ndarray, x: np.ndarray) -> stream.Judged:
    """x [rows, series]; every field [rows, series], channels [rows, channel, series]."""
    judged = [stream.advance(state, int(at), row) for at, row in zip(t, x, strict=True)]
    return stream.Judged(*(np.array(values) for values in zip(*judged, strict=True)))


@pytest.mark.parametrize("step", [60, 300, 420, 3600, 86_400])
def test_it_says_the_same_as_the_batch(step: int):
    days = {60: 3, 3600: 70, 86_400: 1500}.get(step, 9)
    t, x = busy(days, 1, step)
    live = rows_of(stream.fresh(2, step), t, np.stack([x, x], axis=1))
    batch = detect.examine(t // 1000, x)
    for name in ("score", "strength", "low", "high", "reason"):
        for place in (0, 1):
            np.testing.assert_allclose(getattr(live, name)[:, place], getattr(batch, name), rtol=1e-6, atol=1e-6, err_msg=name)


def test_missing_samples_hold_the_state():
    t, x = busy(4, 2)
    there = np.random.default_rng(3).random(len(x)) > 0.1
    live = rows_of(stream.fresh(2, STEP), t, np.stack([np.where(there, x, np.nan), x], axis=1))
    only = rows_of(stream.fresh(1, STEP), t[there], x[there, None])
    np.testing.assert_allclose(live.score[there, 0], only.score[:, 0], atol=1e-9)
    assert np.isnan(live.score[~there, 0]).all()
    assert not live.alarm[~there, 0].any()


def test_a_tick_without_a_sample_changes_nothing():
    state = stream.fresh(3, STEP)
    before = stream.pack(state)
    judged = stream.advance(state, 0, np.full(3, np.nan))
    assert stream.pack(state) == before
    assert np.isnan(judged.score).all()


def test_history_learned_at_once_is_history_lived_through():
    t, x = busy(5, 4)
    lived, learned = stream.fresh(2, STEP), stream.fresh(2, STEP)
    rows_of(lived, t, np.stack([x, x], axis=1))
    for place in (0, 1):
        stream.warm(learned, place, t, x)
    np.testing.assert_allclose(learned.fields, lived.fields, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(learned.learned, lived.learned, rtol=1e-6)


def test_a_state_goes_on_from_bytes():
    t, x = busy(4, 5)
    x = x[:, None]
    whole = rows_of(stream.fresh(1, STEP), t, x)
    state = stream.fresh(1, STEP)
    rows_of(state, t[:700], x[:700])
    rest = rows_of(stream.unpack(stream.pack(state)), t[700:], x[700:])
    np.testing.assert_array_equal(rest.score, whole.score[700:])


def test_series_come_and_go():
    t, x = busy(2, 6)
    three = np.stack([x, 2 * x, 3 * x], axis=1)
    state = stream.fresh(3, STEP)
    rows_of(state, t[:300], three[:300])
    parted = stream.merge([stream.take(state, [2]), stream.take(state, [0, 1])])
    ours, theirs = rows_of(state, t[300:], three[300:]), rows_of(parted, t[300:], three[300:, [2, 0, 1]])
    np.testing.assert_array_equal(ours.score[:, [2, 0, 1]], theirs.score)


def test_states_of_other_steps_do_not_merge():
    with pytest.raises(ValueError, match="one step"):
        stream.merge([stream.fresh(1, 60), stream.fresh(1, 300)])


@pytest.mark.parametrize("blob", [b"", b"nothing of ours at all here", stream.pack(stream.fresh(2, STEP))[:-1]])
def test_bytes_of_something_else_are_refused(blob: bytes):
    with pytest.raises(ValueError, match="learned again"):
        stream.unpack(blob)


def test_a_series_takes_less_than_two_kilobytes():
    assert len(stream.pack(stream.fresh(300, 60))) / 300 < 2048


def test_a_cold_start_is_quiet():
    x = np.random.default_rng(7).lognormal(size=(100, 50))
    live = rows_of(stream.fresh(50, STEP), np.arange(100) * STEP * 1000, x)
    assert live.alarm[:30].sum() == 0
    assert not live.alarm[0].any()
