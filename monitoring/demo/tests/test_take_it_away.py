"""`make demo ARGS=--remove` takes everything the demonstration brought, and nothing else."""

import time

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import AuditEntry
from monitoring.demo import grid, install
from monitoring.demo.poller import Demo
from monitoring.demo.tests.conftest import quiet
from monitoring.inventory.facts import ResourceReport, report
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.sources import polling, schedule
from monitoring.sources.models import Source
from monitoring.store import reader, writer
from monitoring.store.batch import Batch
from monitoring.store.models import Chunk, ChunkTally, Hot, MetricDescription, Series


@pytest.fixture
def short(few, monkeypatch):
    """Half a day is enough for windows sealed and open."""
    monkeypatch.setattr(grid, "DAYS", 0.3)
    monkeypatch.setattr(grid, "STEPS", ((600, 0.5), (300, 0.0)))


@pytest.fixture
def real(db, now_ms):
    """A host of somebody's own, which has the demonstration's metrics and even its mark."""
    source = Source.objects.create(name="Real", kind="local_host")
    labels = {"instance": "web-01", "job": "node", "demo": "true"}
    [row] = report([ResourceReport("host", "web-01", labels, {"os": "Debian"})], source)
    writer.write(Batch.of([("node_load1", labels, now_ms - 1000 * at, float(at)) for at in range(20)], row.pk))
    writer.write(Batch.of([("node_load1", {"instance": "elsewhere", "demo": "true"}, now_ms, 1.0)]))
    return row


def remaining():
    return {
        "resources": list(Resource.objects.values_list("kind", "name")),
        "series": list(Series.objects.values_list("metric", "labels").order_by("pk")),
        "sources": list(Source.objects.values_list("name", "enabled")),
        "changes": list(ResourceChange.objects.values_list("resource_name", "text").order_by("pk")),
        "chunks": Chunk.objects.count(),
        "samples": sum(Hot.objects.values_list("count", flat=True)),
    }


def test_what_was_there_before_is_there_after(real, short, now_ms):
    before = remaining()
    install.make(quiet)
    gone = install.take_away(quiet)
    assert (gone.resources, gone.source) == (96, True)
    assert remaining() == before
    [ref] = reader.select("node_load1", {"instance": "web-01"})
    assert ref.resource_id == real.pk
    assert len(reader.raw(ref.id, now_ms - 60_000, now_ms + 1)[0]) == 20
    assert all(tally.samples == tally.bytes == tally.chunks == 0 for tally in ChunkTally.objects.all())
    assert AuditEntry.objects.filter(action="demo.removed").count() == 1


def test_descriptions_stay_for_those_who_use_the_metric_too(real, short):
    install.make(quiet)
    install.take_away(quiet)
    assert MetricDescription.objects.filter(metric="node_load1").exists()


def test_nothing_to_take_away_is_no_fault(real):
    before = remaining()
    gone = install.take_away(quiet)
    assert (gone.resources, gone.series, gone.changes, gone.source) == (0, 0, 0, False)
    assert remaining() == before


def test_an_interrupted_removal_can_be_repeated(real, short, monkeypatch):
    before = remaining()
    install.make(quiet)
    monkeypatch.setattr(install, "AT_ONCE", 50)

    def stop(what, share):
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install.take_away(stop)
    assert not Source.objects.get(kind="demo").enabled
    install.take_away(quiet)
    assert remaining() == before


def test_it_can_be_made_again(demo, now_ms):
    install.take_away(quiet)
    again = install.make(quiet)
    assert again.samples > 10_000
    assert Resource.objects.count() == 96
    [ref] = reader.select("node_load1", {"instance": "web-01.demo"})
    assert len(reader.raw(ref.id, now_ms - 86_400_000, now_ms)[0]) > 20


def test_traces_of_resources_that_somebody_deleted_go_too(demo):
    Resource.objects.filter(kind="pod").delete()
    assert ResourceChange.objects.filter(resource=None, resource_kind="pod").exists()
    assert Series.objects.filter(resource=None).exists()
    install.take_away(quiet)
    assert not ResourceChange.objects.exists()
    assert not Series.objects.exists()


def test_a_world_of_another_seed_goes_too(demo):
    Source.objects.update(config={"seed": 8, "since": demo.source.config["since"]})
    install.make(quiet)
    assert Resource.objects.filter(kind="pod").count() == 56  # of either seed: their names differ
    install.take_away(quiet)
    assert not Resource.objects.exists()
    assert not Series.objects.exists()
    assert not ResourceChange.objects.exists()


def test_without_its_source_it_goes_too_and_real_things_stay(real, short):
    before = remaining()
    install.make(quiet)
    Source.objects.filter(kind="demo").delete()
    Source.objects.filter(name="Real").delete()  # the real resource has the mark, and no source either
    gone = install.take_away(quiet)
    assert gone.resources == 96
    assert remaining() == {**before, "sources": []}


def test_made_again_without_its_source_it_starts_afresh(demo):
    Source.objects.all().delete()
    again = install.make(quiet)
    assert again.source.pk != demo.source.pk
    assert Resource.objects.count() == 96
    assert set(Resource.objects.values_list("source", flat=True)) == {again.source.pk}
    assert Series.objects.count() == again.series
    assert again.samples > 5000


def test_a_poll_under_way_is_waited_for(demo, monkeypatch):
    lease = schedule.claim_now(demo.source.pk)
    naps = []

    def nap(seconds):
        naps.append(seconds)
        schedule.release([demo.source.pk], lease)

    monkeypatch.setattr(install.time, "sleep", nap)
    assert install.take_away(quiet).source
    assert naps == [0.2]


def committed(source, polled):
    with transaction.atomic():
        polling._store(source, polled)
        connection.check_constraints()


def test_a_poll_that_comes_late_brings_nothing_back(demo):
    lease = schedule.claim_now(demo.source.pk)
    source = schedule.begin(demo.source.pk, lease)
    polled = Demo(source.config, {}, source.interval).at(time.time_ns() // 1_000_000)
    schedule.release([source.pk], source.lease)
    install.take_away(quiet)
    with pytest.raises(IntegrityError):
        committed(source, polled)
    assert not Resource.objects.exists()
