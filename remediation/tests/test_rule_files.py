"""Automation rules as files, and what is checked before one is stored."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry
from remediation import rule_editing, rule_files
from remediation.models import AutomationRule, Provider, Runbook
from remediation.rule_files import RuleError
from remediation.runbook_files import UnreadableFile
from remediation.tests.cases import rule, runbook, tame

__all__ = ["tame"]
pytestmark = pytest.mark.django_db
FORM = """\
id: restart-web
match:
  failure_type: oom
  min_confidence: 0.8
  severity: [high, critical]
  service: checkout
action:
  provider: tame
  params: {service: nginx}
"""


def test_the_short_form_loads_as_is(tame: Provider) -> None:
    report = rule_editing.import_text(FORM, "test")
    assert report[:4] == (["restart-web"], [], [], [])
    made = AutomationRule.objects.get()
    assert made.action == {"provider": "tame", "verb": "restart", "params": {"service": "nginx"}}  # the only verb that takes these
    assert (made.name, made.enabled, made.dry_run, made.origin) == ("restart-web", True, False, "file")
    assert made.match["min_confidence"] == 0.8


def test_a_file_of_several_and_the_way_back(tame: Provider) -> None:
    runbook()
    text = f"rules:\n- id: a\n  match: {{alertname: DiskFull}}\n  runbook: sweep\n  cooldown: 5m\n- {FORM.replace(chr(10), chr(10) + '  ')}"
    assert rule_editing.import_text(text, "test").added == ["a", "restart-web"]
    again = rule_files.dump(AutomationRule.objects.order_by("position"))
    assert rule_editing.import_text(again, "test")[:3] == ([], [], ["a", "restart-web"])
    assert AutomationRule.objects.get(key="a").guards == {"cooldown": "5m"}


def test_one_that_cannot_be_used_keeps_no_other_out(tame: Provider) -> None:
    report = rule_editing.import_text(
        f"- {FORM.replace(chr(10), chr(10) + '  ')}\n- id: b\n  match: {{}}\n  runbook: x\n- id: c\n  match: {{a: b}}\n  runbook: x\n",
        "test",
    )
    assert report.added == ["restart-web"]
    assert [(one.runbook, one.text) for one in report.refused] == [
        ("b", "A rule says which alerts it is for."), ("c", "There is no runbook x."),
    ]  # fmt: skip
    assert report.refused[0].line > 8


def test_only_saying_changes_nothing(tame: Provider) -> None:
    assert rule_editing.import_text(FORM, "test", only_say=True).added == ["restart-web"]
    assert not AutomationRule.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "text", ["", "a: [", "- 3\n- {", "&a [*a]", "x" * 300_001], ids=["empty", "broken", "broken later", "itself", "large"]
)
def test_what_is_no_file_is_said_so(text: str) -> None:
    with pytest.raises(UnreadableFile):
        rule_files.load(text)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"colour": 1}, "colour"), ({"id": "a b"}, "id"), ({"enabled": "yes"}, "enabled"), ({"position": -1}, "position"),
        ({"match": {"severity": "odd"}}, "match.severity"), ({"guards": {"cooldown": "x"}}, "guards.cooldown"),
        ({"name": "x" * 201}, "name"),
        ({"action": {}}, "runbook"), ({"runbook": "sweep"}, "action"), ({"action": {"provider": "tame", "colour": 1}}, "action.colour"),
        ({"action": {"verb": "x"}}, "action.provider"), ({"action": {"provider": "t", "params": {"a": ["{{ x"]}}}, "action.params.a[0]"),
        ({"action": {"provider": "t", "params": {"a": "{{ settings.SECRET }}"}}}, "action.params.a"),
        ({"action": {"provider": "t", "timeout": -1}}, "action.timeout"), ({"action": 3}, "action"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_with_a_rule_has_a_place_and_a_sentence(change: dict[str, Any], place: str) -> None:
    raw = {"id": "a", "match": {"alertname": "X"}, "action": {"provider": "tame", "params": {}}}
    with pytest.raises(RuleError) as told:
        rule_files.parse({**raw, **change})
    assert (told.value.place, told.value.sentence[-1]) == (place, ".")


@pytest.mark.parametrize(
    ("action", "place"),
    [
        ({"provider": "nobody"}, "action.provider"), ({"provider": "tame", "verb": "dance"}, "action.verb"),
        ({"provider": "tame"}, "action.verb"),
        ({"provider": "tame", "verb": "sweep", "params": {"colour": 1}}, "action.params"),
    ],
    ids=str,
)  # fmt: skip
def test_an_action_is_checked_against_its_provider(tame: Provider, action: dict[str, Any], place: str) -> None:
    with pytest.raises(RuleError) as told:
        rule_editing.complete(action)
    assert told.value.place == place


def test_parameters_are_checked_against_the_runbook(tame: Provider) -> None:
    runbook()
    with pytest.raises(RuleError, match="The runbook has no parameter colour; it has path"):
        rule_editing.save(rule_files.parse({"id": "a", "match": {"x": "y"}, "runbook": "sweep", "parameters": {"colour": 1}}), "test")


def test_every_change_is_an_entry_of_the_audit_trail(tame: Provider) -> None:
    spec = rule_files.parse({"id": "a", "match": {"x": "y"}, "action": {"provider": "tame", "verb": "erase"}})
    made = rule_editing.save(spec, "test")
    rule_editing.save(spec, "test")  # nothing changed
    rule_editing.switch([made.pk], "test", enabled=False)
    rule_editing.reset_breaker(made, "test")
    rule_editing.delete(made, "test")
    wanted = ["automation_rule.added", "automation_rule.changed", "automation_rule.breaker_reset", "automation_rule.deleted"]
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == wanted
    assert AuditEntry.objects.get(action="automation_rule.changed").after == {"enabled": False}


def test_rules_are_moved_by_one_place() -> None:
    first, second = rule("a", position=1, action={"x": 1}), rule("b", position=1, action={"x": 1})
    assert rule_editing.move(second, True, "test")
    assert list(AutomationRule.objects.values_list("key", flat=True)) == ["b", "a"]
    assert not rule_editing.move(AutomationRule.objects.get(pk=first.pk), False, "test")


def test_the_command_imports_and_says_what_it_did(tame: Provider, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text(FORM)
    bad.write_text("a: [")
    call_command("import_automation", str(good), "--check")
    assert not AutomationRule.objects.exists()
    with pytest.raises(CommandError, match="1 of 2 files"):
        call_command("import_automation", str(good), str(bad))
    assert AutomationRule.objects.get().origin == Runbook.Origin.FILE
    assert "1 rules used, 0 not, from 1 files" in capsys.readouterr().out
