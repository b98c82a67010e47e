from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring.alerts import words
from monitoring.alerts.lifecycle import acknowledge, assign, comment, observe, rate, reopen, resolve, take, unacknowledge
from monitoring.alerts.models import Alert, AlertRule, AlertTransition, RuleGroup, Silence
from monitoring.alerts.silencing import create
from monitoring.alerts.tests.conftest import seen
from monitoring.inventory.facts import ResourceReport, report

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client_of, operator):
    def read(alert, user=None, **query):
        answer = client_of(user or operator).get(f"/alerts/{alert.pk}/", query)
        assert answer.status_code == 200
        return answer.content.decode()

    return read


@pytest.mark.parametrize(("role", "status"), [("viewer", 200), ("operator", 200), ("admin", 200), ("stranger", 302)])
def test_everybody_who_may_read_sees_it(request, client_of, role, status, fire):
    [alert] = fire("Down")
    answer = client_of(request.getfixturevalue(role)).get(f"/alerts/{alert.pk}/")
    assert answer.status_code == status
    assert (b'data-verb="acknowledge"' in answer.content) == (role in ("operator", "admin"))


def test_one_that_is_gone_is_not_found(client_of, viewer):
    for pk in (4711, 10**18):
        assert client_of(viewer).get(f"/alerts/{pk}/").status_code == 404


def test_it_shows_its_rule_value_snapshot_and_runbook(page):
    group = RuleGroup.objects.create(name="hosts", interval=15)
    rule = AlertRule.objects.create(
        group=group, name="Hot", key="Hot", expr="temp > 80", for_seconds=300, runbook_url="https://run.example.org/hot"
    )
    evidence = {
        "expr": "temp > 70",
        "at": timezone.now().isoformat(),
        "value": 91.5,
        "op": ">",
        "threshold": 70,
        "samples": [[0, 60], [1, 91]],
    }
    [alert] = observe([seen("Hot", rule=rule.pk, value=92.5, labels={"host": "a"}, evidence=evidence)])
    html = page(alert)
    for text in ("temp &gt; 80", "for 5", "92.5 &gt; 70", "91.5", "The rule has been changed since", "https://run.example.org/hot"):
        assert text in html, text


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "ftp://x"])
def test_a_runbook_is_only_an_address_of_the_web(page, address):
    [alert] = observe([seen("Down", annotations={"runbook_url": address})])
    assert address not in page(alert)


def test_what_others_wrote_is_shown_as_text(page):
    evil = "<img src=x onerror=alert(1)>"
    [alert] = observe(
        [seen(evil, labels={evil: evil}, annotations={"summary": evil, "description": evil}, evidence={"expr": evil, "url": evil})]
    )
    assert "<img" not in page(alert)


def test_it_says_what_suppresses_it(page, operator):
    now = timezone.now()
    create(
        Silence(
            matchers=[{"name": "alertname", "op": "=", "value": "Down"}], reason="CHG-881", starts_at=now, ends_at=now + timedelta(hours=1)
        ),
        operator,
    )
    [alert] = observe([seen("Down")])
    assert "CHG-881" in page(alert)


def test_it_lists_its_past_and_what_is_like_it(page, at):
    host, other = report([ResourceReport("host", "web-1"), ResourceReport("host", "web-2")], None)
    observe([seen("Down", resource=host.pk)], at(0))
    observe([seen("Down", "resolved")], at(5))
    [alert] = observe([seen("Down", resource=host.pk)], at(60))
    observe([seen("Slow", resource=host.pk)])
    observe([seen("Down", resource=other.pk, labels={"host": "web-2"})])
    html = page(alert)
    assert "1 other time" in html
    assert "Also on web-1" in html
    assert "The same elsewhere" in html
    assert "web-2" in html


def test_the_range_covers_its_life(client_of, viewer, at, operator):
    from django.test import RequestFactory

    from monitoring.alerts.views_alert import span_of

    [alert] = observe([seen("Down")], at(0))
    observe([seen("Down", "resolved")], at(90))
    alert = Alert.objects.get(pk=alert.pk)
    span = span_of(RequestFactory().get("/"), alert)
    assert span.start == at(-90)
    assert at(90) < span.end <= timezone.now()
    assert client_of(viewer).get(f"/alerts/{alert.pk}/?range=nonsense").status_code == 400


def test_the_statements_do_not_grow_with_its_story(client_of, operator, fire):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    [alert], client, counts = fire("Down"), client_of(operator), []
    for _ in range(2):
        client.get(f"/alerts/{alert.pk}/")
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/alerts/{alert.pk}/")
        counts.append(len(captured))
        for n in range(30):
            comment([alert.pk], operator, f"note {n}")
        fire(*(f"Down{n}" for n in range(20)))
    assert counts[0] == counts[1] <= 14


# -- in words ----------------------------------------------------------------------------------------------------------------
def test_its_story_is_told_in_words(operator, viewer, fire):
    [alert] = fire("Down")
    one = [alert.pk]
    acknowledge(one, operator, "on my way")
    take(one, operator)
    assign(one, operator, viewer)
    unacknowledge(one, operator)
    rate(one, operator, "critical", "customers notice")
    comment(one, operator, "cable")
    resolve(one, operator, note="fixed")
    reopen(one, operator)
    told = [(event["name"], event["text"]) for event in words.timeline(AlertTransition.objects.order_by("pk"))]
    assert told == [
        ("", "Fired"),
        ("operator", "acknowledged it: on my way"),
        ("operator", "took it"),
        ("operator", "assigned it to viewer"),
        ("operator", "gave it back"),
        ("operator", "rated it critical, was medium: customers notice"),
        ("operator", "cable"),
        ("operator", "resolved it: fixed"),
        ("operator", "opened it again"),
    ]


def test_what_happens_by_itself_has_no_name(at):
    observe([seen("Down", "pending")], at(0))
    observe([seen("Down")], at(1))
    observe([seen("Down", "resolved")], at(2))
    observe([seen("Down")], at(3))
    observe([seen("Down", severity="high")], at(4))
    told = [event["text"] for event in words.timeline(AlertTransition.objects.order_by("pk"))]
    assert told == [
        "Its condition began to hold",
        "Fired",
        "Resolved: its condition does not hold any more",
        "Fired again: came back",
        "Severity high, was medium",
    ]
    assert not any(event["name"] for event in words.timeline(AlertTransition.objects.all()))


def test_every_mark_of_a_story_is_in_the_sprite(operator, fire):
    from pathlib import Path

    from django.conf import settings

    sprite = Path(settings.BASE_DIR, "static/icons.svg").read_text(encoding="utf-8")
    marks = {icon for icon, *_ in words.STATES.values()} | {icon for icon, *_ in words.OWNERSHIP.values()}
    assert all(f'id="i-{mark}"' in sprite for mark in marks | {"silence", "play", "note", "refresh", "ok", "assign", "alerts"})
