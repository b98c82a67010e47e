"""static/js/live.js in a real browser against a real server that goes away and comes back."""

import pytest

from accounts.testing import CHROMIUM
from monitoring.live.publish import publish
from monitoring.live.tests.conftest import Served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]


@pytest.fixture
def session(viewer, client_of):
    return client_of(viewer).cookies["sessionid"].value


@pytest.fixture
def open_page(session, served):
    """Opened last and closed first: the database is not touched while Playwright's loop runs in this thread."""
    from playwright.sync_api import sync_playwright

    address = f"http://127.0.0.1:{served.port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context()
        page = context.new_page()

        def go(cookie=session):
            context.add_cookies([{"name": "sessionid", "value": cookie, "url": address}])
            page.goto(f"{address}/page")
            return page

        yield go
        browser.close()


def state_becomes(page, state):
    page.wait_for_function("wanted => Live.state === wanted", arg=state, timeout=10_000)


def published_until_seen(page, n):
    """The subscription is made a moment after the connection: ticks come all the time, so one more does no harm."""
    for _ in range(100):
        publish("fleet", {"n": n})
        if page.evaluate("n => events.some((event) => event[1] === n)", n):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"event {n} did not arrive")


def test_the_page_follows_pauses_and_goes_on(open_page):
    page = open_page()
    state_becomes(page, "live")
    published_until_seen(page, 1)
    page.evaluate("Live.pause()")
    assert page.evaluate("Live.state") == "paused"
    publish("fleet", {"n": 2})
    page.evaluate("Live.resume()")
    state_becomes(page, "live")
    published_until_seen(page, 3)
    assert page.evaluate("events.some((event) => event[1] === 2)") is False
    assert page.evaluate("states") == ["live", "paused", "reconnecting", "live"]


def test_what_is_always_heard_is_heard_while_paused_too(open_page, viewer):
    page = open_page()
    state_becomes(page, "live")
    page.evaluate("person => { window.mine = []; Live.subscribe(`inbox:${person}`, (data) => mine.push(data.n), true) }", viewer.pk)
    page.evaluate("Live.pause()")
    for _ in range(100):
        publish("fleet", {"n": 5})
        publish(f"inbox:{viewer.pk}", {"n": 6})
        if page.evaluate("mine.includes(6)"):
            break
        page.wait_for_timeout(50)
    assert page.evaluate("mine.includes(6)")
    assert page.evaluate("Live.state") == "paused"
    assert page.evaluate("events.some((event) => event[1] === 5)") is False
    page.evaluate("Live.resume()")
    published_until_seen(page, 7)


def test_the_page_comes_back_after_the_server_was_gone(open_page, served):
    page = open_page()
    state_becomes(page, "live")
    served.stop()
    state_becomes(page, "reconnecting")
    back = Served(served.port)
    try:
        state_becomes(page, "live")
        published_until_seen(page, 7)
    finally:
        back.stop()


def test_old_data_is_called_stale_with_its_age(open_page, served):
    page = open_page()
    state_becomes(page, "live")
    served.stop()
    page.evaluate("const now = Date.now; Date.now = () => now() + 40000")
    state_becomes(page, "stale")
    assert page.evaluate("Live.seconds") >= 40


def test_somebody_who_is_signed_out_is_told_so(open_page):
    page = open_page("0123456789abcdef0123456789abcdef")
    state_becomes(page, "signed-out")
