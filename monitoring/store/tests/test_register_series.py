import multiprocessing
import threading

import pytest
from django.db import close_old_connections, connection, transaction
from django.utils import timezone

from monitoring.models import Resource
from monitoring.store import series
from monitoring.store.batch import Bundle, Bundled, SeriesKey
from monitoring.store.models import Series
from monitoring.store.samples import BLOCK_BITS
from monitoring.store.series import FEW, FRESH, SHARED, UNKNOWN


def _keys(metric: str, count: int) -> list[SeriesKey]:
    return [SeriesKey(metric, (("host", f"{place:04}"),)) for place in range(count)]


@pytest.fixture
def committed(transactional_db: None) -> None:
    """For what needs real commits: other threads and processes see them."""


@pytest.mark.django_db
def test_a_key_keeps_its_id() -> None:
    first = series.ids(_keys("up", 3))
    assert len(set(first.tolist())) == 3
    assert series.ids(_keys("up", 3)).tolist() == first.tolist()
    series.forget()
    assert series.ids(_keys("up", 3)[::-1]).tolist() == first[::-1].tolist()


@pytest.mark.django_db
def test_the_order_of_labels_and_empty_labels_do_not_matter() -> None:
    assert SeriesKey.of("up", {"b": "2", "a": "1", "c": ""}) == SeriesKey.of("up", {"a": "1", "b": "2"})


@pytest.mark.django_db
def test_labels_that_only_look_alike_are_different_series() -> None:
    keys = [
        SeriesKey("m", (("a", "bc"),)),
        SeriesKey("m", (("ab", "c"),)),
        SeriesKey("ma", (("b", "c"),)),
        SeriesKey("m", (("a", "b"), ("c", "d"))),
    ]
    assert len(set(series.ids(keys).tolist())) == len(keys)


@pytest.mark.django_db
def test_large_metrics_fill_blocks_of_their_own_and_small_ones_share() -> None:
    hosts = 300
    for first in range(0, hosts, 50):  # as agents report: host after host
        series.ids([SeriesKey(f"metric_{name}", (("host", f"{host:04}"),)) for host in range(first, first + 50) for name in "abc"])
    small = series.ids([SeriesKey(f"small_{name}") for name in range(20)])
    assert len(set((small >> BLOCK_BITS).tolist())) == 1
    for name in "abc":
        own = [sid for sid in Series.objects.filter(metric=f"metric_{name}").values_list("id", flat=True) if sid >= SHARED]
        assert len(own) == hosts - FEW
        blocks = {sid >> BLOCK_BITS for sid in own}
        assert len(blocks) == 2
        assert set(Series.objects.filter(block__in=blocks).values_list("metric", flat=True)) == {f"metric_{name}"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "key",
    [
        SeriesKey(""),
        SeriesKey("m" * 256),
        SeriesKey("m", (("a", "nul\0"),)),
        SeriesKey("m", (("a", "\ud800"),)),
        SeriesKey("m", (("a", "x" * 9000),)),
    ],
)
def test_a_key_that_cannot_be_kept_is_unknown_and_the_others_are_kept(key: SeriesKey) -> None:
    found = series.ids([SeriesKey("good"), key, SeriesKey("fine")]).tolist()
    assert found[1] == UNKNOWN
    assert found[0] != UNKNOWN != found[2]
    assert Series.objects.count() == 2


@pytest.mark.django_db
def test_a_series_belongs_to_the_resource_that_reports_it() -> None:
    first, second = (Resource.objects.create(kind="host", name=name) for name in "ab")
    keys = _keys("up", 2)
    series.ids(keys, [first.pk, None])
    assert list(Series.objects.order_by("id").values_list("resource", flat=True)) == [first.pk, None]
    series.ids(keys, [second.pk, first.pk])
    assert list(Series.objects.order_by("id").values_list("resource", flat=True)) == [second.pk, first.pk]
    series.ids(keys, [None, 10**6])  # nobody said, and one deleted meanwhile
    assert list(Series.objects.order_by("id").values_list("resource", flat=True)) == [second.pk, first.pk]


def test_a_cached_series_follows_its_resource_too(committed: None) -> None:
    first, second = (Resource.objects.create(kind="host", name=name) for name in "ab")
    for resource in (first, second, second):
        series.ids(_keys("up", 1), [resource.pk])
        assert Series.objects.get().resource == resource


