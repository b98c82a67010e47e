"""Rules over stored samples: for, keep_firing_for, restarts, templates, faults, recording, what is shared."""

from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring.alerts import evaluation, lifecycle, recording, running, schedule, tasks
from monitoring.alerts.models import Alert, AlertRule, RuleGroup
from monitoring.alerts.thresholds import threshold
from monitoring.inventory.models import Resource
from monitoring.query import stored
from monitoring.query.errors import QueryTimeout
from monitoring.store import StoreUnavailable, matching, reader, series, writer
from monitoring.store.batch import Batch

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh():
    for known in (series, matching):
        known.forget()
    recording._written.clear()
    yield
    for known in (series, matching):
        known.forget()


@pytest.fixture
def start():
    """A time on the grid of a minute, ten minutes ago."""
    return schedule.slot(60, timezone.now() - timedelta(minutes=10))


def put(metric, at, value, **labels):
    writer.write(Batch.of([(metric, labels, round(at.timestamp() * 1000), value)]))


def rule(expr, name="Hot", group="g", **fields):
    interval = fields.pop("interval", 15)
    found, _ = RuleGroup.objects.get_or_create(name=group, defaults={"interval": interval})
    return AlertRule.objects.create(group=found, name=name, key=fields.pop("key", name), expr=expr, **fields)


def evaluate(at, *rules):
    """Read anew, as another process would."""
    wanted = [one.pk for one in rules] or AlertRule.objects.values_list("pk", flat=True)
    found = list(AlertRule.objects.filter(pk__in=list(wanted)).select_related("group").order_by("position", "id"))
    return running.evaluate(found, at)


def states():
    return dict(Alert.objects.filter(source="rule").values_list("labels__host", "state"))


def test_it_waits_for_its_time_and_a_restart_keeps_the_timer(start):
    rule("temp > 80", for_seconds=60, labels={"team": "ops"}, annotations={"summary": "{{ $labels.host }} at {{ $value }}"})
    for second in (0, 30, 60):
        put("temp", start + timedelta(seconds=second), 85 + second / 30, host="a")
        evaluate(start + timedelta(seconds=second))  # nothing is kept between two calls but rows
    alert = Alert.objects.get()
    assert (alert.state, alert.started_at, alert.fired_at) == ("firing", start, start + timedelta(seconds=60))
    assert alert.labels == {"alertname": "Hot", "severity": "medium", "host": "a", "team": "ops"}
    assert alert.annotations == {"summary": "a at 87"}


def test_what_stops_before_its_time_begins_anew(start):
    rule("temp > 80", for_seconds=60)
    put("temp", start, 85, host="a")
    evaluate(start)
    put("temp", start + timedelta(seconds=30), 20, host="a")
    evaluate(start + timedelta(seconds=30))
    assert not Alert.objects.exists()


def test_it_is_kept_firing_for_a_while(start):
    rule("temp > 80", keep_firing_for=60)
    values = {0: 85, 15: 20, 60: 20, 75: 20}
    seen = {}
    for second, value in values.items():
        put("temp", start + timedelta(seconds=second), value, host="a")
        evaluate(start + timedelta(seconds=second))
        seen[second] = Alert.objects.get().state
    assert seen == {0: "firing", 15: "firing", 60: "firing", 75: "resolved"}
    assert Alert.objects.get().labels["host"] == "a"


def test_it_is_about_the_resource_its_labels_name_and_keeps_what_was_seen(start):
    host = Resource.objects.create(kind="host", name="db-1")
    rule("avg by (instance)(temp) > 80")
    for second in range(0, 180, 15):
        put("temp", start + timedelta(seconds=second), 70 + second / 10, instance="db-1:9100")
    evaluate(start + timedelta(seconds=165))
    alert = Alert.objects.get()
    assert alert.resource == host
    assert (alert.evidence["query"], alert.evidence["op"], alert.evidence["threshold"]) == ("avg by (instance) (temp)", ">", 80.0)
    assert alert.evidence["samples"][-1][1] == pytest.approx(86.5)
    assert len(alert.evidence["samples"]) >= 2


