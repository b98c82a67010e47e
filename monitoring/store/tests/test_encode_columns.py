import numpy as np
import pytest

from monitoring.store import codec, rollups
from monitoring.store.batch import STALE
from monitoring.store.codec import STEADY, UnknownFormat, decode, encode, pair, split
from monitoring.store.samples import Samples, Sums
from monitoring.store.windows import ROLLUP

pytestmark = pytest.mark.once

CHANCE = np.random.default_rng(3)
COLUMNS = {
    "one": [1.5],
    "whole": list(range(1000)),
    "even steps": [0.5 * place for place in range(300)],
    "two decimals": np.round(CHANCE.normal(100, 20, 500), 2).tolist(),
    "three decimals": np.round(CHANCE.normal(0, 1, 500), 3).tolist(),
    "four decimals": np.round(CHANCE.normal(0, 1, 500), 4).tolist(),
    "any": CHANCE.normal(0, 1, 500).tolist(),
    "negative zero": [0.0, -0.0, 1.0],
    "not numbers": [1.0, STALE, float("nan"), float("inf"), float("-inf")],
    "huge": [2.0**53, 2.0**53 + 2, -(2.0**63), 1.7e308],
    "tiny": [5e-324, 1e-310, 0.001],
    "decimals of large numbers": [9007199254740.991, 4503599627370.497, 0.003],
    "late surprise": [1.0] * 100 + [0.1, 1 / 3],
}


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS.keys())
def test_values_come_back_bit_for_bit(values: list[float]) -> None:
    v = np.array(values, np.float64)
    t = np.cumsum(CHANCE.integers(1, 60_000, len(v))) + 1_700_000_000_000
    for config in (codec.STEADY, codec.THOROUGH, codec.NOISY):
        back_t, back_v = decode(encode([t, v], [config] * 2), 2)
        assert back_t.tobytes() == t.tobytes()
        assert back_v.tobytes() == v.tobytes()


def test_extreme_integers_come_back() -> None:
    t = np.array([-(2**63), 2**63 - 1, 0, -1], np.int64)
    assert decode(encode([t, t[::-1].copy()], [STEADY] * 2), 2)[0].tolist() == t.tolist()


def test_regular_times_and_a_gauge_at_rest_take_next_to_nothing() -> None:
    t = np.arange(0, 7_200_000, 15_000)
    assert len(encode([t, np.full(len(t), 21.5)], [STEADY] * 2)) < 50


@pytest.mark.parametrize("data", [b"", b"\x07abc"])
def test_a_chunk_of_another_format_is_told_not_misread(data: bytes) -> None:
    with pytest.raises(UnknownFormat):
        pair(data)
    with pytest.raises(UnknownFormat):
        decode(data, 2)


def test_two_columns_are_taken_apart_like_any_number() -> None:
    for v in (np.arange(480) / 8, np.full(3, np.nan), np.empty(0)):
        data = encode([np.arange(len(v)), v], [STEADY] * 2)
        (t_kind, t_body), (v_kind, v_body) = split(data, 2)
        assert pair(data) == (t_kind, t_body, v_kind, v_body)


@pytest.mark.parametrize(
    "v", [[0.1] * 50, [1e18, -1e18, 3.0], [2.0**52, -(2.0**52), 7.0] * 40, [1 / 3, 2 / 3, 1e-9], [float("inf"), 1.0]], ids=str
)
def test_rollups_come_back(v: list[float]) -> None:
    values = np.array(v, np.float64)
    samples = Samples(np.ones(len(v), np.int32), np.arange(len(v)) * 40_000, values)
    _, sums = rollups.rolled_up(samples)
    back = rollups.decode(rollups.encode(sums))
    for kept, expected in zip(back, sums, strict=True):
        assert kept.tobytes() == expected.tobytes()


def test_a_rollup_of_many_series_is_that_of_each() -> None:
    sid = np.repeat(np.array([3, 9], np.int32), 100)
    t = np.tile(np.arange(100) * 20_000, 2)
    v = CHANCE.normal(0, 1, 200)
    sids, sums = rollups.rolled_up(Samples(sid, t, v))
    for one in (3, 9):
        alone: Sums = rollups.rolled_up(Samples(sid, t, v).where(sid == one))[1]
        for found, expected in zip(sums.where(sids == one), alone, strict=True):
            assert found.tolist() == expected.tolist()
    assert set(sums.t % ROLLUP) == {0}
