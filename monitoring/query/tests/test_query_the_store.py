from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from monitoring.query import stored
from monitoring.query.errors import ParseError, QueryCanceled, QueryTimeout, TooManySamples
from monitoring.query.evaluate import Limits
from monitoring.query.source import Matcher
from monitoring.query.stored import StoredSource, run_instant, run_range
from monitoring.query.values import Vector
from monitoring.store import merge, seal, series, writer
from monitoring.store.batch import STALE, Batch, SeriesKey, is_stale
from monitoring.store.chunkstore import ChunkStore
from monitoring.store.models import Chunk, RetentionOverride
from monitoring.store.windows import DAY, HOUR, MINUTE, floor, now_ms

pytestmark = pytest.mark.django_db
UP = Matcher("__name__", "=", "up")


@pytest.fixture(autouse=True)
def _ids_of_this_test() -> Iterator[None]:
    series.forget()
    yield
    series.forget()
    stored.retention.forget()


@pytest.fixture
def base() -> int:
    return floor(now_ms() - HOUR, MINUTE)


def write(metric: str, *samples: tuple[int, float], **labels: str) -> None:
    writer.write(Batch.of([(metric, labels, t, v) for t, v in samples]))


def select(start: int, end: int, *matchers: Matcher) -> list[tuple[dict[str, str], list[int], list[float]]]:
    return [(one.labels, one.t.tolist(), one.v.tolist()) for one in StoredSource().select(matchers or [UP], start, end)]


def test_both_ends_of_a_query_range_count(base: int) -> None:
    write("up", *((base + k * 1000, float(k)) for k in range(5)), host="a")
    assert select(base + 1000, base + 3000) == [({"__name__": "up", "host": "a"}, [base + 1000, base + 2000, base + 3000], [1.0, 2.0, 3.0])]
    assert select(base + 1001, base + 2999) == [({"__name__": "up", "host": "a"}, [base + 2000], [2.0])]
    assert select(base + 4000, base + 4000)[0][1] == [base + 4000]


def test_series_without_samples_in_the_range_are_missing(base: int) -> None:
    write("up", (base, 1.0), host="a")
    write("up", (base + MINUTE, 2.0), host="b")
    assert [labels["host"] for labels, _, _ in select(base, base)] == ["a"]
    assert select(base + 1, base + 2) == []


def test_matchers_choose_series_across_metrics(base: int) -> None:
    for metric in ("up", "down"):
        for host in "ab":
            write(metric, (base, 1.0), host=host)
    found = select(base, base, Matcher("__name__", "=~", ".+"), Matcher("host", "=~", "[b-z]"))
    assert [(labels["__name__"], labels["host"]) for labels, _, _ in found] == [("down", "b"), ("up", "b")]


def test_stale_markers_reach_the_evaluator(base: int) -> None:
    write("up", (base, 1.0), (base + 1000, STALE), host="a")
    [series_data] = StoredSource().select([UP], base, base + 1000)
    assert is_stale(series_data.v).tolist() == [False, True]
    found = run_instant("up", base + 999)
    assert isinstance(found, Vector)
    assert found.v.tolist() == [1.0]
    assert len(run_instant("up", base + 1000).labels) == 0  # type: ignore[union-attr]


def test_a_range_query_looks_back_from_every_step(base: int) -> None:
    write("up", (base, 1.0), (base + 2 * MINUTE, 2.0), host="a")
    found = run_range("up", base, base + 10 * MINUTE, MINUTE)
    assert found.labels == [{"__name__": "up", "host": "a"}]
    assert found.v[0][found.present[0]].tolist() == [1, 1, 2, 2, 2, 2, 2]
    assert found.t.tolist() == [base + k * MINUTE for k in range(11)]


# -- beyond raw retention --------------------------------------------------------------------------------------------------
def backfill(day: int, sid: int, step: int = MINUTE) -> None:
    """A day of samples counting up, sealed and merged, as if it had been written in time."""
    t = np.arange(day, day + DAY, step)
    ChunkStore().write(np.full(len(t), sid, np.int32), t, np.arange(len(t), dtype=float))
    seal.seal(day + DAY + HOUR)
    merge.merge_days(day + DAY + HOUR)


@pytest.fixture
def midnight() -> int:
    return floor(now_ms(), DAY)


def test_days_without_raw_samples_are_told_by_their_rollups(midnight: int, settings: Any) -> None:
    settings.RAW_RETENTION_DAYS = 2
    sid = int(series.ids([SeriesKey.of("up", {"host": "a"})])[0])
    old, kept = midnight - 3 * DAY, midnight - 2 * DAY
    backfill(old, sid)
    backfill(kept, sid)
    Chunk.objects.filter(tier=Chunk.Tier.DAY, t0=old).delete()
    [(labels, t, v)] = select(kept - 10 * MINUTE, kept + 2 * MINUTE)
    assert labels == {"__name__": "up", "host": "a"}
    # two buckets, each just before it ends with its last value, then the samples themselves
    assert t == [kept - 5 * MINUTE - 1, kept - 1, kept, kept + MINUTE, kept + 2 * MINUTE]
    assert v == [1434.0, 1439.0, 0.0, 1.0, 2.0]


