"""Documents, digests and the parts of other pages in a real browser: accessible, no wider than the screen, what is taken is there."""

import re
from collections.abc import Iterator

import pytest

from monitoring.dashboards.tests import browsing
from monitoring.dashboards.tests.browsing import CHROMIUM, MARKS, troubles

pytestmark = MARKS
PAGES = [
    "/documents/",
    "/documents/?q=button",
    "/documents/?q=zeppelin",
    "/documents/1/",
    "/documents/upload/",
    "/digests/",
    "/digests/1/",
    "/digests/now/",
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    assert CHROMIUM, "CI must have Chromium"
    with browsing.running("genai.summaries.tests.seed") as address:
        yield address


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_accessible_and_fits(open_page, path):
    page = open_page(path)
    assert troubles(page, 1440, "dark", "light") == []
    assert troubles(page, 390, "dark") == []


def to_incident(page, title):
    page.click(f"text={title}")
    page.wait_for_selector("#incident-head")


def test_an_incident_says_in_short_what_is_known(open_page):
    page = open_page("/incidents/?show=all")
    to_incident(page, "Checkout slow")
    page.wait_for_selector("#incident-insight .summary-text")
    assert "Services concerned: checkout" in page.inner_text("#incident-insight")
    page.click("#incident-insight .summary-sources summary")
    assert page.locator("#incident-insight .sources a").count() >= 1
    page.click("#incident-insight button[aria-label='Useful']")
    page.wait_for_selector("#incident-insight button[aria-label='Useful'][aria-pressed=true]")
    assert troubles(page, 1440, "dark", "light") == []
    assert troubles(page, 390, "dark") == []


def test_the_draft_becomes_the_review_that_is_edited(open_page):
    page = open_page("/incidents/?show=all")
    to_incident(page, "Mail queue grows")
    page.click(".nav-tabs >> text=Review")
    page.wait_for_selector("#review-draft .markdown")
    assert troubles(page, 1440, "dark") == []
    page.click("text=Take it and edit")
    page.wait_for_url(re.compile(r"tab=review&edit"))
    text = page.input_value("#review-text")
    assert "## What it did to whom" in text
    assert "](/evidence/" in text
    assert not page.locator("#review-draft").count()
