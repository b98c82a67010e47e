"""The demonstration is polled like any other source, on the grid of its history."""

import numpy as np
import pytest

from monitoring.demo import grid, story
from monitoring.demo.poller import Demo
from monitoring.inventory.models import Resource
from monitoring.sources import polling, schedule
from monitoring.sources.models import Source
from monitoring.store import reader

SINCE = 1_795_269_120_000


@pytest.fixture
def short(few, monkeypatch):
    monkeypatch.setattr(grid, "DAYS", 0.03)


@pytest.fixture
def poller():
    return Demo({"seed": 7, "since": SINCE}, {}, 15)


def test_a_poll_is_the_worlds_values_of_the_moment(poller):
    polled = poller.at(SINCE + 7_300)
    [batch] = polled.batches
    assert set(batch.t.tolist()) == {SINCE}
    assert len(batch) == len(poller.keys)
    np.testing.assert_array_equal(batch.v, np.concatenate(list(poller.world.values(np.array([SINCE]))))[:, 0])
    for key, place in list(zip(batch.keys, batch.resources, strict=True))[::97]:
        assert dict(key.labels).get("instance", "") in (
            polled.reports[place].labels.get("instance", ""),
            polled.reports[place].labels.get("node", ""),
        )


def test_twice_within_the_interval_says_the_same(poller):
    one, again = poller.at(SINCE + 1), poller.at(SINCE + 14_999)
    np.testing.assert_array_equal(one.batches[0].t, again.batches[0].t)
    np.testing.assert_array_equal(one.batches[0].v, again.batches[0].v)


def test_during_an_outage_the_silent_are_not_heard_of(poller):
    [outage] = [one for one in poller.world.incidents(SINCE / 1000 - 3 * 86_400, SINCE / 1000) if one.kind == "outage"]
    polled = poller.at(round(1000 * (outage.start + 600)))
    names = {one.key for one in polled.reports}
    assert names.isdisjoint(outage.resources)
    assert len(names) == 96 - len(outage.resources)
    spoken = {dict(key.labels).get("instance") for key in polled.batches[0].keys}
    assert f"{story.SILENT}.demo" not in spoken
    assert polled.reports[polled.batches[0].resources[-1]].kind == "namespace"


def test_history_goes_on_as_live(demo, now_ms):
    [ref] = reader.select("node_load1", {"instance": "web-01.demo"})
    Source.objects.filter(pk=demo.source.pk).update(due_at="2020-01-01T00:00Z")
    lease, ids = schedule.claim_due()
    assert ids == [demo.source.pk]
    assert polling.poll(demo.source.pk, lease)
    source = Source.objects.get()
    assert (source.last_error, source.last_samples) == ("", demo.series)
    t, v = reader.raw(ref.id, now_ms - 600_000, now_ms + 60_000)
    expected = np.concatenate(list(demo.world.values(t)))
    place = [
        at for at, (metric, labels, _) in enumerate(demo.world.series) if metric == "node_load1" and labels["instance"] == "web-01.demo"
    ]
    np.testing.assert_array_equal(v, expected[place[0]])
    assert Resource.objects.count() == 96


def test_it_is_not_offered_to_who_adds_a_source(db, operator, client_of):
    page = client_of(operator).get("/sources/add/")
    assert b"Demonstration" not in page.content


def test_a_changed_interval_keeps_the_world(demo, operator, client_of):
    source = Source.objects.get()
    page = client_of(operator).get(f"/sources/{source.pk}/edit/").content.decode()
    assert str(source.config["since"]) in page
    fields = {"name": source.name, "enabled": "on", "interval": "30", "timeout": "10"}
    given = {f"config-{name}": value for name, value in source.config.items()}
    answer = client_of(operator).post(f"/sources/{source.pk}/edit/", fields | given)
    assert answer.status_code == 302
    assert Source.objects.get().config == source.config
    assert Source.objects.get().interval == 30
