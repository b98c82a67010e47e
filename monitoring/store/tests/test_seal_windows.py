import threading
from collections.abc import Callable

import pytest
from django.db import connection

from monitoring.store import merge, reader, seal, tasks, writer
from monitoring.store.batch import Batch
from monitoring.store.models import Chunk, ChunkTally, Hot
from monitoring.store.windows import DAY, HOUR, MINUTE, ROLLUP, WINDOW, floor, now_ms

pytestmark = pytest.mark.django_db
WINDOWS, DAYS, ROLLUPS = Chunk.Tier.WINDOW, Chunk.Tier.DAY, Chunk.Tier.ROLLUP


def _write(*samples: tuple[int, float], metric: str = "up") -> int:
    writer.write(Batch.of([(metric, {}, t, v) for t, v in samples]))
    [ref] = reader.select(metric)
    return ref.id


def _tiers() -> list[int]:
    return sorted(Chunk.objects.values_list("tier", flat=True))


def _tally_is_exact() -> bool:
    held: dict[int, list[int]] = {}
    for tier, count, data in Chunk.objects.values_list("tier", "count", "data"):
        sums = held.setdefault(tier, [0, 0, 0])
        held[tier] = [sums[0] + 1, sums[1] + count, sums[2] + len(data)]
    return {row.tier: [row.chunks, row.samples, row.bytes] for row in ChunkTally.objects.all() if row.chunks} == held


@pytest.fixture
def yesterday() -> int:
    return floor(now_ms() - DAY, DAY)


