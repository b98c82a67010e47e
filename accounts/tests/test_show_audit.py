import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import audit, audit_guard, trail
from accounts.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client_of, admin):
    return client_of(admin)


@pytest.fixture
def entries(viewer, operator):
    audit.record("source.changed", target="rack 1", actor=viewer, before={"interval": 5}, after={"interval": 10}, address="10.0.0.1")
    audit.record("source.changed", target="rack 2", actor=operator, after={"name": "<b>rack</b>"})
    audit.record("thing.made", target="=cmd|' /C calc'!A0", actor=operator)


def rows(answer):
    return [entry.object_text for entry in answer.context["page"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("action=source.changed", ["rack 2", "rack 1"]),
        ("action=source.changed&actor=viewer", ["rack 1"]),
        ("action=source.changed&action=thing.made", ["=cmd|' /C calc'!A0", "rack 2", "rack 1"]),
        ("q=RACK+1", ["rack 1"]),
        ("q=10.0.0.1", ["rack 1"]),
        ("q=interval", ["rack 1"]),
        ("action=source.changed&range=now-1h", ["rack 2", "rack 1"]),
        ("action=source.changed&from=2001-01-01&to=2001-01-02", []),
        ("action=nothing", []),
    ],
)
def test_filters_stand_in_the_address(browser, entries, query, expected):
    assert rows(browser.get(f"/audit/?{query}")) == expected


def test_facets_count_what_the_other_filters_leave(browser, entries):
    facets = {facet["name"]: facet for facet in browser.get("/audit/?action=source.changed").context["facets"]}
    actions = {value["value"]: value["count"] for value in facets["action"]["values"]}
    assert actions["thing.made"] == 1
    assert {value["value"]: value["count"] for value in facets["actor"]["values"]} == {"viewer": 1, "operator": 1}
    assert facets["action"]["values"][0] == {"value": "source.changed", "label": "source.changed", "count": 2, "checked": True}


def test_nothing_found_says_what_to_do(browser):
    text = browser.get("/audit/?q=zzz").content.decode()
    assert "No entries match" in text
    assert 'value="zzz"' in text


@pytest.mark.parametrize("query", ["range=soon", "from=x", "user=me", "to=2026-01-01"])
def test_a_filter_that_makes_no_sense_is_one_sentence(browser, query):
    assert browser.get(f"/audit/?{query}").status_code == 400


def test_pages_and_their_number_of_queries_stay_the_same_however_many_entries(browser):
    for n in range(60):
        audit.record("thing.made", target=str(n))
    browser.get("/audit/")
    with CaptureQueriesContext(connection) as few:
        first = browser.get("/audit/?action=thing.made")
    assert len(first.context["page"]) == 50
    assert len(browser.get("/audit/?action=thing.made&page=2").context["page"]) == 10
    for n in range(60):
        audit.record("thing.made", target=str(n))
    with CaptureQueriesContext(connection) as many:
        browser.get("/audit/?action=thing.made")
    assert len(many) == len(few)


def test_an_entry_shows_before_and_after_side_by_side(browser, entries):
    entry = AuditEntry.objects.get(object_text="rack 1")
    answer = browser.get(f"/audit/{entry.pk}/")
    assert answer.context["changes"] == [trail.Change("interval", "5", "10")]
    assert answer.context["intact"]
    text = answer.content.decode()
    assert "{&quot;" not in text
    assert entry.hash in text


def test_what_was_recorded_is_text_never_markup(browser, entries):
    entry = AuditEntry.objects.get(object_text="rack 2")
    text = browser.get(f"/audit/{entry.pk}/").content.decode()
    assert "&lt;b&gt;rack&lt;/b&gt;" in text
    assert "<b>rack</b>" not in text


def test_nested_values_are_read_by_their_path():
    found = trail.differences({"a": {"b": [1, 2], "on": True}}, {"a": {"b": [], "on": False}, "new": None})
    assert found == [trail.Change("a.b", "1, 2", "–"), trail.Change("a.on", "yes", "no"), trail.Change("new", "–", "–")]