def test_a_rolled_back_registration_is_not_remembered(committed: None) -> None:
    with transaction.atomic():
        series.ids(_keys("up", 1))
        transaction.set_rollback(True)
    [sid] = series.ids(_keys("up", 1)).tolist()
    assert Series.objects.get().pk == sid


@pytest.mark.django_db
def test_use_renews_a_series_so_that_retention_leaves_it_alone() -> None:
    series.ids(_keys("up", 1))
    long_ago = timezone.now() - 2 * FRESH
    Series.objects.update(seen=long_ago)
    series.forget()
    series.ids(_keys("up", 1))
    assert Series.objects.get().seen > long_ago + FRESH


def test_use_without_a_pause_renews_a_series_too(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    series.forget()
    series.ids(_keys("up", 2))
    long_ago = timezone.now() - 2 * FRESH
    Series.objects.update(seen=long_ago)
    monkeypatch.setattr(series, "GENERATION", 0.0)
    series.ids(_keys("up", 1))
    assert [row.seen > long_ago + FRESH for row in Series.objects.order_by("id")] == [True, False]
    series.forget()


def _register(start: object, found: object) -> None:
    """In a process of its own: a new series of each metric after the other, as all others do at the same time."""
    connection.connect()
    start.wait()  # type: ignore[attr-defined]
    found.put([series.ids(_keys(f"m{place}", 30)).tolist() for place in range(10)])  # type: ignore[attr-defined]
    connection.close()


def test_processes_agree_on_ids(committed: None) -> None:
    connection.close()
    context = multiprocessing.get_context("fork")
    start, found = context.Barrier(3), context.Queue()
    processes = [context.Process(target=_register, args=[start, found]) for _ in range(3)]
    for process in processes:
        process.start()
    answers = [found.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert answers[0] == answers[1] == answers[2]
    assert Series.objects.count() == len({sid for ids in answers[0] for sid in ids}) == 300


def test_threads_agree_on_ids(committed: None) -> None:
    answers: list[list[int]] = []
    start = threading.Barrier(4)

    def register() -> None:
        start.wait()
        try:
            answers.append(series.ids(_keys("up", 700)).tolist())
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=register) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert all(answer == answers[0] for answer in answers)
    assert Series.objects.count() == len(set(answers[0])) == 700


class _Of(Bundle):
    owner: int | None = None

    @property
    def resource(self) -> int | None:
        return self.owner


def test_bundles_hold_their_ids_until_the_epoch_changes(committed: None, django_assert_num_queries) -> None:
    bundles = [_Of(_keys("cpu", 3)), _Of(_keys("memory", 2))]
    both = Bundled([bundles[0], bundles[1], bundles[0]])
    found = series.ids_of(both).tolist()
    assert found == series.ids(both.flat).tolist()
    epoch = series.epoch()
    with django_assert_num_queries(0):
        assert series.ids_of(both).tolist() == found
    assert series.epoch() is epoch
    Series.objects.all().delete()
    series.forget(both)
    assert series.epoch() is not epoch
    series.ids_of(both)
    assert Series.objects.count() == 5


def test_a_bundle_that_moves_takes_its_series_along(committed: None) -> None:
    first, second = (Resource.objects.create(kind="host", name=name) for name in "ab")
    bundle, other = _Of(_keys("cpu", 2)), _Of(_keys("cpu", 2))
    bundle.owner, other.owner = first.pk, second.pk
    series.ids_of(Bundled([bundle]))
    epoch = series.epoch()
    series.ids_of(Bundled([other]))
    assert set(Series.objects.values_list("resource", flat=True)) == {second.pk}
    assert series.epoch() is not epoch  # whoever holds the first one's ids is told to ask again


def test_a_bundle_keeps_no_ids_of_a_transaction_that_is_taken_back(committed: None) -> None:
    bundle = _Of(_keys("cpu", 2))
    with transaction.atomic():
        series.ids_of(Bundled([bundle]))
        transaction.set_rollback(True)
    assert bundle.ids is None
    series.ids_of(Bundled([bundle]))
    assert Series.objects.count() == 2
