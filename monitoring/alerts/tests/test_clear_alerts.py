"""When an alert that fires ends: at its limit, at another one, and when its series has no value any more."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.utils import timezone

from monitoring.alerts import backtest, checks, rule_files, running, schedule
from monitoring.alerts.models import Alert, AlertRule, AlertTransition, RuleGroup
from monitoring.alerts.thresholds import moved
from monitoring.query.values import Matrix
from monitoring.store import matching, series, writer
from monitoring.store.batch import STALE, Batch

T0 = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
STEP = 15  # seconds
LONG = [20] * 41  # ten minutes


@pytest.fixture(autouse=True)
def _fresh():
    for known in (series, matching):
        known.forget()


@pytest.fixture
def start():
    return schedule.slot(60, timezone.now() - timedelta(minutes=50))


def put(at, value, host="a", metric="temp"):
    writer.write(Batch.of([(metric, {"host": host}, round(at.timestamp() * 1000), value)]))


def rule(expr="temp > 80", **fields):
    group, _ = RuleGroup.objects.get_or_create(name="g", defaults={"interval": STEP})
    return AlertRule.objects.create(group=group, name="Hot", key="Hot", expr=expr, **fields)


def evaluate(at):
    running.evaluate(list(AlertRule.objects.select_related("group")), at)


def course(start, values, host="a"):
    """The state after each value; None ends the series, … says nothing."""
    states = []
    for place, value in enumerate(values):
        at = start + timedelta(seconds=STEP * place)
        if value is not ...:
            put(at, STALE if value is None else value, host)
        evaluate(at)
        states.append("".join(sorted(one.state[0] for one in Alert.objects.exclude(state="resolved"))))
    return states


# -- another limit ---------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_it_goes_on_firing_until_it_is_back_beyond_the_other_limit(start):
    rule(clears_at=70)
    assert course(start, [75, 85, 75, 71, 85, 70, 75, 81]) == ["", "f", "f", "f", "f", "", "", "f"]
    assert AlertTransition.objects.filter(axis="state", after="firing").count() == 2


@pytest.mark.django_db
def test_of_a_limit_from_below_it_lies_above(start):
    rule("temp < 10", clears_at=20)
    assert course(start, [15, 9, 15, 19, 20, 15]) == ["", "f", "f", "f", "", ""]


@pytest.mark.django_db
def test_it_tells_the_value_it_has_meanwhile(start):
    rule(clears_at=70, annotations={"summary": "{{ $value }} degrees"})
    course(start, [85, 75, 75, 75, 74])
    alert = Alert.objects.get()
    assert (alert.value, alert.annotations["summary"]) == (74.0, "74 degrees")


@pytest.mark.django_db
def test_only_what_fires_is_held_not_what_is_pending(start):
    rule(clears_at=70, for_seconds=30)
    assert course(start, [85, 75, 85, 85, 85, 75, 60]) == ["p", "", "p", "p", "f", "f", ""]


@pytest.mark.django_db
def test_the_rest_of_the_condition_still_counts(start):
    rule("temp > 80 and on (host) running == 1", clears_at=70)
    put(start, 1, metric="running")
    course(start, [85, 75])
    assert Alert.objects.get().state == "firing"
    put(start + timedelta(seconds=30), 0, metric="running")
    put(start + timedelta(seconds=30), 75)
    evaluate(start + timedelta(seconds=30))
    assert Alert.objects.get().state == "resolved"


@pytest.mark.django_db
def test_keep_firing_for_begins_once_it_has_cleared(start):
    rule(clears_at=70, keep_firing_for=30)
    assert course(start, [85, 75, 60, 60, 60]) == ["f", "f", "f", "f", ""]


@pytest.mark.django_db
def test_many_that_lie_between_the_limits_are_no_trouble(start, monkeypatch):
    monkeypatch.setattr("monitoring.alerts.evaluate.MOST_ALERTS", 2)
    rule(clears_at=70)
    course(start, [85])
    at = start + timedelta(seconds=15)
    for host in "abcd":
        put(at, 75, host)
    evaluate(at)
    assert [(one.labels["host"], one.state) for one in Alert.objects.filter(source="rule")] == [("a", "firing")]
    assert not Alert.objects.filter(source="self").exists()


# -- without data ----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_as_in_prometheus_it_ends_with_its_series(start):
    rule()
    assert course(start, [85, None, 85]) == ["f", "", "f"]


@pytest.mark.django_db
def test_it_is_kept_while_its_series_has_no_value(start):
    rule(without_data="keep")
    assert course(start, [85, None, ..., ..., 85, None, 60]) == ["f", "f", "f", "f", "f", "f", ""]


@pytest.mark.django_db
def test_it_is_kept_and_clears_at_the_other_limit(start):
    rule(without_data="keep", clears_at=70)
    assert course(start, [85, 75, None, 75, 65]) == ["f", "f", "f", "f", ""]


@pytest.mark.django_db
def test_what_a_person_resolved_is_not_kept(start, operator):
    from monitoring.alerts import lifecycle

    rule(without_data="keep")
    course(start, [85, None])
    lifecycle.resolve([Alert.objects.get().pk], operator)
    evaluate(start + timedelta(seconds=45))
    assert Alert.objects.get().state == "resolved"


@pytest.mark.django_db
def test_a_series_without_values_is_an_alert_of_its_own(start):
    rule(without_data="alert", labels={"team": "ops"}, annotations={"summary": "{{ $value }}"}, severity="high")
    put(start + timedelta(minutes=10), 20, "b")
    assert course(start, [*LONG, None])[-2:] == ["", "f"]
    alert = Alert.objects.get()
    assert (alert.name, alert.severity, alert.value) == ("Hot", "high", None)
    assert alert.labels == {"alertname": "Hot", "severity": "high", "host": "a", "team": "ops", "no_data": "true"}
    assert alert.annotations["summary"] == "No data for Hot: host a"
    back = start + timedelta(seconds=STEP * len(LONG) + 15)
    put(back, 20)
    evaluate(back)
    alert.refresh_from_db()
    assert alert.state == "resolved"


@pytest.mark.django_db
def test_it_waits_as_long_as_the_rule_and_goes_on_until_there_are_values(start):
    rule(without_data="alert", for_seconds=45)
    states = course(start, [*LONG, None, ..., ..., ..., *[...] * 60, 20])
    assert states[len(LONG) :][:4] == ["p", "p", "p", "f"]
    assert (states[-2], states[-1]) == ("f", "")


@pytest.mark.django_db
def test_one_that_waits_longer_than_we_look_back_still_fires(start):
    rule(without_data="alert", for_seconds=900)
    states = course(start, [*LONG, None, *[...] * 62])[len(LONG) :]
    assert (states[40], states[59], states[60]) == ("p", "p", "f")


@pytest.mark.django_db
def test_the_trouble_that_lost_its_values_hands_over(start):
    rule(without_data="alert")
    course(start, [*LONG[1:], 85, None])
    assert [one.labels.get("no_data", "") for one in Alert.objects.filter(state="firing")] == ["true"]
    assert [one.labels.get("no_data", "") for one in Alert.objects.filter(state="resolved")] == [""]


# -- tried over history ----------------------------------------------------------------------------------------------------
def matrix(*rows):
    present = np.array([[mark == "#" for mark in row] for row in rows])
    t = np.array([round((T0 + timedelta(minutes=n)).timestamp() * 1000) for n in range(len(rows[0]))])
    return Matrix([{"__name__": "temp", "host": f"h{n}"} for n in range(len(rows))], t, present * 90.0, present)


@pytest.mark.parametrize(
    ("fields", "found", "held", "data", "expected"),
    [
        ({"clears_at": 70}, ".##...#...", ".####.##..", None, [(1, 5), (6, 8)]),
        ({"clears_at": 70}, ".#.#.#....", ".#####....", None, [(1, 6)]),
        ({"clears_at": 70, "for_seconds": 120}, ".#...####.", "#########.", None, [(7, 9)]),
        ({"clears_at": 70, "keep_firing_for": 120}, ".#...#....", ".##..#....", None, [(1, 5), (5, 8)]),
        ({"clears_at": 70, "keep_firing_for": 180}, ".#........", ".##..#....", None, [(1, 9)]),
        ({"without_data": "keep"}, ".#........", None, "##...#####", [(1, 5)]),
        ({"without_data": "alert"}, "............#........", None, "#############...#####", [(12, 13), (13, 16)]),
        ({"without_data": "alert", "for_seconds": 120}, "." * 20, None, "." + "#" * 10 + "..#######", []),
        ({"without_data": "alert", "for_seconds": 120}, "." * 20, None, "#" * 12 + "........", [(14, None)]),
        ({"without_data": "alert"}, "." * 20, None, "..##................", [(12, None)]),
        ({"without_data": "alert"}, "." * 5, None, "##...", []),
    ],
)
def test_replayed(fields, found, held, data, expected):
    tried = AlertRule(group=RuleGroup(name="g", interval=60), name="Hot", key="Hot", expr="temp > 80", **fields)
    firings = backtest.replay(matrix(found), tried, 60, matrix(held) if held else None, matrix(data) if data else None)
    since = lambda when: None if when is None else (when - T0).total_seconds() / 60  # noqa: E731
    assert [(since(one.fired_at), since(one.ended_at)) for one in firings] == expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields", [{"clears_at": 50}, {"clears_at": 50, "keep_firing_for": 30, "for_seconds": 15}, {"without_data": "keep"}]
)
def test_the_backtest_is_what_the_rule_does_live(start, fields):
    rule(**fields)
    chance = np.random.default_rng(7)
    values = np.repeat(chance.choice([20.0, 60.0, 90.0], 40), 3).tolist()
    if "without_data" in fields:
        values = [None if value == 60 else value for value in values]
    course(start, values)
    end = start + timedelta(seconds=STEP * (len(values) - 1))
    moved_to = AlertTransition.objects.filter(axis="state").order_by("id")
    fired = [one.time for one in moved_to if one.after == "firing"]
    ended = [one.time for one in moved_to if one.after == "resolved" and one.before == "firing"]
    found = backtest.backtest(AlertRule.objects.select_related("group").get(), start, end)
    assert len(fired) > 2
    assert [one.fired_at for one in found.firings] == fired
    assert [one.ended_at for one in found.firings if one.ended_at and one.ended_at <= end] == ended


# -- what can be stored ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"clears_at": 90}, "clears_at", "below the limit of 80"),
        ({"clears_at": 80}, "clears_at", "below the limit of 80"),
        ({"clears_at": float("nan")}, "clears_at", "below the limit of 80"),
        ({"expr": "temp < 80", "clears_at": 70}, "clears_at", "above the limit of 80"),
        ({"expr": "absent(temp)", "clears_at": 70}, "clears_at", "with a limit"),
        ({"expr": "temp == 1", "clears_at": 0}, "clears_at", "with a limit"),
        ({"expr": "absent(temp)", "without_data": "keep"}, "without_data", "compares something"),
        ({"without_data": "panic"}, "without_data", "resolve, keep, alert"),
        ({"kind": "record", "name": "m", "without_data": "alert"}, "without_data", "compares something"),
    ],
)
def test_what_cannot_be_is_refused(fields, field, words):
    given = {"name": "Hot", "expr": "temp > 80", **fields}
    (fault,) = checks.check_rule(AlertRule(group=RuleGroup(name="g"), **given))
    assert fault.field == field
    assert words in fault.message


@pytest.mark.parametrize(
    ("expr", "value", "expected"),
    [
        ("temp > 80", 70, "temp > 70"),
        ("100 * a / 100 >=1e3 and b == 0", -2.5, "100 * a / 100 >=-2.5 and b == 0"),
        ("absent(a)", 1, None),
    ],
)
def test_the_limit_moves_within_the_expression(expr, value, expected):
    assert moved(expr, value) == expected


RULES = """
groups:
  - name: g
    rules:
      - {alert: Hot, expr: temp > 80, clears_at: 70.5, without_data: keep}
      - {alert: Cold, expr: temp < 3}
      - {alert: Wrong, expr: temp > 80, clears_at: much}
