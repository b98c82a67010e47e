"""Alerts that fire are held against the rules: each firing once, whatever crashes, and each rule that is about it says why."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from monitoring.alerts.models import Alert, AlertTransition
from remediation import decisions, matching, policy_table, receivers, rulebook, switches
from remediation.models import AutomationRule, Execution, MatchedUntil, Provider, RuleDecision, Runbook
from remediation.tests.cases import alert, engine_off, execution, host, rule, runbook, step, tame

__all__ = ["engine_off", "tame"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def begun(tame: Provider, engine_off: list[int]) -> None:
    rulebook.forget()
    policy_table.install()
    matching.cursor()


@pytest.fixture
def book() -> Runbook:
    return runbook()


def fire(one: Alert | None = None, **fields: Any) -> Alert:
    one = one or alert(**fields)
    AlertTransition.objects.create(alert=one, axis="state", before="pending", after="firing")
    return one


def said(of: AutomationRule | None = None) -> tuple[str, str]:
    rows = RuleDecision.objects.filter(rule=of) if of else RuleDecision.objects.all()
    return rows.values_list("outcome", "step").get()


def test_a_matching_rule_proposes_once(book: Runbook) -> None:
    ruled, fired = rule(book=book), fire(resource=host())
    assert matching.look() == 1
    row = Execution.objects.get()
    assert (row.rule, row.alert, row.state) == (ruled, fired, "approved")
    assert said() == ("proposed", "proposed")
    assert RuleDecision.objects.get().execution == row
    assert matching.look() == 0


def test_a_crash_before_the_cursor_moved_proposes_nothing_twice(book: Runbook) -> None:
    rule(book=book)
    fire()
    before = MatchedUntil.objects.get().transition
    matching.look()
    MatchedUntil.objects.update(transition=before)
    assert matching.look() == 0
    assert Execution.objects.count() == 1


def test_one_that_fires_again_is_looked_at_again(book: Runbook) -> None:
    rule(book=book, guards={"cooldown": 0})
    fired = fire()
    matching.look()
    Execution.objects.update(state="succeeded")
    fire(fired)
    assert matching.look() == 1
    assert RuleDecision.objects.count() == 2


def test_what_fired_before_rules_were_asked_for_the_first_time_is_left_alone(book: Runbook) -> None:
    MatchedUntil.objects.all().delete()
    rule(book=book)
    fire()
    assert matching.look() == 0


def test_what_ended_meanwhile_or_fired_long_ago_is_left_to_people(book: Runbook) -> None:
    rule(book=book)
    fire(state="resolved", resolved_at=timezone.now())
    old = fire(alert(fingerprint="old"))
    AlertTransition.objects.filter(alert=old).update(time=timezone.now() - timedelta(hours=2))
    assert matching.look() == 0
    assert not RuleDecision.objects.exists()


def test_a_rule_that_is_about_the_alert_says_why_not(book: Runbook) -> None:
    ruled = rule(book=book, match={"alertname": "DiskFull", "severity": "critical"})
    rule("other", book, {"alertname": "CpuHigh"})
    fired = fire()
    matching.look()
    assert said() == ("not_matched", "severity")  # the other is about other alerts: nothing is written
    told = {one.rule.key: (one.outcome, one.step, one.stored is not None) for one in decisions.why(fired)}
    assert told == {"clean": ("not_matched", "severity", True), "other": ("not_matched", "alertname", False)}
    assert [row.rule for row in decisions.history(ruled)] == [ruled]
    assert decisions.counts([ruled.pk], timezone.now() - timedelta(hours=1)) == {ruled.pk: {"not_matched": 1}}


def test_the_first_that_is_let_through_acts_alone(book: Runbook) -> None:
    off, first, second = rule("a", book, enabled=False), rule("b", book, position=1), rule("c", book, position=2)
    fire()
    assert matching.look() == 1
    assert [said(one) for one in (off, first, second)] == [("held", "enabled"), ("proposed", "proposed"), ("held", "first")]


def test_a_rehearsing_rule_says_what_it_would_do_and_lets_the_next_act(book: Runbook) -> None:
    rehearsing, acting = rule("a", book, dry_run=True), rule("b", book, position=1)
    fire()
    assert matching.look() == 1
    assert said(rehearsing) == ("rehearsed", "dry_run")
    told = RuleDecision.objects.get(rule=rehearsing)
    assert told.reason.startswith("It would have proposed “Sweep on db-1”. Low risk")
    assert Execution.objects.get().rule == acting


def test_what_cannot_be_proposed_is_told(book: Runbook) -> None:
    ruled = rule(book=book, parameters={"path": "{{ alert.labels.nothing }}"})
    fire()
    assert matching.look() == 0
    assert said(ruled) == ("failed", "runbook")


def test_a_rule_that_cannot_be_read_holds_up_no_other(book: Runbook) -> None:
    rule("broken", book, {"severity": "urgent"})
    good = rule("good", book, position=1)
    fire()
    assert matching.look() == 1
    assert said(good) == ("proposed", "proposed")


def test_a_rule_that_changed_is_asked_as_it_is_now(book: Runbook) -> None:
    ruled = rule(book=book, match={"alertname": "CpuHigh"})
    fire()
    assert matching.look() == 0
    ruled.match = {"alertname": "DiskFull"}
    ruled.save()
    fire(alert(fingerprint="second"))
    assert matching.look() == 1


@pytest.mark.parametrize(("kind", "step"), [("maintenance", "maintenance"), ("silence", "silenced")])
def test_what_lies_over_the_alert_holds_back_until_it_ends(book: Runbook, kind: str, step: str) -> None:
    ruled, until = rule(book=book), timezone.now() + timedelta(hours=1)
    over = {"silence": 1, "kind": kind, "reason": "new disks", "by": "Ann", "until": until.isoformat()}
    fire(suppressed_by=[over], suppressed=True)
    matching.look()
    assert said(ruled) == ("held", step)
    Alert.objects.update(suppressed_by=[{**over, "until": (until - timedelta(hours=2)).isoformat()}])
    RuleDecision.objects.update(facts={"again_at": timezone.now().isoformat()})
    assert matching.look_again() == 1


def test_what_was_held_back_is_asked_again_while_the_alert_fires(book: Runbook) -> None:
    ruled = rule(book=book)
    switches.stop("all", "test", "moving house")
    fire()
    assert matching.look() == 0
    assert said(ruled) == ("held", "stopped")
    switches.release("all", "test")
    assert matching.look_again() == 0  # not yet
    RuleDecision.objects.update(facts={"again_at": (timezone.now() - timedelta(seconds=1)).isoformat()})
    assert matching.look_again() == 1
    assert said(ruled) == ("proposed", "proposed")
    assert matching.look_again() == 0


def test_a_stopped_provider_holds_back(book: Runbook, tame: Provider) -> None:
    ruled = rule(book=book)
    switches.stop(switches.of_provider(tame.pk), "test", "new firmware")
    fire()
    matching.look()
    assert said(ruled) == ("held", "stopped")
    assert RuleDecision.objects.get().reason == "Remediation through tame is stopped: new firmware."


def test_the_same_on_one_target_waits_for_the_cooldown_whoever_did_it(book: Runbook) -> None:
    ruled, target = rule(book=book), host()
    execution(runbook=book, target_key=f"resource:{target.pk}", state="succeeded")
    fire(resource=target)
    matching.look()
    assert said(ruled) == ("held", "cooldown")


def test_two_rules_with_opposite_actions_on_one_target_both_propose_and_one_waits(book: Runbook) -> None:
    rule(book=book)
    rule("restart", runbook("restart", step("restart", service="x"), parameters=[]), {"alertname": "Slow"})
    target = host()
    fire(resource=target)
    fire(name="Slow", resource=target)
    assert matching.look() == 2
    assert len(set(Execution.objects.values_list("target_key", flat=True))) == 1


def test_failures_in_a_row_open_the_breaker_until_it_is_reset(book: Runbook) -> None:
    ruled, now = rule(book=book), timezone.now()
    for _ in range(3):
        execution(rule=ruled, state="escalated", escalated_at=now, created_at=now - timedelta(hours=2))
    fire()
    matching.look()
    assert said(ruled) == ("held", "breaker")
    ruled.breaker_reset_at = now
    ruled.save()
    fire(alert(fingerprint="second"))
    assert matching.look() == 1


def test_an_alert_that_has_a_case_already_is_not_proposed_again(book: Runbook) -> None:
    ruled, fired = rule(book=book), alert()
    execution(alert=fired)
    fire(fired)
    matching.look()
    assert said(ruled) == ("held", "open_case")


def test_an_opened_alert_enqueues_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    from remediation import tasks

    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.match_alerts, "apply_async", lambda **how: asked.append(how))
    nudge = receivers._Nudge()
    nudge()
    nudge()
    assert len(asked) == 1
