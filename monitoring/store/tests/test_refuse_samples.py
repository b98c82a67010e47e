import numpy as np
import pytest

from aiops.metrics import SAMPLES_REFUSED, SAMPLES_WRITTEN
from monitoring.store import reader, writer
from monitoring.store.batch import Batch, SeriesKey
from monitoring.store.models import RetentionOverride, Series
from monitoring.store.windows import DAY, FUTURE, HOUR, now_ms

pytestmark = pytest.mark.django_db
MARGIN = 10_000


def _write(*ages: int, metric: str = "up") -> tuple[int, dict[str, int]]:
    now = now_ms()
    written = writer.write(Batch.of([(metric, {}, now - age, 1.0) for age in ages]))
    return written.accepted, written.refused


def test_samples_ahead_of_time_are_refused_and_counted() -> None:
    before = SAMPLES_REFUSED.labels("future")._value.get()
    assert _write(-FUTURE - MARGIN, -FUTURE + MARGIN, 0) == (2, {"future": 1})
    assert SAMPLES_REFUSED.labels("future")._value.get() == before + 1


def test_samples_beyond_retention_are_refused_and_counted() -> None:
    assert _write(30 * DAY + MARGIN, 30 * DAY - MARGIN, 0) == (2, {"expired": 1})


def test_accepted_samples_are_counted() -> None:
    before = SAMPLES_WRITTEN._value.get()
    _write(0, 1000, 31 * DAY)
    assert SAMPLES_WRITTEN._value.get() == before + 2


def test_a_metrics_own_retention_decides_about_its_samples() -> None:
    RetentionOverride.objects.create(pattern="brief_*", raw_days=1)
    RetentionOverride.objects.create(pattern="brief_but_long_*", raw_days=90)
    assert _write(2 * DAY, HOUR, metric="brief_x") == (1, {"expired": 1})
    assert _write(60 * DAY, metric="brief_but_long_x") == (1, {})
    assert _write(2 * DAY, metric="up") == (1, {})


def test_an_overrides_end_is_noticed() -> None:
    override = RetentionOverride.objects.create(pattern="up", raw_days=1)
    assert _write(2 * DAY) == (0, {"expired": 1})
    override.delete()
    assert _write(2 * DAY) == (1, {})


def test_a_series_with_refused_samples_only_is_not_registered() -> None:
    now = now_ms()
    written = writer.write(Batch.of([("good", {}, now, 1.0), ("ahead", {}, now + HOUR, 1.0)]))
    assert (written.accepted, written.refused) == (1, {"future": 1})
    assert list(Series.objects.values_list("metric", flat=True)) == ["good"]


def test_an_impossible_key_is_refused_and_the_rest_is_kept() -> None:
    now, bad = now_ms(), {"a": "\0"}
    samples = [("", {}, now, 1.0), ("good", {}, now, 2.0), ("bad", bad, now, 3.0), ("bad", bad, now + HOUR, 3.0)]
    written = writer.write(Batch.of(samples))
    assert (written.accepted, written.refused) == (1, {"future": 1, "invalid": 2})
    [ref] = reader.select()
    assert reader.raw(ref.id, now, now + 1)[1].tolist() == [2.0]


def test_times_far_outside_anything_are_refused_not_raised() -> None:
    keys, times = [SeriesKey("up")], np.array([-(2**63), 2**63 - 1, 0, -1], np.int64)
    written = writer.write(Batch(keys, np.zeros(4, np.int32), times, np.ones(4)))
    assert (written.accepted, written.refused) == (0, {"future": 1, "expired": 3})


def test_an_empty_batch_is_nothing() -> None:
    assert writer.write(Batch.of([])).accepted == 0
