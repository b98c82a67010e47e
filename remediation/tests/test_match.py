"""What a `match` says, and why it does not match: pure."""

from datetime import UTC, datetime
from typing import Any

import pytest

from remediation import match
from remediation.match import MatchError, Seen

pytestmark = pytest.mark.once
TUESDAY_NOON = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)


def seen(**known: Any) -> Seen:
    labels = {"alertname": "DiskFull", "instance": "db-1", "service": "checkout", "severity": "high", **known.pop("labels", {})}
    usual: dict[str, Any] = {
        "name": "DiskFull", "severity": "high", "kind": "real", "source": "rule", "failure_type": "disk_full", "confidence": 1.0,
        "resource_kind": "host", "environment": "production", "at": TUESDAY_NOON,
    }  # fmt: skip
    return Seen(labels=labels, **{**usual, **known})


def ask(raw: dict[str, Any], **known: Any) -> match.Verdict:
    return match.match(match.compiled(raw), seen(**known))


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"alertname": "DiskFull"},
        {"alert": ["Other", "Disk*"]},
        {"service": "checkout"},
        {"service": ["checkout", "cart"]},
        {"labels": {"instance": "=~db-.*", "service": "!=cart", "absent": "!~x"}},
        {"labels": [{"name": "instance", "op": "=", "value": "db-1"}]},
        {"severity": ["high", "critical"], "kind": "real"},
        {"failure_type": "disk_full", "min_confidence": 0.8},
        {"resource_kind": ["host", "vm"], "environment": "production", "source": "rule"},
        {"time": {"hours": [8, 18], "days": ["tue"], "time_zone": "UTC"}},
        {"time": {"hours": [22, 13]}},
        {"time": {"hours": [13, 14], "time_zone": "Europe/Berlin"}},
    ],
    ids=str,
)
def test_it_matches(raw: dict[str, Any]) -> None:
    assert ask(raw).matched


@pytest.mark.parametrize(
    ("raw", "known", "step", "reason"),
    [
        ({"alertname": "CpuHigh"}, {}, "alertname", "The alert is DiskFull; the rule is for CpuHigh."),
        ({"service": "cart"}, {}, "labels", "Its label service is checkout; the rule wants service=cart."),
        ({"team": "db"}, {}, "labels", "Its label team is missing; the rule wants team=db."),
        ({"severity": "critical"}, {}, "severity", "The severity is high; the rule wants critical."),
        ({"kind": ["predictive", "anomaly"]}, {}, "kind", "The kind is real; the rule wants anomaly or predictive."),
        ({"failure_type": "oom"}, {"failure_type": ""}, "failure_type", "Its failure type is not known; the rule wants oom."),
        ({"min_confidence": 0.8}, {"confidence": 0.55}, "confidence", "Its confidence is 0.55; the rule wants at least 0.8."),
        ({"min_confidence": 0.8}, {"confidence": None}, "confidence", "Its confidence is not said; the rule wants at least 0.8."),
        ({"time": {"hours": [22, 6]}}, {}, "time", "It fired out of the rule's time: 22:00–06:00 UTC."),
        ({"time": {"days": ["sat", "sun"]}}, {}, "time", "It fired out of the rule's time: sat, sun UTC."),
        ({}, {"source": "remediation"},
         "source", "The alert says that remediation failed; only a rule for the source remediation acts on those."),
    ],
    ids=["name", "label", "no label", "severity", "kind", "failure type", "unsure", "unsaid", "hours", "days", "ours"],
)  # fmt: skip
def test_it_does_not_match_and_says_why(raw: dict[str, Any], known: dict[str, Any], step: str, reason: str) -> None:
    said = ask(raw, **known)
    assert (said.matched, said.step, said.reason) == (False, step, reason)


def test_it_concerns_alerts_that_it_names() -> None:
    assert ask({"alertname": "DiskFull", "service": "cart"}).concerns
    assert ask({"service": "checkout", "severity": "low"}).concerns
    assert not ask({"alertname": "CpuHigh"}).concerns
    assert not ask({"service": "cart"}).concerns
    assert not ask({"severity": "critical"}).concerns  # every alert has a severity


def test_a_rule_may_ask_for_what_remediation_raised() -> None:
    assert ask({"source": "remediation"}, source="remediation").matched


def test_a_pattern_in_a_list_of_words_is_only_a_word() -> None:
    assert not ask({"service": ["check.ut", "x|checkout"]}).matched


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ("x", "match"), ({"severity": "urgent"}, "match.severity"), ({"kind": ["odd"]}, "match.kind"),
        ({"min_confidence": 80}, "match.min_confidence"),
        ({"labels": "x"}, "match.labels"), ({"labels": [{"op": "="}]}, "match.labels"), ({"service": {"a": 1}}, "match.service"),
        ({"service": "=~("}, "match.service"), ({"time": {"hours": [25, 1]}}, "match.time.hours"),
        ({"time": {"days": ["xyz"]}}, "match.time.days"),
        ({"time": {"time_zone": "Mars/Phobos"}}, "match.time.time_zone"), ({"time": {"when": 1}}, "match.time"),
        ({"alertname": []}, "alertname"),
        ({"failure_type": [{}]}, "match.failure_type"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_understood_has_a_place_and_a_sentence(raw: Any, place: str) -> None:
    with pytest.raises(MatchError) as told:
        match.compiled(raw)
    assert told.value.place == place
    assert told.value.sentence.endswith(".")


def test_only_plain_names_narrow_the_rules_that_are_asked() -> None:
    assert match.compiled({"alertname": ["A", "B"]}).exact == ("A", "B")
    assert match.compiled({"alertname": "A*"}).exact is None
    assert match.compiled({"severity": "high"}).exact is None
