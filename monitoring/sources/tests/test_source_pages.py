"""Who sees and changes sources, and what the pages say in every state."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from monitoring.inventory.models import Resource
from monitoring.sources import tasks
from monitoring.sources.models import Source

pytestmark = pytest.mark.django_db
FORM = {
    "name": "switch",
    "enabled": "on",
    "interval": "30",
    "timeout": "2",
    "config-target": "sw-1",
    "config-port": "",
    "config-password": "",
}


@pytest.fixture
def sent(monkeypatch):
    asked = []
    monkeypatch.setattr(tasks.poll_source, "apply_async", lambda args, **options: asked.append(args))
    return asked


def entry_of(action):
    return AuditEntry.objects.get(action__startswith=action)


def pages(pk):
    return ["/sources/", f"/sources/{pk}/"]


def changes(pk):
    return [
        ("get", f"/sources/{pk}/edit/"),
        ("get", "/sources/add/"),
        *(("post", f"/sources/{pk}/{verb}/") for verb in ("enable", "disable", "poll", "reset")),
    ]


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_sees_sources(role, source, request, client_of):
    client = client_of(request.getfixturevalue(role))
    for path in pages(source.pk):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "switch" in answer.content.decode()


def test_a_stranger_is_sent_to_sign_in(source, stranger, client_of):
    client = client_of(stranger)
    for method, path in [("get", path) for path in pages(source.pk)] + changes(source.pk):
        answer = getattr(client, method)(path)
        assert answer.status_code == 302, path
        assert "login" in answer["Location"]


def test_a_viewer_changes_nothing_and_sees_no_buttons_for_it(source, viewer, client_of):
    client = client_of(viewer)
    for method, path in changes(source.pk):
        assert getattr(client, method)(path).status_code == 403, path
    assert "Poll now" not in client.get("/sources/").content.decode()
    assert "Edit" not in client.get(f"/sources/{source.pk}/").content.decode()


@pytest.mark.parametrize("role", ["operator", "admin"])
def test_an_operator_disables_and_enables_and_it_is_audited(role, source, request, client_of):
    client = client_of(request.getfixturevalue(role))
    Source.objects.update(failures=9, broken_until=timezone.now() + timedelta(hours=1))
    assert client.post(f"/sources/{source.pk}/disable/").status_code == 302
    source.refresh_from_db()
    assert not source.enabled
    client.post(f"/sources/{source.pk}/disable/")
    client.post(f"/sources/{source.pk}/enable/", {"back": "list"})
    source.refresh_from_db()
    assert (source.enabled, source.failures, source.broken_until) == (True, 0, None)
    assert list(AuditEntry.objects.filter(action__startswith="source.").order_by("id").values_list("action", flat=True)) == [
        "source.disabled",
        "source.enabled",
    ]


def test_poll_now_claims_and_sends_one_task(source, operator, sent, client_of, django_capture_on_commit_callbacks):
    client = client_of(operator)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"/sources/{source.pk}/poll/", follow=True)
    assert "switch is being polled." in answer.content.decode()
    source.refresh_from_db()
    assert sent == [(source.pk, source.lease)]
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"/sources/{source.pk}/poll/", follow=True)
    assert "being polled at this moment" in answer.content.decode()
    assert len(sent) == 1
    assert AuditEntry.objects.filter(action="source.polled_now").count() == 1


def test_a_disabled_source_is_not_polled_now(source, operator, sent, client_of):
    Source.objects.update(enabled=False)
    answer = client_of(operator).post(f"/sources/{source.pk}/poll/", follow=True)
    assert "disabled and not polled" in answer.content.decode()
    assert sent == []


def test_the_circuit_is_reset(source, operator, client_of):
    Source.objects.update(failures=5, broken_until=timezone.now() + timedelta(minutes=1), last_error="no answer from 192.0.2.1")
    client = client_of(operator)
    page = client.get(f"/sources/{source.pk}/").content.decode()
    assert "Circuit open after 5 failures" in page
    assert "No answer from 192.0.2.1" in page
    client.post(f"/sources/{source.pk}/reset/")
    source.refresh_from_db()
    assert (source.failures, source.broken_until) == (0, None)
    assert entry_of("source.").before == {"failures": 5}


# -- form ----------------------------------------------------------------------------------------------------------------
def test_the_form_asks_what_the_kind_declares_and_never_shows_the_secret(source, operator, client_of):
    page = client_of(operator).get(f"/sources/{source.pk}/edit/").content.decode()
    for name in ("config-target", "config-port", "config-password", "interval"):
        assert f'name="{name}"' in page
    assert "s3" not in page
    assert "Stored and not shown" in page
    assert 'type="password"' in page


def test_an_empty_secret_keeps_the_stored_one(source, operator, client_of):
    answer = client_of(operator).post(f"/sources/{source.pk}/edit/", {**FORM, "interval": "60", "config-port": "161"})
    assert answer.status_code == 302
    source.refresh_from_db()
    assert (source.interval, source.config, source.secrets) == (60, {"target": "sw-1", "port": 161}, {"password": "s3"})
    entry = entry_of("source.")
    assert entry.action == "source.changed"
    assert entry.after["interval"] == 60


def test_a_new_secret_is_stored_encrypted_and_audited_without_its_value(source, operator, client_of):
    client_of(operator).post(f"/sources/{source.pk}/edit/", {**FORM, "config-password": "brand-new"})
    source.refresh_from_db()
    assert source.secrets == {"password": "brand-new"}
    raw = Source.objects.filter(pk=source.pk).extra(select={"raw": "secrets"}).values_list("raw", flat=True)[0]
    assert "brand-new" not in str(raw)
    entry = entry_of("source.")
    assert "brand-new" not in f"{entry.before}{entry.after}"
    assert "secrets changed" in entry.after


def test_saving_without_a_change_is_no_entry(source, operator, client_of):
    client_of(operator).post(f"/sources/{source.pk}/edit/", FORM)
    assert not AuditEntry.objects.filter(action__startswith="source.").exists()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("interval", "0", "greater than or equal to 1"),
        ("interval", "soon", "Enter a whole number"),
        ("timeout", "301", "less than or equal to 300"),
        ("name", "", "required"),
        ("config-target", "", "required"),
        ("config-port", "70000", "less than or equal to 65535"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_saved(field, value, says, source, operator, client_of):
    answer = client_of(operator).post(f"/sources/{source.pk}/edit/", {**FORM, "config-password": "brand-new", field: value})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert says in page
    assert "brand-new" not in page
    source.refresh_from_db()
    assert (source.interval, source.secrets) == (30, {"password": "s3"})


def test_a_source_of_a_kind_that_exists_is_added(operator, client_of, db):
    client = client_of(operator)
    kinds = client.get("/sources/add/").content.decode()
    assert "Fake device" in kinds
    assert "Local host" in kinds
    form = client.get("/sources/add/?kind=fake").content.decode()
    assert 'value="30"' in form
    answer = client.post("/sources/add/?kind=fake", {**FORM, "config-password": "pw"})
    added = Source.objects.get()
    assert answer["Location"] == f"/sources/{added.pk}/"
    assert (added.kind, added.secrets) == ("fake", {"password": "pw"})
    assert entry_of("source.").action == "source.added"
    assert client.post("/sources/add/?kind=fake", {**FORM, "config-password": "pw"}).status_code == 422


def test_a_required_secret_is_required_at_first(operator, client_of, db):
    answer = client_of(operator).post("/sources/add/?kind=fake", FORM)
    assert answer.status_code == 422
    assert not Source.objects.exists()


def test_a_kind_that_does_not_exist_is_not_found(operator, client_of, db):
    assert client_of(operator).get("/sources/add/?kind=telex").status_code == 404


# -- states --------------------------------------------------------------------------------------------------------------
STATES = {
    "waiting": {},
    "ok": {"last_success": timezone.now},
    "stale": {"last_success": lambda: timezone.now() - timedelta(hours=2)},
    "failing": {"failures": 2, "last_error": "no answer", "last_success": lambda: timezone.now() - timedelta(minutes=9)},
    "broken": {"failures": 6, "last_error": "no answer", "broken_until": lambda: timezone.now() + timedelta(minutes=9)},
    "disabled": {"enabled": False},
}
WORDS = {
    "waiting": "Not polled yet",
    "ok": "Healthy",
    "stale": "Stale",
    "failing": "Failing",
    "broken": "Circuit open",
    "disabled": "Disabled",
}


@pytest.fixture
def each(db):
    for status, fields in STATES.items():
        values = {name: value() if callable(value) else value for name, value in fields.items()}
        Source.objects.create(name=f"source {status}", kind="fake", interval=30, **values)


def test_the_list_says_how_each_source_is_worst_first(each, viewer, client_of):
    page = client_of(viewer).get("/sources/").content.decode()
    for word in WORDS.values():
        assert word in page
    places = [page.index(f">source {status}<") for status in ("broken", "failing", "stale", "waiting", "ok", "disabled")]
    assert places == sorted(places)


@pytest.mark.parametrize("status", STATES)
def test_each_state_has_its_page_and_its_filter(status, each, operator, client_of):
    client = client_of(operator)
    one = Source.objects.get(name=f"source {status}")
    assert one.status == status
    assert WORDS[status] in client.get(f"/sources/{one.pk}/").content.decode()
    page = client.get(f"/sources/?status={status}").content.decode()
    assert f">source {status}<" in page
    assert page.count('data-slot="main"') == 1


def test_search_finds_names_and_errors_and_says_when_there_is_none(each, viewer, client_of):
    client = client_of(viewer)
    assert client.get("/sources/?q=no+answer").content.decode().count('data-slot="main"') == 2
    assert "No source matches" in client.get("/sources/?q=xyz").content.decode()


def test_without_sources_the_page_says_what_to_do(operator, viewer, client_of):
    assert "Add source" in client_of(operator).get("/sources/").content.decode()
    assert "An operator can add a source" in client_of(viewer).get("/sources/").content.decode()


def test_htmx_gets_the_part_that_changes(source, viewer, client_of):
    client = client_of(viewer)
    for path in pages(source.pk):
        part = client.get(path, headers={"HX-Request": "true"}).content.decode()
        assert part.lstrip().startswith("<div")
        assert "<html" not in part


def test_a_source_whose_kind_is_gone_still_has_its_page(source, operator, client_of):
    Source.objects.update(kind="telex")
    client = client_of(operator)
    assert "telex" in client.get("/sources/").content.decode()
    assert client.get(f"/sources/{source.pk}/").status_code == 200
    assert client.get(f"/sources/{source.pk}/edit/").status_code == 404


def test_the_detail_shows_outcomes_and_resources(source, viewer, client_of):
    now = int(timezone.now().timestamp() * 1000)
    Source.objects.update(
        outcomes=[[now - 5000, 12.5, 300, ""], [now, 2000, 0, "no answer <b>"]], last_success=timezone.now(), last_duration_ms=2000
    )
    Resource.objects.create(kind="device", name="sw-1", source=source, health=100)
    page = client_of(viewer).get(f"/sources/{source.pk}/").content.decode()
    assert "1 of the last 2 polls failed" in page
    assert "no answer &lt;b&gt;" in page
    assert "sw-1" in page
    assert "Stored, hidden" in page
    assert "s3" not in page


def test_a_thousand_sources_come_in_pages_with_few_queries(many, viewer, client_of, django_assert_max_num_queries):
    many(1000)
    client = client_of(viewer)
    client.get("/sources/")
    with django_assert_max_num_queries(6):
        page = client.get("/sources/?page=2").content.decode()
    assert "101–200 of 1,000" in page


def test_no_page_has_inline_script_or_style(source, operator, client_of):
    for path in [*pages(source.pk), f"/sources/{source.pk}/edit/", "/sources/add/"]:
        page = client_of(operator).get(path).content.decode()
        assert "style=" not in page
        assert "<script>" not in page
        assert "onclick" not in page


def test_a_form_without_the_csrf_token_is_refused(source, operator):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    assert client.post(f"/sources/{source.pk}/disable/").status_code == 403
    source.refresh_from_db()
    assert source.enabled