def test_a_rule_that_fails_raises_its_own_alert_and_the_others_go_on(start):
    broken = rule("temp > on (host) group_left cap", "Broken", group="b")
    rule("temp > 80")
    for host in "ab":
        put("temp", start, 85, host=host)
    put("cap", start, 1, host="a", n="1")
    put("cap", start, 1, host="a", n="2")
    evaluate(start)
    assert states() == {"a": "firing", "b": "firing"}
    broken.refresh_from_db()
    assert broken.last_error
    own = Alert.objects.get(source="self")
    assert (own.name, own.state, own.labels["rule"]) == ("AlertRuleFailing", "firing", "Broken")
    AlertRule.objects.filter(pk=broken.pk).update(expr="temp > 1000")
    evaluate(start + timedelta(seconds=15))
    own.refresh_from_db()
    assert own.state == "resolved"
    broken.refresh_from_db()
    assert broken.last_error == ""


def test_a_rule_that_runs_over_time_is_ended_and_told_of(start, monkeypatch):
    rule("temp > 80")
    slow = rule("slow > 1", "Slow")
    put("temp", start, 85, host="a")
    ask = evaluation.Moment.ask

    def asked(self, expr, limits):
        if expr == slow.expr:
            assert limits.seconds == 15
            raise QueryTimeout("query timed out in expression evaluation")
        return ask(self, expr, limits)

    monkeypatch.setattr(evaluation.Moment, "ask", asked)
    evaluate(start)
    assert states() == {"a": "firing"}
    assert "timed out" in Alert.objects.get(source="self").annotations["summary"]


def test_alerts_of_a_failing_rule_stay_as_they_were(start, monkeypatch):
    rule("temp > 80")
    put("temp", start, 85, host="a")
    evaluate(start)
    AlertRule.objects.update(expr="sum(")
    evaluate(start + timedelta(seconds=15))
    assert Alert.objects.get(name="Hot").state == "firing"


def test_the_same_alert_twice_from_one_rule_is_an_error(start):
    found = rule("temp > 80", labels={"host": "all"})
    put("temp", start, 85, host="a")
    put("temp", start, 86, host="b")
    evaluate(start)
    found.refresh_from_db()
    assert "same alert" in found.last_error


def test_a_text_that_cannot_be_made_does_not_keep_the_alert_back(start):
    rule("temp > 80", annotations={"summary": "{{ $labels.host | humanize }}"})
    put("temp", start, 85, host="a")
    evaluate(start)
    assert "could not be made" in Alert.objects.get().annotations["summary"]


def test_a_recording_rule_writes_samples_that_later_rules_see_at_once(start):
    rule("sum by (rack)(temp)", "rack:temp:sum", kind="record", labels={"by": "us"}, position=0)
    rule("rack:temp:sum > 100", "RackHot", position=1)
    for host in "ab":
        put("temp", start, 85, host=host, rack="r1")
    evaluate(start)
    assert Alert.objects.get().labels == {"alertname": "RackHot", "severity": "medium", "rack": "r1", "by": "us"}
    (ref,) = reader.select("rack:temp:sum")
    ms = round(start.timestamp() * 1000)
    t, v = reader.raw(ref.id, ms, ms + 1)
    assert (ref.labels, t.tolist(), v.tolist()) == ({"rack": "r1", "by": "us"}, [ms], [170.0])


def test_a_recorded_series_ends_when_it_is_computed_no_more(start):
    rule("temp > 80", "hot:temp", kind="record")
    put("temp", start, 85, host="a")
    evaluate(start)
    later = start + timedelta(seconds=15)
    put("temp", later, 20, host="a")
    evaluate(later)
    assert stored.run_instant("hot:temp", round(later.timestamp() * 1000)).labels == []


def test_due_groups_are_claimed_once_and_come_back_on_the_grid(start):
    rule("temp > 80")
    now = start + timedelta(seconds=3)
    RuleGroup.objects.update(due_at=start)
    lease, groups = schedule.claim_due(now)
    assert len(groups) == 1
    assert schedule.claim_due(now) == ("", [])
    running.run(groups, lease, now)
    group = RuleGroup.objects.get()
    assert group.lease == ""
    assert group.last_evaluated == start
    assert group.due_at > timezone.now()
    assert group.due_at.second % 15 == 0


