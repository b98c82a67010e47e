"""GET /prometheus/api/v1/rules and /alerts show our rules and their alerts."""

import pytest

from monitoring.alerts.lifecycle import Observation, observe
from monitoring.alerts.models import AlertRule, RuleGroup

pytestmark = pytest.mark.django_db


@pytest.fixture
def rule(db, at):
    group = RuleGroup.objects.create(name="disks", file="disks.yml", interval=30)
    rule = AlertRule.objects.create(group=group, name="Full", key="Full", expr="used > 90", for_seconds=60, severity="high")
    AlertRule.objects.create(group=group, name="used:max", key="used:max", kind="record", expr="max(used)", position=1)
    observe([Observation("f" * 32, "firing", name="Full", labels={"host": "a"}, value=91.5, rule=rule.pk)], at(0))
    observe([Observation("e" * 32, "firing", name="Other", labels={"host": "b"}, source="grafana")], at(0))
    return rule


def test_rules_with_their_alerts(rule, client_of, viewer):
    data = client_of(viewer).get("/prometheus/api/v1/rules").json()["data"]
    (group,) = [one for one in data["groups"] if one["file"] == "disks.yml"]
    alerting, recording = group["rules"]
    assert (group["interval"], alerting["state"], alerting["duration"], alerting["labels"]) == (30, "firing", 60, {"severity": "high"})
    assert (alerting["alerts"][0]["labels"], alerting["alerts"][0]["value"]) == ({"host": "a"}, "91.5")
    assert (recording["type"], recording["name"]) == ("recording", "used:max")


def test_alerts_of_rules_only(rule, client_of, viewer):
    (alert,) = client_of(viewer).get("/prometheus/api/v1/alerts").json()["data"]["alerts"]
    assert (alert["state"], alert["activeAt"]) == ("firing", "2026-11-20T12:00:00Z")
