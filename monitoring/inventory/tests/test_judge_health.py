"""Limits, points, bands and the hysteresis that keeps a score from flapping."""

import pytest

from monitoring.inventory.health import AGAIN, LIMITS, POINTS, Measure, band, judge

pytestmark = pytest.mark.once


def one(rule, value, where="", base=0.0, before=()):
    return judge([Measure(rule, value, where, base)], before)


def test_nothing_measured_is_not_judged():
    assert judge([]).health is None


def test_without_trouble_it_is_100_without_reasons():
    verdict = judge([Measure("cpu", 20), Measure("memory", 60), Measure("filesystem", 40, "/")])
    assert (verdict.health, verdict.reasons) == (100, [])


@pytest.mark.parametrize(
    ("rule", "value", "severity", "text"),
    [
        ("cpu", 91.4, "medium", "CPU 91.4 % busy, limit 90 %"),
        ("cpu", 99, "high", "CPU 99 % busy, limit 98 %"),
        ("memory", 8.6, "medium", "Memory 8.6 % available, limit 10 %"),
        ("memory", 1.0, "critical", "Memory 1 % available, limit 2 %"),
        ("load", 2.5, "medium", "Load 2.5 per core, limit 2"),
        ("swap", 2500, "high", "Swapping 2,500 pages/s in and out, limit 2,000 pages/s"),
        ("gpu errors", 3, "high", "3 uncorrected memory errors"),
    ],
)
def test_a_passed_limit_gives_a_reason_with_number_and_limit(rule, value, severity, text):
    (reason,) = one(rule, value).reasons
    assert (reason["severity"], reason["text"], reason["points"]) == (severity, text, POINTS[severity])
    assert {"metric", "value", "limit"} <= reason.keys()


def test_a_sensor_is_judged_by_its_own_ceiling():
    assert one("temperature", 88, "CPU", base=95).reasons[0]["text"] == "CPU 88 °C, limit 87 °C"
    assert one("temperature", 96, "CPU", base=95).reasons[0]["severity"] == "critical"
    assert one("temperature", 88, "CPU", base=105).health == 100


def test_the_points_of_the_reasons_are_what_is_missing_from_100():
    verdict = judge([Measure("memory", 4), Measure("cpu", 93), *(Measure("filesystem", 93, f"/{number}") for number in range(3))])
    assert verdict.health == 100 - sum(reason["points"] for reason in verdict.reasons)
    assert [reason["points"] for reason in verdict.reasons if reason["rule"] == "filesystem"] == [30, AGAIN, AGAIN]


def test_the_worst_reason_comes_first_and_the_score_stops_at_0():
    verdict = judge([Measure("cpu", 95), Measure("filesystem", 99, "/"), Measure("memory", 1), Measure("inodes", 99, "/")])
    assert verdict.health == 0
    assert verdict.reasons[0]["severity"] == "critical"


def test_a_reason_stays_until_the_value_has_moved_back_by_the_margin():
    before = one("filesystem", 85.1, "/").reasons
    still = one("filesystem", 84.5, "/", before=before)
    assert (still.health, still.reasons[0]["severity"]) == (85, "medium")
    assert one("filesystem", 83.9, "/", before=before).health == 100
    assert one("filesystem", 84.5, "/").health == 100
    assert one("filesystem", 84.5, "/home", before=before).health == 100


def test_a_severity_stays_too_and_eases_by_the_same_margin():
    before = one("filesystem", 92.2, "/").reasons
    assert one("filesystem", 91.5, "/", before=before).reasons[0]["severity"] == "high"
    assert one("filesystem", 90.5, "/", before=before).reasons[0]["severity"] == "medium"
    assert one("memory", 5.9, before=one("memory", 4.9).reasons).reasons[0]["severity"] == "high"


def test_a_value_that_hovers_at_a_limit_changes_the_score_once():
    scores, before = [], ()
    for value in (89.8, 90.2, 89.6, 90.4, 88.0, 90.1, 86.0):
        verdict = one("cpu", value, before=before)
        before = verdict.reasons
        scores.append(verdict.health)
    assert scores == [100, 85, 85, 85, 85, 85, 85]
    assert one("cpu", 84.9, before=before).health == 100


def test_bands():
    assert [band(value) for value in (None, 100, 90, 89, 40, 39, 0)] == [
        "unknown", "healthy", "healthy", "degraded", "degraded", "down", "down",
    ]  # fmt: skip


def test_every_limit_names_its_levels_worst_first_and_its_evidence():
    for limit in LIMITS:
        points = [POINTS[severity] for severity, _level in limit.levels]
        assert points == sorted(points, reverse=True)
        levels = [level for _severity, level in limit.levels]
        assert levels == sorted(levels, reverse=not limit.below)
        assert limit.metric


def test_what_others_know_costs_no_more_than_the_worse_of_the_two():
    full = Measure("filesystem", 98, "/")  # critical, 60 points
    told = [{"severity": "high", "text": "Alert DiskFull fires"}, {"severity": "critical", "text": "Alert Down fires"}]
    assert judge([full], (), told).health == 40
    assert judge([Measure("cpu", 91, "")], (), told[:1]).health == 70
    assert judge([], (), told[:1]).health == 70
    assert [reason["points"] for reason in judge([full], (), told).reasons] == [60, 0, 0]
