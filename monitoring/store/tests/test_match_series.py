from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from monitoring.query.source import Matcher
from monitoring.store import matching, remove, series
from monitoring.store.batch import SeriesKey
from monitoring.store.models import Series

pytestmark = pytest.mark.django_db  # inside a transaction the index is read anew for every question
HOSTS = {"a": {"job": "node", "zone": "1"}, "b": {"job": "node"}, "c": {"job": "db", "zone": "2"}}


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    series.forget()
    matching.forget()
    yield
    series.forget()
    matching.forget()


@pytest.fixture
def committed(transactional_db: None) -> None:
    """For what the index remembers from one question to the next."""


@pytest.fixture
def fleet() -> None:
    keys = [SeriesKey.of(metric, {"host": host, **labels}) for metric in ("cpu", "mem") for host, labels in HOSTS.items()]
    series.ids(keys)


def found(*matchers: tuple[str, str, str]) -> set[tuple[str, str]]:
    return {(ref.metric, ref.labels["host"]) for ref in matching.find([Matcher(*one) for one in matchers])}


def register(metric: str, **labels: str) -> int:
    return int(series.ids([SeriesKey.of(metric, labels)])[0])


@pytest.mark.parametrize(
    ("matchers", "hosts"),
    [
        ([("job", "=", "node")], "ab"),
        ([("job", "!=", "node")], "c"),
        ([("zone", "=", "")], "b"),
        ([("zone", "!=", "")], "ac"),
        ([("zone", "=~", "1|2")], "ac"),
        ([("zone", "!~", "1|2")], "b"),
        ([("zone", "=~", "1|")], "ab"),
        ([("zone", "=~", ".+")], "ac"),
        ([("zone", "=~", ".*")], "abc"),
        ([("host", "=~", "[ab]"), ("zone", "!~", "1")], "b"),
        ([("host", "=~", "a"), ("host", "=~", "b")], ""),
        ([("nobody", "=", "")], "abc"),
        ([("nobody", "!=", "")], ""),
        ([("nobody", "=~", ".*")], "abc"),
        ([("nobody", "!~", ".+")], "abc"),
        ([("host", "=", "never heard")], ""),
        ([("host", "!=", "never heard")], "abc"),
        ([("host", "=~", "A")], ""),
        ([("host", "=~", "")], ""),
        ([("job", "=~", "nod")], ""),
        ([("job", "=~", "nod.")], "ab"),
    ],
)
def test_matchers_mean_what_they_mean_in_prometheus(fleet: None, matchers: list[tuple[str, str, str]], hosts: str) -> None:
    assert found(("__name__", "=", "cpu"), *matchers) == {("cpu", host) for host in hosts}


@pytest.mark.parametrize(
    ("matchers", "metrics"),
    [
        ([("__name__", "=~", "c.*")], ["cpu"]),
        ([("__name__", "!=", "cpu")], ["mem"]),
        ([("__name__", "=~", "cpu|mem")], ["cpu", "mem"]),
        ([("__name__", "=", "cpu"), ("__name__", "=", "mem")], []),
        ([("__name__", "!~", ".*m")], ["cpu"]),
        ([("__name__", "=", "disk")], []),
    ],
)
def test_the_name_is_a_label_like_others(fleet: None, matchers: list[tuple[str, str, str]], metrics: list[str]) -> None:
    assert found(("host", "=", "a"), *matchers) == {(metric, "a") for metric in metrics}


def test_everything_about_a_series_comes_back(fleet: None) -> None:
    [ref] = matching.find([Matcher("__name__", "=", "cpu"), Matcher("host", "=", "b")])
    row = Series.objects.get(metric="cpu", labels__host="b")
    assert ref == (row.pk, "cpu", {"host": "b", "job": "node"}, None)
    [one] = matching.select([Matcher("__name__", "=", "cpu"), Matcher("host", "=", "b")])
    assert one.labels(named=True) == [{"__name__": "cpu", "host": "b", "job": "node"}]


def test_a_new_label_joins_a_known_metric(committed: None, fleet: None) -> None:
    assert found(("rack", "=", "7")) == set()
    register("cpu", host="d", rack="7")
    assert found(("rack", "=", "7")) == {("cpu", "d")}
    assert found(("rack", "=", ""), ("__name__", "=", "cpu")) == {("cpu", "a"), ("cpu", "b"), ("cpu", "c")}


def test_names_values_and_cardinality(fleet: None) -> None:
    assert matching.label_names() == ["__name__", "host", "job", "zone"]
    assert matching.label_names([Matcher("host", "=", "b")]) == ["__name__", "host", "job"]
    assert matching.label_values("zone") == ["1", "2"]
    assert matching.label_values("__name__", [Matcher("zone", "=", "1")]) == ["cpu", "mem"]
    assert matching.label_values("nobody") == []
    assert matching.cardinality([Matcher("__name__", "=", "cpu")]) == {"__name__": 1, "host": 3, "job": 2, "zone": 2}
    assert (matching.count(), matching.counts()) == (6, {"cpu": 3, "mem": 3})
    assert (matching.label_names([Matcher("host", "=", "x")]), matching.cardinality([Matcher("host", "=", "x")])) == ([], {})


