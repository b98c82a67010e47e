"""What a poll of the machine does not bring any more ends with that poll, in the store too, and after a restart."""

import time

import numpy as np
import pytest

from monitoring.sources import endings, polling, schedule
from monitoring.sources.models import Source
from monitoring.sources.pollers.local_host import LocalHost
from monitoring.store import StoreUnavailable, reader, writer
from monitoring.store.batch import Batch, is_stale

pytestmark = pytest.mark.django_db
SIZE = "node_filesystem_size_bytes"


@pytest.fixture
def mounted(monkeypatch):
    """Mount points the machine has."""
    found = ["/", "/backup"]

    def collector(roots):
        return [("node_load1", {}, 0.5), *((SIZE, {"mountpoint": point}, 100.0) for point in found)]

    class Machine(LocalHost):
        def _collect(self):
            return list(collector(None))

    monkeypatch.setattr(polling, "poller_class", lambda kind: Machine)
    return found


@pytest.fixture
def machine():
    Source.objects.filter(kind="local_host").delete()
    endings.forget()
    return Source.objects.create(name="here", kind="local_host", interval=5, config={"name": "db-1", "processes": 0})


def poll(source):
    time.sleep(0.002)  # samples of two polls have two times
    polling.poll(source.pk, schedule.claim_now(source.pk))
    source.refresh_from_db()


def living(**labels):
    refs = reader.select(SIZE, labels)
    there = set(reader.latest([ref.id for ref in refs], 0)[0].tolist())
    return sorted(ref.labels["mountpoint"] for ref in refs if ref.id in there)


def markers(mountpoint):
    (ref,) = reader.select(SIZE, {"mountpoint": mountpoint})
    _t, values = reader.raw_many([ref.id], 0, 2**60, stale=True)[ref.id]
    return int(np.count_nonzero(is_stale(values)))


def test_an_unmounted_filesystem_ends_at_the_next_poll_and_once(machine, mounted):
    poll(machine)
    assert living() == ["/", "/backup"]
    mounted.remove("/backup")
    poll(machine)
    poll(machine)
    assert living() == ["/"]
    assert markers("/backup") == 1
    mounted.append("/backup")
    poll(machine)
    assert living() == ["/", "/backup"]


def test_what_was_unmounted_while_the_process_was_down_ends_with_its_first_poll(machine, mounted):
    poll(machine)
    mounted.remove("/backup")
    endings.forget()
    poll(machine)
    assert living() == ["/"]


def test_series_of_others_about_the_same_machine_go_on(machine, mounted):
    poll(machine)
    (ref, *_) = reader.select(SIZE)
    now = int(time.time() * 1000)
    scraped = (SIZE, {"instance": "db-1:9100", "job": "node", "mountpoint": "/"}, now, 100.0)
    derived = (f"{SIZE}:forecast", ref.labels, now, 100.0)
    writer.write(Batch.of([scraped, derived], ref.resource_id))
    endings.forget()
    poll(machine)
    assert living(instance="db-1:9100") == ["/"]
    (forecast,) = reader.select(f"{SIZE}:forecast")
    assert reader.latest([forecast.id], 0)[0].tolist() == [forecast.id]


def test_a_new_name_of_the_host_ends_the_series_under_the_old_one(machine, mounted):
    poll(machine)
    machine.config = {"name": "db-2", "processes": 0}
    machine.save()
    poll(machine)
    assert (living(instance="db-1"), living(instance="db-2")) == ([], ["/", "/backup"])


def test_a_marker_that_could_not_be_stored_comes_with_the_next_poll(machine, mounted, monkeypatch):
    poll(machine)
    mounted.remove("/backup")
    with monkeypatch.context() as broken:
        broken.setattr(polling.writer, "write", refuse)
        poll(machine)
        assert "not stored" in machine.last_error
    assert living() == ["/", "/backup"]
    poll(machine)
    assert living() == ["/"]


def refuse(batch):
    raise StoreUnavailable("the disk is full")


def test_a_poll_without_samples_ends_nothing(machine):
    assert endings.close(machine, []) == []
    endings.remember(machine, [])
    assert endings.brought([]) is None
