import numpy as np
import pytest

from monitoring.store import expire, merge, reader, remove, seal, self_check, writer
from monitoring.store.ahead import FURTHEST
from monitoring.store.batch import Batch, SeriesKey
from monitoring.store.models import Hot, Series
from monitoring.store.windows import DAY, HOUR, MINUTE, now_ms

pytestmark = pytest.mark.django_db
NAME = "disk_used:forecast"


def _foretell(*samples: tuple[int, float], host: str = "a", metric: str = NAME) -> dict[str, int]:
    return writer.foretell(Batch.of([(metric, {"host": host}, t, v) for t, v in samples])).refused


def _ahead(host: str = "a", metric: str = NAME) -> list[float]:
    [ref] = reader.select(metric, {"host": host})
    return reader.raw(ref.id, now_ms() + MINUTE, now_ms() + 100 * DAY)[1].tolist()


def test_what_is_foretold_is_read_like_any_sample() -> None:
    now = now_ms()
    assert _foretell((now + HOUR, 1.0), (now + 30 * HOUR, 2.0)) == {}
    assert _ahead() == [1.0, 2.0]


def test_a_new_forecast_takes_the_place_of_the_one_before() -> None:
    now = now_ms()
    _foretell(*((now + hour * HOUR, 1.0) for hour in range(1, 49)))
    rows = Hot.objects.count()
    _foretell(*((now + hour * HOUR + MINUTE, 2.0) for hour in range(1, 25)))
    assert _ahead() == [2.0] * 24
    assert Hot.objects.count() <= rows


def test_other_series_of_the_block_keep_what_is_foretold_of_them() -> None:
    now = now_ms()
    _foretell((now + HOUR, 1.0), host="b")
    _foretell((now + HOUR, 2.0))
    _foretell((now + 2 * HOUR, 3.0))
    assert (_ahead("b"), _ahead("a")) == ([1.0], [3.0])


def test_a_series_without_samples_has_nothing_ahead_any_more() -> None:
    _foretell((now_ms() + HOUR, 1.0))
    nothing = np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float64)
    writer.foretell(Batch([SeriesKey.of(NAME, {"host": "a"})], *nothing))
    assert _ahead() == []


def test_only_times_to_come_are_foretold() -> None:
    now = now_ms()
    assert _foretell((now - MINUTE, 1.0), (now + FURTHEST + DAY, 1.0), (now + HOUR, 1.0)) == {"not ahead": 2}


def test_what_came_stays_when_it_is_foretold_anew() -> None:
    now = now_ms()
    writer.write(Batch.of([(NAME, {"host": "a"}, now - MINUTE, 5.0)]))
    _foretell((now + HOUR, 1.0))
    [ref] = reader.select(NAME)
    assert reader.raw(ref.id, now - HOUR, now + 1)[1].tolist() == [5.0]


def test_the_future_is_not_shown_as_now() -> None:
    now = now_ms()
    writer.write(Batch.of([(NAME, {"host": "a"}, now - MINUTE, 5.0)]))
    _foretell((now + HOUR, 1.0))
    assert reader.latest(None, now - HOUR)[2].tolist() == [5.0]
    age = self_check.check().age_seconds
    assert age is not None
    assert 50 < age < 120


def test_a_forecast_is_sealed_and_merged_when_its_time_has_come() -> None:
    now = now_ms()
    _foretell((now + HOUR, 1.0), (now + 30 * HOUR, 2.0))
    seal.seal()
    assert Hot.objects.count() == 2
    later = now + 3 * DAY
    seal.seal(later)
    merge.merge_days(later)
    assert Hot.objects.count() == 0
    [ref] = reader.select(NAME)
    assert reader.raw(ref.id, now, later)[1].tolist() == [1.0, 2.0]
    assert expire.expire(now + 40 * DAY) > 0


def test_a_forecast_of_a_deleted_series_begins_anew() -> None:
    _foretell((now_ms() + HOUR, 1.0))

    remove.forget(list(Series.objects.values_list("id", flat=True)))
    _foretell((now_ms() + HOUR, 2.0))
    assert _ahead() == [2.0]
