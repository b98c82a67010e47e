"""Senders that push are sources: made once, never polled, honest about what came and what was refused."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import resolve
from django.utils import timezone

from accounts.models import AuditEntry
from monitoring.ingest.models import Sender
from monitoring.ingest.signals import sender_appeared
from monitoring.sources import doors, editing, push, schedule
from monitoring.sources.models import Source

pytestmark = pytest.mark.django_db
EXAMPLE = {"at": 0, "reason": "clash", "sentence": "cpu.usage is a float here", "text": "cpu usage=true <b>"}


def at(moment):
    return int(moment.timestamp() * 1000)


@pytest.fixture
def sender(operator):
    from accounts import tokens

    token, _raw = tokens.issue(operator, "lab telegraf", ["metrics:write"])
    return Sender.objects.create(door="influxdb", token_id=token.pk, name="lab telegraf (influxdb)", samples=1200)


@pytest.fixture
def source(sender):
    return push.adopt(sender.pk)


def test_a_first_request_makes_the_source_and_a_second_signal_does_not(sender):
    for _ in range(2):
        sender_appeared.send_robust(sender=Sender, sender_id=sender.pk)
    (source,) = Source.objects.all()
    sender.refresh_from_db()
    assert (source.name, source.kind, sender.source_id) == ("lab telegraf (influxdb)", "push_influxdb", source.pk)
    assert (source.pushed, source.kind_label, source.status) == (True, "InfluxDB line protocol", "ok")


def test_the_first_real_request_at_a_door_makes_it(operator, token_of, client_of, django_capture_on_commit_callbacks):
    token = token_of(operator, "metrics:write")
    with django_capture_on_commit_callbacks(execute=True):
        body = json.dumps({"host": "lab-1", "metrics": {"temperature": 21.5}})
        answer = Client().post("/webhooks/metrics", body, content_type="application/json", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code < 300, answer.content
    source = Source.objects.get(kind="push_metrics")
    page = client_of(operator).get(f"/sources/{source.pk}/").content.decode()
    assert "JSON metrics" in page


def test_names_are_told_apart_and_long_ones_cut(sender):
    Source.objects.create(name="lab telegraf (influxdb)", kind="fake")
    assert push.adopt(sender.pk).name == "lab telegraf (influxdb) 2"
    long = Sender.objects.create(door="metrics", token_id=9, name="x" * 200)
    twin = Sender.objects.create(door="telegraf", token_id=9, name="x" * 200)
    assert (push.adopt(long.pk).name, push.adopt(twin.pk).name) == ("x" * 150, "x" * 144 + " 2")
    assert push.adopt(10**6) is None


def test_it_is_never_polled(source):
    Source.objects.update(due_at=timezone.now() - timedelta(hours=1))
    assert schedule.claim_due() == ("", [])
    assert schedule.claim_now(source.pk) is None


def test_what_came_becomes_outcomes_with_totals_rate_and_what_was_refused(source, sender):
    now = timezone.now()
    Sender.objects.update(last_seen=now)
    assert push.follow(now) == 1
    Sender.objects.update(samples=1800, last_seen=now + timedelta(seconds=14), examples=[{**EXAMPLE, "at": at(now) + 9000}])
    assert push.follow(now + timedelta(seconds=15)) == 1
    assert push.follow(now + timedelta(seconds=30)) == 0  # nothing new
    source.refresh_from_db()
    assert [outcome[2:] for outcome in source.outcomes] == [[1200, ""], [600, "cpu.usage is a float here"]]
    assert (source.last_samples, push.rate(source), source.last_error) == (600, 40.0, "cpu.usage is a float here")
    Sender.objects.update(samples=1900, last_seen=now + timedelta(seconds=44))
    push.follow(now + timedelta(seconds=45))
    source.refresh_from_db()
    assert source.outcomes[-1][2:] == [100, ""]  # an old example is not told again


def test_it_is_stale_by_its_own_interval(source):
    Source.objects.update(last_success=timezone.now() - timedelta(seconds=200))
    source.refresh_from_db()
    assert (source.status, push.rate(source)) == ("stale", 0.0)
    Source.objects.update(interval=3600)
    source.refresh_from_db()
    assert source.status == "ok"


def test_a_pause_does_not_lower_the_rate_for_long(source):
    now = at(timezone.now())
    source.outcomes = [[now - back, 0.0, 150, ""] for back in (3_600_000, 3_585_000, 30_000, 15_000, 0)]
    assert push.rate(source) == 10.0


def test_a_source_that_was_deleted_comes_back_with_the_next_request(source, sender):
    source.delete()
    Sender.objects.update(last_seen=timezone.now())
    push.follow()
    again = Source.objects.get()
    sender.refresh_from_db()
    assert sender.source_id == again.pk


def test_many_senders_cost_few_statements(django_assert_max_num_queries):
    for number in range(30):
        push.adopt(Sender.objects.create(door="metrics", token_id=number, name=f"s{number}", samples=number).pk)
    with django_assert_max_num_queries(6):
        assert push.follow() == 30


# -- pages -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_its_page_tells_totals_reasons_and_examples_and_offers_no_poll(role, source, sender, request, client_of, operator):
    Sender.objects.update(refused={"clash": 7, "future": 2}, examples=[{**EXAMPLE, "at": at(timezone.now())}])
    user = operator if role == "operator" else request.getfixturevalue(role)
    page = client_of(user).get(f"/sources/{source.pk}/").content.decode()
    for shown in ("1,200", "lab telegraf", "clash", "future", "cpu.usage is a float here", "cpu usage=true &lt;b&gt;", " 9</dd>"):
        assert shown in page
    assert "Poll now" not in page
    assert "Disable" not in page
    listed = client_of(user).get("/sources/").content.decode()
    assert "sends itself" in listed


def test_a_stranger_sees_nothing(source, stranger, client_of):
    assert client_of(stranger).get(f"/sources/{source.pk}/").status_code == 302


def test_a_sender_that_is_gone_is_said_to_be(source, sender, viewer, client_of):
    sender.delete()
    assert "The sender is gone" in client_of(viewer).get(f"/sources/{source.pk}/").content.decode()


@pytest.mark.parametrize("verb", ["poll", "disable", "enable", "reset"])
def test_it_is_not_switched_from_here(verb, source, operator, client_of):
    answer = client_of(operator).post(f"/sources/{source.pk}/{verb}/", follow=True)
    assert "sends of its own accord" in answer.content.decode()
    source.refresh_from_db()
    assert source.enabled


def test_its_name_and_how_often_it_is_expected_are_changed_and_audited(source, operator, client_of):
    client = client_of(operator)
    page = client.get(f"/sources/{source.pk}/edit/").content.decode()
    assert "Expected every" in page
    assert 'name="timeout"' not in page
    assert client.post(f"/sources/{source.pk}/edit/", {"name": "lab", "interval": "600"}).status_code == 302
    source.refresh_from_db()
    assert (source.name, source.interval, source.enabled, source.kind) == ("lab", 600, True, "push_influxdb")
    assert AuditEntry.objects.get(action="source.changed").after["interval"] == 600


def test_its_name_is_changed_in_django_admin_too(source, admin, client_of):
    client = client_of(admin)
    path = f"/admin/monitoring/source/{source.pk}/change/"
    assert client.get(path).status_code == 200
    client.post(path, {"name": "lab", "enabled": "on", "interval": "30", "timeout": "10"})
    source.refresh_from_db()
    assert source.name == "lab"


def test_through_the_api_it_is_seen_changed_and_not_polled(source, operator, token_of):
    def api(scope):
        return Client(headers={"Authorization": f"Bearer {token_of(operator, scope)}"})

    reader, writer = api("monitoring:read"), api("monitoring:write")
    seen = reader.get(f"/api/sources/{source.pk}/").json()
    assert (seen["kind"], seen["status"]) == ("push_influxdb", "ok")
    sent = reader.get(f"/api/sources/{source.pk}/sender/").json()
    assert (sent["samples"], sent["refused"], sent["examples"]) == (1200, {}, [])
    assert writer.patch(f"/api/sources/{source.pk}/", {"interval": 90}, content_type="application/json").status_code == 200
    assert writer.patch(f"/api/sources/{source.pk}/", {"config": {"a": 1}}, content_type="application/json").status_code == 400
    assert writer.post(f"/api/sources/{source.pk}/poll/").status_code == 409


def test_it_cannot_be_added_through_the_api(operator, token_of):
    writer = Client(headers={"Authorization": f"Bearer {token_of(operator, 'monitoring:write')}"})
    answer = writer.post("/api/sources/", {"name": "x", "kind": "push_metrics"}, content_type="application/json")
    assert (answer.status_code, "made by its first request" in answer.content.decode()) == (400, True)
    assert not Source.objects.exists()


# -- how to point a sender here --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("door", doors.DOORS)
def test_each_door_is_explained_with_this_address(door, operator, client_of, settings):
    settings.PUBLIC_URL = "https://aiops.example.org"
    page = client_of(operator).get(f"/sources/add/?kind=push_{door}").content.decode()
    assert f"https://aiops.example.org/webhooks/{door}" in page
    assert "$TOKEN" in page
    assert "{url}" not in page


def test_only_who_may_add_sources_is_told(viewer, client_of):
    assert client_of(viewer).get("/sources/add/?kind=push_metrics").status_code == 403


def test_every_address_in_the_snippets_is_one_of_ours():
    for door in doors.DOORS:
        for snippet in doors.snippets(f"push_{door}", ""):
            for path in re.findall(r"/webhooks/[a-z0-9/_]+", snippet.text):
                suffix = "/api/v2/write" if "influxdb_v2" in snippet.text else "/write" if "[[outputs.influxdb]]" in snippet.text else ""
                assert resolve(path + suffix)


def test_a_push_kind_has_no_config_to_ask_for():
    assert not editing.config_form("push_metrics").fields
