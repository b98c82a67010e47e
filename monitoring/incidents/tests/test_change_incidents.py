"""What people do with an incident: the verbs, what they do to its alerts, who did it, what is refused."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from monitoring.alerts.models import Alert
from monitoring.incidents import lifecycle, timeline
from monitoring.incidents.correlate import correlate
from monitoring.incidents.lifecycle import Refused, edit, move, note, open_by_hand
from monitoring.incidents.models import Incident, TimelineEntry
from monitoring.incidents.tend import tend

pytestmark = pytest.mark.django_db


def test_acknowledging_an_incident_acknowledges_its_alerts(fire, resource, incident_of, operator, heard):
    host = resource("db-1")
    alerts = [fire("A", 0, host), fire("B", 1, host)]
    correlate()
    incident = incident_of(alerts[0])
    told = heard(lambda: move([incident.pk], "acknowledge", operator, "looking"))
    incident.refresh_from_db()
    assert (incident.status, bool(incident.acknowledged_at)) == ("acknowledged", True)
    assert set(Alert.objects.values_list("ownership", flat=True)) == {"acknowledged"}
    assert told == [("incident_changed", [incident.pk])]
    assert list(AuditEntry.objects.exclude(action__startswith="user.").order_by("id").values_list("action", "actor")) == [
        ("alerts.acknowledged", operator.name),
        ("incidents.acknowledged", operator.name),
    ]
    change = incident.status_changes.get(after="acknowledged")
    assert (change.before, change.reason, change.actor, change.user_id) == ("open", "looking", operator.name, operator.pk)
    assert move([incident.pk], "acknowledge", operator) == []


def test_who_investigates_leads(opened, operator, admin):
    incident = opened()
    move([incident.pk], "investigate", operator)
    incident.refresh_from_db()
    assert (incident.status, incident.commander) == ("investigating", operator)
    assert Alert.objects.get().ownership == "acknowledged"
    move([incident.pk], "mitigate", admin)
    move([incident.pk], "investigate", admin)
    incident.refresh_from_db()
    assert (incident.status, incident.commander, incident.mitigated_at) == ("investigating", operator, None)


@pytest.mark.parametrize("with_alerts", [True, False])
def test_resolving_can_resolve_the_alerts(opened, operator, heard, with_alerts):
    incident = opened()
    told = heard(lambda: move([incident.pk], "resolve", operator, "fixed", with_alerts))
    incident.refresh_from_db()
    assert (incident.status, incident.resolution, bool(incident.resolved_at)) == ("resolved", "manual", True)
    assert ("incident_resolved", [incident.pk]) in told
    assert Alert.objects.get().state == ("resolved" if with_alerts else "firing")


def test_what_a_person_opens_again_only_people_resolve(opened, operator, end, at):
    incident = opened()
    end(Alert.objects.get(), minute=1)
    tend(at(2))
    tend(at(30))
    assert move([incident.pk], "reopen", operator) == [incident.pk]
    tend()
    incident.refresh_from_db()
    assert (incident.status, incident.resolved_at, incident.resolution) == ("acknowledged", None, "")
    assert incident.keys.exists()


def test_many_at_once_are_one_audit_entry(opened, operator):
    first, second = opened("A", 0, labels={"instance": "a"}), opened("B", 1, labels={"instance": "b"})
    assert move([first.pk, second.pk, 999], "resolve", operator) == [first.pk, second.pk]
    assert AuditEntry.objects.get(action="incidents.resolved").after["count"] == 2


def test_a_verb_nobody_knows_is_refused(opened, operator):
    with pytest.raises(Refused, match="nuke is not known; there are acknowledge"):
        move([opened().pk], "nuke", operator)


def test_an_incident_is_opened_by_hand(operator, heard):
    made = []
    told = heard(lambda: made.append(open_by_hand(" Checkout is slow ", "high", operator)))
    incident = Incident.objects.get()
    assert (incident.title, incident.manual, incident.created_by, incident.alert_count) == ("Checkout is slow", True, operator, 0)
    assert told[0] == ("incident_opened", [incident.pk])
    assert AuditEntry.objects.get(action="incidents.opened").after["title"] == "Checkout is slow"
    tend()
    incident.refresh_from_db()
    assert incident.status == "open"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"title": "  "}, "A title has one to 300"),
        ({"title": "x" * 301}, "A title has one to 300"),
        ({"severity": "bad"}, "A severity is one of critical"),
        ({"notes_md": "x" * 100_001}, "The review is longer"),
        ({"started_at": timezone.now() + timedelta(hours=1)}, "cannot begin in the future"),
        ({"started_at": timezone.now() - timedelta(hours=9)}, "follows from the alerts"),
    ],
)
def test_what_cannot_be_is_refused(opened, operator, given, sentence):
    incident = opened()
    with pytest.raises(Refused, match=sentence):
        edit(incident.pk, operator, **given)
    assert not AuditEntry.objects.filter(action__startswith="incidents.").exists()


def test_what_a_person_says_is_kept_when_alerts_come(fire, resource, incident_of, operator, admin):
    host = resource("db-1")
    alert = fire("A", 0, host)
    correlate()
    incident = incident_of(alert)
    edit(incident.pk, operator, title="Shop is slow", severity="low", commander=admin)
    entry = AuditEntry.objects.get(action="incidents.changed")
    assert entry.after == {"title": "Shop is slow", "severity": "low", "commander": "admin"}
    fire("B", 1, host, severity="critical")
    correlate()
    incident.refresh_from_db()
    assert (incident.title, incident.severity, incident.commander, incident.alert_count) == ("Shop is slow", "low", admin, 2)
    told = set(incident.timeline.filter(kind="status").values_list("text", flat=True))
    assert told == {"Title changed from A to Shop is slow", "Severity changed from high to low", "admin leads it"}


def test_what_does_not_differ_is_not_written(opened, operator):
    incident = opened()
    edit(incident.pk, operator, title=incident.title)
    assert not AuditEntry.objects.filter(action__startswith="incidents.").exists()


def test_one_that_was_merged_cannot_be_changed(opened, operator):
    one, other = opened("A", 0, labels={"instance": "a"}), opened("B", 1, labels={"instance": "b"})
    from monitoring.incidents.arrange import merge

    merge(one.pk, [other.pk], operator)
    for attempt in (lambda: edit(other.pk, operator, title="x"), lambda: note(other.pk, operator, "x")):
        with pytest.raises(Refused, match=f"INC-{other.pk} was merged into INC-{one.pk}"):
            attempt()
    assert move([other.pk], "reopen", operator) == []


def test_a_note_is_a_line_of_the_timeline(opened, operator, heard):
    incident = opened()
    assert heard(lambda: note(incident.pk, operator, " looks like the disk ")) == [("incident_changed", [incident.pk])]
    entry = incident.timeline.get(kind="note")
    assert (entry.text, entry.actor, entry.user) == ("looks like the disk", operator.name, operator)
    with pytest.raises(Refused):
        note(incident.pk, operator, " ")


# -- what other rooms tell -----------------------------------------------------------------------------------------------
def test_others_tell_the_timeline_by_the_alerts(opened, heard):
    one, other = opened("A", 0, labels={"instance": "a"}), opened("B", 1, labels={"instance": "b"})
    ids = list(Alert.objects.order_by("pk").values_list("pk", flat=True))
    said = {"kind": "notification", "text": "Mail to ops", "url": "/notifications/", "key": "delivery 7"}
    assert sorted(timeline.add_for_alerts([*ids, 999], **said)) == [one.pk, other.pk]
    timeline.add_for_alerts(ids, **said)
    assert TimelineEntry.objects.filter(kind="notification").count() == 2
    assert one.timeline.get(kind="notification").data == {"alerts": [ids[0]], "count": 1}
    assert heard(lambda: timeline.add(one.pk, "action", "Restarted", actor="runbook")) == [("incident_changed", [one.pk])]


def test_telling_of_an_incident_that_is_gone_does_nothing():
    timeline.add(12345, "note", "x")
    assert not TimelineEntry.objects.exists()


def test_the_lifecycle_of_alerts_is_left_to_them(opened, operator):
    incident = opened()
    lifecycle.move([incident.pk], "acknowledge", operator)
    alert = Alert.objects.get()
    assert alert.transitions.get(axis="ownership").reason == f"with INC-{incident.pk}"