"""


def test_rule_files_may_say_it_and_those_for_prometheus_do_not():
    found = rule_files.read(RULES)
    assert [(one.clears_at, one.without_data) for one in found.rules] == [(70.5, "keep"), (None, "resolve")]
    assert [one.text for one in found.refused] == ["clears_at: not a number"]
    text = rule_files.written([(group.group, group.rules) for group in found.groups])
    assert "clears_at" not in text
    assert "without_data" not in text


# -- form and API ----------------------------------------------------------------------------------------------------------
GIVEN = {"name": "Hot", "kind": "alert", "group": "Mine", "interval": "30s", "expr": "temp > 80", "for": "5m", "severity": "high"}


@pytest.mark.django_db
def test_the_editor_keeps_it(client_of, operator):
    client = client_of(operator)
    client.post("/rules/new/", GIVEN | {"clears_at": "70.25", "without_data": "alert", "enabled": "1"})
    stored = AlertRule.objects.get()
    assert (stored.clears_at, stored.without_data) == (70.25, "alert")
    page = client.get(f"/rules/{stored.pk}/").content.decode()
    assert 'value="70.25"' in page
    assert '<option value="alert" selected>' in page
    refused = client.post("/rules/new/", GIVEN | {"clears_at": "lots"})
    assert refused.status_code == 422
    assert "A number, such as" in refused.content.decode()


@pytest.mark.django_db
def test_the_backtest_panel_counts_it(client_of, operator, start):
    for place, value in enumerate([20, 85, 75, 85, 75, 60] * 4):
        put(start + timedelta(seconds=120 * place), value)
        put(start + timedelta(seconds=120 * place + 60), value)
    answers = [
        client_of(operator).post("/rules/backtest/", GIVEN | {"for": "", "days": "7", "clears_at": text}).context["panel"].now.count
        for text in ("", "70")
    ]
    assert answers == [8, 4]
    lost = client_of(operator).post("/rules/backtest/", GIVEN | {"for": "", "days": "7", "expr": "temp > 200", "without_data": "alert"})
    assert (lost.status_code, lost.context["panel"].now.count) == (200, 0)


@pytest.mark.django_db
def test_series_that_lost_their_values_are_in_the_panel(client_of, operator, start):
    for place in range(15):
        put(start + timedelta(minutes=place), 20)
    given = GIVEN | {"for": "", "interval": "60s", "days": "7", "without_data": "alert"}
    page = client_of(operator).post("/rules/backtest/", given)
    assert (page.status_code, page.context["panel"].now.count) == (200, 1)
    (line,) = page.context["panel"].lines
    assert (line.firing.labels, line.firing.value, line.about) == ({"host": "a", "no_data": "true"}, None, "a no data")


@pytest.mark.django_db
def test_the_api_has_it(client_of, operator, viewer):
    client = client_of(operator)
    given = {"name": "Hot", "expr": "temp > 80", "clears_at": 70, "without_data": "keep"}
    made = client.post("/api/v1/rules/", given, content_type="application/json")
    assert made.status_code == 201, made.content
    assert (made.json()["clears_at"], made.json()["without_data"]) == (70.0, "keep")
    changed = client.patch(f"/api/v1/rules/{made.json()['id']}/", {"clears_at": None}, content_type="application/json")
    assert changed.json()["clears_at"] is None
    refused = client.patch(f"/api/v1/rules/{made.json()['id']}/", {"clears_at": 95}, content_type="application/json")
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["clears_at"])
    assert (
        client_of(viewer).patch(f"/api/v1/rules/{made.json()['id']}/", {"clears_at": 1}, content_type="application/json").status_code == 403
    )
