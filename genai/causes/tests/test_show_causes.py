import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from genai.causes import analyse, asking, receivers, scene, tasks
from genai.causes.models import Analysis
from monitoring.incidents.correlate import correlate
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.inventory.models import Resource


@pytest.fixture
def asked(monkeypatch):
    """Tasks that were enqueued: (name, arguments)."""
    found = []
    monkeypatch.setattr(asking, "enqueue", lambda task, *given: found.append((task.name, given)))
    return found


def work(asked):
    """What a worker does."""
    for _, (pk,) in asked:
        tasks.explain(pk)
    asked.clear()


def test_the_page_of_an_alert_loads_its_causes(client_of, viewer, site):
    alert = site.fire(site.shop)
    page = client_of(viewer).get(reverse("alert", args=[alert.pk])).text
    assert reverse("causes-of-alert", args=[alert.pk]) in page


def test_first_it_says_that_it_analyses_then_it_shows_causes_with_evidence(client_of, viewer, site, slow_database, asked):
    alert, client = slow_database(), client_of(viewer)
    url = reverse("causes-of-alert", args=[alert.pk])
    waiting = client.get(url).text
    assert "Analysing" in waiting
    assert f'hx-get="{url}"' in waiting
    assert len(asked) == 1
    client.get(url)
    assert len(asked) == 1  # once, however often it is looked at
    work(asked)
    card = client.get(url).text
    assert "db_query_seconds_mean rose on orders-db" in card
    assert "Analysing" not in card
    links = re.findall(r'href="(/evidence/\d+)"', card)
    assert links
    for link in links:
        assert client.get(link).status_code == 302
    have = re.search(r'name="have" value="(\d+)"', card)[1]
    assert client.get(f"{url}?have={have}").status_code == 204


def test_where_nothing_stands_out_it_says_so(client_of, viewer, site, asked):
    alert, client = site.fire(site.shop), client_of(viewer)
    site.write(site.shop, "node_load1", 1.0)
    client.get(reverse("causes-of-alert", args=[alert.pk]))
    work(asked)
    assert "Nothing stands out" in client.get(reverse("causes-of-alert", args=[alert.pk])).text


def test_while_there_is_none_an_incident_shows_the_ranking_by_its_alerts(client_of, viewer, site, slow_database, asked):
    alert, client = slow_database(), client_of(viewer)
    correlate()
    incident = IncidentAlert.objects.get(alert=alert).incident_id
    page = client.get(reverse("incident", args=[incident])).text
    url = reverse("causes-of-incident", args=[incident])
    assert url in page
    assert 'id="incident-causes"' in page
    part = client.get(url).text
    assert 'id="incident-causes"' in part
    assert "Looking at series" in part
    work(asked)
    part = client.get(url).text
    assert 'id="incident-causes"' not in part
    assert "orders-db" in part


def test_an_incident_is_explained_before_anybody_looks(site, slow_database):
    alert = slow_database()
    correlate()
    incident = IncidentAlert.objects.get(alert=alert).incident_id
    assert tasks.explain_incidents([incident, 999_999]) == 1
    assert analyse.latest(f"incident:{incident}").hypotheses
    assert tasks.explain_incidents([incident]) == 0  # nothing is new
    Incident.objects.filter(pk=incident).update(last_alert_at=timezone.now() + timedelta(seconds=5))
    assert tasks.explain_incidents([incident]) == 1
    Incident.objects.filter(pk=incident).update(status="resolved", last_alert_at=timezone.now() + timedelta(minutes=5))
    assert tasks.explain_incidents([incident]) == 0


def test_changed_incidents_are_gathered_into_one_task(monkeypatch):
    found = []
    monkeypatch.setattr(receivers, "explain", lambda: found.append(receivers.changed.take()))
    receivers.on_incident_changed(incident_ids=[3, 4])
    assert found == [[3, 4]]


def test_an_analysis_that_failed_says_why_and_can_be_asked_for_again(client_of, viewer, site, asked):
    alert, client = site.fire(site.shop), client_of(viewer)
    subject = f"alert:{alert.pk}"
    Analysis.objects.create(subject=subject, start=site.now, end=site.now, state="failed", error="The metric store did not answer: no")
    url = reverse("causes-of-alert", args=[alert.pk])
    assert "The metric store did not answer: no" in client.get(url).text
    assert asked == []  # not by itself
    again = client.post(reverse("causes-again", args=["alert", alert.pk]))
    assert "Analysing" in again.text
    assert len(asked) == 1


def test_one_that_no_worker_took_up_is_not_waited_for_forever(client_of, viewer, site, asked):
    alert = site.fire(site.shop)
    old = timezone.now() - timedelta(minutes=5)
    Analysis.objects.create(subject=f"alert:{alert.pk}", start=site.now, end=site.now, created_at=old)
    assert "No worker took it up" in client_of(viewer).get(reverse("causes-of-alert", args=[alert.pk])).text


def test_a_task_that_comes_twice_fills_a_row_once(site):
    alert = site.fire(site.shop)
    row = Analysis.objects.create(subject=f"alert:{alert.pk}", start=site.now - timedelta(hours=1), end=site.now)
    assert tasks.explain(row.pk) is True
    assert tasks.explain(row.pk) is False
    assert tasks.explain(999_999) is False


def test_an_alert_that_went_meanwhile_fails_the_row(site):
    row = Analysis.objects.create(subject="alert:999999", start=site.now - timedelta(hours=1), end=site.now)
    assert tasks.explain(row.pk) is False
    row.refresh_from_db()
    assert (row.state, row.error) == ("failed", "There is no such alert.")


