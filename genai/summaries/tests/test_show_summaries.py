"""Summaries as parts of pages and in the API: who sees them, what can be done with them, no waiting."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from genai.summaries import making
from genai.summaries.kinds import KINDS
from genai.summaries.models import Summary
from genai.summaries.tests import scenes
from monitoring.incidents.models import Incident
from remediation import policy
from remediation.models import Execution
from remediation.policy import Inputs

pytestmark = pytest.mark.django_db


def test_everybody_who_may_see_the_alert_sees_its_summary(viewer, operator, approver, admin, stranger, client_of):
    url = reverse("summary", args=["alert", scenes.alert().pk])
    for person in (viewer, operator, approver, admin):
        answer = client_of(person).get(url)
        assert answer.status_code == 200, person.role
        assert b"CpuHigh on web-03 has fired since" in answer.content
    assert client_of(stranger).get(url).status_code == 302


def test_citations_are_links_and_without_a_model_the_page_says_what_one_would_add(operator, viewer, client_of):
    url = reverse("summary", args=["alert", scenes.alert().pk])
    page = client_of(operator).get(url).content.decode()
    assert 'class="cite" href="/evidence/' in page
    assert "Computed from what is stored" in page
    assert "No language model is set up" in page
    assert "No language model" not in client_of(viewer).get(url).content.decode()


def test_an_unknown_kind_or_thing_is_404(operator, client_of):
    assert client_of(operator).get(reverse("summary", args=["weather", 1])).status_code == 404
    assert client_of(operator).get(reverse("summary", args=["alert", 987654])).status_code == 404
    assert client_of(operator).post(reverse("summary-word", args=["alert", 987654])).status_code == 404


def test_what_was_seen_is_not_sent_again(operator, client_of):
    found = scenes.outage()
    url, client = reverse("summary", args=["incident", found.pk]), client_of(operator)
    client.get(url)
    row = Summary.objects.get()
    assert client.get(url, {"seen": f"{row.pk}-{row.state}-0"}).status_code == 204
    Incident.objects.filter(pk=found.pk).update(status="mitigated")
    assert client.get(url, {"seen": f"{row.pk}-{row.state}-0"}).status_code == 200


@pytest.mark.parametrize(("name", "part"), [("alert", "summary/alert"), ("incident", "incident")])
def test_pages_load_it_by_its_name(name, part, viewer, client_of):
    found = scenes.outage()
    pk = found.pk if name == "incident" else found.root_alert_id
    page = client_of(viewer).get(reverse(name, args=[pk])).content.decode()
    assert f'hx-get="{reverse("summary", args=[name, pk])}"' in page
    assert f'hx-get="{reverse("summary", args=[f"runbook-{name}", pk])}"' in page


def test_an_approval_card_explains_its_risk(approver, client_of):
    inputs = Inputs(at=timezone.now(), action="high", reach=40, reach_words="40 resources hang on it", reversible="none")
    decision = policy.decide(inputs, [])
    one = scenes.case(decision=decision.to_json(), score=decision.score, risk=decision.risk, alert=scenes.alert())
    before = Execution.objects.get(pk=one.pk).decision
    page = client_of(approver).get(reverse("summary", args=["risk", one.pk])).content.decode()
    assert f"{decision.score} of 100" in page
    assert "Blast radius weighs most" in page
    assert "40 resources hang on it" in page
    assert Execution.objects.get(pk=one.pk).decision == before  # explained, never changed


def test_rating_is_kept_and_told(operator, viewer, stranger, client_of):
    one = scenes.alert()
    row = making.current(KINDS["alert"], one.pk)
    url = reverse("summary-rate", args=[row.pk])
    assert client_of(viewer).post(url, {"rating": "1"}).status_code == 200
    assert client_of(operator).post(url, {"rating": "-1"}).status_code == 200
    assert client_of(operator).post(url, {"rating": "5"}).status_code == 400
    assert client_of(stranger).post(url, {"rating": "1"}).status_code == 302
    row.refresh_from_db()
    assert row.rating == -1
    assert AuditEntry.objects.filter(action="summary.rated").count() == 2


# -- the draft of a review -----------------------------------------------------------------------------------------------------
@pytest.fixture
def over() -> Incident:
    found = scenes.outage()
    Incident.objects.filter(pk=found.pk).update(status="resolved", resolved_at=timezone.now(), resolution="recovered")
    return Incident.objects.get(pk=found.pk)


def test_a_person_takes_the_draft_and_edits_it(over, operator, client_of):
    client = client_of(operator)
    assert (
        f'hx-get="{reverse("summary", args=["review", over.pk])}"'
        in client.get(f"{reverse('incident', args=[over.pk])}?tab=review").content.decode()
    )
    assert "Take it and edit" in client.get(reverse("summary", args=["review", over.pk])).content.decode()
    answer = client.post(reverse("summary-take-review", args=[over.pk]))
    assert answer.url.endswith("?tab=review&edit")
    over.refresh_from_db()
    assert "## What happened" in over.notes_md
    assert "](/evidence/" in over.notes_md
    assert "- [ ] To be written" in over.notes_md
    assert "[E" not in over.notes_md


def test_a_review_that_is_there_is_never_replaced(over, operator, client_of):
    Incident.objects.filter(pk=over.pk).update(notes_md="Ours.")
    assert client_of(operator).post(reverse("summary-take-review", args=[over.pk])).status_code == 400
    over.refresh_from_db()
    assert over.notes_md == "Ours."


def test_only_who_may_write_takes_it(over, viewer, stranger, client_of):
    url = reverse("summary-take-review", args=[over.pk])
    assert client_of(viewer).post(url).status_code == 403
    assert client_of(stranger).post(url).status_code == 302
    assert "Take it and edit" not in client_of(viewer).get(reverse("summary", args=["review", over.pk])).content.decode()


# -- API ---------------------------------------------------------------------------------------------------------------------
def test_the_api_tells_text_and_sources(client, viewer, token_of):
    one = scenes.alert()
    head = {"HTTP_AUTHORIZATION": f"Bearer {token_of(viewer, 'monitoring:read')}"}
    told = client.get(f"/api/v1/genai/summaries/alert/{one.pk}/", **head).json()
    assert told["text"].startswith("CpuHigh on web-03")
    assert told["sources"][0]["url"].startswith("/evidence/")
    assert client.get("/api/v1/genai/summaries/weather/1/", **head).status_code == 404
    assert client.get(f"/api/v1/genai/summaries/alert/{one.pk}/").status_code == 401
    rated = client.post(f"/api/v1/genai/summaries/{told['id']}/rating/", {"rating": 1}, content_type="application/json", **head)
    assert rated.json()["rating"] == 1
    wrong = client.post(f"/api/v1/genai/summaries/{told['id']}/rating/", {"rating": 7}, content_type="application/json", **head)
    assert wrong.status_code == 400
