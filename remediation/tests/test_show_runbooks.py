"""Pages of runbooks, by whom they can be seen and what each of them does."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import AuditEntry
from monitoring.alerts.models import Alert
from monitoring.inventory.models import Resource
from remediation import runbook_packs, versions
from remediation.models import Execution, Provider, Runbook, RunbookVersion
from remediation.runbook_files import dump_one, load
from remediation.spec import parse

pytestmark = pytest.mark.django_db
TEXT = "id: mine\nname: Mine\nsteps:\n  - {id: a, wait: 1s}\n"


@pytest.fixture
def mine(operator):
    return versions.add(load(TEXT).specs[0], operator, comment="First")


@pytest.fixture
def alert():
    host = Resource.objects.create(kind="host", name="db-1")
    labels = {"instance": "db-1", "mountpoint": "/srv"}
    return Alert.objects.create(name="FilesystemAlmostFull", severity="high", labels=labels, fingerprint="f", state="firing", resource=host)


def page(client, name, *args, **query):
    return client.get(reverse(name, args=args), query)


# -- who -----------------------------------------------------------------------------------------------------------------
SEEN = ("runbooks", "runbooks-export", "runbook", "runbook-export")
WRITTEN = ("runbook-new", "runbook-import", "runbook-edit")
DONE = ("runbook-on", "runbook-off", "runbook-delete", "runbook-rehearse")


def where(name, runbook):
    return reverse(
        name,
        args=[runbook.pk] if (name.startswith("runbook-") and name not in ("runbook-new", "runbook-import")) or name == "runbook" else [],
    )


@pytest.mark.parametrize("name", SEEN)
def test_a_viewer_sees_and_a_stranger_signs_in_first(name, mine, viewer, stranger, client_of):
    assert client_of(viewer).get(where(name, mine)).status_code == 200
    answer = client_of(stranger).get(where(name, mine))
    assert (answer.status_code, answer.url.startswith("/accounts/login")) == (302, True)


@pytest.mark.parametrize("name", WRITTEN)
def test_an_operator_an_approver_and_an_admin_write_a_viewer_does_not(name, mine, viewer, operator, approver, admin, client_of):
    for person in (operator, approver, admin):
        assert client_of(person).get(where(name, mine)).status_code == 200
    assert client_of(viewer).get(where(name, mine)).status_code == 403
    assert client_of(viewer).post(where(name, mine), {"text": TEXT}).status_code == 403


@pytest.mark.parametrize("name", DONE)
def test_a_viewer_and_a_stranger_change_nothing(name, mine, viewer, stranger, client_of):
    assert client_of(viewer).post(where(name, mine)).status_code == 403
    assert client_of(stranger).post(where(name, mine)).status_code == 302
    mine.refresh_from_db()
    assert (mine.enabled, Execution.objects.count()) == (True, 0)


def test_a_viewer_is_offered_nothing_that_is_refused(mine, viewer, client_of):
    text = page(client_of(viewer), "runbook", mine.pk).content.decode()
    assert reverse("runbook-edit", args=[mine.pk]) not in text
    assert reverse("runbook-off", args=[mine.pk]) not in text
    assert reverse("runbook-new") not in page(client_of(viewer), "runbooks").content.decode()


def test_runbooks_are_found_by_the_palette_and_their_views_are_kept(viewer, operator):
    from monitoring.dashboards import kept_pages, palette

    offered = lambda person: {item["label"] for group in palette.search(person, "runbook", False) for item in group["items"]}  # noqa: E731
    assert offered(operator) >= {"Runbooks", "New runbook"}
    assert "New runbook" not in offered(viewer)
    assert kept_pages.title("runbooks") == "Runbooks"


# -- the list ------------------------------------------------------------------------------------------------------------
def test_the_list_says_what_each_is_and_how_often_it_helped(mine, viewer, client_of):
    runbook_packs.install()
    Execution.objects.create(title="x", runbook=mine, target="t", target_key="t", state="succeeded", verification="held")
    answer = page(client_of(viewer), "runbooks")
    text = answer.content.decode()
    assert "Disk clean-up" in text
    assert "1 of 1 verified" in text
    assert "never ran" in text


def test_an_empty_list_says_what_comes_next(operator, viewer, client_of):
    assert "New runbook" in page(client_of(operator), "runbooks").content.decode()
    assert "Operators can write one" in page(client_of(viewer), "runbooks").content.decode()


def test_filters_search_and_order_are_in_the_address(operator, client_of):
    runbook_packs.install()
    client = client_of(operator)
    names = lambda **query: [row.runbook.key for row in page(client, "runbooks", **query).context["page"].object_list]  # noqa: E731
    assert names(provider="oci") == ["vm-soft-reset"]
    assert set(names(risk="high")) == {"process-kill", "vm-soft-reset"}
    assert names(q="logrotate") == ["log-rotation"]
    assert names(tag="ticket", sort="-name") == ["open-ticket", "open-incident"]
    assert names(outcome="helps") == []
    assert "No runbook matches" in page(client, "runbooks", q="nothing at all").content.decode()


def test_facets_count_what_they_would_show(operator, client_of):
    runbook_packs.install()
    facets = {one.name: {value.value: value.count for value in one.all} for one in page(client_of(operator), "runbooks").context["facets"]}
    assert facets["risk"] == {"low": 4, "medium": 5, "high": 2}
    assert facets["provider"]["kubernetes"] == 4
    facets = {
        one.name: {value.value: value.count for value in one.all}
        for one in page(client_of(operator), "runbooks", risk="high").context["facets"]
    }
    assert facets["risk"] == {"high": 2, "low": 4, "medium": 5}
    assert facets["provider"] == {"command": 1, "oci": 1}


@pytest.mark.parametrize("query", [{"sort": "colour"}, {"q": "x" * 201}, {"q": "a\0b"}], ids=["order", "long", "nul"])
def test_a_list_that_cannot_be_asked_for_is_refused(query, viewer, client_of):
    assert page(client_of(viewer), "runbooks", **query).status_code == 400


def test_the_list_takes_as_many_statements_for_many_as_for_one(operator, client_of, django_assert_max_num_queries):
    versions.add(load(TEXT).specs[0], operator)
    client = client_of(operator)
    page(client, "runbooks")
    runbook_packs.install()
    with django_assert_max_num_queries(20):
        page(client, "runbooks")


def test_one_that_this_release_cannot_read_is_shown_as_that(mine, operator, client_of):
    RunbookVersion.objects.filter(pk=mine.current_id).update(spec={"name": "Mine", "steps": [{"teleport": "1s"}]})
    client = client_of(operator)
    assert "cannot be read" in page(client, "runbooks").content.decode()
    for tab in ("steps", "versions", "runs", "yaml"):
        assert page(client, "runbook", mine.pk, tab=tab).status_code == 200
    assert "This release cannot read it" in page(client, "runbook", mine.pk).content.decode()
    assert page(client, "runbook-edit", mine.pk).status_code == 200


# -- one -----------------------------------------------------------------------------------------------------------------
def test_a_runbook_says_what_it_does_how_it_is_proved_and_undone(operator, alert, client_of):
    runbook_packs.install()
    text = page(client_of(operator), "runbook", Runbook.objects.get(key="node-cordon").pk).content.decode()
    for said in (
        "kubernetes cordon",
        "taken back by kubernetes uncordon",
        "Nothing new is scheduled there, within 5m",
        "FilesystemAlmostFull on db-1",
    ):
        assert said in text
    assert "What can be taken back is taken back" in text
    text = page(client_of(operator), "runbook", Runbook.objects.get(key="disk-clean-up").pk).content.decode()
    assert "Nothing of it can be taken back" in text


def test_every_shipped_runbook_has_a_page(operator, client_of):
    runbook_packs.install()
    client = client_of(operator)
    for one in Runbook.objects.all():
        assert page(client, "runbook", one.pk).status_code == 200


def test_what_a_label_or_a_name_says_is_only_text(operator, client_of):
    evil = "<script>alert(1)</script>"
    one = versions.add(
        parse({"id": "e", "name": evil, "description": evil, "steps": [{"id": "a", "title": evil, "notify": evil}]}), operator
    )
    for tab in ("steps", "versions", "runs", "yaml"):
        assert evil not in page(client_of(operator), "runbook", one.pk, tab=tab).content.decode()


def test_versions_are_compared(mine, operator, client_of):
    versions.save(mine, parse({**mine.current.spec, "risk": "high"}), operator, "Riskier")
    versions.save(mine, parse({**mine.current.spec, "name": "Yours"}), operator)
    client = client_of(operator)
    answer = page(client, "runbook", mine.pk, tab="versions")
    assert [str(one) for one in answer.context["changes"]] == ["name: Mine → Yours"]
    answer = page(client, "runbook", mine.pk, tab="versions", **{"from": 1, "to": 3})
    assert [str(one) for one in answer.context["changes"]] == ["name: Mine → Yours", "risk: nothing → high"]
    assert page(client, "runbook", mine.pk, tab="versions", to=9).status_code == 404
    assert page(client, "runbook", mine.pk, tab="versions", to="x").status_code == 400
    assert page(client, "runbook", mine.pk, tab="colours").status_code == 400


def test_an_old_version_is_restored(mine, operator, client_of):
    versions.save(mine, parse({**mine.current.spec, "risk": "high"}), operator)
    client_of(operator).post(reverse("runbook-restore", args=[mine.pk, 1]))
    mine.refresh_from_db()
    assert (mine.current.number, mine.current.comment, "risk" in mine.current.spec) == (3, "As version 1", False)


def test_it_is_switched_off_and_on_again_and_deleted(mine, operator, client_of):
    client = client_of(operator)
    client.post(reverse("runbook-off", args=[mine.pk]))
    mine.refresh_from_db()
    assert not mine.enabled
    client.post(reverse("runbook-on", args=[mine.pk]))
    client.post(reverse("runbook-delete", args=[mine.pk]))
    assert not Runbook.objects.exists()
    actions = set(AuditEntry.objects.filter(actor=operator.name).values_list("action", flat=True))
    assert {"runbook.disabled", "runbook.enabled", "runbook.deleted"} <= actions


def test_a_shipped_one_says_why_it_stays(operator, client_of):
    runbook_packs.install()
    answer = client_of(operator).post(reverse("runbook-delete", args=[Runbook.objects.first().pk]), follow=True)
    assert "cannot be deleted; switch it off" in answer.content.decode()


def test_it_is_rehearsed_with_an_alert(operator, alert, client_of):
    Provider.objects.create(name="Here", kind="command", config={})
    runbook_packs.install()
    one = Runbook.objects.get(key="disk-clean-up")
    answer = client_of(operator).post(reverse("runbook-rehearse", args=[one.pk]), {"alert": alert.pk})
    case = Execution.objects.get()
    assert (case.dry_run, case.runbook, case.alert, case.requested_by) == (True, one, alert, operator)
    assert answer.url == reverse("execution", args=[case.pk])


def test_what_cannot_be_rehearsed_says_why(operator, alert, client_of):
    runbook_packs.install()
    one = Runbook.objects.get(key="scale-out")
    answer = client_of(operator).post(reverse("runbook-rehearse", args=[one.pk]), {"alert": alert.pk}, follow=True)
    assert "It cannot be rehearsed with FilesystemAlmostFull" in answer.content.decode()
    assert client_of(operator).post(reverse("runbook-rehearse", args=[one.pk]), {"alert": "x"}).status_code == 400
    assert client_of(operator).post(reverse("runbook-rehearse", args=[one.pk]), {"alert": alert.pk + 9}).status_code == 404


# -- the editor ----------------------------------------------------------------------------------------------------------
def test_a_runbook_is_written(operator, client_of):
    client = client_of(operator)
    assert "my-runbook" in page(client, "runbook-new").content.decode()
    answer = client.post(reverse("runbook-new"), {"text": TEXT, "comment": "Mine"})
    one = Runbook.objects.get(key="mine")
    assert answer.url == reverse("runbook", args=[one.pk])
    assert (one.current.comment, one.current.user) == ("Mine", operator)
    assert "There is a runbook mine already" in client.post(reverse("runbook-new"), {"text": TEXT}).content.decode()


def test_what_is_shipped_is_copied(operator, client_of):
    runbook_packs.install()
    text = page(client_of(operator), "runbook-new", copy="disk-clean-up").context["typed"].text
    assert load(text).specs[0].id == "disk-clean-up-copy"
    assert page(client_of(operator), "runbook-new", copy="nothing").context["typed"].text.startswith("id: my-runbook")


def test_what_is_wrong_is_said_by_line_and_nothing_is_saved(mine, operator, client_of):
    answer = client_of(operator).post(reverse("runbook-edit", args=[mine.pk]), {"text": TEXT.replace("1s", "soon"), "version": 1})
    assert answer.status_code == 422
    assert [(one.line, one.place) for one in answer.context["typed"].marks] == [(4, "steps[0].wait")]
    assert mine.versions.count() == 1


def test_a_save_is_a_version_and_one_that_changes_nothing_is_none(mine, operator, client_of):
    client = client_of(operator)
    client.post(reverse("runbook-edit", args=[mine.pk]), {"text": TEXT.replace("1s", "2s"), "version": 1, "comment": "Slower"})
    client.post(reverse("runbook-edit", args=[mine.pk]), {"text": TEXT.replace("1s", "2s"), "version": 2})
    assert list(mine.versions.values_list("number", "comment")) == [(2, "Slower"), (1, "First")]


def test_who_saved_meanwhile_is_not_overwritten_unseen(mine, operator, admin, client_of):
    versions.save(mine, parse({**mine.current.spec, "risk": "high"}), admin)
    answer = client_of(operator).post(reverse("runbook-edit", args=[mine.pk]), {"text": TEXT.replace("1s", "2s"), "version": 1})
    assert answer.status_code == 409
    assert "admin saved version 2 meanwhile" in answer.content.decode()
    assert [line.text.strip() for line in answer.context["diff"] if line.kind in "+-"] != []
    assert (
        client_of(operator).post(reverse("runbook-edit", args=[mine.pk]), {"text": TEXT.replace("1s", "2s"), "version": 2}).status_code
        == 302
    )


def test_errors_of_lint_keep_it_from_being_saved_unless_that_is_meant(operator, client_of):
    text = "id: odd\nname: Odd\nsteps:\n  - action: {provider: command, verb: teleport}\n"
    client = client_of(operator)
    assert client.post(reverse("runbook-new"), {"text": text}).status_code == 422
    assert client.post(reverse("runbook-new"), {"text": text, "anyway": "1"}).status_code == 302


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a: [", 1, "not YAML"),
        ("", 0, "holds no runbooks"),
        (f"{TEXT}---\n{TEXT.replace('mine', 'other')}", 1, "One runbook is written here"),
        (TEXT.replace("id: mine", "id: other"), 1, "The id stays mine"),
        ("x" * 100_001, 0, "at most 100,000"),
        (TEXT + "success:\n  - 'up{'\n", 6, "the query cannot be read"),
    ],
    ids=["broken", "empty", "two", "renamed", "long", "query"],
)
def test_the_editor_is_told_as_it_is_typed(text, line, why, mine, viewer, client_of):
    found = client_of(viewer).post(reverse("runbook-check"), {"text": text, "key": "mine"}).json()["marks"]
    assert (found[0]["line"], found[0]["level"]) == (line, "error")
    assert why in found[0]["text"]


def test_a_plan_is_drawn_for_an_alert_without_asking_anything(viewer, alert, client_of):
    one = next(spec for spec in runbook_packs.shipped() if spec.id == "disk-clean-up")
    answer = client_of(viewer).post(reverse("runbook-preview"), {"text": dump_one(one.raw), "alert": alert.pk})
    text = answer.content.decode()
    assert "Disk clean-up on db-1" in text
    assert "Delete old files in /srv" in text
    assert "mountpoint=&quot;/srv&quot;" in text
    assert Execution.objects.count() == 0
    without = client_of(viewer).post(reverse("runbook-preview"), {"text": dump_one(one.raw)}).content.decode()
    assert "Directory has to be given." in without


def test_strangers_are_not_told_what_is_wrong(stranger, client_of):
    assert client_of(stranger).post(reverse("runbook-check"), {"text": "x"}).status_code == 302
    assert client_of(stranger).post(reverse("runbook-preview"), {"text": "x"}).status_code == 302


# -- files ---------------------------------------------------------------------------------------------------------------
def test_a_file_is_looked_at_first_and_then_imported(operator, client_of):
    client = client_of(operator)
    looked = client.post(reverse("runbook-import"), {"text": TEXT + "---\nid: b\nname: B\n", "file": "mine.yml"})
    assert (looked.context["told"].added, Runbook.objects.count()) == (["mine"], 0)
    assert "a runbook needs at least one step" in looked.content.decode()
    upload = SimpleUploadedFile("up.yml", TEXT.encode(), "application/yaml")
    assert client.post(reverse("runbook-import"), {"upload": upload, "apply": "1"}).url == reverse("runbooks")
    assert Runbook.objects.get().current.comment == "From up.yml"
    assert client.post(reverse("runbook-import"), {"text": "a: ["}).status_code == 422


def test_what_is_exported_is_what_the_list_shows(operator, client_of):
    runbook_packs.install()
    answer = page(client_of(operator), "runbooks-export", risk="high")
    assert {one.id for one in load(answer.content.decode()).specs} == {"process-kill", "vm-soft-reset"}
    assert "runbooks.yml" in answer["Content-Disposition"]
    answer = page(client_of(operator), "runbook-export", Runbook.objects.get(key="scale-out").pk)
    assert load(answer.content.decode()).specs[0].id == "scale-out"
