import threading
from collections.abc import Callable

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from monitoring.store import expire, merge, reader, remove, seal, series, tasks, writer
from monitoring.store.batch import Batch
from monitoring.store.database import database
from monitoring.store.errors import CannotRemove
from monitoring.store.models import Chunk, ForgottenSeries, Hot, Series
from monitoring.store.samples import Samples, pack
from monitoring.store.tests.test_seal_windows import _tally_is_exact
from monitoring.store.windows import DAY, HOUR, MINUTE, ROLLUP, floor, now_ms

pytestmark = pytest.mark.django_db


@pytest.fixture
def yesterday() -> int:
    return floor(now_ms() - DAY, DAY)


def _write(*samples: tuple[int, float], metric: str = "up") -> int:
    writer.write(Batch.of([(metric, {}, t, v) for t, v in samples]))
    [ref] = reader.select(metric)
    return ref.id


def _raw(sid: int) -> list[tuple[int, float]]:
    t, v = reader.raw(sid, 0, now_ms() + DAY)
    return list(zip(t.tolist(), v.tolist(), strict=True))


def _hours(day: int) -> list[tuple[int, float]]:
    return [(day + hour * HOUR, float(hour)) for hour in range(24)]


def _nothing() -> None:
    """Samples stay hot."""


def _merge() -> None:
    seal.seal()
    merge.merge_days()


@pytest.mark.parametrize("job", [_nothing, seal.seal, _merge], ids=["hot", "sealed", "merged"])
def test_only_the_samples_of_these_series_in_the_half_open_range_go(job: Callable[[], object], yesterday: int) -> None:
    hours = _hours(yesterday)
    sid, other = _write(*hours), _write(*hours, metric="other")
    job()
    assert remove.remove([sid], yesterday + HOUR, yesterday + 5 * HOUR) == 4
    assert _raw(sid) == hours[:1] + hours[5:]
    assert _raw(other) == hours
    assert _tally_is_exact()
    assert remove.remove([sid], yesterday + HOUR, yesterday + 5 * HOUR) == 0
    tasks.merge_days()
    assert _raw(sid) == hours[:1] + hours[5:]
    assert reader.buckets(sid, yesterday, yesterday + DAY, DAY).count.tolist() == [20]
    assert remove.remove([sid, other], 0, now_ms()) == 44
    assert (Hot.objects.count(), Chunk.objects.count()) == (0, 0)
    assert _tally_is_exact()


def test_a_rollup_is_that_of_the_samples_left(yesterday: int) -> None:
    sid = _write((yesterday, 1.0), (yesterday + MINUTE, 5.0), (yesterday + HOUR, 7.0))
    _merge()
    remove.remove([sid], yesterday + MINUTE, yesterday + HOUR)
    assert reader.buckets(sid, yesterday, yesterday + DAY, HOUR).high.tolist() == [1.0, 7.0]


def test_buckets_that_outlived_their_samples_go_when_the_range_holds_them_whole(yesterday: int) -> None:
    sid = _write(*((yesterday + place * ROLLUP, float(place)) for place in range(4)))
    _merge()
    Chunk.objects.filter(tier=Chunk.Tier.DAY).delete()
    assert remove.remove([sid], yesterday + 1, yesterday + 2 * ROLLUP) == 0
    assert reader.buckets(sid, yesterday, yesterday + DAY, ROLLUP).high.tolist() == [0.0, 2.0, 3.0]


def test_a_sample_written_twice_is_one_and_the_later_value_stays_the_later(yesterday: int) -> None:
    sid = _write((yesterday, 1.0), (yesterday + MINUTE, 1.0))
    seal.seal()
    _write((yesterday, 2.0), (yesterday + MINUTE, 2.0), (yesterday + HOUR, 2.0))
    seal.seal()
    _write((yesterday, 3.0), (yesterday + MINUTE, 3.0))
    assert remove.remove([sid], yesterday, yesterday + 1) == 1
    assert _raw(sid) == [(yesterday + MINUTE, 3.0), (yesterday + HOUR, 2.0)]
    _write((yesterday + MINUTE, 4.0))
    assert _raw(sid)[0] == (yesterday + MINUTE, 4.0)


def test_a_forgotten_series_is_gone_and_its_sender_gets_a_new_one(yesterday: int) -> None:
    sid, other = _write(*_hours(yesterday)), _write((yesterday, 1.0), metric="other")
    remove.forget([sid])
    assert reader.select("up") == []
    assert set(reader.raw_many([sid, other], 0, now_ms())) == {other}
    again = _write((yesterday, 9.0))
    assert again not in (sid, other)
    assert _raw(again) == [(yesterday, 9.0)]


@pytest.mark.django_db(transaction=True)
def test_a_process_that_still_knows_the_id_does_not_write_to_nowhere(yesterday: int) -> None:
    sid = _write((yesterday, 1.0))
    known = dict(series._cache._young)
    remove.forget([sid])
    series._cache.learn(known, {})  # as in a process that has not heard of it
    written = writer.write(Batch.of([("up", {}, yesterday, 2.0)]))
    assert written.accepted == 1
    [ref] = reader.select("up")
    assert ref.id != sid
    assert _raw(ref.id) == [(yesterday, 2.0)]


def test_an_id_is_free_again_when_every_process_has_dropped_it(yesterday: int) -> None:
    sid = _write((yesterday, 1.0))
    remove.forget([sid])
    assert _write((yesterday, 1.0)) == sid + 1
    late = Samples(np.array([sid], np.int32), np.array([yesterday]), np.array([1.0]))
    database().insert("monitoring_hot", pack(late))  # of a flush that was under way
    expire.expire()
    assert ForgottenSeries.objects.count() == 1
    ForgottenSeries.objects.update(since=timezone.now() - 2 * expire.UNUSED)
    expire.expire()
    assert ForgottenSeries.objects.count() == 0
    assert _raw(sid) == []


@pytest.mark.django_db(transaction=True)
def test_writers_and_sealing_beside_it_lose_nothing(yesterday: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "AT_ONCE", 1)
    monkeypatch.setattr(remove, "SERIES_AT_ONCE", 3)
    times = range(yesterday, yesterday + DAY, 30 * MINUTE)
    writer.write(Batch.of([("m", {"n": str(n)}, t, float(n)) for n in range(12) for t in times]))
    sids = [ref.id for ref in reader.select()]
    faults: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as fault:
            faults.append(fault)
        finally:
            connection.close()

    def write() -> None:
        for place in range(20):
            writer.write(Batch.of([("m", {"n": str(n)}, yesterday + place * 1000 + 500, 1.0) for n in range(12)]))

    half = yesterday + DAY // 2
    jobs = [
        threading.Thread(target=run, args=[job])
        for job in (seal.seal, tasks.merge_days, write, lambda: remove.remove(sids, half, half + DAY))
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert faults == []
    found = reader.raw_many(sids, yesterday, yesterday + DAY)
    assert {len(t) for t, _ in found.values()} == {len(times) // 2 + 20}
    merge.merge_days()
    assert _tally_is_exact()
    assert Series.objects.count() == 12


def test_samples_of_an_engine_elsewhere_are_not_ours_to_remove(settings: object) -> None:
    settings.METRICS_WRITE_URL = "http://127.0.0.1:9/api/v1/write"  # type: ignore[attr-defined]
    with pytest.raises(CannotRemove):
        remove.remove([1], 0, 1)
