import pytest
from django.urls import reverse
from django.utils import timezone

from genai.evidence import collect, drawing
from genai.evidence.models import Evidence
from monitoring.alerts.models import Alert
from monitoring.query import stored
from monitoring.query.errors import TooManySamples
from monitoring.store import StoreUnavailable


@pytest.fixture
def alert(db):
    return Alert.objects.create(fingerprint="f", name="Slow", started_at=timezone.now())


def test_the_permalink_of_a_series_opens_the_very_chart(client_of, viewer, queue):
    answer = client_of(viewer).get(reverse("evidence", args=[queue.pk]))
    assert answer.status_code == 302
    assert answer.url == f"/explore/?q=queue_length&from={queue.reference['start']}&to={queue.reference['end']}"
    assert client_of(viewer).get(answer.url).status_code == 200


def test_the_permalink_of_an_alert_opens_the_alert(client_of, viewer, alert):
    kept = collect.of("alert", {"id": alert.pk}, "Slow")
    assert client_of(viewer).get(f"/evidence/{kept.pk}").url == reverse("alert", args=[alert.pk])


def test_what_is_gone_is_said_not_a_dead_link(client_of, viewer, alert):
    kept = collect.of("alert", {"id": alert.pk}, "Slow", "fired at noon")
    alert.delete()
    page = client_of(viewer).get(f"/evidence/{kept.pk}")
    assert page.status_code == 200
    assert "Not there any more" in page.text
    assert "fired at noon" in page.text


def test_its_page_says_what_was_found_and_that_it_holds(client_of, viewer, queue):
    page = client_of(viewer).get(f"/evidence/{queue.pk}?about=1").text
    for part in ("Queue of web-3", "84 → 221", "Holds", "queue_length", queue.digest, "221", reverse("evidence-chart", args=[queue.pk])):
        assert part in page


def test_asked_again_it_may_not_hold(client_of, viewer, queue, write):
    write(first=900.0, last=1500.0)
    answer = client_of(viewer).post(f"/evidence/{queue.pk}/check", follow=True)
    assert "Does not hold any more" in answer.text
    assert Evidence.objects.get(pk=queue.pk).holds is False


def test_its_chart_is_what_the_store_holds(client_of, viewer, queue):
    spec = client_of(viewer).get(f"/evidence/{queue.pk}/chart.json").json()
    assert len(spec["series"]) == 1
    assert len(spec["t"]) == len(spec["series"][0]["data"])
    assert spec["sentence"].startswith("Queue of web-3: 22")


def test_only_series_are_drawn(client_of, viewer, alert):
    kept = collect.of("alert", {"id": alert.pk}, "Slow")
    assert client_of(viewer).get(f"/evidence/{kept.pk}/chart.json").status_code == 404


def test_what_the_store_refuses_is_a_note(queue, monkeypatch):
    def refuse(*given, **more):
        raise TooManySamples("too many samples")

    monkeypatch.setattr(stored.evaluate, "range_query", refuse)
    assert "too many samples" in drawing.spec(queue)["note"]


def test_while_the_store_is_away_it_is_a_503(client_of, viewer, queue, monkeypatch):
    def away(*given, **more):
        raise StoreUnavailable("no connection")

    monkeypatch.setattr(stored.evaluate, "range_query", away)
    client = client_of(viewer)
    client.raise_request_exception = False
    answer = client.get(f"/evidence/{queue.pk}/chart.json")
    assert answer.status_code == 503
    assert answer["Retry-After"]


def test_each_role_and_the_stranger(client_of, viewer, operator, admin, stranger, queue):
    for path in ("", "?about=1", "/chart.json"):
        for user in (viewer, operator, admin):
            assert client_of(user).get(f"/evidence/{queue.pk}{path}").status_code in (200, 302)
        assert "/accounts/login/" in client_of(stranger).get(f"/evidence/{queue.pk}{path}").url
    assert "/accounts/login/" in client_of(stranger).post(f"/evidence/{queue.pk}/check").url


def test_evidence_from_the_audit_trail_is_for_those_who_may_read_it(client_of, operator, admin, queue):
    Evidence.objects.filter(pk=queue.pk).update(permission="audit:read")
    for path in ("", "?about=1", "/chart.json"):
        assert client_of(operator).get(f"/evidence/{queue.pk}{path}").status_code == 403
        assert client_of(admin).get(f"/evidence/{queue.pk}{path}").status_code in (200, 302)


def test_what_never_was_is_not_found(client_of, viewer):
    for path in ("/evidence/999999", "/evidence/999999/chart.json", f"/evidence/{10**30}"):
        assert client_of(viewer).get(path).status_code == 404


def test_the_api_says_the_same(client, token_of, viewer, operator, queue):
    mine = {"HTTP_AUTHORIZATION": f"Bearer {token_of(viewer, 'monitoring:read')}"}
    url = f"/api/v1/genai/evidence/{queue.pk}/"
    answer = client.get(f"{url}?check=1", **mine).json()
    assert answer["holds"] is True
    assert answer["digest"] == queue.digest
    assert answer["url"].startswith("/explore/?q=queue_length")
    assert client.get("/api/v1/genai/evidence/999999/", **mine).status_code == 404
    assert client.get(url).status_code == 401
    other = {"HTTP_AUTHORIZATION": f"Bearer {token_of(operator, 'metrics:write')}"}
    assert client.get(url, **other).status_code == 403
    Evidence.objects.filter(pk=queue.pk).update(permission="audit:read")
    assert client.get(url, **mine).status_code == 403
