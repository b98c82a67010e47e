"""Ticked alerts of a list become part of an incident: who may, which, and what cannot be."""

import pytest

from accounts.models import AuditEntry
from monitoring.alerts.lifecycle import observe
from monitoring.incidents.lifecycle import move, open_by_hand
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.incidents.tests.conftest import seen

pytestmark = pytest.mark.django_db
NEW = {"title": "Storage is slow", "severity": "high"}


def gather(client, alerts, **asked):
    return client.post("/incidents/gather/", {"alerts": alerts, **asked}, content_type="application/json")


def members(pk):
    return set(IncidentAlert.objects.filter(incident=pk).values_list("alert_id", flat=True))


def test_ticked_alerts_become_a_new_incident(client_of, operator, fire):
    ids = [fire(name).pk for name in ("DiskSlow", "DiskFull")]
    answer = gather(client_of(operator), ids, **NEW).json()
    incident = Incident.objects.get()
    assert answer == {"incident": incident.pk, "number": incident.number, "url": f"/incidents/{incident.pk}/", "added": 2}
    assert (incident.title, incident.severity, members(incident.pk)) == ("Storage is slow", "high", set(ids))
    assert set(AuditEntry.objects.filter(actor="operator").values_list("action", flat=True)) >= {
        "incidents.opened",
        "incidents.alerts_added",
    }


def test_they_join_an_open_one_and_leave_the_one_they_were_in(client_of, operator, fire, opened):
    before = opened("Down")
    other = opened("Failing", 30)
    moved = before.members.get().alert_id
    answer = gather(client_of(operator), [moved, fire("Late", 40).pk], incident=other.pk).json()
    assert answer["added"] == 2
    assert moved in members(other.pk)
    assert members(before.pk) == set()
    assert gather(client_of(operator), [moved], incident=other.pk).json()["added"] == 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"alerts": [], **NEW}, "list of ids"),
        ({"alerts": ["x"], **NEW}, "list of ids"),
        ({"title": "", "severity": "high"}, "A title has"),
        ({"title": "T", "severity": "bad"}, "A severity is one of"),
        ({"title": 5, "severity": "high"}, "a title and a severity"),
        ({}, "a title and a severity"),
        ({"incident": "1"}, "incident is an id"),
        ({"incident": -1}, "incident is an id"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_nothing_is_made(client_of, operator, fire, asked, words):
    answer = gather(client_of(operator), **{"alerts": [fire().pk], **asked})
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not Incident.objects.exists()


def test_alerts_that_have_not_fired_open_nothing(client_of, operator):
    (pending,) = observe([seen("Waiting", "pending")])
    answer = gather(client_of(operator), [pending.pk], **NEW)
    assert (answer.status_code, "has fired yet" in answer.content.decode()) == (400, True)
    assert not Incident.objects.exists()


def test_a_resolved_incident_takes_no_alert_that_goes_on(client_of, operator, fire):
    over = open_by_hand("Over", "low", operator)
    move([over.pk], "resolve", operator)
    alert = fire()
    answer = gather(client_of(operator), [alert.pk], incident=over.pk)
    assert (answer.status_code, "reopen it first" in answer.content.decode()) == (400, True)
    assert gather(client_of(operator), [alert.pk], incident=10**9).status_code == 404


def test_only_who_may_write_incidents_gathers(client_of, viewer, operator, admin, stranger, fire):
    pk = fire().pk
    for person, expected in ((viewer, 403), (operator, 200), (admin, 200), (stranger, 302)):
        assert client_of(person).get("/incidents/choose/").status_code == expected
        assert gather(client_of(person), [pk], **NEW).status_code == expected


def test_the_choice_offers_what_is_open_and_words_for_a_new_one(client_of, operator, fire, opened):
    incident = opened("Down")
    over = open_by_hand("Over", "low", operator)
    move([over.pk], "resolve", operator)
    alert = fire("Full", 20, severity="critical", annotations={"summary": "The <disk> is full"})
    page = client_of(operator).get(f"/incidents/choose/?alert={alert.pk}").content.decode()
    assert f'<option value="{incident.pk}">' in page
    assert f'<option value="{over.pk}">' not in page
    assert 'value="The &lt;disk&gt; is full"' in page
    assert '<option value="critical" selected>' in page
    assert client_of(operator).get("/incidents/choose/?alert=x").status_code == 200


def test_the_list_of_alerts_offers_it_to_those_who_may(client_of, operator, viewer, fire):
    fire()
    assert 'data-gather="/incidents/choose/"' in client_of(operator).get("/alerts/").content.decode()
    assert "data-gather" not in client_of(viewer).get("/alerts/").content.decode()