def test_rollups_alone_answer_as_well(midnight: int, settings: Any) -> None:
    settings.RAW_RETENTION_DAYS = 1
    sid = int(series.ids([SeriesKey.of("up", {"host": "a"})])[0])
    old = midnight - 5 * DAY
    backfill(old, sid)
    Chunk.objects.filter(tier=Chunk.Tier.DAY).delete()
    noon = old + 12 * HOUR
    assert select(noon, noon + 10 * MINUTE) == [
        ({"__name__": "up", "host": "a"}, [noon + 5 * MINUTE - 1, noon + 10 * MINUTE - 1], [724.0, 729.0])
    ]
    found = run_range("up", noon, noon + HOUR, 10 * MINUTE)
    assert found.present.all()
    assert found.v.tolist() == [[719.0, 729.0, 739.0, 749.0, 759.0, 769.0, 779.0]]


def test_a_metric_kept_longer_has_its_samples(midnight: int, settings: Any) -> None:
    settings.RAW_RETENTION_DAYS = 1
    RetentionOverride.objects.create(pattern="up", raw_days=30)
    sid = int(series.ids([SeriesKey.of("up", {"host": "a"})])[0])
    backfill(midnight - 5 * DAY, sid)
    assert select(midnight - 5 * DAY, midnight - 5 * DAY + 2 * MINUTE)[0][2] == [0.0, 1.0, 2.0]


def test_a_series_promised_a_longer_life_has_its_samples(midnight: int, monkeypatch: Any) -> None:
    RetentionOverride.objects.create(pattern="up", raw_days=1)
    kept, other = series.ids([SeriesKey.of("up", {"host": host}) for host in ("a", "b")]).tolist()
    monkeypatch.setattr(stored.retention, "_promises", [lambda: {kept: 30 * DAY}])
    for sid in (kept, other):
        backfill(midnight - 5 * DAY, sid)
    found = {labels["host"]: v for labels, _, v in select(midnight - 5 * DAY, midnight - 5 * DAY + 5 * MINUTE)}
    assert found == {"a": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "b": [4.0]}


# -- limits ----------------------------------------------------------------------------------------------------------------
def test_a_query_that_reads_too_much_is_ended(base: int) -> None:
    write("up", *((base + k * 1000, float(k)) for k in range(100)), host="a")
    source = StoredSource(Limits(samples=99))
    with pytest.raises(TooManySamples, match="99 samples"):
        source.select([UP], base, base + HOUR)
    assert len(StoredSource(Limits(samples=100)).select([UP], base, base + HOUR)) == 1


def test_the_limit_counts_what_a_query_holds_together(base: int) -> None:
    write("up", *((base + k * 1000, float(k)) for k in range(100)), host="a")
    within = Limits(samples=250)
    twice, thrice = "max_over_time(up[1h]) + max_over_time(up[1h])", "max_over_time(up[1h]) + max_over_time(up[1h]) + max_over_time(up[1h])"
    assert len(run_instant(twice, base + 100_000, within=within).labels) == 1  # type: ignore[union-attr]
    with pytest.raises(TooManySamples):
        run_instant(thrice, base + 100_000, within=within)


def test_a_query_that_takes_too_long_is_ended(base: int) -> None:
    write("up", (base, 1.0), host="a")
    with pytest.raises(QueryTimeout):
        StoredSource(Limits(seconds=0)).select([UP], base, base)


def test_reading_stops_between_portions_when_nobody_waits_any_more(base: int, monkeypatch: Any) -> None:
    write("up", (base, 1.0), host="a")
    write("up", (base, 1.0), host="b")
    monkeypatch.setattr(stored, "FEWEST", 1)
    monkeypatch.setattr(stored, "PORTION", 0)
    answers = iter([False, True])
    source = StoredSource(Limits(cancel=lambda: next(answers)))
    with pytest.raises(QueryCanceled):
        source.select([UP], base, base)
    assert source.samples == 1


def test_a_wrong_query_is_a_parse_error() -> None:
    with pytest.raises(ParseError):
        run_instant("sum(", now_ms())


def test_a_long_range_is_read_in_parts_that_fit(base: int) -> None:
    write("up", *((base + k * 10_000, float(k)) for k in range(200)), host="a")
    within = Limits(samples=100)
    found = run_range("max_over_time(up[1m])", base, base + 1_990_000, 50_000, within=within)
    assert found.v[0].tolist() == [float(5 * k) for k in range(40)]
    with pytest.raises(TooManySamples):
        run_range("max_over_time(up[1h])", base, base + 1_990_000, 50_000, within=within)
