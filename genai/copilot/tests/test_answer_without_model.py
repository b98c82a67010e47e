"""The common questions, answered with no model set up: from the tools, with evidence behind every claim."""

from typing import Any

import pytest

from genai.copilot.models import Turn
from genai.copilot.tests.asking import ask, tools_of
from genai.evidence.models import Evidence
from genai.tools.tests import world
from genai.tools.tests.world import World
from genai.tracing.models import AgentRun
from monitoring.alerts.models import Alert
from remediation.tests.cases import tame

__all__ = ["tame"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(tame: Any) -> World:
    return world.build()


def kinds(turn: Turn) -> set[str]:
    cited = {pk for claim in turn.claims for pk in claim["evidence"]}
    return set(Evidence.objects.filter(pk__in=cited).values_list("kind", flat=True))


def test_why_a_service_is_slow(shop: World, operator: Any) -> None:
    turn = ask(operator, "Why is checkout slow?")
    assert turn.state == "done"
    assert tools_of(turn) == [("causes", "ok"), ("resource", "ok")]
    assert "15.4 → 16.1" in turn.answer
    assert {"change", "topology", "resource"} <= kinds(turn)
    assert [block["type"] for block in turn.blocks] == ["causes"]
    assert "window:" not in turn.answer


def test_why_without_a_name_is_about_the_open_incident(shop: World, operator: Any) -> None:
    turn = ask(operator, "why?")
    assert tools_of(turn) == [("incidents", "ok"), ("causes", "ok")]
    assert f"INC-{shop.incident.pk}" in turn.answer


def test_why_on_an_alert_is_about_that_alert(shop: World, operator: Any) -> None:
    turn = ask(operator, "Why is this firing?", subject=f"alert:{shop.alert.pk}")
    assert tools_of(turn) == [("causes", "ok")]
    assert f"Likely causes for alert {shop.alert.pk}" in turn.answer


def test_what_changed_before_the_outage(shop: World, operator: Any) -> None:
    turn = ask(operator, "What changed before the outage in the last 3 hours?")
    assert tools_of(turn)[-1] == ("changes", "ok")
    assert f"INC-{shop.incident.pk}" in turn.answer
    assert "Version 15.4 → 16.1 [E" in turn.answer
    assert {"incident", "change"} <= kinds(turn)


def test_what_changed_before_an_outage_that_was_not(shop: World, operator: Any) -> None:
    Alert.objects.all().delete()
    turn = ask(operator, "What changed before the outage yesterday?")
    assert turn.state == "done"
    assert "there was no incident in that time" in turn.answer


def test_which_disks_fill(shop: World, operator: Any) -> None:
    turn = ask(operator, "Which disks fill in the next 30 days?")
    assert tools_of(turn) == [("forecasts", "ok")]
    assert "limit 95 %: reached in 1 d" in turn.answer
    assert kinds(turn) == {"forecast"}


def test_a_rule_is_drafted_with_its_backtest(shop: World, operator: Any) -> None:
    turn = ask(operator, "Draft a rule for p95 latency over 400 ms")
    assert tools_of(turn) == [("find_metrics", "ok"), ("draft_rule", "ok")]
    [block] = turn.blocks
    assert block["rule"]["expr"] == 'http_latency_seconds{quantile="0.95"} > 0.4'
    assert block["backtest"]["firings"] == 1
    assert block["url"].startswith("/")
    assert kinds(turn) == {"series"}


def test_a_rule_is_drafted_from_promql(shop: World, operator: Any) -> None:
    turn = ask(operator, "Draft a rule for disk_used_percent > 85")
    assert turn.blocks[0]["rule"]["expr"] == "disk_used_percent > 85"


def test_what_was_done_last_time(shop: World, operator: Any) -> None:
    turn = ask(operator, "What did we do last time?", subject=f"incident:{shop.incident.pk}")
    assert tools_of(turn) == [("similar_incidents", "ok")]
    assert "Sweep old backups: succeeded" in turn.answer
    assert {"incident", "execution"} <= kinds(turn)


@pytest.mark.parametrize(
    ("question", "tool", "told"),
    [
        ("open alerts", "alerts", "DiskFull"),
        ("open incidents", "incidents", "Disk of db-1 fills up"),
        ("Status of db-1", "resource", "db-1 (database"),
        ("show disk_used_percent", "query_metrics", "last 91 %"),
        ("disk_used_percent > 1", "query_metrics", "last 91 %"),
        ("what is unusual", "anomalies", "usual 80"),
        ("what does checkout depend on?", "topology", "it needs: db-1"),
        ("which metrics for disk", "find_metrics", "disk_used_percent"),
        ("what ran", "executions", "Sweep old backups"),
        ("shift report", "shift_report", "1 alerts fire now"),
        ("What changed on db-1 in the last 24 hours?", "changes", "Version 15.4 → 16.1"),
        ("list services", "resources", "checkout"),
    ],
)
def test_other_common_questions(shop: World, operator: Any, question: str, tool: str, told: str) -> None:
    turn = ask(operator, question)
    assert (tool, "ok") in tools_of(turn)
    assert told in turn.answer


def test_what_is_written_down_is_found(shop: World, operator: Any) -> None:
    world.document("Backups are swept every night by cron. Ask the storage team before you change it.")
    turn = ask(operator, "how do backups work")
    assert tools_of(turn) == [("search_knowledge", "ok")]
    assert "> Backups are swept every night by cron [E" in turn.answer


def test_no_claim_goes_without_evidence(shop: World, operator: Any) -> None:
    """What the platform computed is never marked as a guess but where it says so itself."""
    for question in (
        "open alerts",
        "which disks fill in the next 30 days?",
        "status of db-1",
        "what changed on db-1 in the last 24 hours?",
        "shift report",
    ):
        turn = ask(operator, question)
        assert turn.claims, question
        assert not [claim for claim in turn.claims if claim["guess"]], (question, turn.answer)


def test_help_says_what_can_be_asked(operator: Any) -> None:
    turn = ask(operator, "help")
    assert "`Which disks fill this month?`" in turn.answer
    assert "[guess]" not in turn.answer


def test_a_line_says_what_a_model_would_add(operator: Any) -> None:
    turn = ask(operator, "open alerts")
    assert turn.model == ""
    assert turn.reason.startswith("No language model is set up")


def test_an_answer_is_an_execution_with_its_steps(shop: World, operator: Any) -> None:
    turn = ask(operator, "open alerts", subject="page:alerts")
    assert turn.run is not None
    assert (turn.run.agent.key, turn.run.state, turn.run.subject) == ("copilot", AgentRun.State.DONE, "page:alerts")
    assert [(step.kind, step.name) for step in turn.run.steps.all()] == [("tool", "alerts"), ("guard", "check evidence")]
    assert turn.run.evaluations.get(name="evidence").score == 1.0


def test_an_act_is_not_filed_from_words_alone(shop: World, operator: Any) -> None:
    turn = ask(operator, "restart db-1")
    assert tools_of(turn) == [("runbooks", "ok")]
    assert "without a model nothing is filed" in turn.answer


def test_a_tool_that_needs_more_is_refused_and_says_so(shop: World, operator: Any) -> None:
    turn = ask(operator, "who changed the rule?")
    assert tools_of(turn) == [("audit", "refused")]
    assert "audit:read" in turn.answer


def test_admins_are_told_of_the_audit_trail(shop: World, admin: Any) -> None:
    turn = ask(admin, "audit of the last hour")
    assert tools_of(turn) == [("audit", "ok")]


def test_a_name_that_is_no_resource_is_told(shop: World, operator: Any) -> None:
    turn = ask(operator, "status of web-99")
    assert "There is no resource called web-99." in turn.answer
    assert turn.state == "done"


def test_a_secret_in_what_is_told_stays_hidden(shop: World, operator: Any) -> None:
    Alert.objects.filter(pk=shop.alert.pk).update(annotations={"summary": "login failed with password=hunter2secret on db-1"})
    turn = ask(operator, "open alerts")
    assert "hunter2secret" not in turn.answer
    assert "hunter2secret" not in str(turn.blocks)
    assert "hidden]" in turn.answer
