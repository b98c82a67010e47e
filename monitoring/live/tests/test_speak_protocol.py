"""Bad messages get one sentence; too many of them end the socket."""

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async

from monitoring.live import consumers, hub
from monitoring.live.tests.conftest import ORIGIN, cookie

pytestmark = pytest.mark.django_db(transaction=True)


@pytest_asyncio.fixture
async def browser(open_browser, viewer, client_of):
    browser = await open_browser(cookie(await sync_to_async(client_of)(viewer)), ORIGIN)
    await browser.says("hello")
    return browser


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not json", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"op": "subscribe", "topics": "fleet"}', "cannot be read"),
        ('{"op": "shout"}', "The op is subscribe, unsubscribe or ping."),
        ('{"op": "ping", "x": ' + "[" * 5000 + "]" * 5000 + "}", "cannot be read"),
        ('{"op": "ping", "topics": ["' + "x" * 17000 + '"]}', "at most 16 KB"),
    ],
)
async def test_a_bad_message_is_answered_with_one_sentence(browser, text, complaint):
    await browser.say(text=text)
    message = await browser.says("error")
    assert complaint in message["error"]
    assert message["error"].endswith(".")
    await browser.ask(op="ping")
    assert (await browser.says("pong"))["t"] > 0


async def test_bytes_are_refused(browser):
    await browser.say(bytes=b"\x00")
    assert "JSON text" in (await browser.says("error"))["error"]


async def test_a_socket_watches_a_limited_number_of_topics(browser):
    await browser.ask(op="subscribe", topics=[f"resource:{n + 1}" for n in range(101)])
    assert (await browser.says("error"))["error"] == "One socket watches at most 100 topics."


async def test_a_flood_ends_the_socket(browser):
    for _ in range(int(consumers.BURST) + 20):
        await browser.ask(op="ping")
    assert await browser.close_code() == 4429


async def test_unsubscribing_leaves_the_rest(browser):
    await browser.subscribe("fleet", "resource:1")
    await browser.ask(op="unsubscribe", topics=["fleet", "system"])
    assert await browser.says("subscribed") == {"type": "subscribed", "topics": ["resource:1"], "denied": []}
    assert hub.current().topics.keys() == {"resource:1"}
    assert hub.current().joined == {"resource:1"}


async def test_a_socket_that_closes_leaves_nothing_behind(browser):
    await browser.subscribe("fleet")
    await browser.disconnect()
    assert hub.current().topics == {}
    assert hub.current().joined == set()
    assert hub.current().sockets == set()


async def test_the_heartbeat_comes_without_any_topic(live, viewer, client_of, open_browser, monkeypatch):
    monkeypatch.setattr(hub, "HEARTBEAT", 0.05)
    browser = await open_browser(cookie(await sync_to_async(client_of)(viewer)), ORIGIN)
    assert (await browser.says("heartbeat"))["t"] > 1_700_000_000_000


async def test_one_person_opens_only_so_many_sockets(open_browser, viewer, client_of, monkeypatch):
    monkeypatch.setattr(consumers, "MOST_SOCKETS", 2)
    session = cookie(await sync_to_async(client_of)(viewer))
    first, _ = [await open_browser(session, ORIGIN) for _ in range(2)]
    crowded = await open_browser(session, ORIGIN)
    assert await crowded.receive_output(5) == {"type": "websocket.close", "code": consumers.FLOOD}
    await first.says("hello")
    await first.disconnect()
    await (await open_browser(session, ORIGIN)).says("hello")
