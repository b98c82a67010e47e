"""The decision is a pure function: every input and what it does to the score and the verdict."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from remediation import policy, policy_table
from remediation.policy import Inputs

pytestmark = pytest.mark.once
TUESDAY_NOON = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)
CALM: dict[str, Any] = {"at": TUESDAY_NOON, "action": "low", "reversible": "all", "verified": 5, "record_of": "here"}
TABLE = [
    SimpleNamespace(pk=place, name=row.name, conditions=row.conditions, verdict=row.verdict, enabled=True)
    for place, row in enumerate(policy_table.DEFAULTS)
]


def decide(**known: Any) -> policy.Decision:
    return policy.decide(Inputs(**{**CALM, **known}), TABLE)


def row(verdict: str, enabled: bool = True, **conditions: Any) -> Any:
    return SimpleNamespace(pk=1, name=f"to {verdict}", conditions=conditions, verdict=verdict, enabled=enabled)


def test_a_proved_low_action_runs_by_itself() -> None:
    decision = decide()
    assert (decision.verdict, decision.risk, decision.needed) == ("automatic", "low", 0)
    assert decision.words.startswith("Low risk, 8 of 100: it runs by itself, by the line “Low risk” of the policy.")
    assert "5 of 5 verified here; working hours" in decision.words


@pytest.mark.parametrize(
    ("worse", "factor"),
    [
        ({"action": "medium"}, "action"),
        ({"reach": 4}, "reach"),
        ({"reversible": "none"}, "reversible"),
        ({"verified": 1, "failed": 4}, "record"),
        ({"at": datetime(2026, 11, 15, 3, 0, tzinfo=UTC)}, "time"),
    ],
    ids=["action", "reach", "reversible", "record", "time"],
)
def test_each_factor_raises_the_score_and_its_own_ladder(worse: dict[str, Any], factor: str) -> None:
    before, after = decide(), decide(**worse)
    assert after.score > before.score
    steps = {one.name: one.step for one in before.factors}
    assert [one.name for one in after.factors if one.step > steps[one.name]] == [factor]


def test_a_medium_action_asks_until_it_is_proved() -> None:
    assert decide(action="medium", verified=0).verdict == "one"
    assert decide(action="medium", verified=2).row == "More than a low action, and not yet proved"
    assert decide(action="medium", verified=3).verdict == "automatic"


def test_a_critical_action_asks_two_and_the_worst_is_forbidden() -> None:
    decision = decide(action="critical", verified=50)
    assert (decision.verdict, decision.needed) == ("two", 2)
    assert decide(action="critical", reversible="none", reach=30).forbidden


def test_what_fails_as_often_as_it_helps_is_asked() -> None:
    assert decide(verified=2, failed=3).row == "It failed as often as it helped"


def test_a_long_record_never_makes_a_critical_action_low() -> None:
    assert policy.risk_of(3, "critical") == "high"
    assert policy.risk_of(80, "low") == "critical"


def test_an_unknown_class_is_taken_for_the_worst() -> None:
    assert decide(action="galactic").factors[0].step == 5


def test_the_score_stays_within_its_bounds() -> None:
    worst = decide(action="critical", reach=500, reversible="none", verified=0, failed=9, at=datetime(2026, 11, 15, 3, tzinfo=UTC))
    assert worst.score == 100
    assert 0 <= decide(maintenance=True).score <= decide().score


def test_the_first_line_that_holds_decides() -> None:
    rows = [row("forbidden", enabled=False), row("two", score_from=90), row("one", risk=["low"]), row("automatic")]
    assert policy.decide(Inputs(**CALM), rows).verdict == "one"


def test_what_no_line_speaks_of_is_asked() -> None:
    decision = policy.decide(Inputs(**CALM), [])
    assert (decision.verdict, decision.row) == ("one", "")
    assert "as no line of the policy speaks of it" in decision.words


def test_a_dry_run_is_never_held_up() -> None:
    assert decide(action="critical", reversible="none", reach=500, dry_run=True).automatic


def test_a_decision_is_kept_and_read_back() -> None:
    decision = decide(reach=3, reach_words="3 services hang on it")
    stored = decision.to_json()
    assert stored["inputs"]["reach"] == 3
    assert policy.Decision.of(stored) == decision
    assert policy.merged(stored) == decision
    assert policy.merged({"verdict": 3}) is None
    assert policy.merged({}) is None
    with pytest.raises(msgspec.ValidationError):
        policy.Decision.of({"verdict": "one"})


@pytest.mark.parametrize(
    ("conditions", "known", "expected"),
    [
        ({"score_from": 8}, {}, True),
        ({"score_below": 8}, {}, False),
        ({"action": "low"}, {}, True),
        ({"action": ["high", "low"]}, {}, True),
        ({"environment": ["production"]}, {}, False),
        ({"environment": ["production"]}, {"environment": "production"}, True),
        ({"maintenance": False}, {}, True),
        ({"maintenance": True}, {}, False),
        ({"hours": [8, 18]}, {}, True),
        ({"hours": [22, 6]}, {}, False),
        ({"hours": [22, 13]}, {}, True),
        ({"days": ["sat", "sun"]}, {}, False),
        ({"days": ["tue"]}, {}, True),
        ({"from": "2026-11-17", "until": "2026-11-18"}, {}, True),
        ({"from": "2026-12-18"}, {}, False),
        ({"verbs": ["delete_pod"]}, {"verbs": ("scale", "delete_pod")}, True),
        ({"success_below": 0.5}, {"verified": 0}, False),  # nothing is known
        ({"confidence_below": 0.6}, {}, False),
        ({"confidence_below": 0.6}, {"confidence": 0.5}, True),
        ({"runs_from": 6}, {"unverified": 1}, True),
        ({"risk": [], "by": ""}, {}, True),  # empty conditions hold always
        ({"colour": ["blue"]}, {}, False),
        ({"score_from": "8"}, {}, False),
        ({"from": "tomorrow"}, {}, False),
        ({"from": "2026-13-45"}, {}, False),
    ],
)
def test_conditions(conditions: dict[str, Any], known: dict[str, Any], expected: bool) -> None:
    decision = policy.decide(Inputs(**{**CALM, **known}), [row("two", **conditions), row("automatic")])
    assert (decision.verdict == "two") is expected


def test_conditions_that_are_no_object_never_hold() -> None:
    assert policy_table.holds([1], {}) is False
    assert policy_table.problems("x") == ["The conditions are an object of names and values."]
    assert policy_table.words(3) == ["cannot be read"]


def test_the_usual_lines_are_understood() -> None:
    assert [policy_table.problems(one.conditions) for one in policy_table.DEFAULTS] == [[]] * len(policy_table.DEFAULTS)


@pytest.mark.parametrize(
    "conditions",
    [
        {"colour": 1}, {"score_from": "x"}, {"score_from": True}, {"hours": [1]}, {"hours": [-1, 30]}, {"days": ["monday"]}, {"from": 3},
        {"from": "soon"}, {"maintenance": "no"}, {"risk": ["purple"]}, {"environment": [1]},
    ],
)  # fmt: skip
def test_what_is_not_understood_is_told_in_a_sentence(conditions: dict[str, Any]) -> None:
    (told,) = policy_table.problems(conditions)
    assert told.endswith(".")


def test_conditions_in_words() -> None:
    given = {"risk": ["high", "critical"], "score_from": 50, "reach_below": 3, "maintenance": False, "hours": [22, 6], "verbs": []}
    assert policy_table.words(given) == ["risk high or critical", "score ≥ 50", "reach < 3", "in no maintenance window", "22:00–06:00"]