def test_what_this_process_registers_is_found_at_once(committed: None, fleet: None) -> None:
    assert len(found()) == 6
    register("cpu", host="d")
    assert ("cpu", "d") in found()


def test_what_others_register_is_found_after_a_moment(committed: None, fleet: None, monkeypatch: Any) -> None:
    assert len(found()) == 6
    by_another_process("cpu", "d")
    assert len(found()) == 6
    monkeypatch.setattr(matching, "REFRESH", 0.0)
    assert ("cpu", "d") in found()


def by_another_process(metric: str, host: str, sid: int = 999) -> None:
    Series.objects.create(id=sid, metric=metric, labels={"host": host}, key=f"{metric}{host}".encode().ljust(16), block=3)


def test_forgotten_series_are_not_found(committed: None, fleet: None, monkeypatch: Any) -> None:
    assert len(found()) == 6
    monkeypatch.setattr(matching, "REFRESH", 0.0)
    remove.forget(list(Series.objects.filter(labels__host="a").values_list("pk", flat=True)))
    assert found() == {(metric, host) for metric in ("cpu", "mem") for host in "bc"}
    assert matching.label_values("zone") == ["2"]


def test_expired_series_are_missed_when_counted(committed: None, fleet: None, monkeypatch: Any) -> None:
    assert len(found()) == 6
    monkeypatch.setattr(matching, "REFRESH", 0.0)
    Series.objects.filter(metric="mem").delete()
    monkeypatch.setattr(matching, "COUNT", 0.0)
    assert found() == {("cpu", host) for host in HOSTS}


def test_a_registration_that_took_longer_than_thought_is_found_when_counted(committed: None, fleet: None, monkeypatch: Any) -> None:
    assert len(found()) == 6
    by_another_process("cpu", "d")
    Series.objects.filter(pk=999).update(seen=timezone.now() - timedelta(hours=1))
    monkeypatch.setattr(matching, "REFRESH", 0.0)
    assert ("cpu", "d") not in found()
    monkeypatch.setattr(matching, "COUNT", 0.0)
    assert ("cpu", "d") in found()


def test_an_id_handed_out_anew_stands_for_the_new_labels(committed: None, fleet: None, monkeypatch: Any) -> None:
    by_another_process("cpu", "old")
    assert ("cpu", "old") in found()
    monkeypatch.setattr(matching, "REFRESH", 0.0)
    Series.objects.filter(pk=999).delete()
    by_another_process("mem", "new")
    assert ("mem", "new") in found()
    assert ("cpu", "old") not in found()


def test_a_transaction_finds_its_own_and_leaves_nothing_behind(committed: None, fleet: None) -> None:
    with transaction.atomic():
        register("cpu", host="d")
        assert ("cpu", "d") in found()
        transaction.set_rollback(True)
    assert ("cpu", "d") not in found()


def test_series_nobody_writes_any_more_can_be_left_out(fleet: None) -> None:
    long_ago = timezone.now() - timedelta(days=3)
    Series.objects.filter(labels__host="c").update(seen=long_ago)
    now = int(timezone.now().timestamp() * 1000)
    assert matching.label_values("host", since=now) == ["a", "b"]
    assert matching.label_values("host", since=now - 3 * 86_400_000) == ["a", "b", "c"]


def test_what_is_used_again_is_seen_again(committed: None, fleet: None, monkeypatch: Any) -> None:
    Series.objects.filter(labels__host="c").update(seen=timezone.now() - timedelta(days=3))
    now = int(timezone.now().timestamp() * 1000)
    assert matching.label_values("host", since=now) == ["a", "b"]
    monkeypatch.setattr(matching, "REFRESH", 0.0)
    series.forget()
    register("cpu", host="c", **HOSTS["c"])
    assert matching.label_values("host", since=now) == ["a", "b", "c"]


def test_questions_within_a_moment_cost_no_query(committed: None, fleet: None, monkeypatch: Any) -> None:
    matching.count()
    monkeypatch.setattr(matching, "database", None)
    assert matching.count() == 6


def test_label_values_with_anything_in_them_are_told_apart() -> None:
    strange = ["", " ", "ü", '"', "\\", "a\nb", "\x7f", "0", "-1"]
    for value in strange[1:]:
        register("odd", host="x", value=value)
    assert matching.label_values("value") == sorted(strange[1:])
    for value in strange[1:]:
        [ref] = matching.find([Matcher("value", "=", value)])
        assert ref.labels["value"] == value
    assert len(found(("value", "=~", "a.b"))) == 1
