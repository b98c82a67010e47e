"""People choose which alerts are one incident; what they chose stays so."""

import pytest

from accounts.models import AuditEntry
from monitoring.incidents.arrange import add, merge, split, take_out
from monitoring.incidents.correlate import correlate
from monitoring.incidents.lifecycle import Refused, open_by_hand
from monitoring.incidents.models import Incident, TakenOut
from monitoring.incidents.tend import tend

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(fire, resource, incident_of):
    """Two incidents of two alerts each: [(incident, alerts)]."""

    def make(name):
        host = resource(name)
        alerts = [fire(f"{name}-{n}", n, host, labels={"service": name}) for n in range(2)]
        correlate()
        return incident_of(alerts[0]), alerts

    return [make("a"), make("b")]


def test_merging_moves_the_alerts_and_says_where_they_went(two, operator, heard, incident_of, at):
    (one, _), (other, alerts) = two
    told = heard(lambda: merge(one.pk, [other.pk], operator, "same switch"))
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.alert_count, one.services, one.arranged, one.detected_at) == (4, ["a", "b"], True, at(0))
    assert (other.merged_into, other.status, other.resolution, other.alert_count) == (one, "resolved", "merged", 0)
    assert {incident_of(alert) for alert in alerts} == {one}
    assert one.members.filter(role="root").count() == 1
    assert told == [("incident_changed", [one.pk, other.pk])]
    assert AuditEntry.objects.get(action="incidents.merged").after == {"merged": [other.number], "note": "same switch"}
    assert list(Incident.counted()) == [one]


def test_further_alerts_find_the_merged_incident(two, fire, operator, incident_of):
    (one, _), (other, alerts) = two
    merge(one.pk, [other.pk], operator)
    late = fire("Late", 5, alerts[0].resource)
    correlate()
    assert incident_of(late) == one


def test_merging_twice_points_to_the_last(two, operator):
    (one, _), (other, _) = two
    third = open_by_hand("Third", "low", operator)
    merge(one.pk, [other.pk], operator)
    merge(third.pk, [one.pk], operator)
    other.refresh_from_db()
    assert other.merged_into == third


@pytest.mark.parametrize("sources", ["itself", "none", "gone"])
def test_merging_nothing_is_refused(two, operator, sources):
    one = two[0][0]
    ids = {"itself": [one.pk], "none": [], "gone": [12345]}[sources]
    with pytest.raises((Refused, Incident.DoesNotExist)):
        merge(one.pk, ids, operator)
    assert not AuditEntry.objects.filter(action__startswith="incidents.").exists()


def test_an_open_one_cannot_be_merged_into_a_resolved_one(two, operator):
    (one, _), (other, _) = two
    Incident.objects.filter(pk=one.pk).update(status="resolved")
    with pytest.raises(Refused, match="is resolved: reopen it first"):
        merge(one.pk, [other.pk], operator)


def test_splitting_makes_another_incident_of_some_alerts(two, operator, heard, incident_of, at):
    one, alerts = two[0]
    made = []
    told = heard(lambda: made.append(split(one.pk, [alerts[1].pk], operator, "Another thing")))
    other = made[0]
    one.refresh_from_db()
    assert (one.alert_count, other.alert_count, other.title, other.detected_at) == (1, 1, "Another thing", at(1))
    assert incident_of(alerts[1]) == other
    assert (other.root_alert, alerts[1].memberships.get().role) == (alerts[1], "root")
    assert alerts[1].memberships.get().reason == f"Split off {one.number} by {operator.name}"
    assert ("incident_opened", [other.pk]) in told
    assert AuditEntry.objects.get(action="incidents.split").after["into"] == other.number


def test_what_was_split_is_not_merged_again_by_itself(two, fire, operator, incident_of):
    one, alerts = two[0]
    other = split(one.pk, [alerts[1].pk], operator)
    late = fire("Late", 3, alerts[0].resource)
    correlate()
    tend()
    assert incident_of(late) in (one, other)
    assert incident_of(alerts[0]) == one
    assert incident_of(alerts[1]) == other


def test_everything_cannot_be_split_off(two, operator):
    one, alerts = two[0]
    with pytest.raises(Refused, match="At least one alert stays"):
        split(one.pk, [alert.pk for alert in alerts], operator)
    with pytest.raises(Refused, match="None of these alerts"):
        split(one.pk, [999], operator)


def test_adding_takes_an_alert_from_where_it_was(two, operator, incident_of):
    (one, _), (other, alerts) = two
    assert add(one.pk, [alerts[0].pk, 999], operator) == [alerts[0].pk]
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.alert_count, other.alert_count, other.root_alert) == (3, 1, alerts[1])
    membership = alerts[0].memberships.get()
    assert (membership.reason, membership.actor, membership.relation) == (f"Added by {operator.name}", operator.name, "person")
    assert add(one.pk, [alerts[0].pk], operator) == []


def test_an_alert_that_fires_cannot_be_added_to_a_resolved_incident(two, operator):
    (one, _), (_, alerts) = two
    Incident.objects.filter(pk=one.pk).update(status="resolved")
    with pytest.raises(Refused, match="reopen it first"):
        add(one.pk, [alerts[0].pk], operator)


def test_what_was_taken_out_is_left_alone(two, operator, incident_of):
    one, alerts = two[0]
    assert take_out(one.pk, [alerts[1].pk], operator) == [alerts[1].pk]
    assert correlate() == 0
    tend()
    assert incident_of(alerts[1]) is None
    one.refresh_from_db()
    assert one.alert_count == 1
    add(one.pk, [alerts[1].pk], operator)
    assert not TakenOut.objects.exists()
    assert incident_of(alerts[1]) == one


def test_taking_the_last_one_out_leaves_an_incident_without_alerts(opened, operator):
    incident = opened()
    take_out(incident.pk, [incident.root_alert_id], operator)
    tend()
    incident.refresh_from_db()
    assert (incident.alert_count, incident.root_alert, incident.status) == (0, None, "open")


def test_alerts_join_an_incident_that_a_person_opened(two, fire, operator, incident_of):
    _, alerts = two[0]
    incident = open_by_hand("Shop", "critical", operator)
    add(incident.pk, [alerts[0].pk], operator)
    incident.refresh_from_db()
    assert (incident.title, incident.severity, incident.alert_count) == ("Shop", "critical", 1)
