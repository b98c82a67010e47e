"""Random late, repeated and out-of-order batches against a plain dict, through write, seal, merge and merge again."""

import random

import numpy as np
import pytest

from monitoring.store import merge, reader, seal, series, writer
from monitoring.store.batch import STALE, Batch, SeriesKey, is_stale
from monitoring.store.models import Chunk, Hot
from monitoring.store.tests.model import Model
from monitoring.store.windows import DAY, HOUR, MINUTE, floor, now_ms

pytestmark = pytest.mark.django_db

KEYS = [SeriesKey(f"m{i % 3}", (("host", f"h{i}"),)) for i in range(40)]


def _batch(chance: random.Random, now: int) -> Batch:
    n = chance.randint(1, 300)
    index = np.array([chance.randrange(len(KEYS)) for _ in range(n)], np.int32)
    age = [chance.choice([MINUTE, HOUR, 3 * HOUR, 3 * DAY]) * chance.random() for _ in range(n)]
    t = np.array([floor(now - int(back), 15_000) for back in age], np.int64)
    v = np.array([chance.choice([1.5, -0.0, 1e300, float("inf"), STALE, round(chance.random(), 3)]) for _ in range(n)])
    return Batch(KEYS, index, t, v)


@pytest.mark.parametrize("seed", range(4))
def test_the_store_holds_what_a_dict_holds(seed: int) -> None:
    chance, now, model = random.Random(seed), now_ms(), Model()
    for _ in range(25):
        batch = _batch(chance, now)
        assert writer.write(batch).accepted == len(batch)
        model.write(batch)
        step = chance.random()
        if step < 0.3:
            seal.seal()
        elif step < 0.4:
            merge.merge_days()
        model.check(*sorted(now - int(chance.random() * 3 * DAY) for _ in range(2)))
    seal.seal(now + DAY)
    merge.merge_days(now + 2 * DAY)
    assert not Hot.objects.exists()
    assert not Chunk.objects.filter(tier=Chunk.Tier.WINDOW).exists()
    model.check(now - 4 * DAY, now + 1)


@pytest.mark.parametrize("seed", range(3))
def test_buckets_are_those_of_the_raw_samples_whether_read_from_rollups_or_not(seed: int) -> None:
    chance, now, model = random.Random(seed), now_ms(), Model()
    start = floor(now - 4 * DAY, DAY)
    for _ in range(10):
        batch = _batch(chance, now)
        writer.write(batch)
        model.write(batch)
        if chance.random() < 0.5:
            seal.seal()
            merge.merge_days()
        for step in (HOUR, 10 * MINUTE, 7 * MINUTE):
            model.check_buckets(KEYS[chance.randrange(len(KEYS))], start, now + 1, step)


def test_a_stale_marker_comes_through_bit_for_bit() -> None:
    now = now_ms()
    t = floor(now - DAY, DAY)
    writer.write(Batch.of([("up", {}, t, 1.0), ("up", {}, t + 1000, STALE), ("up", {}, t + 2000, float("nan"))]))
    seal.seal()
    merge.merge_days()
    [sid] = series.ids([SeriesKey("up")]).tolist()
    t, v = reader.raw_many([sid], 0, now, stale=True)[sid]
    assert is_stale(v).tolist() == [False, True, False]
    assert np.isnan(v).tolist() == [False, True, True]
    assert len(reader.raw(sid, 0, now)[0]) == 2
