"""Runbooks, past incidents and notes are documents, and follow what they were made of."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from genai.rag import find, sync, tasks
from genai.rag.models import Document
from monitoring.alerts.models import Alert
from monitoring.incidents import timeline
from monitoring.incidents.models import Incident, IncidentAlert
from remediation import versions
from remediation.models import Runbook
from remediation.spec import parse

pytestmark = pytest.mark.django_db
SPEC = {
    "id": "free-disk", "name": "Free disk space", "description": "Removes old journals.",
    "steps": [{"id": "vacuum", "title": "Vacuum journals", "wait": "5s"}],
}  # fmt: skip


@pytest.fixture
def runbook() -> Runbook:
    return versions.add(parse(SPEC), "tester")


@pytest.fixture
def incident() -> Incident:
    now = timezone.now()
    made = Incident.objects.create(
        title="Checkout slow", severity="high", status="resolved", resolution="recovered", services=["checkout"],
        started_at=now - timedelta(hours=2), resolved_at=now - timedelta(hours=1), notes_md="# Why\n\nThe pool was too small.",
    )  # fmt: skip
    alert = Alert.objects.create(fingerprint="a", name="LatencyHigh", state="resolved", resolved_at=now)
    IncidentAlert.objects.create(incident=made, alert=alert, role="root")
    timeline.add(made.pk, "note", "Raised maxPoolSize to 50.", actor="Ann")
    return made


def test_a_runbook_is_found_by_its_steps(runbook, viewer):
    assert sync.runbooks() == 1
    assert find.find("vacuum journals", viewer)[0].document.key == "free-disk"
    assert sync.runbooks() == 0


def test_a_runbook_that_changes_or_goes_is_followed(runbook, viewer):
    sync.runbooks()
    versions.save(runbook, parse({**SPEC, "description": "Compresses the archive."}), "tester")
    assert sync.runbooks(["free-disk"]) == 1
    assert find.find("compress archive", viewer)
    assert not find.find("removes old", viewer, kinds=["note"])
    Runbook.objects.filter(pk=runbook.pk).update(current=None)
    runbook.versions.all().delete()
    Runbook.objects.filter(pk=runbook.pk).delete()
    sync.runbooks(["free-disk"])
    assert not Document.objects.exists()


def test_a_past_incident_and_its_notes_are_found(incident, viewer):
    assert tasks.sync_incidents([incident.pk]) == 2
    assert find.find("pool too small", viewer)[0].document.kind == "incident"
    assert find.find("LatencyHigh root", viewer)[0].place == "Alerts"
    assert find.find("maxPoolSize 50", viewer)[0].document.kind == "note"


def test_one_that_is_opened_again_is_no_past_incident(incident):
    sync.incidents()
    Incident.objects.filter(pk=incident.pk).update(status="open", resolved_at=None)
    sync.incidents([incident.pk])
    assert set(Document.objects.values_list("kind", flat=True)) == {"note"}


def test_tending_reads_what_nobody_read(operator, runbook, incident):
    from genai.rag import upload

    assert isinstance(operator, User)
    upload.take("a.md", b"# Title\n\nIt waits.", operator)
    tasks.tend_documents()
    assert set(Document.objects.values_list("kind", "state")) == {
        ("upload", "ready"), ("runbook", "ready"), ("incident", "ready"), ("note", "ready"),
    }  # fmt: skip


def test_what_signals_missed_is_found_and_what_is_written_down_long_ago_is_left_alone(incident):
    assert sync.missed() == [incident.pk]
    sync.incidents()
    Incident.objects.filter(pk=incident.pk).update(resolved_at=timezone.now() - timedelta(days=3))
    assert sync.missed() == []
    Incident.objects.filter(pk=incident.pk).update(status="open", resolved_at=None)
    assert sync.missed() == [incident.pk]


def test_a_change_asks_for_it(runbook, monkeypatch, django_capture_on_commit_callbacks):
    from genai.rag import receivers

    told = []
    monkeypatch.setattr(receivers.changed_runbooks, "add", told.extend)
    with django_capture_on_commit_callbacks(execute=True):
        versions.save(runbook, parse({**SPEC, "description": "Else."}), "tester")
    assert told == ["free-disk"]