def test_a_flush_over_several_windows_is_a_row_in_each(yesterday: int) -> None:
    _write(*((yesterday + hour * HOUR, 1.0) for hour in range(6)))
    assert [row.t1 // WINDOW - row.t0 // WINDOW for row in Hot.objects.all()] == [0, 0, 0]


def test_only_windows_that_ended_some_time_ago_are_sealed(yesterday: int) -> None:
    _write((yesterday, 1.0), (yesterday + WINDOW, 2.0), (yesterday + 2 * WINDOW, 3.0))
    assert seal.seal(yesterday + WINDOW + seal.GRACE - 1) == 0
    assert seal.seal(yesterday + WINDOW + seal.GRACE) == 1
    assert (Hot.objects.count(), Chunk.objects.count()) == (2, 1)
    assert seal.seal(yesterday + 3 * WINDOW + seal.GRACE) == 2
    assert _tally_is_exact()


def test_late_samples_of_a_sealed_window_become_a_further_chunk_and_win(yesterday: int) -> None:
    sid = _write((yesterday, 1.0), (yesterday + MINUTE, 2.0))
    seal.seal()
    _write((yesterday, 10.0), (yesterday + 2 * MINUTE, 3.0))
    assert reader.raw(sid, yesterday, yesterday + HOUR)[1].tolist() == [10.0, 2.0, 3.0]
    seal.seal()
    assert _tiers() == [WINDOWS, WINDOWS]
    assert reader.raw(sid, yesterday, yesterday + HOUR)[1].tolist() == [10.0, 2.0, 3.0]


def test_a_day_becomes_one_chunk_and_one_rollup(yesterday: int) -> None:
    sid = _write(*((yesterday + hour * HOUR, float(hour)) for hour in range(24)))
    seal.seal(yesterday + 2 * DAY)
    assert _tiers() == [WINDOWS] * 12
    assert merge.merge_days(yesterday + 2 * DAY) == 1
    assert _tiers() == [DAYS, ROLLUPS]
    assert reader.raw(sid, yesterday, yesterday + DAY)[1].tolist() == list(range(24))
    assert _tally_is_exact()


def test_a_day_that_is_not_over_is_not_merged(yesterday: int) -> None:
    _write((yesterday, 1.0))
    seal.seal(yesterday + WINDOW + seal.GRACE)
    assert merge.merge_days(yesterday + DAY) == 0
    assert _tiers() == [WINDOWS]


def test_a_merged_day_that_gets_late_samples_is_merged_again_with_its_rollup(yesterday: int) -> None:
    sid = _write((yesterday, 1.0), (yesterday + MINUTE, 5.0))
    other = _write((yesterday, 7.0), metric="other")
    tasks.merge_days()
    kept = Chunk.objects.get(sid=other, tier=DAYS).pk
    _write((yesterday + MINUTE, 2.0), (yesterday + 2 * MINUTE, 9.0))
    assert reader.buckets(sid, yesterday, yesterday + DAY, HOUR).high.tolist() == [9.0]  # before the rollup knows
    tasks.merge_days()
    assert list(Chunk.objects.filter(sid=sid).order_by("tier").values_list("tier", "count")) == [(DAYS, 3), (ROLLUPS, 1)]
    found = reader.buckets(sid, yesterday, yesterday + DAY, DAY)
    assert [column.tolist() for column in found] == [[yesterday], [1.0], [9.0], [4.0], [9.0], [3]]
    assert Chunk.objects.get(sid=other, tier=DAYS).pk == kept, "a series without late samples is left alone"
    assert _tally_is_exact()


def test_a_rollup_that_outlives_its_samples_keeps_its_figures(yesterday: int) -> None:
    sid = _write((yesterday, 1.0), (yesterday + MINUTE, 5.0))
    tasks.merge_days()
    Chunk.objects.filter(tier=DAYS).delete()
    _write((yesterday, 99.0), (yesterday + ROLLUP, 3.0))
    tasks.merge_days()
    found = reader.buckets(sid, yesterday, yesterday + DAY, ROLLUP)
    assert (found.t.tolist(), found.high.tolist()) == ([yesterday, yesterday + ROLLUP], [5.0, 3.0])


def test_a_rollup_keeps_the_last_value_of_a_counter_that_was_reset(yesterday: int) -> None:
    sid = _write(*((yesterday + place * MINUTE, value) for place, value in enumerate([100.0, 120.0, 3.0, 4.0])))
    tasks.merge_days()
    found = reader.buckets(sid, yesterday, yesterday + HOUR, HOUR)
    assert (found.low.tolist(), found.high.tolist(), found.last.tolist()) == ([3.0], [120.0], [4.0])


def test_sums_of_decimals_carry_no_noise(yesterday: int) -> None:
    sid = _write(*((yesterday + place * 1000, 0.1) for place in range(30)), (yesterday + 40_000, 0.3))
    tasks.merge_days()
    assert reader.buckets(sid, yesterday, yesterday + HOUR, HOUR).mean.tolist() == [3.3 / 31]


def test_a_job_that_is_delivered_twice_does_nothing_the_second_time(yesterday: int) -> None:
    _write((yesterday, 1.0))
    tasks.expire()
    before = list(Chunk.objects.values_list("id", "tier"))
    tasks.expire()
    tasks.seal()
    assert list(Chunk.objects.values_list("id", "tier")) == before


@pytest.mark.django_db(transaction=True)
def test_readers_see_no_hole_while_jobs_run_beside_each_other(yesterday: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "AT_ONCE", 1)
    monkeypatch.setattr(merge, "SERIES_AT_ONCE", 2)
    times = range(yesterday, yesterday + DAY, 10 * MINUTE)
    writer.write(Batch.of([(f"m{n % 3}", {"n": str(n)}, t, float(n)) for n in range(30) for t in times]))
    sids = [ref.id for ref in reader.select()]
    faults: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as fault:
            faults.append(fault)
        finally:
            connection.close()

    jobs = [threading.Thread(target=run, args=[job]) for job in (seal.seal, seal.seal, tasks.merge_days, tasks.merge_days)]
    for job in jobs:
        job.start()
    looks = 0
    while looks < 3 or any(job.is_alive() for job in jobs):
        looks += 1
        found = reader.raw_many(sids, yesterday, yesterday + DAY)
        assert {len(t) for t, _ in found.values()} == {len(times)}
        assert len(found) == 30
    assert faults == []
    merge.merge_days()  # what the last seal left when the merges had ended
    assert _tiers() == [DAYS] * 30 + [ROLLUPS] * 30
    assert _tally_is_exact()


def test_means_count_a_repeated_sample_once_sealed_or_not(yesterday: int) -> None:
    sid = _write((yesterday, 1.0), (yesterday + MINUTE, 3.0))
    other = _write((yesterday, 7.0), metric="other")
    _write((yesterday, 5.0))
    for _ in range(2):
        assert reader.reduce([other, sid, other], yesterday, yesterday + HOUR).tolist() == [7.0, 4.0, 7.0]
        seal.seal()
