"""Recent samples become health, changes, reboots; in a fixed number of queries."""

import time
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.inventory.models import Resource, ResourceChange
from monitoring.inventory.signals import resource_health_changed
from monitoring.sources import judge
from monitoring.sources.measures import NEEDED, Line, measures
from monitoring.store import StoreUnavailable, reader, writer
from monitoring.store.batch import Batch

pytestmark = pytest.mark.django_db
NOW = 0


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    """The store refuses the future; samples are written up to this moment."""
    global NOW
    NOW = int(time.time() * 1000)


@pytest.fixture
def host(db):
    return Resource.objects.create(kind="host", name="db-1", report_interval=5)


def write(resource, *samples):
    """(metric, labels, seconds ago, value)"""
    rows = [(metric, {"instance": resource.name, **labels}, NOW - int(ago * 1000), value) for metric, labels, ago, value in samples]
    writer.write(Batch.of(rows, resource=resource.pk))


def judged(resource, at_ms=None):
    judge.judge_resources(datetime.fromtimestamp((at_ms or NOW) / 1000, UTC))
    resource.refresh_from_db()
    return resource


def memory(resource, percent):
    write(
        resource,
        ("node_memory_MemTotal_bytes", {}, 1, 1000.0),
        *(("node_memory_MemAvailable_bytes", {}, ago, 10.0 * percent) for ago in (1, 6, 11)),
    )


def test_a_well_host_has_100(host):
    memory(host, 60)
    assert (judged(host).health, host.reasons, host.status) == (100, [], "healthy")
    assert not ResourceChange.objects.exists()


def test_a_host_without_samples_is_unknown_not_green(host):
    assert (judged(host).health, host.status) == (None, "unknown")


def test_samples_older_than_the_window_do_not_count(host):
    write(host, ("node_load5", {}, 300, 1.0), ("node_memory_MemTotal_bytes", {}, 300, 1.0))
    assert judged(host).health is None


def test_trouble_is_a_reason_a_change_and_a_signal(host, django_capture_on_commit_callbacks):
    heard = []

    def hear(resource_id, before, after, **rest):
        heard.append((resource_id, before, after))

    resource_health_changed.connect(hear)
    memory(host, 60)
    with django_capture_on_commit_callbacks(execute=True):
        judged(host)
    since = host.health_since
    memory(host, 4)
    with django_capture_on_commit_callbacks(execute=True):
        judged(host)
    resource_health_changed.disconnect(hear)
    assert host.health == 70
    assert host.reasons[0]["text"] == "Memory 4 % available, limit 5 %"
    assert host.health_since >= since
    assert heard == [(host.pk, None, 100), (host.pk, 100, 70)]
    assert ResourceChange.objects.get().text == "Degraded, was healthy: Memory 4 % available, limit 5 %"


def test_the_same_judgement_twice_writes_nothing(host):
    memory(host, 4)
    judged(host)
    with CaptureQueriesContext(connection) as queries:
        assert judge.judge_resources(datetime.fromtimestamp(NOW / 1000, UTC)) == 0
    assert not [query for query in queries if not query["sql"].startswith("SELECT")]


def test_stale_and_gone_ones_are_not_judged(host):
    memory(host, 60)
    for state in ("stale", "gone"):
        Resource.objects.update(state=state, health=None)
        assert judged(host).health is None


def test_a_store_that_does_not_answer_leaves_the_judgement(host, monkeypatch):
    memory(host, 4)
    judged(host)

    def refuse(*args, **rest):
        raise StoreUnavailable("gone")

    monkeypatch.setattr(reader, "raw_many", refuse)
    assert judge.judge_resources() == 0
    host.refresh_from_db()
    assert host.health == 70


def boot(resource, ago, seconds):
    write(resource, ("node_boot_time_seconds", {}, ago, seconds))


def test_a_later_boot_time_is_a_reboot(host):
    seconds = NOW / 1000
    boot(host, 60, seconds - 86_400)
    judged(host, NOW - 50_000)
    assert not ResourceChange.objects.exists()
    boot(host, 1, seconds - 20)
    judged(host)
    change = ResourceChange.objects.get()
    assert change.kind == "rebooted"
    assert change.text.startswith("Rebooted, started 2")
    judged(host)
    assert ResourceChange.objects.count() == 1


def test_a_clock_that_was_set_is_not_a_reboot(host):
    seconds = NOW / 1000
    boot(host, 60, seconds - 86_400)
    judged(host, NOW - 50_000)
    boot(host, 1, seconds - 86_400 + 7200)
    judged(host)
    change = ResourceChange.objects.get()
    assert (change.kind, change.text) == ("clock", "Clock moved forward by 2 h")


def test_a_boot_time_that_wobbles_is_nothing(host):
    seconds = NOW / 1000
    boot(host, 10, seconds - 86_400)
    judged(host)
    boot(host, 1, seconds - 86_400 + 2)
    judged(host)
    assert not ResourceChange.objects.exists()


