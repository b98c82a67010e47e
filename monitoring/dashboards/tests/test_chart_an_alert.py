import time

import pytest

from monitoring.alerts.lifecycle import Observation, observe
from monitoring.alerts.models import AlertRule, RuleGroup
from monitoring.query.errors import QueryError
from monitoring.store import StoreUnavailable, writer
from monitoring.store.batch import Batch

pytestmark = pytest.mark.django_db
STEP = 15_000


@pytest.fixture
def alert():
    """Its rule compares memory with 80; two hosts have samples of the last ten minutes."""
    now = int(time.time() * 1000)
    rows = [("used_ratio", {"instance": name}, now - STEP * n, value) for n in range(40) for name, value in (("a", 0.9), ("b", 0.5))]
    writer.write(Batch.of(sorted(rows, key=lambda row: row[2])))
    rule = AlertRule.objects.create(group=RuleGroup.objects.create(name="g"), name="Full", key="Full", expr="used_ratio > 0.8")
    evidence = {"expr": rule.expr, "series": {"__name__": "used_ratio", "instance": "a"}}
    labels = {"alertname": "Full", "instance": "a"}
    [one] = observe([Observation("f", "firing", name="Full", labels=labels, rule=rule.pk, value=0.9, evidence=evidence)])
    return one


def chart(client, alert, **query):
    return client.get(f"/alerts/{alert.pk}/chart.json", query, headers={"accept": "application/json"})


def test_it_draws_the_value_of_this_alert_with_its_limit_and_what_happened(alert, client_of, viewer):
    found = chart(client_of(viewer), alert, range="now-15m").json()
    values = [value for value in found["series"][0]["data"] if value is not None]
    assert set(values) == {0.9}
    assert len(found["t"]) == len(found["series"][0]["data"])
    assert found["limit"] == {"value": 0.8, "label": "> 80 %"}
    assert found["unit"] == "ratio"
    assert [(event["n"], event["text"], event["kind"]) for event in found["events"]] == [("1", "Fired", "alert")]
    assert found["sentence"] == "Full: 90 % last, between 90 % and 90 %; limit > 80 %"


def test_without_a_snapshot_its_labels_say_which_series_it_is(alert, client_of, viewer):
    alert.evidence = {}
    alert.save()
    found = chart(client_of(viewer), alert, range="now-15m").json()
    assert {value for value in found["series"][0]["data"] if value is not None} == {0.9}


def test_where_there_is_nothing_to_draw_it_says_why(alert, client_of, viewer):
    client = client_of(viewer)
    alert.evidence, alert.labels = {}, {"instance": "c"}
    alert.save()
    assert chart(client, alert).json()["note"] == "The store holds no samples of it in this range."
    alert.rule = None
    alert.save()
    assert chart(client, alert).json()["note"] == "Its sender said no expression that could be drawn."
    alert.evidence = {"expr": "sum("}
    alert.save()
    assert chart(client, alert).json()["note"].startswith("The store cannot draw this: ")


def test_a_query_that_takes_too_long_is_told_of(alert, client_of, viewer, monkeypatch):
    def late(*args, **given):
        raise QueryError("the query took longer than 5 s")

    monkeypatch.setattr("monitoring.dashboards.alert_chart.run_range", late)
    found = chart(client_of(viewer), alert).json()
    assert found["note"] == "The store cannot draw this: the query took longer than 5 s."
    assert found["t"] == []


def test_a_store_that_is_away_is_503(alert, client_of, viewer, monkeypatch):
    def away(*args, **given):
        raise StoreUnavailable("the store does not answer")

    monkeypatch.setattr("monitoring.dashboards.alert_chart.run_range", away)
    client = client_of(viewer)
    client.raise_request_exception = False
    answer = chart(client, alert)
    assert answer.status_code == 503
    assert answer["Retry-After"]


@pytest.mark.parametrize(("role", "status"), [("viewer", 200), ("operator", 200), ("admin", 200), ("stranger", 302)])
def test_everybody_who_may_read_sees_it(request, alert, client_of, role, status):
    assert chart(client_of(request.getfixturevalue(role)), alert).status_code == status


def test_bad_addresses_are_refused(alert, client_of, viewer):
    assert chart(client_of(viewer), alert, range="soon").status_code == 400
    assert client_of(viewer).get("/alerts/4711/chart.json").status_code == 404
