"""The copilot in a real browser: the panel, an answer as it is written, stopping, a connection that breaks, its own page."""

import re

import pytest

from genai.testing import ModelStub, Script
from monitoring.dashboards.tests.browsing import CHROMIUM, MARKS, running, troubles

pytestmark = MARKS
WORDS = "The queue of mail-2 holds forty jobs. It has been so for two hours, and nothing else moved with it. " * 4
LOG = "#copilot [data-log]"


@pytest.fixture(scope="module")
def stub():
    made = ModelStub()
    yield made
    made.close()


@pytest.fixture(scope="module")
def address(stub):
    assert CHROMIUM, "CI must have Chromium"
    patch = pytest.MonkeyPatch()
    patch.setenv("TEST_MODEL_URL", f"{stub.url}/v1")
    try:
        with running("genai.copilot.tests.seed") as found:
            yield found
    finally:
        patch.undo()


@pytest.fixture
def write(stub):
    """The model writes so slowly that it can be watched."""

    def slowly(pace=0.06, text=WORDS):
        stub.answer_with(lambda body: Script(text, pace=pace))

    slowly(0)
    yield slowly
    slowly(0)


def ask(page, question):
    page.fill("[data-ask] textarea", question)
    page.press("[data-ask] textarea", "Enter")


def over(page, state="done"):
    page.wait_for_selector(f".turn:last-child[data-state={state}]", timeout=60_000)


def test_the_panel_knows_its_page_and_shows_the_answer_as_it_is_written(open_page, write):
    write(0.25)
    page = open_page("/alerts/?severity=critical")
    assert page.locator("#copilot").inner_html() == ""
    page.keyboard.press("Control+i")
    page.wait_for_selector("#copilot [data-start]")
    assert page.locator("#copilot header .tag").inner_text() == "Alerts"
    assert page.evaluate("document.activeElement.name") == "question"
    ask(page, "How long is the queue?")
    page.wait_for_selector(".turn[data-state=answering] .is-raw:has-text('The queue of mail-2')")
    early = len(page.inner_text(f"{LOG} .answer-text"))
    assert page.locator("[data-send]").get_attribute("aria-label") == "Stop"
    page.wait_for_function("length => document.querySelector('#copilot .answer-text').innerText.length > length", arg=early)
    over(page)
    assert page.inner_text(f"{LOG} .answer-text").count("forty jobs") == 4
    assert "guess" in page.inner_text(f"{LOG} .answer-text")
    assert "Stub" in page.inner_text(f"{LOG} .turn-foot") or "stub-1" in page.inner_text(f"{LOG} .turn-foot")
    assert page.locator("[data-send]").get_attribute("aria-label") == "Send"
    assert troubles(page, 1440, "dark", "light") == []
    page.locator("[data-rate='-1']").click()
    page.fill("[data-comment] input", "Wrong queue")
    page.press("[data-comment] input", "Enter")
    page.wait_for_selector(".toast:has-text('kept with the answer')")


def test_it_stays_open_with_its_conversation_and_closes_by_escape(open_page, write):
    page = open_page("/alerts/")
    page.keyboard.press("Control+i")
    page.wait_for_selector("#copilot [data-start]")
    ask(page, "Is it well?")
    over(page)
    page.goto(page.url.replace("/alerts/", "/resources/"))
    page.wait_for_selector("#copilot .turn:has-text('Is it well?')")
    assert page.locator("#copilot header .tag").inner_text() == "Resources"
    page.locator("#copilot textarea").focus()
    page.keyboard.press("Escape")
    assert not page.locator("#copilot").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_stopping_keeps_what_was_written_as_half_an_answer(open_page, write):
    write(0.5)
    page = open_page("/copilot/")
    ask(page, "How long is the queue?")
    page.wait_for_url(re.compile(r"/copilot/\d+/"))
    page.wait_for_selector(".turn[data-state=answering] .is-raw:has-text('queue')")
    page.locator("[data-send]").click()
    over(page, "stopped")
    assert "Half an answer" in page.inner_text(".turn")
    assert "The queue" in page.inner_text(".answer-text")


def test_what_was_missed_while_the_connection_was_away_is_there(open_page, write):
    write(0.1)
    page = open_page("/alerts/")
    page.keyboard.press("Control+i")
    page.wait_for_selector("#copilot [data-start]")
    ask(page, "How long is the queue?")
    page.wait_for_selector(".turn[data-state=answering] .is-raw:has-text('The queue')")
    page.evaluate("dispatchEvent(new Event('pagehide'))")  # as the browser does when it lets the socket go
    seen = len(page.inner_text(f"{LOG} .answer-text"))
    page.wait_for_timeout(1000)
    assert len(page.inner_text(f"{LOG} .answer-text")) <= seen + 80
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_function("length => document.querySelector('#copilot .answer-text').innerText.length > length + 120", arg=seen)
    over(page)
    assert page.inner_text(f"{LOG} .answer-text").count("forty jobs") == 4


def test_its_page_keeps_conversations(open_page, write):
    page = open_page("/copilot/?ask=Is+it+well%3F")
    assert page.input_value("[data-ask] textarea") == "Is it well?"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/copilot/\d+/"))
    over(page)
    for width in (1440, 390):
        assert troubles(page, width, "dark", "light") == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator("summary[aria-label='More for this conversation']").click()
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Make a link").click()
    page.wait_for_selector(".toast:has-text('Shared')")
    page.locator("summary[aria-label='More for this conversation']").click()
    page.get_by_role("button", name="Shared").click()
    link = page.input_value("#share-link")
    page.keyboard.press("Escape")
    page.fill(".chat-history input[type=search]", "zzzz")
    page.wait_for_selector(".history-none")
    page.goto(link)
    assert page.locator("[data-ask]").count() == 0
    assert "Is it well?" in page.inner_text(".ask")


def test_on_a_phone_it_is_a_sheet(open_page, write):
    page = open_page("/alerts/", width=390, height=844)
    page.locator(".topbar [data-do=copilot]").click()
    page.wait_for_selector("#copilot [data-start]")
    ask(page, "Is it well?")
    over(page)
    assert page.locator("#copilot").bounding_box()["width"] == 390
    assert troubles(page, 390, "dark", "light") == []
    page.goto(page.url)
    assert not page.locator("#copilot").is_visible()  # a sheet does not lie over the next page


def test_the_palettes_last_entry_writes_the_question(open_page, write):
    page = open_page("/")
    page.keyboard.press("Control+k")
    page.fill("#palette input", "why is the queue long")
    page.wait_for_selector("#palette .opt:has-text('Ask copilot about “why is the queue long”')")
    page.locator("#palette .opt:last-child").click()
    page.wait_for_function("() => document.querySelector('#copilot textarea')?.value === 'why is the queue long'")
    assert page.locator("#copilot .turn").count() == 0