def test_as_many_queries_for_200_as_for_2(db):
    def count(hosts):
        Resource.objects.all().delete()
        rows = Resource.objects.bulk_create(Resource(kind="host", name=f"h{number}") for number in range(hosts))
        samples = []
        for row in Resource.objects.all():
            samples += [("node_memory_MemTotal_bytes", {"instance": row.name}, NOW - 1000, 100.0)]
            samples += [("node_memory_MemAvailable_bytes", {"instance": row.name}, NOW - 1000, 4.0)]
        keys = Batch.of(samples)
        ids = {row.name: row.pk for row in Resource.objects.all()}
        writer.write(Batch(keys.keys, keys.index, keys.t, keys.v, [ids[dict(key.labels)["instance"]] for key in keys.keys]))
        with CaptureQueriesContext(connection) as queries:
            assert judge.judge_resources(datetime.fromtimestamp(NOW / 1000, UTC)) == len(rows)
        return len(queries)

    few, many = count(2), count(200)
    if connection.vendor == "postgresql":
        assert many == few
    else:  # SQLite's driver binds 999 values a statement
        assert many <= few + 8


# -- measures ------------------------------------------------------------------------------------------------------------
def line(*values, every=5, **labels):
    return Line(labels, [1000 * every * place for place in range(len(values))], list(values))


def found(**lines):
    return {(measure.rule, measure.where): measure.value for measure in measures(lines)}


def test_cpu_is_what_is_not_idle_and_load_is_per_core():
    values = found(
        node_cpu_seconds_total=[line(0.0, 1.0, cpu="0", mode="idle"), line(0.0, 2.0, cpu="1", mode="idle")],
        node_load5=[line(3.0)],
    )
    assert values == {("cpu", ""): pytest.approx(70.0), ("load", ""): 1.5}


def test_a_counter_that_starts_again_grows_by_what_it_shows():
    assert line(100.0, 105.0, 2.0, 4.0).rate == pytest.approx((5 + 2 + 2) / 15)


def test_one_sample_is_no_rate():
    assert found(node_cpu_seconds_total=[line(1.0, cpu="0", mode="idle")], node_disk_io_time_seconds_total=[line(1.0, device="a")]) == {}


def disk(mountpoint, size=100.0, free=20.0, avail=10.0, readonly=0.0, device="/dev/a"):
    return {
        f"node_filesystem_{name}": [line(value, device=device, mountpoint=mountpoint, fstype="ext4")]
        for name, value in {"size_bytes": size, "free_bytes": free, "avail_bytes": avail, "readonly": readonly}.items()
    }


def merged(*parts):
    whole = {}
    for part in parts:
        for metric, lines in part.items():
            whole.setdefault(metric, []).extend(lines)
    return whole


def test_a_filesystem_is_as_full_as_df_says():
    assert found(**disk("/")) == {("filesystem", "/"): pytest.approx(100 * 80 / 90)}


def test_images_and_bind_mounts_are_not_judged():
    values = found(**merged(disk("/"), disk("/data/bound"), disk("/snap", readonly=1.0, device="/dev/loop0"), disk("/run", 0.0, 0.0, 0.0)))
    assert list(values) == [("filesystem", "/")]


def test_a_filesystem_that_does_not_answer_is_told():
    lines = {"node_filesystem_device_error": [line(1.0, device="nas:/x", mountpoint="/nas")]}
    assert found(**lines) == {("filesystem error", "/nas"): 1.0}


def test_a_sensor_brings_its_label_and_a_ceiling_one_can_believe():
    chip = {"chip": "c", "sensor": "temp1"}
    lines = {
        "node_hwmon_temp_celsius": [line(80.0, **chip), line(50.0, chip="d", sensor="temp1")],
        "node_hwmon_temp_crit_celsius": [line(95.0, **chip), line(65261.0, chip="d", sensor="temp1")],
        "node_hwmon_sensor_label": [line(1.0, label="core 0", **chip)],
    }
    assert [(one.where, one.value, one.base) for one in measures(lines)] == [("Core 0", 80.0, 95.0), ("D temp1", 50.0, 100.0)]


def test_swapping_counts_only_where_it_goes_both_ways():
    both = found(node_vmstat_pswpin=[line(0.0, 5000.0)], node_vmstat_pswpout=[line(0.0, 10_000.0)])
    one_way = found(node_vmstat_pswpin=[line(0.0, 5000.0)], node_vmstat_pswpout=[line(0.0, 0.0)])
    assert (both["swap", ""], one_way["swap", ""]) == (1000.0, 0.0)


def test_every_metric_a_rule_reads_is_asked_for():
    asked = set()

    class Watching(dict):
        def get(self, metric, default=None):
            asked.add(metric)
            return default

    measures(Watching())
    assert asked <= NEEDED
    assert {metric for metric in NEEDED if metric.startswith("node_hwmon")} <= asked
