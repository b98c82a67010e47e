"""Versions, packs and files: nothing that ran is changed, nothing that was edited is overwritten."""

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from accounts.models import AuditEntry
from remediation import runbook_importing, runbook_packs, versions
from remediation.models import AutomationRule, Execution, Runbook, RunbookVersion
from remediation.runbook_files import dump, load
from remediation.spec import parse
from remediation.versions import Refused

pytestmark = pytest.mark.django_db


def spec(name="A runbook", key="a-runbook", **given):
    return parse({"id": key, "name": name, "steps": [{"wait": "1s"}], **given})


def test_a_change_is_a_new_version_and_the_old_one_stays(operator):
    runbook = versions.add(spec(), operator, comment="First")
    versions.save(runbook, spec("Another name", risk="high"), operator, "Riskier")
    runbook.refresh_from_db()
    assert (runbook.name, runbook.current.number, runbook.origin) == ("Another name", 2, "ui")
    assert [(one.number, one.spec["name"], one.comment, one.user) for one in runbook.versions.order_by("number")] == [
        (1, "A runbook", "First", operator),
        (2, "Another name", "Riskier", operator),
    ]


def test_a_change_is_told_in_the_audit_trail_with_what_changed(operator):
    runbook = versions.add(spec(), operator)
    versions.save(runbook, spec(risk="high"), operator, "Riskier")
    entry = AuditEntry.objects.filter(action="runbook.changed").get()
    assert (entry.actor, entry.object_id, entry.before) == (operator.name, str(runbook.pk), {"version": 1})
    assert entry.after == {"version": 2, "comment": "Riskier", "changes": ["risk: nothing → high"]}


def test_saving_what_is_there_already_makes_no_version(operator):
    runbook = versions.add(spec(), operator)
    assert versions.save(runbook, spec(), operator).number == 1
    assert RunbookVersion.objects.count() == 1


def test_an_id_is_given_once_and_stays(operator):
    runbook = versions.add(spec(), operator)
    with pytest.raises(Refused, match="There is a runbook a-runbook already"):
        versions.add(spec(), operator)
    with pytest.raises(Refused, match="The id of a runbook stays"):
        versions.save(runbook, spec(key="other"), operator)


def test_two_versions_cannot_have_one_number(operator):
    runbook = versions.add(spec(), operator)
    with pytest.raises(IntegrityError), transaction.atomic():
        RunbookVersion.objects.create(runbook=runbook, number=1, spec={})


def test_an_old_version_comes_back_as_the_next_one(operator):
    runbook = versions.add(spec(), operator)
    versions.save(runbook, spec("Another name"), operator)
    first = runbook.versions.get(number=1)
    restored = versions.restore(first, operator)
    assert (restored.number, restored.spec, restored.comment) == (3, first.spec, "As version 1")
    with pytest.raises(Refused, match="Version 3 is the current one"):
        versions.restore(RunbookVersion.objects.select_related("runbook").get(pk=restored.pk), operator)


def test_switching_is_audited_once(operator):
    runbook = versions.add(spec(), operator)
    assert versions.switch(runbook, False, operator)
    assert not versions.switch(runbook, False, operator)
    assert AuditEntry.objects.filter(action="runbook.disabled").count() == 1


def test_what_cases_and_rules_speak_of_is_not_deleted(operator):
    runbook = versions.add(spec(), operator)
    rule = AutomationRule.objects.create(key="r", name="A rule", runbook=runbook)
    with pytest.raises(Refused, match="The rule A rule proposes it"):
        versions.delete(runbook, operator)
    rule.delete()
    case = Execution.objects.create(title="x", runbook=runbook, version=runbook.current, target="t", target_key="t")
    with pytest.raises(Refused, match="There are cases of it"):
        versions.delete(runbook, operator)
    case.delete()
    versions.delete(runbook, operator)
    assert not Runbook.objects.exists()
    assert AuditEntry.objects.filter(action="runbook.deleted").get().object_text == "A runbook"


