"""Who may open the socket, and who may watch what."""

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from monitoring.live import topics
from monitoring.live.tests.conftest import HOST, ORIGIN, Browser, bearer, cookie
from monitoring.live.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admins_only(monkeypatch):
    monkeypatch.setattr(topics, "_TOPICS", dict(topics._TOPICS))
    topics.register("people", "users:manage")


async def test_a_viewer_watches_the_fleet_and_a_resource(open_browser, viewer, client_of):
    browser = await open_browser(cookie(await sync_to_async(client_of)(viewer)), ORIGIN)
    assert await browser.says("hello") == {"type": "hello", "heartbeat": 15}
    assert await browser.subscribe("fleet", "resource:7") == {"type": "subscribed", "topics": ["fleet", "resource:7"], "denied": []}


async def test_a_topic_that_does_not_exist_is_denied(open_browser, viewer, client_of):
    browser = await open_browser(cookie(await sync_to_async(client_of)(viewer)), ORIGIN)
    answer = await browser.subscribe("fleet", "secrets", "resource:0", "resource:1 ")
    assert answer["topics"] == ["fleet"]
    assert answer["denied"] == ["secrets", "resource:0", "resource:1 "]


@pytest.mark.parametrize(("role", "allowed"), [("viewer", False), ("operator", False), ("admin", True)])
async def test_each_topic_asks_for_its_own_permission(role, allowed, request, open_browser, client_of, admins_only):
    user = await sync_to_async(request.getfixturevalue)(role)
    browser = await open_browser(cookie(await sync_to_async(client_of)(user)), ORIGIN)
    answer = await browser.subscribe("fleet", "people")
    assert ("people" in answer["topics"]) is allowed
    assert ("people" in answer["denied"]) is not allowed
    assert "fleet" in answer["topics"]


async def test_a_stranger_is_told_to_sign_in(live):
    browser = Browser(ORIGIN)
    await browser.connect()
    assert await browser.close_code() == 4401


async def test_a_made_up_session_is_a_stranger(live):
    browser = Browser((b"cookie", b"sessionid=0123456789abcdef0123456789abcdef"), ORIGIN)
    await browser.connect()
    assert await browser.close_code() == 4401


async def test_a_token_opens_the_socket_without_an_origin(open_browser, operator, token_of):
    browser = await open_browser(bearer(await sync_to_async(token_of)(operator, "monitoring:read")))
    assert (await browser.subscribe("fleet"))["topics"] == ["fleet"]


async def test_a_token_without_the_scope_watches_nothing(open_browser, operator, token_of):
    browser = await open_browser(bearer(await sync_to_async(token_of)(operator, "metrics:write")))
    assert await browser.subscribe("fleet") == {"type": "subscribed", "topics": [], "denied": ["fleet"]}


async def test_a_wrong_token_is_refused_even_with_a_session(live, viewer, client_of):
    browser = Browser(bearer("aio_nobody_nothing"), cookie(await sync_to_async(client_of)(viewer)), ORIGIN)
    await browser.connect()
    assert await browser.close_code() == 4401


@pytest.mark.parametrize(
    "origin",
    [b"http://evil.example", b"null", b"http://testserver.evil.example", b"http://testserver:8001"],
)
async def test_another_sites_page_cannot_ride_on_the_session(origin, live, viewer, client_of):
    browser = Browser(cookie(await sync_to_async(client_of)(viewer)), (b"origin", origin))
    assert not await browser.connect()


async def test_a_session_without_an_origin_is_refused(live, viewer, client_of):
    assert not await Browser(cookie(await sync_to_async(client_of)(viewer))).connect()


async def test_a_host_name_that_is_not_ours_is_refused(live, viewer, client_of):
    browser = Browser(cookie(await sync_to_async(client_of)(viewer)), (b"origin", b"http://rebound.example"))
    browser.scope["headers"] = [header for header in browser.scope["headers"] if header != HOST] + [(b"host", b"rebound.example")]
    assert not await browser.connect()


async def test_the_public_address_is_an_origin_of_ours(open_browser, viewer, client_of, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://aiops.example.org"]
    browser = await open_browser(cookie(await sync_to_async(client_of)(viewer)), (b"origin", b"https://aiops.example.org"))
    await browser.says("hello")


async def test_during_an_outage_the_browser_is_asked_to_come_back(live, viewer, client_of, monkeypatch):
    def gone(self):
        raise OperationalError("the database is gone")

    monkeypatch.setattr(Visitor, "identify", gone)
    browser = Browser(cookie(await sync_to_async(client_of)(viewer)), ORIGIN)
    await browser.connect()
    assert await browser.close_code() == 1013
