"""One contract for every metric store: the chunk store on this run's database, VictoriaMetrics and Prometheus."""

import time
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from monitoring.store import reader, self_check, series, writer
from monitoring.store.batch import STALE, Batch, SeriesKey
from monitoring.store.tests.engines import hasten, running
from monitoring.store.windows import MINUTE, floor, now_ms

pytestmark = pytest.mark.django_db

WRITE = "/api/v1/write"
_current = ("chunks", "")


@pytest.fixture(scope="module", params=["chunks", "victoria-metrics", "prometheus"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    if request.param == "chunks":
        yield "chunks", ""
        return
    with running(request.param, tmp_path_factory.mktemp(request.param)) as root:
        yield request.param, root


@pytest.fixture(autouse=True)
def _chosen(engine: tuple[str, str], settings: object) -> None:
    global _current
    _current = engine
    root = engine[1]
    settings.METRICS_WRITE_URL = f"{root}{WRITE}" if root else ""  # type: ignore[attr-defined]
    settings.METRICS_READ_URL = root  # type: ignore[attr-defined]


@pytest.fixture
def metric(request: pytest.FixtureRequest) -> str:
    """A name of its own per test: remote engines are not emptied between them."""
    return f"m_{zlib.crc32(request.node.name.encode()):x}_total"


def _sid(metric: str, **labels: str) -> int:
    return int(series.ids([SeriesKey.of(metric, labels)])[0])


def _eventually(check: Callable[[], None], seconds: float = 10) -> None:
    """Engines show samples a moment after they took them."""
    deadline = time.monotonic() + seconds
    while True:
        hasten(*_current)
        try:
            check()
            return
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _write(metric: str, *samples: tuple[int, float], **labels: str) -> None:
    written = writer.write(Batch.of([(metric, labels, t, v) for t, v in samples]))
    assert (written.accepted, written.refused) == (len(samples), {})


def _assert_raw(sid: int, a: int, b: int, *samples: tuple[int, float]) -> None:
    def check() -> None:
        t, v = reader.raw(sid, a, b)
        assert list(zip(t.tolist(), v.tolist(), strict=True)) == list(samples)

    _eventually(check)


@pytest.fixture
def base() -> int:
    return floor(now_ms() - 30 * MINUTE, MINUTE)


def test_samples_come_back_in_order_from_a_half_open_range(metric: str, base: int) -> None:
    values = [(base + place * 15_000, float(place)) for place in range(20)]
    _write(metric, *values)
    sid = _sid(metric)
    _assert_raw(sid, base, base + 20 * 15_000, *values)
    _assert_raw(sid, base + 15_000, base + 45_000, *values[1:3])
    _assert_raw(sid, base + 15_001, base + 45_001, *values[2:4])
    assert reader.raw(sid, base + 1, base + 14_999)[0].tolist() == []


def test_times_to_the_millisecond_and_values_with_decimals_are_kept_exactly(metric: str, base: int) -> None:
    values = [(base + 1, 0.1), (base + 502, -2.75), (base + 999, 0.0), (base + 1001, 123456789.123), (base + 70_007, 1e9)]
    _write(metric, *values)
    _assert_raw(_sid(metric), base, base + 2 * MINUTE, *values)


def test_late_repeated_and_out_of_order_samples_settle(metric: str, base: int) -> None:
    _write(metric, (base + 30_000, 3.0), (base + 45_000, 4.0))
    _write(metric, (base + 15_000, 2.0), (base, 1.0))
    _write(metric, (base + 30_000, 3.0), (base + 15_000, 2.0), (base + 60_000, 5.0))
    _assert_raw(_sid(metric), base, base + MINUTE, (base, 1.0), (base + 15_000, 2.0), (base + 30_000, 3.0), (base + 45_000, 4.0))


def test_many_series_come_as_columns_by_series_then_time(metric: str, base: int) -> None:
    _write(metric, (base + 15_000, 2.0), (base, 1.0), n="1")
    _write(metric, (base, 7.0), (base + 30_000, 8.0), n="2")
    sids = [_sid(metric, n="1"), _sid(metric, n="2")]

    def check() -> None:
        found = zip(*(column.tolist() for column in reader.flat(sids, base, base + 30_000)), strict=True)
        assert list(found) == sorted([(sids[0], base, 1.0), (sids[0], base + 15_000, 2.0), (sids[1], base, 7.0)])

    _eventually(check)


def test_series_are_told_apart_by_all_their_labels(metric: str, base: int) -> None:
    _write(metric, (base, 1.0), host="a")
    _write(metric, (base, 2.0), host="a", disk='sd"a\\')
    _write(f"{metric}x", (base, 3.0), host="a")
    plain, quoted, other = _sid(metric, host="a"), _sid(metric, host="a", disk='sd"a\\'), _sid(f"{metric}x", host="a")

    def check() -> None:
        found = reader.raw_many([plain, quoted, other], base, base + 1)
        assert {sid: v.tolist() for sid, (_, v) in found.items()} == {plain: [1.0], quoted: [2.0], other: [3.0]}
        assert reader.reduce([other, quoted, plain], base, base + MINUTE).tolist() == [3.0, 2.0, 1.0]

    _eventually(check)


def test_buckets_hold_low_high_mean_last_and_count(metric: str, base: int) -> None:
    _write(metric, *((base + place * 15_000, float(value)) for place, value in enumerate([5, 1, 9, 4, 7, 7, 2, 3, 8])))
    sid = _sid(metric)

    def check() -> None:
        found = reader.buckets(sid, base, base + 2 * MINUTE + 10_000, MINUTE)
        assert found.t.tolist() == [base, base + MINUTE, base + 2 * MINUTE]
        assert (found.low.tolist(), found.high.tolist()) == ([1, 2, 8], [9, 7, 8])
        assert (found.mean.tolist(), found.last.tolist(), found.count.tolist()) == ([4.75, 4.75, 8], [4, 3, 8], [4, 4, 1])

    _eventually(check)


def test_empty_buckets_are_missing(metric: str, base: int) -> None:
    _write(metric, (base, 1.0), (base + 10 * MINUTE, 2.0))
    _eventually(lambda: _same(reader.buckets(_sid(metric), base, base + 20 * MINUTE, MINUTE).t.tolist(), [base, base + 10 * MINUTE]))
    assert len(reader.buckets(_sid(metric), base + MINUTE, base + 2 * MINUTE, MINUTE).t) == 0


def _same(found: object, expected: object) -> None:
    assert found == expected


def test_the_mean_of_many_series_is_in_the_order_asked_and_nan_without_samples(metric: str, base: int) -> None:
    for host in range(5):
        _write(metric, (base, host), (base + 15_000, host + 1), host=str(host))
    sids = [_sid(metric, host=str(host)) for host in (3, 0, 4)]

    def check() -> None:
        found = reader.reduce([*sids, _sid(metric, host="silent")], base, base + 15_001)
        assert found[:3].tolist() == [3.5, 0.5, 4.5]
        assert np.isnan(found[3])

    _eventually(check)


def test_latest_is_the_last_sample_since(metric: str) -> None:
    now = floor(now_ms(), 1000)
    _write(metric, (now - 30_000, 1.0), (now - 15_000, 2.0), host="a")
    _write(metric, (now - 30_000, 3.0), host="b")
    first, second = _sid(metric, host="a"), _sid(metric, host="b")

    def check() -> None:
        assert _latest([first, second], now - MINUTE) == {first: (now - 15_000, 2.0), second: (now - 30_000, 3.0)}
        assert _latest([first, second], now - 20_000) == {first: (now - 15_000, 2.0)}
        everything = _latest(None, now - MINUTE)
        assert everything[first] == (now - 15_000, 2.0)

    _eventually(check)


def _latest(sids: list[int] | None, since: int) -> dict[int, tuple[int, float]]:
    sid, t, v = reader.latest(sids, since)
    return dict(zip(sid.tolist(), zip(t.tolist(), v.tolist(), strict=True), strict=True))


def test_a_stale_marker_ends_a_series(metric: str) -> None:
    now = floor(now_ms(), 1000)
    _write(metric, (now - 45_000, 1.0), (now - 30_000, 2.0), host="a")
    _write(metric, (now - 30_000, 7.0), host="b")
    sid, other = _sid(metric, host="a"), _sid(metric, host="b")
    _eventually(lambda: _same(set(_latest([sid, other], now - MINUTE)), {sid, other}))
    _write(metric, (now - 15_000, STALE), host="a")
    _eventually(lambda: _same(set(_latest([sid, other], now - MINUTE)), {other}))
    _assert_raw(sid, now - MINUTE, now, (now - 45_000, 1.0), (now - 30_000, 2.0))
    assert reader.buckets(sid, now - MINUTE, now, MINUTE).count.tolist() == [2]


def test_health_asks_the_store_in_use() -> None:
    assert self_check.check().status == "ok"


def test_nothing_is_known_of_series_without_samples(metric: str, base: int) -> None:
    sid = _sid(metric)
    assert reader.raw_many([sid], base, now_ms()) == {}
    assert _latest([sid], base) == {}
    assert reader.raw_many([], base, now_ms()) == {}
