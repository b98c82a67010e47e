"""A right that is taken away ends what it allowed, without a reload."""

import asyncio
import threading

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import OperationalError

from accounts import tokens
from monitoring.live import consumers, publish, topics
from monitoring.live.tests.conftest import ORIGIN, bearer, cookie
from monitoring.live.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(consumers, "RECHECK", (0.01, 0.02))


async def change(user, **fields):
    await sync_to_async(get_user_model().objects.filter(pk=user.pk).update)(**fields)


async def test_a_deactivated_person_is_dropped(open_browser, operator, client_of):
    browser = await open_browser(cookie(await sync_to_async(client_of)(operator)), ORIGIN)
    await browser.subscribe("fleet")
    await change(operator, is_active=False)
    assert await browser.close_code() == 4401


async def test_signing_out_elsewhere_ends_the_socket(open_browser, operator, client_of):
    client = await sync_to_async(client_of)(operator)
    browser = await open_browser(cookie(client), ORIGIN)
    await browser.subscribe("fleet")
    await sync_to_async(client.session.flush)()
    assert await browser.close_code() == 4401


async def test_a_revoked_token_ends_the_socket(open_browser, operator, token_of):
    raw = await sync_to_async(token_of)(operator, "monitoring:read")
    browser = await open_browser(bearer(raw))
    await browser.subscribe("fleet")
    token = await operator.tokens.aget()
    await sync_to_async(tokens.revoke)(token)
    assert await browser.close_code() == 4401


async def test_a_lower_role_loses_its_topic_and_keeps_the_others(open_browser, admin, client_of, monkeypatch):
    monkeypatch.setattr(topics, "_TOPICS", dict(topics._TOPICS))
    topics.register("people", "users:manage")
    browser = await open_browser(cookie(await sync_to_async(client_of)(admin)), ORIGIN)
    await browser.subscribe("fleet", "people")
    await change(admin, role="viewer")
    assert await browser.says("subscribed") == {"type": "subscribed", "topics": ["fleet"], "denied": ["people"]}
    publish.publish("people", {"n": 1})
    publish.publish("fleet", {"n": 2})
    assert (await browser.says("event"))["topic"] == "fleet"


async def test_an_outage_ends_no_session(open_browser, operator, client_of, monkeypatch):
    browser = await open_browser(cookie(await sync_to_async(client_of)(operator)), ORIGIN)
    asked_twice = threading.Barrier(2)

    def gone(self):
        asked_twice.wait(5)
        raise OperationalError("the database is gone")

    monkeypatch.setattr(Visitor, "identify", gone)
    for _ in range(2):
        await asyncio.to_thread(asked_twice.wait, 5)
    assert (await browser.subscribe("fleet"))["topics"] == ["fleet"]
    asked_twice.abort()