def test_an_entry_that_does_not_exist_is_404(browser):
    assert browser.get("/audit/999999/").status_code == 404


def test_a_forged_entry_is_shown_as_broken(browser, entries):
    entry = AuditEntry.objects.get(object_text="rack 1")
    audit_guard.remove(connection)
    AuditEntry.objects.filter(pk=entry.pk).update(actor="nobody")
    assert not browser.get(f"/audit/{entry.pk}/").context["intact"]
    text = browser.get("/audit/").content.decode()
    assert f"The chain is broken at entry {entry.pk}" in text
    audit_guard.install(connection)
    assert f"broken at entry {entry.pk}" in browser.post("/audit/verify/", follow=True).content.decode()


def test_a_trail_without_its_triggers_says_so(browser):
    audit_guard.remove(connection)
    assert "The database no longer protects the trail" in browser.get("/audit/").content.decode()


def test_verifying_the_whole_chain_keeps_its_result(browser, entries):
    answer = browser.post("/audit/verify/", follow=True)
    assert "The chain is unbroken" in answer.content.decode()
    assert browser.get("/audit/").context["whole"]["entries"] == AuditEntry.objects.count()


# -- CSV -----------------------------------------------------------------------------------------------------------------
def test_csv_holds_what_the_filters_leave_and_no_formula(browser, entries):
    answer = browser.get("/audit/export.csv?actor=operator")
    assert answer.streaming
    assert answer["Content-Type"].startswith("text/csv")
    head, *lines = csv.reader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert head == list(trail.COLUMNS)
    assert [line[6] for line in lines] == ["'=cmd|' /C calc'!A0", "rack 2"]
    assert lines[1][8] == '{"name":"<b>rack</b>"}'
    assert AuditEntry.objects.get(action="audit.exported").after["filters"]["actor"] == ["operator"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_begins_like_a_formula(start):
    entry = AuditEntry(object_text=f"{start}1+1")
    assert trail._cell(entry, "object_text") == f"'{start}1+1"


# -- the command ---------------------------------------------------------------------------------------------------------
def test_the_command_says_unbroken_and_gives_the_newest_hash(entries, capsys):
    from django.core.management import call_command

    call_command("audit", "verify", "--contains", AuditEntry.objects.first().hash)
    newest = AuditEntry.objects.order_by("-id").first()
    assert capsys.readouterr().out == f"unbroken: {AuditEntry.objects.count()} entries, newest {newest.hash}\n"


def run_audit(*arguments):
    from django.core.management import CommandError, call_command

    with pytest.raises(CommandError) as refused:
        call_command("audit", "verify", *arguments)
    assert refused.value.returncode == 1
    return str(refused.value)


def test_the_command_names_the_first_broken_link(entries):
    entry = AuditEntry.objects.get(object_text="rack 1")
    audit_guard.remove(connection)
    AuditEntry.objects.filter(pk=entry.pk).update(time=entry.time + timedelta(seconds=1))
    assert run_audit().startswith(f"broken at entry {entry.pk} (")


def test_the_command_finds_a_cut_off_end_by_a_noted_hash(entries):
    newest = AuditEntry.objects.order_by("-id").first()
    audit_guard.remove(connection)
    AuditEntry.objects.filter(pk=newest.pk).delete()
    assert "were cut off" in run_audit("--contains", newest.hash)
    assert "no longer protects" in run_audit()


# -- the platform's own health -------------------------------------------------------------------------------------------
def test_health_fails_with_the_trail(entries):
    from accounts.trail_health import check

    healthy = check()
    assert healthy.status == "ok"
    assert 0 <= healthy.age_seconds < 60
    audit_guard.remove(connection)
    assert "no longer protects" in check().detail
    AuditEntry.objects.filter(object_text="rack 2").update(actor="nobody")
    audit_guard.install(connection)
    assert (check().status, "is broken at entry" in check().detail) == ("failed", True)
