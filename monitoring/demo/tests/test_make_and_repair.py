"""What `make demo` leaves in the database, also when it is run again, was interrupted, or found a hole."""

import io
from datetime import timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import AuditEntry
from monitoring.demo import grid, history, install, story
from monitoring.demo.tests.conftest import Counted, quiet
from monitoring.inventory.facts import ResourceReport, report
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.sources import judge
from monitoring.sources.models import Source
from monitoring.store import merge, reader, remove, seal, writer
from monitoring.store.models import Chunk, ChunkTally, Hot, MetricDescription, Series
from monitoring.store.windows import DAY, MINUTE, WINDOW, floor

PROBED = ("node_load1", "node_disk_io_time_seconds_total", "nvidia_smi_temperature_gpu", "container_memory_working_set_bytes")


def stored(now_ms):
    """{series: (times, values)} of some metrics over all time."""
    refs = {ref.id: ref for metric in PROBED for ref in reader.select(metric)}
    found = reader.raw_many(list(refs), 0, now_ms + DAY)
    return {(refs[sid].metric, tuple(sorted(refs[sid].labels.items()))): samples for sid, samples in found.items()}


def test_everything_there_is_belongs_to_it_and_is_marked(demo):
    assert Resource.objects.count() == len(demo.resources) == 96
    assert Series.objects.count() == demo.series
    assert {row.labels["demo"] for row in [*Resource.objects.all(), *Series.objects.all()]} == {"true"}
    assert not Series.objects.filter(resource=None).exists()
    source = Source.objects.get()
    assert (source.kind, source.enabled, source.interval) == ("demo", True, grid.INTERVAL)
    assert AuditEntry.objects.filter(action="demo.made").count() == 1
    assert MetricDescription.objects.get(metric="node_load1").help


def test_parents_and_children_are_tied(demo):
    node = Resource.objects.get(name="k8s-node-03.demo")
    assert node.children.filter(kind="pod").count() == 7
    assert node.parent.kind == "cluster"
    assert Resource.objects.get(name="gpu-01.demo").children.filter(kind="gpu").count() == 8


def test_samples_are_the_worlds(demo, the_world, now_ms):
    found = stored(now_ms)
    assert len(found) == sum(metric in PROBED for metric, _, _ in the_world.series)
    checked = 0
    for place, (metric, labels, _) in enumerate(the_world.series):
        if metric in PROBED and place % 3 == 0:
            t, v = found[metric, tuple(sorted(labels.items()))]
            np.testing.assert_array_equal(v, np.concatenate(list(the_world.values(t)))[place])
            checked += len(t)
    assert checked > 3000
    assert t[-1] > now_ms - 360_000
    assert t[0] < now_ms - 2 * DAY + 2_000_000


def test_nothing_is_said_during_an_outage(db, short, now_ms):
    since = now_ms + int((story.OUTAGE.into / 86_400 - 1) * DAY)  # the outage was a day ago
    Source.objects.create(name="Demonstration", kind="demo", enabled=False, config={"seed": 7, "since": since})
    demo = install.make(quiet)
    [outage] = [one for one in demo.world.incidents(now_ms / 1000 - 2 * 86_400, now_ms / 1000) if one.kind == "outage"]
    [ref] = reader.select("node_load1", {"instance": "k8s-node-03.demo"})
    assert len(reader.raw(ref.id, int(outage.start * 1000), int(outage.end * 1000))[0]) == 0
    assert len(reader.raw(ref.id, int(outage.end * 1000), now_ms)[0]) > 10
    [other] = reader.select("node_load1", {"instance": "k8s-node-02.demo"})
    assert len(reader.raw(other.id, int(outage.start * 1000), int(outage.end * 1000))[0]) > 5
    told = ResourceChange.objects.filter(resource_name="k8s-node-03.demo").exclude(kind="discovered").order_by("time", "id")
    assert list(told.values_list("kind", flat=True)) == ["state", "state", "rebooted"]
    assert told[0].time.timestamp() == pytest.approx(outage.start, abs=60)


