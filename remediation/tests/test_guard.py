"""What holds a rule back, and until when: pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from remediation import guard
from remediation.guard import GuardError, Guards, Held, Known, Near, Run

pytestmark = pytest.mark.once
NOW = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def before(raw: dict[str, Any] | None = None, **known: Any) -> Held | None:
    return guard.before(guard.compiled(raw or {}), Known(NOW, **known))


def held(raw: dict[str, Any] | None = None, **known: Any) -> Held:
    found = before(raw, **known)
    assert found
    return found


def run(minutes_ago: float, failed: bool | None = False, pk: int = 1) -> Run:
    at = NOW - minutes_ago * MINUTE
    return Run(pk, at, failed, at + MINUTE)


def near(minutes_ago: float, is_open: bool = False, same: bool = True) -> Near:
    return Near(7, "Sweep", NOW - minutes_ago * MINUTE, is_open, same)


def test_nothing_holds_a_calm_rule() -> None:
    assert before() is None
    assert guard.at_target(Guards(), Known(NOW), [], 3) is None


@pytest.mark.parametrize(
    ("known", "step"),
    [
        ({"enabled": False}, "enabled"),
        ({"stopped": "no actions today"}, "stopped"),
        ({"open_case": "RUN-3"}, "open_case"),
        ({"maintenance": True}, "maintenance"),
        ({"silenced": "known"}, "silenced"),
    ],
    ids=str,
)
def test_each_guard_says_why(known: dict[str, Any], step: str) -> None:
    found = held(**known)
    assert found.step == step
    assert found.reason.endswith(".")


def test_maintenance_and_silences_may_be_allowed() -> None:
    assert before({"maintenance": "allow"}, maintenance=True) is None
    assert before({"silenced": "allow"}, silenced="known") is None


def test_so_many_in_an_hour_and_when_the_next_may() -> None:
    runs = [run(5), run(20), run(50), run(70)]
    assert before({"max_per_hour": 4}, runs=runs) is None
    found = held({"max_per_hour": 3}, runs=runs)
    assert (found.step, found.again_at) == ("rate", NOW + 10 * MINUTE)
    assert before({"max_per_hour": 0}, runs=runs) is None


def test_the_breaker_opens_after_failures_in_a_row() -> None:
    failures = [run(5, True, 9), run(20, True), run(50, True)]
    found = held({"breaker": {"failures": 3, "pause": "1h"}}, runs=failures)
    assert (found.step, found.again_at) == ("breaker", NOW + 56 * MINUTE)
    assert before({"breaker": 3}, runs=[run(5, True), run(20), run(50, True), run(60, True)]) is None
    assert before({"breaker": 0}, runs=failures) is None
    assert before({"breaker": "off"}, runs=failures) is None


def test_the_breaker_lets_one_try_after_its_pause() -> None:
    assert before({"breaker": {"failures": 2, "pause": "10m"}}, runs=[run(30, True), run(40, True)]) is None


def test_what_nobody_judged_is_passed_over_by_the_breaker() -> None:
    runs = [run(1, None), run(5, True), run(20, True), run(50, True)]
    assert held(runs=runs).step == "breaker"
    assert guard.is_open(Guards(), runs, NOW) == NOW - 4 * MINUTE + timedelta(hours=6)
    assert guard.is_open(Guards(), [], NOW) is None


def test_the_same_again_waits_for_the_cooldown() -> None:
    found = guard.at_target(Guards(cooldown=600), Known(NOW), [near(4)], 0)
    assert found
    assert (found.step, found.again_at) == ("cooldown", NOW + 6 * MINUTE)
    assert found.reason == "The same was done at this target 4m ago; the cooldown is 10m."
    assert guard.at_target(Guards(cooldown=600), Known(NOW), [near(11)], 0) is None
    assert guard.at_target(Guards(cooldown=600), Known(NOW), [near(4, same=False)], 0) is None


def test_the_same_is_not_begun_twice_and_something_else_waits_its_turn() -> None:
    found = guard.at_target(Guards(cooldown=0), Known(NOW), [near(90, is_open=True)], 0)
    assert found
    assert (found.step, found.facts) == ("lock", {"execution": 7})
    assert guard.at_target(Guards(cooldown=0), Known(NOW), [near(90, is_open=True, same=False)], 0) is None


def test_much_that_hangs_on_the_target_holds_it_back() -> None:
    found = guard.at_target(Guards(blast_radius=5), Known(NOW), [], 6, "6 pods")
    assert found
    assert (found.step, found.reason) == ("blast_radius", "6 resources hang on the target (6 pods); the rule may touch 5.")
    assert guard.at_target(Guards(blast_radius=6), Known(NOW), [], 6) is None


def test_guards_as_they_are_written() -> None:
    raw = {"cooldown": "30m", "max_per_hour": 2, "blast_radius": 0, "breaker": {"pause": 60}, "expires": "1h"}
    assert guard.compiled(raw) == Guards(cooldown=1800, max_per_hour=2, blast_radius=0, pause=60, expires=3600)
    assert guard.compiled({}) == Guards()


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ([], "guards"), ({"cooldwn": 1}, "guards.cooldwn"), ({"cooldown": "soon"}, "guards.cooldown"),
        ({"cooldown": "400d"}, "guards.cooldown"),
        ({"max_per_hour": -1}, "guards.max_per_hour"), ({"max_per_hour": True}, "guards.max_per_hour"),
        ({"blast_radius": 1.5}, "guards.blast_radius"),
        ({"breaker": {"x": 1}}, "guards.breaker"), ({"breaker": {"pause": "x"}}, "guards.pause"),
        ({"maintenance": "maybe"}, "guards.maintenance"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_understood_has_a_place_and_a_sentence(raw: Any, place: str) -> None:
    with pytest.raises(GuardError) as told:
        guard.compiled(raw)
    assert told.value.place == place
    assert told.value.sentence.endswith(".")
