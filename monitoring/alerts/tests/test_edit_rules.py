"""The rule editor: made, changed, copied, deleted; how it reads now; what it would have done."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from monitoring.alerts import backtest, rule_backtest, rule_form
from monitoring.alerts.backtest import Trouble
from monitoring.alerts.models import AlertRule, RuleGroup
from monitoring.alerts.rule_trial import limit_of
from monitoring.store import writer
from monitoring.store.batch import Batch

pytestmark = pytest.mark.django_db
GIVEN = {
    "name": "DiskFull", "kind": "alert", "group": "Mine", "interval": "30s", "expr": "disk_used > 90", "for": "5m",
    "keep_firing_for": "", "severity": "high", "label_name": ["team", ""], "label_value": ["storage", ""],
    "summary": "{{ $labels.instance }} is {{ $value | humanize }} % full", "description": "Look", "enabled": "1",
    "annotation_name": ["dash"], "annotation_value": ["https://dash.example.org"], "runbook_url": "https://runbooks.example.org/disk",
}  # fmt: skip


@pytest.fixture
def stored(db):
    group = RuleGroup.objects.create(name="Mine", interval=30)
    return AlertRule.objects.create(
        group=group, name="DiskFull", key="DiskFull", expr="disk_used > 90", for_seconds=300, severity="high",
        labels={"team": "storage"}, annotations={"summary": "full"},
    )  # fmt: skip


@pytest.fixture
def history(db):
    """Values of disk_used{instance="a"}, one a minute, ending now."""

    def write(values, instance="a"):
        now = int(timezone.now().timestamp()) // 60 * 60_000
        rows = [
            ("disk_used", {"instance": instance}, now - 60_000 * (len(values) - 1 - at), float(value)) for at, value in enumerate(values)
        ]
        writer.write(Batch.of(rows))

    return write


# -- new -------------------------------------------------------------------------------------------------------------------
def test_a_rule_is_made(client_of, operator):
    answer = client_of(operator).post("/rules/new/", GIVEN)
    rule = AlertRule.objects.get(name="DiskFull")
    assert answer["Location"] == f"/rules/{rule.pk}/"
    assert (rule.group.name, rule.group.interval, rule.for_seconds, rule.severity) == ("Mine", 30, 300, "high")
    assert rule.labels == {"team": "storage"}
    assert rule.annotations == {"summary": GIVEN["summary"], "description": "Look", "dash": "https://dash.example.org"}
    assert rule.runbook_url == "https://runbooks.example.org/disk"
    assert AuditEntry.objects.get(action="rule.added").actor == "operator"


def test_the_explorer_hands_its_query_over(client_of, operator):
    text = client_of(operator).get("/rules/new/?expr=node_load1+%3E+4&severity=low&name=Busy").content.decode()
    assert ">node_load1 &gt; 4</textarea>" in text
    assert 'value="Busy"' in text


@pytest.mark.parametrize(
    ("wrong", "place", "words"),
    [
        ({"expr": "sum(x"}, "expr", "unclosed"),
        ({"expr": ""}, "expr", "1 to"),
        ({"name": ""}, "name", "a name"),
        ({"for": "soon"}, "for", "not a duration"),
        ({"interval": "2d"}, "interval", "to a day"),
        ({"summary": "{{ $x"}, "summary", "not closed"),
        ({"label_name": ["bad-name"], "label_value": ["x"]}, "labels", "bad-name"),
        ({"label_name": ["a", "a"], "label_value": ["x", "y"]}, "labels", "twice"),
        ({"severity": "dire"}, "severity", "critical"),
        ({"runbook_url": "javascript:alert(1)"}, "runbook_url", "https://"),
        ({"kind": "poem"}, "kind", "record"),
        ({"immediate": "1", "expr": '{instance="a"} > 1'}, "immediate", "on arrival"),
        ({"group": "x" * 201}, "group", "200"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_stored(client_of, operator, wrong, place, words):
    answer = client_of(operator).post("/rules/new/", GIVEN | wrong)
    assert answer.status_code == 422
    [fault, *_] = answer.context["faults"][place]
    assert words in fault.message
    assert fault.message.replace("'", "&#x27;").replace("<", "&lt;") in answer.content.decode().replace("&quot;", '"')
    assert not AlertRule.objects.filter(name="DiskFull").exists()


def test_what_was_typed_is_still_there(client_of, operator):
    text = client_of(operator).post("/rules/new/", GIVEN | {"expr": "sum(x"}).content.decode()
    for part in ("sum(x", "DiskFull", "storage", "https://dash.example.org"):
        assert part in text
    assert "<b>Character 4:</b>" in text


def test_a_recording_rule_keeps_no_texts(client_of, operator):
    client_of(operator).post("/rules/new/", GIVEN | {"kind": "record", "name": "a:b", "expr": "sum(disk_used)"})
    rule = AlertRule.objects.get(name="a:b")
    assert (rule.kind, rule.annotations, rule.for_seconds) == ("record", {}, 0)


def test_a_viewer_may_look_but_not_write(client_of, viewer, stored):
    client = client_of(viewer)
    text = client.get(f"/rules/{stored.pk}/").content.decode()
    assert "savebar" not in text
    assert "readonly" in text
    assert client.get("/rules/new/").status_code == 403
    assert client.post(f"/rules/{stored.pk}/", GIVEN).status_code == 403
    assert client.post(f"/rules/{stored.pk}/delete/").status_code == 403
    assert client.post("/rules/preview/", GIVEN).status_code == 200
    assert client.post("/rules/backtest/", GIVEN).status_code == 200


# -- change ----------------------------------------------------------------------------------------------------------------
def test_a_change_is_stored_and_told_in_words(client_of, operator, stored):
    client = client_of(operator)
    given = GIVEN | {"for": "10m", "label_name": [], "label_value": [], "rule": stored.pk}
    assert client.post(f"/rules/{stored.pk}/", given).status_code == 302
    stored.refresh_from_db()
    assert (stored.for_seconds, stored.labels) == (600, {})
    text = client.get(f"/rules/{stored.pk}/").content.decode()
    assert "for seconds 300 → 600" in text
    assert "last changed by operator" in text


def test_saving_does_not_switch_a_rule(client_of, operator, stored):
    AlertRule.objects.update(enabled=False)
    client_of(operator).post(f"/rules/{stored.pk}/", GIVEN | {"for": "1h"})
    stored.refresh_from_db()
    assert (stored.for_seconds, stored.enabled) == (3600, False)


@pytest.mark.parametrize(("typed", "shown"), [("80", 80.0), ("", None), ("95", None), ("inf", None), ("x", None)])
def test_the_preview_says_where_it_clears_for_the_line_in_its_chart(client_of, viewer, typed, shown):
    found = client_of(viewer).post("/rules/preview/", GIVEN | {"expr": "a > 90", "clears_at": typed}).json()
    assert (found["limit"]["value"], found["clears_at"]) == (90.0, shown)


def test_a_limit_beyond_all_numbers_is_no_broken_answer(client_of, viewer):
    assert client_of(viewer).post("/rules/preview/", GIVEN | {"expr": "a > 1e999"}).json()["limit"] is None


def test_a_faulty_change_leaves_the_rule_as_it_was(client_of, operator, stored):
    assert client_of(operator).post(f"/rules/{stored.pk}/", GIVEN | {"expr": "sum("}).status_code == 422
    stored.refresh_from_db()
    assert stored.expr == "disk_used > 90"


def test_a_shipped_rule_stays_what_it_is(client_of, admin, stored):
    AlertRule.objects.update(locked=True)
    client = client_of(admin)
    assert client.post(f"/rules/{stored.pk}/", GIVEN | {"expr": "up == 0"}).status_code == 400
    stored.refresh_from_db()
    assert stored.expr == "disk_used > 90"
    text = client.get(f"/rules/{stored.pk}/").content.decode()
    assert "Shipped with AIOps" in text
    assert "savebar" not in text
    assert client.post(f"/rules/{stored.pk}/delete/").status_code == 400


def test_a_rule_is_copied(client_of, operator, stored):
    client = client_of(operator)
    text = client.get(f"/rules/new/?copy={stored.pk}").content.decode()
    assert 'value="DiskFullCopy"' in text
    assert "disk_used &gt; 90" in text
    assert client.get("/rules/new/?copy=x").status_code == 400
    assert client.get("/rules/new/?copy=99999").status_code == 404


def test_a_rule_is_deleted(client_of, operator, stored):
    assert client_of(operator).post(f"/rules/{stored.pk}/delete/")["Location"] == "/rules/"
    assert not AlertRule.objects.filter(pk=stored.pk).exists()
    assert AuditEntry.objects.get(action="rule.removed").actor == "operator"


def test_a_rule_that_is_not_there_is_404(client_of, operator):
    client = client_of(operator)
    assert client.get("/rules/99999/").status_code == 404
    assert client.post("/rules/99999/delete/").status_code == 404


def test_its_page_takes_a_fixed_number_of_statements(client_of, viewer, stored, django_assert_max_num_queries):
    client = client_of(viewer)
    with django_assert_max_num_queries(12):
        assert client.get(f"/rules/{stored.pk}/").status_code == 200


# -- how it reads now --------------------------------------------------------------------------------------------------------
def test_the_texts_are_shown_for_a_series_that_answers(client_of, viewer, history):
    history([95])
    found = client_of(viewer).post("/rules/preview/", GIVEN).json()
    assert (found["answered"], found["compared"], found["faults"]) == (1, 1, [])
    assert "a is 95 % full" in found["html"]
    assert found["labels"] == {"instance": "a", "team": "storage", "alertname": "DiskFull", "severity": "high"}


def test_where_nothing_answers_the_nearest_series_is_shown(client_of, viewer, history):
    history([40])
    history([80], "b")
    found = client_of(viewer).post("/rules/preview/", GIVEN).json()
    assert (found["answered"], found["compared"]) == (0, 2)
    assert "b is 80 % full" in found["html"]
    assert "nearest to the limit" in found["html"]


def test_a_text_that_fails_with_these_values_says_so(client_of, viewer, history):
    history([95])
    found = client_of(viewer).post("/rules/preview/", GIVEN | {"summary": '{{ query "nothing" | first | value }}'}).json()
    assert found["faults"] == []
    assert "c-critical" in found["html"]


def test_faults_are_told_with_their_place(client_of, viewer):
    found = client_of(viewer).post("/rules/preview/", GIVEN | {"expr": "sum(x", "description": "{{ nope }}"}).json()
    assert [(one["field"], one["position"]) for one in found["faults"]] == [("expr", 3), ("description", 3)]
    assert found["limit"] is None


@pytest.mark.parametrize(
    ("expr", "sign", "number"),
    [
        ("disk_used > 90", ">", "90"),
        ('100 * (1 - avg(rate(a{b=">5"}[5m])) > 0) <= -1.5e3', "<=", "-1.5e3"),
        ("a > 5 and b > 6", ">", "5"),
        ("(a >= 0.5)", ">=", "0.5"),
        ("a == 0", "==", "0"),
    ],
)
def test_the_limit_is_found_in_the_text(expr, sign, number):
    limit = limit_of(expr)
    assert (expr[limit.op_start : limit.op_end], expr[limit.start : limit.end]) == (sign, number)
    assert limit.value == float(number)


@pytest.mark.parametrize("expr", ["up", "a > b", "absent(a)", "sum(", "a > 5 or b > 6"])
def test_without_one_limit_there_is_no_place(expr):
    assert limit_of(expr) is None


# -- what it would have done ---------------------------------------------------------------------------------------------------
def test_the_backtest_stands_beside_the_saved_version(client_of, operator, stored, history):
    history([50] * 100 + [95] * 3 + [50] * 100 + [95] * 20 + [50] * 30)
    client = client_of(operator)
    answer = client.post("/rules/backtest/", GIVEN | {"rule": stored.pk, "for": "1m", "days": "7"})
    panel = answer.context["panel"]
    assert (panel.now.count, panel.before.count) == (2, 1)
    assert "was 1" in answer.content.decode()
    assert client.post("/rules/backtest/", GIVEN | {"rule": stored.pk, "days": "7"}).context["panel"].before is None


def test_another_condition_is_compared_too(client_of, operator, stored, history):
    history([50] * 100 + [95] * 20 + [50] * 100)
    panel = client_of(operator).post("/rules/backtest/", GIVEN | {"rule": stored.pk, "expr": "disk_used > 40"}).context["panel"]
    assert (panel.now.count, panel.before.count) == (1, 1)
    assert panel.now.median_seconds > panel.before.median_seconds


@pytest.fixture
def trouble(monkeypatch):
    found = []
    monkeypatch.setattr(backtest, "_troubles", [lambda start, end: found])
    return found


def test_incidents_are_caught_or_missed_and_a_better_wait_is_offered(client_of, operator, history, trouble):
    history([50] * 100 + [95] * 8 + [50] * 100)
    began = timezone.now() - timedelta(minutes=107)
    trouble.append(Trouble("INC-7", "/incidents/7/", began, began + timedelta(minutes=7)))
    client = client_of(operator)
    answer = client.post("/rules/backtest/", GIVEN | {"for": "10m"})
    panel = answer.context["panel"]
    assert [one.name for one in panel.now.missed] == ["INC-7"]
    assert panel.hint.wait in ("1m", "2m", "5m")
    assert "catches 1 more" in panel.hint.text
    text = answer.content.decode()
    assert 'data-use-wait="' in text
    assert "INC-7, missed" in text
    caught = client.post("/rules/backtest/", GIVEN | {"for": "1m"})
    assert "INC-7, caught" in caught.content.decode()
    assert 'href="/incidents/7/"' in caught.content.decode()


def test_many_short_firings_offer_a_longer_wait(client_of, operator, history):
    history(([50] * 20 + [95] * 3) * 6 + [50] * 20 + [95] * 40 + [50])
    panel = client_of(operator).post("/rules/backtest/", GIVEN | {"for": ""}).context["panel"]
    assert panel.now.count == 7
    assert panel.hint.wait in ("1m", "2m", "5m", "10m")
    assert panel.hint.text.startswith(("fires once in place of 7", "fires 2 times in place of 7", "fires 3 times in place of 7"))


def test_nights_are_those_of_the_person(client_of, operator, history):
    operator.time_zone = "Pacific/Auckland"
    operator.save()
    history([95])
    panel = client_of(operator).post("/rules/backtest/", GIVEN | {"days": "7"}).context["panel"]
    assert 6 <= len(panel.lanes.nights) <= 9
    assert all(0 <= float(x) <= 520 and float(width) > 0 for x, width in panel.lanes.nights)


def test_nothing_stored_would_have_fired_nothing(client_of, viewer):
    text = client_of(viewer).post("/rules/backtest/", GIVEN).content.decode()
    assert "It would not have fired" in text


def test_a_condition_that_cannot_be_read_is_not_tried(client_of, viewer):
    assert "as soon as the condition can be read" in client_of(viewer).post("/rules/backtest/", GIVEN | {"expr": "sum("}).content.decode()
    assert client_of(viewer).post("/rules/backtest/", GIVEN | {"days": "12"}).status_code == 400


def test_a_query_that_is_stopped_says_so(client_of, viewer, monkeypatch):
    from monitoring.query.errors import QueryTimeout

    def stop(*_args):
        raise QueryTimeout("the query took longer than 20 s")

    monkeypatch.setattr(rule_backtest, "look", stop)
    assert "took longer than 20 s" in client_of(viewer).post("/rules/backtest/", GIVEN).content.decode()


def test_marks_of_many_firings_are_those_that_can_be_told_apart(client_of, viewer, history):
    history([50, 95] * 700)
    panel = client_of(viewer).post("/rules/backtest/", GIVEN | {"for": "", "days": "7"}).context["panel"]
    assert panel.now.count > 300
    assert len(panel.lanes.fires) < 100
    assert len(panel.lines) == rule_backtest.LISTED
    assert panel.hidden == panel.now.count - rule_backtest.LISTED


def test_a_form_reads_back_what_it_was_made_of(stored):
    stored.annotations = {"summary": "s", "description": "d", "dash": "x"}
    fields, interval = rule_form.RuleForm.of(stored).read()
    assert interval == 30
    assert all(getattr(stored, name) == value for name, value in fields.items())


# -- from elsewhere ----------------------------------------------------------------------------------------------------------
def test_the_explorer_offers_a_rule_to_those_who_may_make_one(client_of, operator, viewer):
    assert 'data-url="/rules/new/"' in client_of(operator).get("/explore/").content.decode()
    assert "/rules/new/" not in client_of(viewer).get("/explore/").content.decode()


def test_a_chart_offers_a_rule_on_its_metric(client_of, operator, viewer):
    from monitoring.inventory.facts import ResourceReport, report

    [host] = report([ResourceReport("host", "web-1", {"instance": "web-1"})], None)
    now = int(timezone.now().timestamp() * 1000)
    writer.write(Batch.of([("node_load1", {"instance": "web-1"}, now - 15_000 * at, 1.0) for at in range(9, -1, -1)], host.pk))
    assert "/rules/new/?expr=node_load1" in client_of(operator).get(f"/resources/{host.pk}/").content.decode()
    assert "/rules/new/" not in client_of(viewer).get(f"/resources/{host.pk}/").content.decode()


def test_adding_a_source_leads_to_the_mapping_of_alerts(client_of, operator):
    assert 'href="/alerts/mapping/"' in client_of(operator).get("/sources/add/").content.decode()


def test_how_its_evaluations_went_is_kept_as_samples(stored, history):
    from monitoring.alerts import running
    from monitoring.query.stored import run_instant

    history([95])
    at = timezone.now().replace(microsecond=0)
    running.evaluate([stored], at)
    labels = {"job": "aiops", "rule": "DiskFull", "rule_group": "Mine"}
    for metric in ("aiops_rule_duration_seconds", "aiops_rule_lag_seconds"):
        found = run_instant(metric, round(at.timestamp() * 1000))
        assert found.labels == [{"__name__": metric, **labels}]
        assert found.v[0] >= 0
