from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitoring.dashboards import fleet, utilisation
from monitoring.dashboards.members import members
from monitoring.dashboards.tests.conftest import cpu, filesystem, memory
from monitoring.inventory.models import ResourceChange
from monitoring.sources.models import Source

pytestmark = pytest.mark.django_db


@pytest.fixture
def overview(viewer, client_of):
    client = client_of(viewer)
    return lambda query="": client.get(f"/?{query}")


@pytest.fixture(autouse=True)
def _no_sources():
    Source.objects.all().delete()


def test_an_empty_installation_says_what_to_do(overview):
    page = overview().content.decode()
    assert "Nothing is watched yet" in page
    assert "Add a source" in page


def test_a_source_that_has_not_brought_anything_is_waited_for(overview):
    Source.objects.create(name="this machine", kind="local_host")
    assert "Waiting for the first resource" in overview().content.decode()


def test_tiles_count_by_health(overview, watch):
    watch("ok-1", health=100)
    watch("meh-1", health=60)
    watch("bad-1", health=10)
    watch("quiet-1", health=None, state="stale")
    counts = overview().context["counts"]
    assert {name: count for name, count in counts.items() if count} == {"healthy": 1, "degraded": 1, "down": 1, "stale": 1}


def test_what_is_silent_is_never_counted_as_healthy(overview, watch):
    watch("gone-1", health=None, state="gone")
    context = overview().context
    assert context["counts"]["healthy"] == 0
    assert len(context["silent"]) == 1


def test_a_small_fleet_has_a_line_for_each_resource(overview, watch, sample):
    host = watch("only-1")
    sample(host, [*cpu(40, 60), *memory(70)])
    [card] = overview().context["cards"]
    assert card.use.cpu == pytest.approx(40, abs=0.5)
    assert [value for value in card.busy if value is not None][-1] == pytest.approx(40, abs=0.5)


def many(watch, count=14):
    return [
        watch(f"n-{at:02d}", labels={"site": "fra" if at % 2 else "ams", "instance": f"n-{at}"}, kind="vm" if at < 4 else "host")
        for at in range(count)
    ]


def test_a_large_fleet_is_grouped_by_kind(overview, watch):
    many(watch)
    context = overview().context
    assert [(group.label, len(group.members)) for group in context["groups"]] == [("Hosts", 10), ("Virtual machines", 4)]
    assert context["cards"] == []


def test_it_is_grouped_by_a_label_on_request(overview, watch):
    many(watch)
    answer = overview("group=site")
    assert sorted(group.label for group in answer.context["groups"]) == ["ams", "fra"]
    assert "label=site:fra" in answer.content.decode()


def test_labels_that_tell_nothing_apart_are_not_offered(watch):
    many(watch)
    assert [key for key, _ in fleet.groupings(members(), "kind")] == ["kind", "site"]


def test_a_name_is_shown_and_not_run(overview, watch):
    many(watch)
    watch('<img src=x onerror="alert(1)">')
    assert b"<img src=x" not in overview().content


def test_one_cell_of_a_group_takes_the_focus(overview, watch):
    many(watch)
    cells = overview().context["groups"][0].cells()
    assert cells.count("<li>") == 10
    assert cells.count("tabindex=-1") == 9


def test_a_huge_group_shows_those_in_need_first(watch, monkeypatch):
    monkeypatch.setattr(fleet, "MOST_CELLS", 2)
    many(watch)
    watch("z-last", health=10)
    group = fleet.grouped(members(), "kind")[0]
    assert "z-last" in group.cells()
    assert group.left_out == 9


def test_statements_do_not_grow_with_resources(overview, watch, sample):
    for host in many(watch):
        sample(host, [*cpu(20), *memory(30)])
    overview()
    with CaptureQueriesContext(connection) as few:
        overview()
    for at in range(30):
        sample(watch(f"more-{at}"), [*cpu(20), *memory(30), *filesystem("/", 40)])
    overview()
    utilisation._kept = None
    with CaptureQueriesContext(connection) as more:
        overview()
    assert len(more) <= len(few) + 1  # the utilisation of the fleet, which the first count had kept


def test_utilisation_of_a_kind_is_median_and_p95(overview, watch, sample):
    for at, busy in enumerate([10, 20, 90] + [20] * 10):
        sample(watch(f"u-{at}"), cpu(busy))
    [row] = overview().context["use"]
    assert row.cpu.median == pytest.approx(20, abs=0.5)
    assert row.cpu.p95 > 40
    assert row.memory is None


def test_changes_of_one_kind_at_once_are_told_once(overview, watch):
    many(watch, 5)
    [event] = overview().context["changes"]
    assert event["more"] == 4
    assert "and 4 more:" in overview().content.decode()


def test_changes_outside_the_range_are_not_told(overview, watch):
    host = watch("old")
    ResourceChange.objects.update(time=timezone.now() - timedelta(hours=2))
    assert overview().context["changes"] == []
    assert overview("range=now-3h").context["changes"][0]["name"] == host.name


def test_a_failing_source_is_named(overview, watch):
    watch()
    Source.objects.create(
        name="oci", kind="local_host", failures=3, last_error="connection refused\nTraceback", last_attempt=timezone.now()
    )
    page = overview().content.decode()
    assert "Source oci is in trouble." in page
    assert "connection refused" in page
    assert "Traceback" not in page


def test_a_disabled_source_is_no_trouble():
    Source.objects.create(name="off", kind="local_host", enabled=False, failures=9)
    assert [row.trouble for row in fleet.sources()] == [""]


def test_the_past_is_marked_as_such(overview, watch):
    watch()
    assert "Back to live" in overview("from=1700000000000&to=1700003600000").content.decode()


def test_a_wrong_range_is_refused(overview):
    assert overview("range=soon").status_code == 400


class TestUtilisation:
    def test_it_is_what_the_samples_say(self, watch, sample, now_ms):
        host = watch()
        sample(host, [*cpu(35), *memory(62), *filesystem("/", 20), *filesystem("/var", 81)])
        sample(host, [("node_network_receive_bytes_total", {"device": "eth0"}, [1500.0 * n for n in range(9)])])
        sample(host, [("node_network_receive_bytes_total", {"device": "lo"}, [9e6 * n for n in range(9)])])
        use = utilisation.now_of([host.pk], now_ms)[host.pk]
        assert (use.cpu, use.memory, use.disk, use.network) == pytest.approx((35, 62, 81, 100), abs=0.5)

    def test_a_reboot_makes_no_nonsense(self, watch, sample, now_ms):
        host = watch()
        ticks = [0, 15, 30, 45, 0, 15, 30, 45]
        sample(
            host,
            [("node_cpu_seconds_total", {"cpu": "0", "mode": "idle"}, [1000 + 0.5 * t if n < 4 else 0.5 * t for n, t in enumerate(ticks)])],
        )
        assert 0 <= utilisation.now_of([host.pk], now_ms)[host.pk].cpu <= 100

    def test_nothing_old_is_taken_for_now(self, watch, sample, now_ms):
        host = watch()
        sample(host, memory(62), until=600_000)
        assert host.pk not in utilisation.now_of([host.pk], now_ms)

    def test_new_series_are_seen_at_the_next_look(self, watch, sample, now_ms, monkeypatch):
        first, second = watch("a"), watch("b")
        sample(first, memory(10))
        utilisation.of_fleet(now_ms)
        sample(second, memory(20))
        monkeypatch.setattr(utilisation, "CHECK_SECONDS", -1.0)
        assert second.pk in utilisation.now_of(None, now_ms)