# -- what is shipped ---------------------------------------------------------------------------------------------------
def test_what_is_shipped_is_installed_once():
    count = runbook_packs.install()
    assert count == len(runbook_packs.shipped()) == Runbook.objects.filter(origin="pack", enabled=True).count()
    assert runbook_packs.install() == 0
    assert RunbookVersion.objects.count() == count


def test_a_newer_release_changes_only_what_nobody_edited(operator, monkeypatch):
    runbook_packs.install()
    mine = Runbook.objects.get(key="disk-clean-up")
    versions.save(mine, parse({**mine.current.spec, "risk": "high"}), operator)
    versions.switch(Runbook.objects.get(key="pod-restart"), False, operator)
    newer = [parse({**one.raw, "description": "Newer"}) for one in runbook_packs.shipped()]
    monkeypatch.setattr(runbook_packs, "shipped", lambda: newer)
    assert runbook_packs.install() == len(newer) - 1
    assert Runbook.objects.get(key="disk-clean-up").current.spec["risk"] == "high"
    assert not Runbook.objects.get(key="pod-restart").enabled
    assert Runbook.objects.get(key="pod-restart").description == "Newer"


def test_a_shipped_one_cannot_be_deleted(operator):
    runbook_packs.install()
    with pytest.raises(Refused, match="cannot be deleted"):
        versions.delete(Runbook.objects.first(), operator)


def test_a_runbook_of_ones_own_with_a_shipped_id_is_left_alone(operator):
    mine = versions.add(spec(key="disk-clean-up"), operator)
    runbook_packs.install()
    mine.refresh_from_db()
    assert (mine.name, mine.origin) == ("A runbook", "ui")


def test_embedded_mode_looks_at_its_start_whether_the_shipped_ones_changed(settings, tmp_path):
    settings.RUNBOOK_PACKS, settings.DATA_DIR = True, tmp_path
    assert runbook_packs.refresh()
    assert Runbook.objects.filter(key="disk-clean-up").exists()
    assert not runbook_packs.refresh()


# -- files -------------------------------------------------------------------------------------------------------------
def test_importing_adds_changes_and_leaves(operator):
    versions.add(spec("Old", "b"), operator)
    versions.add(spec("Same", "c"), operator)
    text = dump(one.raw for one in (spec("New", "a"), spec("Changed", "b"), spec("Same", "c"))) + "---\nid: d\nname: D\n"
    planned = runbook_importing.plan(text, "mine.yml")
    assert not Runbook.objects.filter(key="a").exists()
    report = runbook_importing.import_text(text, "mine.yml", operator)
    assert (report.added, report.changed, report.same) == (planned.added, planned.changed, planned.same) == (["a"], ["b"], ["c"])
    assert report.lines()[0] == "mine.yml: 1 runbooks added, 1 changed, 1 as they were, 1 not used"
    assert "a runbook needs at least one step" in report.lines()[1]
    assert Runbook.objects.get(key="a").origin == "file"


def test_the_command_imports_and_says_what_it_could_not_use(tmp_path, capsys):
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text(dump([spec().raw]), encoding="utf-8")
    bad.write_text("a: [", encoding="utf-8")
    call_command("import_runbooks", good, check=True)
    assert not Runbook.objects.exists()
    with pytest.raises(CommandError, match="1 of 2 files could not be read"):
        call_command("import_runbooks", good, bad)
    assert "1 runbooks used, 0 not, from 1 files" in capsys.readouterr().out
    assert AuditEntry.objects.filter(action="runbook.added").get().actor == "the command import_runbooks"


def test_what_is_exported_is_imported_as_it_was(tmp_path, capsys):
    runbook_packs.install()
    whole = tmp_path / "all.yml"
    call_command("export_runbooks", to=whole)
    assert runbook_importing.import_text(whole.read_text(encoding="utf-8"), "all.yml").same == sorted(
        one.id for one in runbook_packs.shipped()
    )
    capsys.readouterr()
    call_command("export_runbooks", "disk-clean-up")
    assert [one.id for one in load(capsys.readouterr().out).specs] == ["disk-clean-up"]
    with pytest.raises(CommandError, match="there is no runbook nothing"):
        call_command("export_runbooks", "nothing")
