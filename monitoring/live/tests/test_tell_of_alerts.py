"""What happens to alerts and incidents goes to those who watch: few events, whatever the number of changes."""

import json

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator

from accounts.models import User
from monitoring.alerts.lifecycle import Observation, acknowledge, observe
from monitoring.alerts.signals import alert_changed, alert_opened, alert_resolved
from monitoring.incidents.signals import incident_changed, incident_opened
from monitoring.live import alert_events, hub
from monitoring.live.consumers import Alerts
from monitoring.live.gathered import BURST, NAMED, Gathered
from monitoring.live.tests.conftest import HOST, ORIGIN, bearer, cookie


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def gathered():
    """What is added, told by hand in place of its timers."""
    delays, sent, clock = [], [], Clock()

    class Timer:
        def __init__(self, delay, function):
            delays.append(delay)

        def start(self):
            pass

    one = Gathered("alerts", send=lambda topic, data: sent.append(data), clock=clock, timer=Timer)
    return one, delays, sent, clock


def test_what_happens_together_is_one_event(gathered):
    one, delays, sent, _ = gathered
    one.add("changed", [1, 2])
    one.add("opened", [2, 1, 2])
    one.tell()
    assert sent == [{"changed": [1, 2], "opened": [2, 1], "counts": {"changed": 2, "opened": 2}}]
    assert len(delays) == 1


def test_ten_thousand_changes_make_few_events(gathered):
    one, delays, sent, clock = gathered
    for n in range(10_000):
        one.add("changed", [n])
        if n % 100 == 0:
            one.tell()
            clock.now += 0.01
    assert all(delay < 0.01 for delay in delays[:BURST])
    assert all(delay > 0.3 for delay in delays[BURST:])  # in a storm two a second
    one.tell()
    assert len(sent[-1]["changed"]) <= NAMED
    one.add("changed", range(5000))
    one.tell()
    assert (len(sent[-1]["changed"]), sent[-1]["counts"]) == (NAMED, {"changed": 5000})


def test_after_a_storm_the_next_one_goes_out_at_once_again(gathered):
    one, delays, _, clock = gathered
    for _ in range(BURST + 2):
        one.add("changed", [1])
        one.tell()
    clock.now += 60
    one.add("changed", [1])
    assert delays[-1] < 0.01


def test_nothing_makes_no_event(gathered):
    one, delays, _, _ = gathered
    one.add("opened", [])
    assert delays == []


def test_signals_are_heard(monkeypatch):
    heard = []
    for name in ("alerts", "incidents"):
        fake = type("Fake", (), {"add": lambda self, what, ids, name=name: heard.append((name, what, list(ids)))})()
        monkeypatch.setattr(alert_events, name, fake)
    alert_events.on_alert_opened([1])
    for signal, field in ((alert_resolved, "alert_ids"), (incident_opened, "incident_ids"), (incident_changed, "incident_ids")):
        assert any(receiver.__module__ == alert_events.__name__ for receiver in signal._live_receivers(None)[0]), field
    for function, ids in ((alert_events.on_alert_resolved, [2]), (alert_events.on_alert_changed, [3])):
        function(ids)
    alert_events.on_incident_opened([4])
    alert_events.on_incident_changed([5])
    alert_events.on_incident_resolved([6])
    assert heard == [
        ("alerts", "opened", [1]),
        ("alerts", "resolved", [2]),
        ("alerts", "changed", [3]),
        ("incidents", "opened", [4]),
        ("incidents", "changed", [5]),
        ("incidents", "resolved", [6]),
    ]
    assert alert_opened.receivers
    assert alert_changed.receivers


@pytest.mark.django_db
def test_an_event_carries_its_alerts_in_words(django_assert_num_queries):
    [alert] = observe([Observation("f", "firing", name="Down", severity="high", annotations={"summary": "It is down"})])
    with django_assert_num_queries(1):
        told = alert_events.in_words("alerts", {"changed": [alert.pk, 4711], "opened": [alert.pk], "counts": {}})
    [one] = told["alerts"]
    assert (one["id"], one["name"], one["severity"], one["state"], one["summary"]) == (alert.pk, "Down", "high", "firing", "It is down")
    assert one["url"] == f"/alerts/{alert.pk}/"
    assert hub.encode(told)


@pytest.mark.django_db
def test_without_a_database_the_ids_go_out_alone(monkeypatch):
    from django.db import OperationalError
    from django.db.models.query import QuerySet

    def away(self, *ids):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(QuerySet, "in_bulk", away)
    assert alert_events.in_words("alerts", {"opened": [1]}) == {"opened": [1]}


# -- the socket ----------------------------------------------------------------------------------------------------------------
class Program(ApplicationCommunicator):
    def __init__(self, *headers):
        scope = {"type": "websocket", "path": "/ws/alerts", "query_string": b"", "headers": [HOST, *headers], "subprotocols": []}
        super().__init__(Alerts.as_asgi(), scope)


async def opened(*headers):
    from monitoring.live.tests.conftest import Browser

    program = Program(*headers)
    program.__class__ = type("Both", (Program, Browser), {"__init__": Program.__init__})
    assert await program.connect()
    return program


async def heard(program):
    """The next event; a busy machine takes its time."""
    while True:
        message = json.loads((await program.receive_output(30))["text"])
        if message["type"] == "event":
            return message


@pytest.mark.django_db(transaction=True)
async def test_a_program_with_a_token_hears_of_alerts_at_once(viewer, token_of, monkeypatch):
    monkeypatch.setattr(hub, "_renderers", {"alerts": alert_events.in_words})
    program = await opened(bearer(await sync_to_async(token_of)(viewer, "monitoring:read")))
    await program.says("hello")
    assert (await program.says("subscribed"))["topics"] == ["alerts", "incidents"]
    [alert] = await sync_to_async(observe)([Observation("f", "firing", name="Down")])
    told = await heard(program)
    assert told["topic"] == "alerts"
    assert alert.pk in (told["data"].get("opened") or told["data"]["changed"])
    assert told["data"]["alerts"][0]["name"] == "Down"
    person = await sync_to_async(User.objects.get)(pk=viewer.pk)
    await sync_to_async(acknowledge)([alert.pk], person)
    while (told := await heard(program))["data"]["alerts"][0]["ownership"] == "new":
        pass
    assert told["data"]["alerts"][0]["ownership"] == "acknowledged"
    await program.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_a_browser_may_watch_alerts_on_either_socket(viewer, client_of, open_browser):
    session = cookie(await sync_to_async(client_of)(viewer))
    browser = await open_browser(session, ORIGIN)
    await browser.says("hello")
    assert (await browser.subscribe("alerts", "incidents"))["denied"] == []


@pytest.mark.django_db(transaction=True)
async def test_a_token_without_the_right_hears_nothing(operator, token_of):
    program = await opened(bearer(await sync_to_async(token_of)(operator, "metrics:write")))
    await program.says("hello")
    assert await program.says("subscribed") == {"type": "subscribed", "topics": [], "denied": ["alerts", "incidents"]}
    await program.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_a_stranger_is_turned_away():
    program = await opened(ORIGIN)
    assert await program.close_code() == 4401
