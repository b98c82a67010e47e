"""What several sources say about the same things ends up in rows, and nothing of it is lost."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitoring.inventory import facts, signals
from monitoring.inventory.facts import ResourceReport, report
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.sources.models import Source

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(db):
    return Source.objects.create(name="agent", kind="local_host")


@pytest.fixture
def snmp(db):
    return Source.objects.create(name="snmp", kind="local_host")


@pytest.fixture
def heard():
    """(signal, resource_id, before, after) of everything sent."""
    said = []
    names = {
        signals.resource_discovered: "discovered",
        signals.resource_state_changed: "state",
        signals.resource_health_changed: "health",
    }

    def hear(signal, resource_id, before, after, **rest):
        said.append((names[signal], resource_id, before, after))

    for signal in names:
        signal.connect(hear)
    yield said
    for signal in names:
        signal.disconnect(hear)


def host(name="db-1", **what):
    return ResourceReport("host", name, **what)


def fresh(resource):
    return Resource.objects.get(pk=resource.pk)


def test_it_keeps_what_every_source_says(agent, snmp):
    (row,) = report([host(labels={"team": "storage"}, facts={"os": "Debian 12", "cores": 4})], agent)
    report([host(labels={"site": "fra"}, facts={"serial": "X1"})], snmp)
    row = fresh(row)
    assert row.labels == {"team": "storage", "site": "fra"}
    assert row.facts == {"os": "Debian 12", "cores": 4, "serial": "X1"}


def test_of_two_sources_the_news_holds_and_a_repetition_does_not_take_it_back(agent, snmp):
    report([host(facts={"os": "Linux"})], snmp)
    (row,) = report([host(facts={"os": "Debian 12"})], agent)
    assert fresh(row).facts["os"] == "Debian 12"
    report([host(facts={"os": "Linux"})], snmp)
    assert fresh(row).facts["os"] == "Debian 12"
    report([host(facts={"os": "Linux 6"})], snmp)
    assert fresh(row).facts["os"] == "Linux 6"
    assert ResourceChange.objects.filter(kind="facts").count() == 2


def test_what_a_source_no_longer_says_falls_back_to_what_another_says(agent, snmp):
    report([host(labels={"team": "storage", "rack": "B7"})], agent)
    (row,) = report([host(labels={"team": "database"})], snmp)
    report([host(labels={})], snmp)
    assert fresh(row).labels == {"team": "storage", "rack": "B7"}
    report([host(labels={"rack": "B7"})], agent)
    assert fresh(row).labels == {"rack": "B7"}


def test_a_source_that_is_long_silent_counts_no_longer(agent, snmp):
    (row,) = report([host(labels={"old": "yes"})], agent)
    Resource.objects.filter(pk=row.pk).update(said={str(agent.pk): {"labels": {"old": ["yes", 0]}, "facts": {}, "at": 0}})
    report([host(labels={"new": "yes"})], snmp)
    assert fresh(row).labels == {"new": "yes"}


def test_without_a_source_it_is_told_too():
    (row,) = report([host(facts={"os": "BSD"})], None)
    assert fresh(row).source_id is None
    assert fresh(row).facts == {"os": "BSD"}


def test_a_parent_in_the_same_report_an_earlier_one_and_a_later_one(agent):
    gpu = ResourceReport("gpu", "db-1 GPU 0", parent=("host", "db-1"))
    row, child = report([host(), gpu], agent)
    assert fresh(child).parent_id == row.pk
    orphan = ResourceReport("pod", "web-1", parent=("node", "n1"))
    (pod,) = report([orphan], agent)
    assert fresh(pod).parent_id is None
    (node,) = report([ResourceReport("node", "n1")], agent)
    report([orphan], agent)
    assert fresh(pod).parent_id == node.pk
    report([host(parent=("host", "db-1"))], agent)
    assert fresh(row).parent_id is None


def test_the_later_of_two_reports_about_one_thing_counts_and_both_get_the_row(agent):
    first, second = report([host(facts={"os": "old"}), host(facts={"os": "new"})], agent)
    assert first.pk == second.pk
    assert fresh(first).facts == {"os": "new"}


def test_it_is_first_seen_once_and_last_seen_always(agent, heard, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        (row,) = report([host(report_interval=5)], agent)
    assert heard == [("discovered", row.pk, None, "reporting")]
    first = fresh(row)
    with django_capture_on_commit_callbacks(execute=True):
        report([host(report_interval=5)], agent)
    again = fresh(row)
    assert (again.first_seen, len(heard)) == (first.first_seen, 1)
    assert again.last_seen > first.last_seen
    assert again.stale_at == again.last_seen + timedelta(seconds=30)
    assert [change.text for change in ResourceChange.objects.all()] == ["First seen"]


def test_patience_is_three_reports_but_at_least_30_seconds(agent):
    (row,) = report([host(report_interval=60)], agent)
    assert fresh(row).stale_at - fresh(row).last_seen == timedelta(seconds=180)


@pytest.mark.parametrize("state", ["stale", "gone"])
def test_what_comes_back_is_reporting_again_and_unjudged(state, agent, heard, django_capture_on_commit_callbacks):
    (row,) = report([host()], agent)
    Resource.objects.filter(pk=row.pk).update(state=state, last_seen=timezone.now() - timedelta(hours=2))
    with django_capture_on_commit_callbacks(execute=True):
        report([host()], agent)
    row = fresh(row)
    assert (row.state, row.health, row.status) == ("reporting", None, "unknown")
    assert heard[-1] == ("state", row.pk, state, "reporting")
    assert ResourceChange.objects.latest("id").text == "Reporting again after 2 h"


def test_samples_alone_keep_it_alive_and_bring_it_back(agent):
    (row,), (other,) = report([host()], agent), report([host("db-2")], agent)
    past = timezone.now() - timedelta(hours=1)
    Resource.objects.filter(pk=row.pk).update(last_seen=past, stale_at=past)
    Resource.objects.filter(pk=other.pk).update(last_seen=past, stale_at=past, state="gone")
    facts.touch([row.pk, other.pk])
    for found in (fresh(row), fresh(other)):
        assert found.state == "reporting"
        assert found.stale_at > timezone.now()


def test_notable_facts_that_change_are_told_and_the_rest_is_not(agent):
    before = {"kernel": "6.1", "memory_bytes": 2**34, "processes": [{"pid": 1}]}
    after = {"kernel": "6.8", "memory_bytes": 2**35, "processes": [{"pid": 2}]}
    report([host(facts=before)], agent)
    report([host(facts=after)], agent)
    texts = {change.text for change in ResourceChange.objects.filter(kind="facts")}
    assert texts == {"Kernel 6.1 → 6.8", "Memory 16.0 GiB → 32.0 GiB"}


def test_what_no_column_can_hold_is_made_storable(agent):
    bad = {"nul": "a\0b", "surrogate": "\udc80", "nan": float("nan"), "deep": {"inf": [float("inf"), 1.5]}, "odd": {1: object}}
    (row,) = report([host(labels={"n": "a\0b"}, facts=bad)], agent)
    row = fresh(row)
    assert row.labels == {"n": "a b"}
    assert row.facts["nul"] == "a b"
    assert row.facts["nan"] is None
    assert row.facts["deep"] == {"inf": [None, 1.5]}


@pytest.mark.parametrize(("kind", "name"), [("", "x"), ("host", ""), ("host", "x" * 256), ("k" * 33, "x"), ("host", "a\0b")])
def test_a_name_that_no_row_can_hold_is_refused(kind, name):
    with pytest.raises(ValueError, match="characters"):
        ResourceReport(kind, name)


def test_an_empty_report_asks_the_database_nothing(agent, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert report([], agent) == []


def queries_of(count, agent, prefix):
    reports = [ResourceReport("host", f"{prefix}-{number}", {"n": str(number)}, parent=("rack", "r1")) for number in range(count)]
    with CaptureQueriesContext(
        connection,
    ) as first:
        report(reports, agent)
    with CaptureQueriesContext(connection) as again:
        report(reports, agent)
    return len(first), len(again)


def test_a_thousand_resources_take_as_many_statements_as_ten(agent):
    ten, ten_again = queries_of(10, agent, "few")
    thousand, thousand_again = queries_of(1000, agent, "many")
    assert ten_again == thousand_again <= 7
    if connection.vendor == "postgresql":
        assert thousand == ten
    else:  # SQLite's driver binds 999 values a statement, so that new rows go in packets
        assert thousand < 100
    assert Resource.objects.filter(source=agent).count() == 1010


@pytest.mark.django_db(transaction=True)
def test_sources_that_report_at_the_same_time_lose_nothing():
    """Each says something of its own about the same new things, again and again."""
    sources = [Source.objects.create(name=f"s{number}", kind="local_host") for number in range(4)]
    start, faults = threading.Barrier(len(sources)), []

    def say(source):
        try:
            start.wait(10)
            for turn in range(5):
                report([host(f"h{number}", labels={source.name: str(turn)}) for number in range(8)], source)
        except Exception as fault:  # a test thread must hand its fault on
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=say, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert Resource.objects.count() == 8
    for row in Resource.objects.all():
        assert row.labels == {source.name: "4" for source in sources}
    assert ResourceChange.objects.filter(kind="discovered").count() == 8
