import pytest
from django.utils import timezone

from monitoring.store import expire, reader, series, tasks, usage, writer
from monitoring.store.batch import Batch
from monitoring.store.models import Chunk, ChunkTally, RetentionOverride, Series
from monitoring.store.windows import DAY, floor, now_ms

pytestmark = pytest.mark.django_db


@pytest.fixture
def days() -> list[int]:
    """Midnights, ten days ago until yesterday."""
    today = floor(now_ms(), DAY)
    return [today - back * DAY for back in range(10, 0, -1)]


def _fill(metric: str, days: list[int]) -> None:
    writer.write(Batch.of([(metric, {}, day, 1.0) for day in days]))


def _kept(metric: str, tier: Chunk.Tier) -> list[int]:
    [ref] = reader.select(metric)
    return list(Chunk.objects.filter(sid=ref.id, tier=tier).order_by("t0").values_list("t0", flat=True))


def test_days_and_rollups_go_after_their_retention(days: list[int], settings: object) -> None:
    _fill("up", days)
    tasks.merge_days()
    settings.RAW_RETENTION_DAYS, settings.ROLLUP_RETENTION_DAYS = 3, 6  # type: ignore[attr-defined]
    expire.expire()
    assert _kept("up", Chunk.Tier.DAY) == days[-3:]
    assert _kept("up", Chunk.Tier.ROLLUP) == days[-6:]
    assert ChunkTally.objects.get(tier=Chunk.Tier.DAY).samples == 3
    [ref] = reader.select("up")
    assert len(reader.buckets(ref.id, days[0], days[-1] + DAY, DAY).t) == 6


def test_an_override_keeps_a_metric_longer_or_shorter(days: list[int], settings: object) -> None:
    for metric in ("up", "brief", "longer"):
        _fill(metric, days)
    tasks.merge_days()
    settings.RAW_RETENTION_DAYS = 5  # type: ignore[attr-defined]
    RetentionOverride.objects.create(pattern="brief*", raw_days=1)
    RetentionOverride.objects.create(pattern="*onge?", raw_days=90, rollup_days=2)
    expire.expire()
    assert [len(_kept(metric, Chunk.Tier.DAY)) for metric in ("up", "brief", "longer")] == [5, 1, 10]
    assert [len(_kept(metric, Chunk.Tier.ROLLUP)) for metric in ("up", "brief", "longer")] == [10, 10, 2]


def test_what_is_not_merged_does_not_expire(days: list[int], settings: object) -> None:
    _fill("up", days)
    settings.RAW_RETENTION_DAYS = 1  # type: ignore[attr-defined]
    expire.expire()
    [ref] = reader.select("up")
    assert len(reader.raw(ref.id, days[0], now_ms())[0]) == 10


def test_a_series_nobody_writes_and_without_samples_is_deleted(days: list[int], settings: object) -> None:
    for metric in ("gone", "silent", "young"):
        _fill(metric, days)
    tasks.merge_days()
    Series.objects.exclude(metric="young").update(seen=timezone.now() - 2 * expire.UNUSED)
    Chunk.objects.exclude(sid=Series.objects.get(metric="silent").pk).delete()
    expire.expire()
    assert set(Series.objects.values_list("metric", flat=True)) == {"silent", "young"}
    series.forget()
    _fill("gone", days[-1:])
    assert [len(reader.raw(ref.id, 0, now_ms())[0]) for ref in reader.select("gone")] == [1]


def test_usage_tells_what_is_held(days: list[int]) -> None:
    _fill("up", [*days, now_ms()])
    hot = usage.measure()
    assert (hot["series"], hot["hot_samples"], hot["chunk_samples"], hot["bytes_per_sample"]) == (1, 11, 0, None)
    assert hot["oldest_unsealed_ms"] == days[0]
    assert hot["seal_lag_seconds"] > 9 * 86_400
    from django.core.cache import cache

    cache.clear()
    tasks.merge_days()
    sealed = usage.measure()
    assert (sealed["hot_samples"], sealed["chunk_samples"], sealed["samples"], sealed["chunks"]) == (1, 10, 11, 20)
    assert sealed["seal_lag_seconds"] == 0
    assert sealed["bytes_per_sample"] > 0


def test_an_empty_store_has_figures_too() -> None:
    figures = usage.measure()
    assert (figures["samples"], figures["oldest_unsealed_ms"], figures["seal_lag_seconds"]) == (0, None, 0.0)
