"""What agents do is written down as they do it."""

from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from genai.agentops import tending
from genai.models import Completion
from genai.tracing import record
from genai.tracing.models import Agent, AgentRun, AgentStep, SecurityFinding

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    return record.begin("copilot", "Why is web-03 slow?", subject="incident:7")


def test_an_agent_is_made_when_it_first_reports(run):
    record.begin("copilot", "Another")
    agent = Agent.objects.get()
    assert (agent.key, agent.name, agent.own) == ("copilot", "Copilot", True)
    assert agent.runs.count() == 2


def test_steps_are_numbered_and_add_up(run):
    with record.step(run, "model", "plan", "model, large", {"messages": 3}) as made:
        made.tokens_in, made.tokens_out, made.cost = 100, 20, Decimal("0.002")
    with record.step(run, "tool", "changes", parent=made.row) as made:
        made.detail, made.result = "2 changes", "deploy 2.4.1"
    run.refresh_from_db()
    first, second = run.steps.order_by("number")
    assert [first.number, second.number] == [1, 2]
    assert second.parent_id == first.pk
    assert (first.state, second.state, second.result) == ("ok", "ok", "deploy 2.4.1")
    assert (run.steps_count, run.tool_calls, run.tokens_in, run.tokens_out, run.cost) == (2, 1, 100, 20, Decimal("0.002"))
    assert first.latency_ms is not None


def test_what_is_raised_in_a_step_marks_it_failed_and_goes_on(run):
    with pytest.raises(ValueError, match="no such series"), record.step(run, "tool", "query_metrics", "up"):
        raise ValueError("no such series")
    step = run.steps.get()
    assert step.state == "failed"
    assert step.detail == "up · no such series"


def test_a_refusal_stays_a_refusal_when_the_caller_raises(run):
    def refused():
        with record.step(run, "tool", "audit") as made:
            made.refuse("it needs audit:read")
            raise PermissionError("no")

    with pytest.raises(PermissionError):
        refused()
    step = run.steps.get()
    assert (step.state, step.detail) == ("refused", "refused: it needs audit:read")


def test_a_broken_transaction_shows_the_fault_that_broke_it(run):
    def broken():
        with transaction.atomic(), record.step(run, "tool", "changes"):
            transaction.set_rollback(True)
            raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        broken()


def test_without_an_execution_a_step_writes_nothing():
    with record.step(None, "tool", "changes") as made:
        made.detail = "2"
    assert not AgentStep.objects.exists()


def test_secrets_and_personal_data_are_masked_in_all_that_is_kept(run):
    with record.step(run, "tool", "find", "by ada@example.org", {"q": ["ada@example.org"], "deep": {"a": float("nan")}}) as made:
        made.result = "password=hunter22 ⟦email 3⟧"
    step = run.steps.get()
    kept = f"{step.detail} {step.arguments} {step.result}"
    assert "ada@example.org" not in kept
    assert "hunter22" not in kept
    assert "⟦email 3⟧" in step.result  # what was masked before stays as it is
    assert step.arguments["deep"]["a"] == "nan"


def test_texts_are_cut_to_their_columns(run):
    with record.step(run, "tool", "n" * 500, "d\0" * 2000, {"text": "x" * 10_000}) as made:
        made.result = "r" * 100_000
    step = run.steps.get()
    assert len(step.detail) == 500
    assert len(step.result) == record.KEPT_RESULT
    assert len(step.arguments["text"]) == record.KEPT_ARGUMENT


def test_it_ends_once(run):
    record.finish(run, "done")
    record.finish(run, "failed", "too late")
    assert (run.state, run.reason) == ("done", "")
    assert run.ended_at is not None
    assert run.latency_ms is not None


def test_steps_under_way_end_with_it(run):
    with record.step(run, "tool", "changes") as made:
        record.finish(run, "stopped", "asked to")
        assert run.steps.get().state == "failed"
        made.detail = "kept"
    assert run.steps.get().detail == "kept"


def test_a_silent_execution_is_cut_off_and_one_that_beats_is_not(run):
    alive = record.begin("copilot", "Alive")
    long_ago = timezone.now() - 2 * tending.silence()
    AgentRun.objects.filter(pk=run.pk).update(beat_at=long_ago)
    AgentStep.objects.create(run=run, number=1, kind="model", name="plan")
    assert tending.cut_off() == 1
    run.refresh_from_db()
    alive.refresh_from_db()
    assert (run.state, alive.state) == ("cut", "running")
    assert run.ended_at == long_ago
    assert run.steps.get().state == "failed"
    assert tending.cut_off() == 0


def test_one_thought_dead_may_still_tell_how_it_ended(run):
    AgentRun.objects.filter(pk=run.pk).update(state="cut")
    record.finish(run, "done")
    assert run.state == "done"


def test_a_beat_is_written_once_in_a_while(run):
    AgentRun.objects.filter(pk=run.pk).update(beat_at=timezone.now() - tending.silence())
    run.refresh_from_db()
    before = run.beat_at
    record.beat(run)
    run.refresh_from_db()
    assert run.beat_at > before
    with_none = run.beat_at
    record.beat(run)
    assert run.beat_at == with_none


def test_evaluations_make_the_score_and_are_credited_to_the_answer(run):
    Completion.objects.create(purpose="hyde", run=run, outcome="ok")
    last = Completion.objects.create(purpose="copilot", run=run, outcome="ok")
    record.evaluate(run, "evidence", 0.8, "4 of 5")
    record.evaluate(run, "rating", 0, judged_by="Ada")
    record.evaluate(run, "rating", 1, judged_by="Ada")  # she changed her mind
    run.refresh_from_db()
    last.refresh_from_db()
    assert run.score == pytest.approx(0.9)
    assert (last.evidence_share, last.rating) == (0.8, 1)
    assert Completion.objects.get(purpose="hyde").evidence_share is None
    assert run.evaluations.count() == 2


def test_a_score_stays_between_0_and_1(run):
    assert record.evaluate(run, "evidence", 7).score == 1


def test_the_same_thing_found_twice_in_one_execution_is_one_finding(run):
    for _ in range(3):
        record.finding(run, "injection", "label team", "ignore all rules", "passed on as data", "high")
    run.refresh_from_db()
    assert run.findings_count == 1
    assert SecurityFinding.objects.get().severity == "high"


def test_a_finding_needs_no_execution_and_its_excerpt_is_masked():
    found = record.finding(None, "secret", "log line", "password=hunter22", "masked")
    assert found.run_id is None
    assert "hunter22" not in found.excerpt
