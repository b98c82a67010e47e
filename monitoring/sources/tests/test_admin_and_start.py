"""Django admin, the machine's own source at start, leases of a process that ended, health of all sources."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from monitoring.inventory.models import Resource
from monitoring.sources import receivers, self_check
from monitoring.sources.models import Source

pytestmark = pytest.mark.django_db


# -- Django admin --------------------------------------------------------------------------------------------------------
def form(**fields):
    usual = {"name": "switch", "enabled": "on", "interval": "30", "timeout": "2"}
    return usual | {"config_target": "sw-1", "config_port": "", "config_password": ""} | fields


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_admins_enter(role, source, request, client_of):
    client = client_of(request.getfixturevalue(role))
    assert client.get("/admin/monitoring/source/").status_code in (302, 403)


def test_the_secret_is_never_shown_and_blank_keeps_it(source, admin, client_of):
    client = client_of(admin)
    path = f"/admin/monitoring/source/{source.pk}/change/"
    page = client.get(path).content.decode()
    assert "s3" not in page
    assert 'name="config_password"' in page
    assert 'value="sw-1"' in page
    assert client.post(path, form(interval="45", config_port="161")).status_code == 302
    source.refresh_from_db()
    assert (source.interval, source.config, source.secrets) == (45, {"target": "sw-1", "port": 161}, {"password": "s3"})
    entry = AuditEntry.objects.filter(action__startswith="source.").latest("id")
    assert "s3" not in f"{entry.before}{entry.after}"


def test_a_new_secret_is_taken(source, admin, client_of):
    client_of(admin).post(f"/admin/monitoring/source/{source.pk}/change/", form(config_password="new"))
    source.refresh_from_db()
    assert source.secrets == {"password": "new"}
    assert not [entry for entry in AuditEntry.objects.all() if '"new"' in f"{entry.before}{entry.after}".replace("'", '"')]


def test_the_plugins_own_checks_hold(source, admin, client_of):
    answer = client_of(admin).post(f"/admin/monitoring/source/{source.pk}/change/", form(config_port="70000"))
    assert answer.status_code == 200
    assert "65535" in answer.content.decode()


def test_it_does_not_touch_what_a_poll_writes_meanwhile(source, admin, client_of):
    Source.objects.update(lease="under way", leased_until=timezone.now() + timedelta(minutes=1), last_samples=7)
    client_of(admin).post(f"/admin/monitoring/source/{source.pk}/change/", form())
    source.refresh_from_db()
    assert (source.lease, source.last_samples) == ("under way", 7)


def test_adding_leads_to_the_page_that_asks_for_the_kind(admin, client_of):
    answer = client_of(admin).get("/admin/monitoring/source/add/")
    assert answer["Location"] == "/sources/add/"


def test_resources_are_for_reading_and_deleting(admin, client_of):
    row = Resource.objects.create(kind="host", name="db-1", said={"1": {"labels": {}, "facts": {}, "at": 0}})
    client = client_of(admin)
    assert client.get("/admin/monitoring/resource/").status_code == 200
    page = client.get(f"/admin/monitoring/resource/{row.pk}/change/")
    assert page.status_code == 200
    assert "_save" not in page.content.decode()
    assert client.post(f"/admin/monitoring/resource/{row.pk}/change/", {"name": "x"}).status_code == 403
    assert client.get("/admin/monitoring/resource/add/").status_code == 403
    assert client.post(f"/admin/monitoring/resource/{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Resource.objects.exists()


# -- start ---------------------------------------------------------------------------------------------------------------
@pytest.fixture
def migrated(settings):
    from django.apps import apps

    def run(on=True):
        settings.LOCAL_HOST_SOURCE = on
        receivers.on_migrated(sender=apps.get_app_config("monitoring"))

    return run


def test_this_machine_is_a_source_once(migrated):
    migrated()
    migrated()
    found = Source.objects.get()
    assert (found.name, found.kind, found.interval, found.enabled) == ("This machine", "local_host", 5, True)


def test_what_the_admin_changed_stays(migrated):
    migrated()
    Source.objects.update(name="Laptop", enabled=False, interval=60)
    migrated()
    found = Source.objects.get()
    assert (found.name, found.enabled, found.interval) == ("Laptop", False, 60)


def test_a_setting_turns_it_off(migrated):
    migrated(on=False)
    assert not Source.objects.exists()


def test_another_source_with_the_same_name_is_left_alone(migrated, source):
    Source.objects.update(name="This machine")
    migrated()
    assert Source.objects.get().kind == "fake"


def test_polls_of_the_process_that_ended_are_taken_up_again(source):
    Source.objects.update(lease="dead", leased_until=timezone.now() + timedelta(hours=1))
    assert receivers.free_leases() == 1
    source.refresh_from_db()
    assert (source.lease, source.leased_until) == ("", None)


# -- health of all sources -----------------------------------------------------------------------------------------------
def make(name, **fields):
    return Source.objects.create(name=name, kind="fake", **fields)


def test_all_well():
    make("a", last_success=timezone.now())
    health = self_check.check()
    assert (health.status, health.detail) == ("ok", "1 polled")
    assert health.age_seconds < 5


def test_some_without_data_and_all_without_data():
    make("a", last_success=timezone.now())
    make("b", failures=3)
    assert (self_check.check().status, self_check.check().detail) == ("degraded", "1 of 2 without data: b")
    Source.objects.update(failures=3)
    assert self_check.check().status == "failed"


def test_disabled_ones_do_not_count():
    make("a", failures=9, enabled=False)
    assert (self_check.check().status, self_check.check().detail) == ("ok", "no source is enabled")


def test_new_ones_wait():
    make("a")
    assert self_check.check().detail == "1 of 1 not polled yet"
