"""Outlines say what buckets say, wherever the samples lie by now."""

import numpy as np
import pytest

from monitoring.store import outlines, reader, series, writer
from monitoring.store.batch import STALE, Batch
from monitoring.store.merge import merge_days
from monitoring.store.outlines import Outlines
from monitoring.store.seal import seal
from monitoring.store.windows import DAY, HOUR, MINUTE, floor, now_ms

pytestmark = pytest.mark.django_db
SERIES = 5


@pytest.fixture
def start() -> int:
    """Three days of samples up to now, a hole and a marker among them."""
    start = floor(now_ms(), DAY) - 2 * DAY
    rows = [
        ("metric", {"n": str(n)}, t, STALE if n == 4 and at == 500 else float(np.sin(at / 50) * 10 + n))
        for n in range(SERIES)
        for at, t in enumerate(range(start, now_ms(), 5 * MINUTE // 2))
        if not (n == 3 and 100 <= at < 200)
    ]
    writer.write(Batch.of(sorted(rows, key=lambda row: row[2])))
    return start


def _sids() -> list[int]:
    return [ref.id for ref in reader.select("metric")]


def _same(found: Outlines, sids: list[int], a: int, b: int, step: int) -> None:
    expected = reader.buckets_many(sids, a, b, step)
    assert set(np.unique(found.sid).tolist()) == set(expected)
    for sid, one in expected.items():
        mine = found.sid == sid
        np.testing.assert_array_equal(found.t[mine], one.t)
        np.testing.assert_allclose(found.mean[mine], one.mean, rtol=1e-6)
        np.testing.assert_allclose(found.last[mine], one.last, rtol=1e-6)


@pytest.mark.parametrize("step", [5 * MINUTE, HOUR])
@pytest.mark.parametrize("settled", ["hot", "sealed", "merged"])
def test_hot_sealed_and_merged_samples_give_the_same(start: int, step: int, settled: str) -> None:
    if settled != "hot":
        seal()
    if settled == "merged":
        assert merge_days()
    end = floor(now_ms(), HOUR)
    _same(reader.outlines(_sids(), start + 3 * HOUR, end, step), _sids(), start + 3 * HOUR, end, step)


def test_a_late_sample_is_added_to_its_days_rollup(start: int) -> None:
    seal()
    merge_days()
    late = start + 6 * HOUR + 7
    writer.write(Batch.of([("metric", {"n": "0"}, late, 1000.0)]))
    found = reader.outlines(_sids(), start, start + DAY, HOUR)
    bucket = (found.sid == _sids()[0]) & (found.t == start + 6 * HOUR)
    assert found.last[bucket] == [1000.0]  # taken for the last of its bucket
    exact = reader.buckets(_sids()[0], start, start + DAY, HOUR)
    np.testing.assert_allclose(found.mean[found.sid == _sids()[0]], exact.mean, rtol=1e-6)


def test_nothing_is_an_empty_answer() -> None:
    assert len(reader.outlines([], 0, DAY, HOUR).t) == 0
    assert len(reader.outlines([4711], 0, DAY, HOUR).t) == 0
    assert outlines.of_buckets({}) is outlines.NOTHING
    assert len(series.keys_of([4711])) == 0


def test_only_whole_rollups_can_be_asked_for() -> None:
    with pytest.raises(ValueError, match="multiples"):
        outlines.read([1], 0, DAY, MINUTE)