def test_it_lies_where_sealing_and_merging_would_have_put_it(demo, now_ms):
    today = floor(now_ms, DAY)
    assert set(Chunk.objects.filter(tier=Chunk.Tier.DAY).values_list("t0", flat=True)) <= {today - DAY, today - 2 * DAY}
    assert Chunk.objects.filter(tier=Chunk.Tier.DAY).count() == Chunk.objects.filter(tier=Chunk.Tier.ROLLUP).count() >= demo.series - 20
    assert not Chunk.objects.filter(t0__gte=floor(now_ms, WINDOW)).exists()
    assert not Hot.objects.filter(t1__lt=floor(now_ms, WINDOW) - WINDOW).exists()
    for tally in ChunkTally.objects.all():
        sizes = [(count, len(data)) for count, data in Chunk.objects.filter(tier=tally.tier).values_list("count", "data")]
        assert (tally.chunks, tally.samples, tally.bytes) == (len(sizes), sum(count for count, _ in sizes), sum(size for _, size in sizes))


def test_the_stores_own_jobs_find_nothing_amiss(demo, now_ms):
    before = stored(now_ms)
    seal.seal(now_ms + DAY)
    merge.merge_days(now_ms + DAY + 3_600_000)
    after = stored(now_ms)
    assert before.keys() == after.keys()
    for key, (t, v) in before.items():
        np.testing.assert_array_equal(after[key][0], t)
        np.testing.assert_array_equal(after[key][1], v)
    [ref] = reader.select("node_load1", {"instance": "web-01.demo"})
    buckets = reader.buckets(ref.id, now_ms - 2 * DAY, now_ms, 3_600_000)
    t, v = before["node_load1", tuple(sorted(ref.labels.items()))]
    assert buckets.count.sum() == len(t)
    assert (buckets.mean * buckets.count).sum() == pytest.approx(v.sum(), rel=0.001)


def test_what_is_still_open_is_written_in_small_rows(demo, now_ms, monkeypatch):
    Hot.objects.all().delete()
    monkeypatch.setattr(history, "SLICE", 5 * MINUTE)
    install.make(quiet)
    assert all(row.t1 - row.t0 < 5 * MINUTE for row in Hot.objects.all())
    assert Hot.objects.filter(t1__gte=now_ms - 400_000).exists()


def test_a_second_run_adds_nothing(demo, now_ms):
    rows, chunks, before = Counted(), Chunk.objects.count(), stored(now_ms)
    changes = ResourceChange.objects.count()
    again = install.make(quiet)
    assert again.samples <= 2 * demo.series  # the minute that has passed
    assert Counted() == rows
    assert Chunk.objects.count() == chunks
    assert ResourceChange.objects.count() == changes
    for key, (t, _v) in stored(now_ms).items():
        assert len(t) - len(before[key][0]) <= 2
    assert AuditEntry.objects.filter(action="demo.made").count() == 1


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("at", [0.0, 0.4])  # two days touch two or three dates: each has days behind it and before it
def test_an_interrupted_run_can_be_repeated(db, short, now_ms, at):
    def stop(what, share):
        if what == "history" and share > at:
            raise Interrupted

    with pytest.raises(Interrupted):
        install.make(stop)
    assert not Source.objects.get().enabled
    since = Source.objects.get().config["since"]
    made = install.make(quiet)
    assert Source.objects.get().config["since"] == since
    assert Counted().resources == 96
    lengths = {len(t) for (metric, _), (t, _v) in stored(now_ms).items() if metric == "nvidia_smi_temperature_gpu"}
    assert len(lengths) == 1
    assert lengths.pop() == pytest.approx(sum(len(one.t) for _, found in grid.days(now_ms, now_ms - 2 * DAY) for one in found), abs=2)
    assert made.samples > 0


@pytest.mark.parametrize(("start", "end"), [(1.6, 1.2), (0.2, 0.1)])
def test_a_hole_is_filled(demo, now_ms, start, end):
    before = stored(now_ms)
    a, b = now_ms - int(start * DAY), now_ms - int(end * DAY)
    sids = [ref.id for ref in reader.select("node_load1")]
    gone = remove.remove(sids, a, b)
    assert gone > 100
    again = install.make(quiet)
    assert gone <= again.samples <= gone + 2 * demo.series
    merge.merge_days(now_ms)
    after = stored(now_ms)
    for key, (t, v) in before.items():
        np.testing.assert_array_equal(after[key][0][: len(t)], t)
        np.testing.assert_array_equal(after[key][1][: len(t)], v)


