"""Forecasts and anomalies in a real browser: accessible, keys, what-if in place, feedback without leaving the list."""

import re
from collections.abc import Iterator

import pytest

from monitoring.dashboards.tests import browsing
from monitoring.dashboards.tests.browsing import CHROMIUM, MARKS, axe, troubles

pytestmark = MARKS
PAGES = [
    "/forecasts/",
    "/forecasts/?tab=all",
    "/forecasts/?tab=not",
    "/forecasts/?q=nothing",
    "first?load=30",
    "/forecasts/models/",
    "/forecasts/watches/",
    "/forecasts/watches/new/",
    "/anomalies/",
    "/anomalies/?open=1",
    "/anomalies/?q=nothing",
    "/analysis/",
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    assert CHROMIUM, "CI must have Chromium"
    with browsing.running("forecasting.tests.seed") as address:
        yield address


def drawn(page):
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-note]')].every((n) => n.hidden || !n.textContent.includes('Reading'))"
    )


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_accessible_and_fits(open_page, path):
    page = open_page("/forecasts/?tab=all" if path.startswith("first") else path)
    if path.startswith("first"):
        page.goto(page.locator("td[data-slot=main] a").first.evaluate("a => a.href") + path.removeprefix("first"))
    drawn(page)
    assert troubles(page, 1440, "dark", "light") == []
    assert troubles(page, 390, "dark") == []


def test_what_if_is_answered_in_place_and_stands_in_the_address(open_page):
    page = open_page("/forecasts/?tab=all&q=db-prod")
    page.locator("td[data-slot=main] a").first.click()
    page.fill("#what-if [name=load]", "30")
    page.keyboard.press("Enter")
    page.wait_for_selector("#what-if [role=status] strong")
    assert "load=30" in page.url
    page.fill("#what-if [name=load]", "lots")
    page.keyboard.press("Enter")
    page.wait_for_selector("#what-if :text('Load is a number')")
    assert axe(page) == []


def test_keys_move_rate_and_take_back(open_page):
    page = open_page("/anomalies/")
    page.keyboard.press("j")
    page.keyboard.press("u")
    page.wait_for_selector(".toast:has-text('Rated noise')")
    page.wait_for_selector(".anom:first-child .fb [aria-pressed=true]")
    page.locator(".anom:first-child .fb [aria-pressed=true]").click()
    page.wait_for_selector(".toast:has-text('Rating taken back')")
    page.wait_for_selector(".anom:first-child .fb:not(:has([aria-pressed=true]))")


def test_the_drawer_opens_rates_and_closes(open_page):
    page = open_page("/anomalies/")
    page.locator(".anom .anom-main a").first.click()
    page.wait_for_selector("#anomaly")
    assert re.search(r"open=\d+", page.url)
    drawn(page)
    assert page.locator("#anomaly .plot canvas").count() == 1
    page.locator("#anomaly footer button", has_text="Expected").click()
    page.wait_for_selector(".toast:has-text('Rated expected')")
    page.wait_for_selector("#anomaly footer [aria-pressed=true]")
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "open=" not in url)


def test_a_window_dragged_over_the_chart_is_ranked(open_page):
    page = open_page("/anomalies/?open=1")
    drawn(page)
    box = page.locator("#anomaly .u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 40, steps=5)
    page.mouse.up()
    page.wait_for_selector("#what-changed #changed-form")
    assert axe(page) == []


def test_an_expression_is_previewed_while_it_is_written(open_page):
    page = open_page("/forecasts/watches/new/")
    page.locator("#expr").press_sequentially("queue_depth")
    page.wait_for_selector("#preview :text('series now')")
    page.locator("#expr").press_sequentially("[")
    page.wait_for_selector("#preview [role=alert]:has-text('Character')")


def test_the_legend_of_a_forecast_names_both_lines(open_page):
    page = open_page("/forecasts/?tab=all")
    drawn(page)
    page.wait_for_selector(".chart-legend :text('Forecast')")
    assert page.locator("figure .plot canvas").count() == 1