def test_a_window_is_explained_from_the_explorer_and_a_resource(client_of, viewer, site, slow_database, asked):
    slow_database()
    client = client_of(viewer)
    for page in (reverse("explorer"), reverse("resource", args=[site.api.pk])):
        assert reverse("causes-of-window") in client.get(page).text
    span = f"from={int((site.now - timedelta(minutes=25)).timestamp() * 1000)}&to={int(site.now.timestamp() * 1000)}"
    part = client.post(f"{reverse('causes-of-window')}?{span}&resource={site.api.pk}").text
    row = Analysis.objects.get()
    assert (row.subject, row.user) == (f"window:{site.api.pk}", viewer)
    card = reverse("causes-card", args=[row.pk])
    assert f'hx-get="{card}"' in part
    work(asked)
    assert "orders-db" in client.get(card).text
    page = client.get(reverse("causes", args=[row.pk])).text
    assert card in page
    assert "asked by viewer" in page


@pytest.mark.parametrize("query", ["range=soon", "range=now-30d", "range=now-1h&resource=x", "range=now-1h&resource=" + "9" * 30])
def test_a_window_that_makes_no_sense_is_refused(client_of, viewer, asked, query):
    assert client_of(viewer).post(f"{reverse('causes-of-window')}?{query}").status_code == 400
    assert asked == []


def test_one_person_keeps_few_analyses_waiting(client_of, viewer, asked, db):
    client = client_of(viewer)
    for hours in range(1, asking.MOST_WAITING + 1):
        assert client.post(f"{reverse('causes-of-window')}?range=now-{hours}h").status_code == 200
    assert client.post(f"{reverse('causes-of-window')}?range=now-23h").status_code == 400


def test_each_role_and_the_stranger(client_of, viewer, operator, admin, stranger, site, asked):
    alert = site.fire(site.shop)
    row = analyse.analyse(f"alert:{alert.pk}")
    incident = Incident.objects.create(title="Shop down")
    gets = [
        reverse("causes-of-alert", args=[alert.pk]), reverse("causes-of-incident", args=[incident.pk]), reverse("causes", args=[row.pk]),
        reverse("causes-card", args=[row.pk]),
    ]  # fmt: skip
    posts = [f"{reverse('causes-of-window')}?range=now-1h", reverse("causes-again", args=["alert", alert.pk])]
    for user in (viewer, operator, admin):
        client = client_of(user)
        assert [client.get(url).status_code for url in gets] == [200] * 4
        assert [client.post(url).status_code for url in posts] == [200] * 2
        assert [client.get(url).status_code for url in posts] == [405] * 2
    nobody = client_of(stranger)
    assert all("/accounts/login/" in nobody.get(url).url for url in gets)
    assert all("/accounts/login/" in nobody.post(url).url for url in posts)


def test_what_never_was_is_not_found(client_of, viewer, asked):
    for name in ("causes-of-alert", "causes-of-incident", "causes", "causes-card"):
        assert client_of(viewer).get(reverse(name, args=[999_999])).status_code == 404


def test_names_from_outside_are_escaped(client_of, viewer, site, asked):
    Resource.objects.filter(pk=site.shop.pk).update(
        name="<script>alert(1)</script>", facts={"processes": [{"name": "<img src=x>", "cpu": 99}]}
    )
    alert, client = site.fire(site.shop), client_of(viewer)
    client.get(reverse("causes-of-alert", args=[alert.pk]))
    work(asked)
    card = client.get(reverse("causes-of-alert", args=[alert.pk])).text
    assert "&lt;img src=x&gt;" in card
    assert "<script>" not in card
    assert "<img" not in card


def test_the_api_asks_and_answers(client, token_of, viewer, operator, site, slow_database, asked):
    alert = slow_database()
    mine = {"HTTP_AUTHORIZATION": f"Bearer {token_of(viewer, 'monitoring:read')}"}
    url, subject = "/api/v1/genai/causes/", f"alert:{alert.pk}"
    assert client.get(f"{url}?subject={subject}", **mine).status_code == 404
    made = client.post(url, {"subject": subject}, content_type="application/json", **mine)
    assert made.status_code == 202
    assert made.json()["state"] == "asked"
    work(asked)
    answer = client.get(f"{url}{made.json()['id']}/", **mine).json()
    assert answer["state"] == "done"
    assert answer["hypotheses"][0]["component"] == "orders-db"
    assert client.get(f"{url}?subject={subject}", **mine).json()["id"] == answer["id"]
    for bad in ({"subject": "host:1"}, {"subject": "window:"}, {}, {"subject": "window:", "start": "soon"}):
        assert client.post(url, bad, content_type="application/json", **mine).status_code == 400, bad
    assert client.post(url, {"subject": "alert:999999"}, content_type="application/json", **mine).status_code == 404
    assert client.get(url).status_code == 401
    other = {"HTTP_AUTHORIZATION": f"Bearer {token_of(operator, 'metrics:write')}"}
    assert client.get(f"{url}?subject={subject}", **other).status_code == 403
    assert client.post(url, {"subject": subject}, content_type="application/json", **other).status_code == 403


def test_a_subject_knows_when_it_is_worth_another_look(site):
    alert = site.fire(site.shop, minutes=20)
    row = analyse.analyse(f"alert:{alert.pk}", site.now - timedelta(minutes=60), site.now - timedelta(minutes=15))
    assert not analyse.is_old(row, scene.of(row.subject))  # made just now
    Analysis.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(minutes=3))
    row.refresh_from_db()
    assert analyse.is_old(row, scene.of(row.subject))