def test_it_is_extended_after_a_pause(demo, now_ms, monkeypatch):
    later = now_ms + 7_200_000
    monkeypatch.setattr(writer, "now_ms", lambda: later)
    monkeypatch.setattr(install.time, "time_ns", lambda: later * 1_000_000)
    again = install.make(quiet)
    assert again.samples > 5 * demo.series
    [ref] = reader.select("node_load1", {"instance": "web-01.demo"})
    t, _ = reader.raw(ref.id, now_ms - DAY, later + 1)
    assert np.diff(t).max() <= 1_800_000
    assert t[-1] > later - 400_000


def test_a_name_that_is_taken_is_refused_in_one_sentence(db, short):
    report([ResourceReport("host", "web-01.demo", {"instance": "web-01.demo"})], None)
    with pytest.raises(CommandError, match=r"^The host web-01\.demo is there already and no part of a demonstration"):
        call_command("demo", stdout=io.StringIO())
    assert Counted().resources == 1
    assert not Source.objects.exists()


def test_troubles_that_are_over_are_told_of_those_that_suffered(demo):
    told = ResourceChange.objects.filter(kind="health", time__lt=timezone.now() - timedelta(hours=2))
    suffered = set(told.values_list("resource_name", flat=True))
    assert "web-05.demo" in suffered
    assert "batch-02.demo" not in suffered
    assert all(change.text.startswith(("Degraded, was healthy: ", "Healthy, was degraded")) for change in told)


def test_an_interrupted_command_says_how_to_go_on(db, few, monkeypatch):
    monkeypatch.setattr(install, "make", lambda tell: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(CommandError, match="run this again to go on"):
        call_command("demo", stdout=io.StringIO())


def test_a_disabled_source_is_enabled_again(demo):
    Source.objects.update(enabled=False, failures=7, broken_until=timezone.now() + timedelta(hours=1))
    install.make(quiet)
    source = Source.objects.get()
    assert source.enabled
    assert source.failures == 0


def test_they_have_been_there_for_as_long_as_their_samples(demo, the_world):
    first = set(Resource.objects.values_list("first_seen", flat=True))
    assert {one.timestamp() for one in first} == {the_world.since - 2 * 86_400}
    assert set(Series.objects.values_list("created", flat=True)) == first
    assert set(ResourceChange.objects.filter(kind="discovered").values_list("time", flat=True)) == first


def test_health_sees_what_goes_on(db, few):
    """At the real pace of samples, for about an hour."""
    grid_days, grid.DAYS = grid.DAYS, 0.05
    try:
        install.make(quiet)
    finally:
        grid.DAYS = grid_days
    judge._known = judge._known._replace(read_at=float("-inf"))
    judge.judge_resources()
    found = {row.name: row for row in Resource.objects.all()}
    assert found["db-03.demo"].reasons[0]["rule"] == "filesystem"
    assert {reason["rule"] for reason in found["web-05.demo"].reasons} == {"disk"}
    assert found["gpu-01.demo GPU 5"].reasons[0]["rule"] == "gpu temperature"
    healthy = [row.health for row in found.values() if row.health is not None]
    assert len(healthy) == 90
    assert sum(score == 100 for score in healthy) >= 80


def test_the_command_says_what_it_made_and_where_to_look(db, short, settings):
    settings.PUBLIC_URL = "https://aiops.example.org"
    out = io.StringIO()
    call_command("demo", stdout=out)
    said = out.getvalue()
    assert "history 100 %" in said
    assert "96 resources" in said
    address = f"https://aiops.example.org/resources/{Resource.objects.get(name='db-03.demo').pk}/"
    assert address in said
    call_command("demo", "--remove", stdout=out)
    assert "The demonstration is gone: 96 resources" in out.getvalue()
    call_command("demo", "--remove", stdout=out)
    assert out.getvalue().endswith("There is no demonstration here; nothing was removed.\n")
