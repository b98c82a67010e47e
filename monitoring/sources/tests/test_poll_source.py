"""One poll: what it stores, what it tells, and what each kind of fault leaves behind."""

import threading
import time

import pytest
from django.utils import timezone

from monitoring.inventory.models import Resource
from monitoring.sources import polling, schedule, tasks
from monitoring.sources.models import Source
from monitoring.sources.signals import source_failed, source_polled
from monitoring.sources.tests import fakes
from monitoring.store import StoreUnavailable, reader, writer
from monitoring.store.batch import Written

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard():
    said = []

    def polled(source_id, resource_ids, t_ms, **rest):
        said.append(("polled", source_id, resource_ids))

    def failed(source_id, error, t_ms, **rest):
        said.append(("failed", source_id, error))

    source_polled.connect(polled)
    source_failed.connect(failed)
    yield said
    source_polled.disconnect(polled)
    source_failed.disconnect(failed)


def poll(source):
    lease = schedule.claim_now(source.pk)
    done = polling.poll(source.pk, lease)
    source.refresh_from_db()
    return done


def test_facts_and_samples_are_stored_with_their_resources(source, heard, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        assert poll(source)
        assert heard == []
    device, gpu = Resource.objects.get(kind="device"), Resource.objects.get(kind="gpu")
    assert (device.name, device.source, gpu.parent) == ("sw-1", source, device)
    assert {ref.metric for ref in reader.select(resource=device.pk)} == {"up", "load"}
    (heat,) = reader.select("heat")
    assert (heat.labels, heat.resource_id) == ({"target": "sw-1"}, gpu.pk)
    now = int(time.time() * 1000)
    assert reader.raw(heat.id, now - 60_000, now + 1000)[1].tolist() == [40.0]
    assert (source.status, source.last_samples, source.failures, source.lease) == ("ok", 3, 0, "")
    assert source.outcomes[-1][2:] == [3, ""]
    assert heard == [("polled", source.pk, [device.pk, gpu.pk])]


def test_what_the_source_says_is_wrong_stands_on_its_row(source, heard, django_capture_on_commit_callbacks):
    fakes.script["sw-1"] = fakes.SILENT
    with django_capture_on_commit_callbacks(execute=True):
        poll(source)
    assert (source.status, source.last_error, source.last_success) == ("failing", "no answer from 192.0.2.1", None)
    assert source.outcomes[-1][3] == "no answer from 192.0.2.1"
    assert heard == [("failed", source.pk, "no answer from 192.0.2.1")]


def test_a_permanent_refusal_opens_the_circuit(source):
    fakes.script["sw-1"] = fakes.REFUSED
    poll(source)
    assert source.status == "broken"


def test_a_fault_of_the_plugin_is_named_and_does_not_spread(source):
    fakes.script["sw-1"] = KeyError("speed")
    assert poll(source)
    assert source.last_error == "KeyError: 'speed'"


def test_a_kind_that_is_gone_says_so(source):
    Source.objects.update(kind="telex")
    poll(source)
    assert "there is no kind 'telex'" in source.last_error
    assert source.status == "broken"


def test_a_poll_that_takes_too_long_has_failed_and_is_not_started_beside_itself(source):
    Source.objects.update(timeout=0)
    source.timeout = 0
    release = threading.Event()
    fakes.script["sw-1"] = lambda: release.wait(20)
    poll(source)
    assert source.last_error == "no answer within 0 s"
    assert source.lease == ""
    poll(source)
    assert "still hangs" in source.last_error
    release.set()
    polling._hanging[source.pk].join(10)
    fakes.script.clear()
    Source.objects.update(timeout=5)
    poll(source)
    assert source.status == "ok"


def test_a_store_that_refuses_is_our_fault_and_tried_again(source, monkeypatch):
    def refuse(batch):
        raise StoreUnavailable("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(writer, "write", refuse)
        poll(source)
    assert source.last_error == "Polled, but not stored: disk full"
    assert source.status == "failing"
    poll(source)
    assert (source.status, source.failures) == ("ok", 0)


def test_when_every_sample_is_refused_the_clock_is_suspected(source, monkeypatch):
    monkeypatch.setattr(writer, "write", lambda batch: Written(0, {"future": 3}))
    poll(source)
    assert source.last_error.startswith("the store refused every sample: 3 future; the clock")


def test_the_poller_keeps_its_state_until_its_config_changes(source):
    made = fakes.Fake.made
    poll(source)
    poll(source)
    assert fakes.Fake.made == made + 1
    Source.objects.update(config={"target": "sw-2"})
    poll(source)
    assert fakes.Fake.made == made + 2


def test_the_task_claims_for_itself_and_a_stale_message_does_nothing(source):
    assert tasks.poll_source(source.pk)
    assert not tasks.poll_source(source.pk, "an old lease")
    Source.objects.update(lease="busy", leased_until=timezone.now() + timezone.timedelta(minutes=1))
    assert not tasks.poll_source(source.pk)


def test_a_source_deleted_meanwhile_is_nobodys_fault(source):
    lease = schedule.claim_now(source.pk)
    Source.objects.all().delete()
    assert polling.poll(source.pk, lease) is False


def test_secrets_whose_key_is_lost_are_one_sentence_on_the_row_and_are_not_overwritten(source, settings, viewer, client_of):
    browser, kept = client_of(viewer), settings.SECRET_KEY
    settings.SECRET_KEY = "another key"
    poll(source)
    assert "sealed with another AIOPS_SECRET_KEY" in source.last_error
    source.save()
    settings.SECRET_KEY = kept
    assert Source.objects.get(pk=source.pk).secrets == {"password": "s3"}
    assert b"sealed with another AIOPS_SECRET_KEY" in browser.get(f"/sources/{source.pk}/").content