def test_a_dead_worker_s_claim_is_taken_over():
    rule("temp > 80")
    now = timezone.now()
    schedule.claim_due(now)
    assert schedule.claim_due(now + timedelta(seconds=schedule.PATIENCE + 1))[1]


def test_when_the_store_is_away_nothing_changes_and_the_claim_is_given_back(monkeypatch):
    rule("temp > 80")

    def away(*args):
        raise StoreUnavailable("away")

    monkeypatch.setattr(running, "evaluate", away)
    assert tasks.evaluate_due() == 0
    assert RuleGroup.objects.get().lease == ""


def test_alerts_end_with_their_rule(start):
    hot = rule("temp > 80")
    put("temp", start, 85, host="a")
    evaluate(start)
    AlertRule.objects.filter(pk=hot.pk).update(enabled=False)
    assert tasks.tend_alerts() == 1
    alert = Alert.objects.get()
    assert (alert.state, alert.resolution) == ("resolved", "expired")


def test_the_alert_about_a_failing_rule_ends_with_the_rule(start):
    broken = rule("temp > on (host) group_left cap", "Broken")
    put("temp", start, 85, host="a")
    for n in "12":
        put("cap", start, 1, host="a", n=n)
    evaluate(start)
    assert tasks.tend_alerts() == 0
    assert Alert.objects.get(source="self").state == "firing"
    broken.delete()
    tasks.tend_alerts()
    assert Alert.objects.get(source="self").state == "resolved"


def test_a_person_s_severity_stays_until_the_rule_says_another(start, operator):
    hot = rule("temp > 80", severity="low")
    put("temp", start, 85, host="a")
    evaluate(start)
    alert = Alert.objects.get()
    lifecycle.rate([alert.pk], operator, "critical")
    for minute in (1, 2):
        put("temp", start + timedelta(minutes=minute), 90, host="a")
        evaluate(start + timedelta(minutes=minute))
    alert.refresh_from_db()
    assert (alert.severity, alert.value) == ("critical", 90.0)
    AlertRule.objects.filter(pk=hot.pk).update(severity="high")
    evaluate(start + timedelta(minutes=2, seconds=15))
    alert.refresh_from_db()
    assert (alert.severity, alert.labels["severity"]) == ("high", "high")


def test_rules_that_look_at_the_same_read_it_once(start, monkeypatch):
    read = []
    raw_many = reader.raw_many
    monkeypatch.setattr(reader, "raw_many", lambda sids, *args, **more: read.append(len(sids)) or raw_many(sids, *args, **more))
    for host in "abc":
        put("temp", start, 50, host=host)
    for number in range(10):
        rule(f"temp > {80 + number}", f"Hot{number}")
        rule(f"rate(temp[5m]) > {80 + number}", f"Rising{number}")
    evaluate(start)
    assert read == [3]


def test_a_rule_looks_back_further_than_what_is_shared(start):
    rule("max_over_time(temp[2h] offset 10m) > 80")
    put("temp", start - timedelta(hours=1), 85, host="a")
    evaluate(start)
    assert states() == {"a": "firing"}


def test_how_a_rule_did_is_on_its_row(start):
    found = rule("temp > 80")
    put("temp", start, 85, host="a")
    evaluate(start)
    found.refresh_from_db()
    assert found.last_evaluated == start
    assert found.last_duration_ms > 0
    assert found.last_lag_ms > 0
    assert (found.last_series, found.health) == (1, "ok")


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("a > 5", ("a", ">", 5.0)),
        ("(rate(a[5m]) * 100 < -3) and on (x) b", ("rate(a[5m]) * 100", "<", -3.0)),
        ("a > b", None),
        ("absent(a)", None),
        ("a > bool 5", ("a", ">", 5.0)),
        ("sum(", None),
    ],
)
def test_the_limit_of_an_expression(expr, expected):
    assert threshold(expr) == expected
