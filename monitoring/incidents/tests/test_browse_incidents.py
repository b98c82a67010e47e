"""Incidents in a real browser: every page fits and is accessible, keys, dialogs, ticks and charts work, print holds the review."""

import pytest

from monitoring.dashboards.tests.browsing import MARKS, axe, troubles

pytestmark = MARKS
PATHS = [
    "/incidents/", "/incidents/?show=resolved", "/incidents/?q=nothing", "/incidents/1/", "/incidents/1/?tab=alerts",
    "/incidents/1/?tab=timeline", "/incidents/1/?tab=topology", "/incidents/1/?tab=similar", "/incidents/1/?tab=review",
    "/incidents/1/?tab=review&edit",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_pages_are_accessible_and_fit(open_page, path):
    page = open_page(path)
    page.wait_for_load_state("networkidle") if path == "/incidents/1/" else None
    page.wait_for_function("() => !document.querySelector('.is-loading, .htmx-request')")
    assert troubles(page, 1440, "dark", "light") == []
    assert troubles(page, 390, "dark") == []


def test_the_chart_of_what_fired_is_drawn(open_page):
    page = open_page("/incidents/1/")
    page.wait_for_function("() => [...Charts.mounted.values()].some(({spec}) => spec.stacked && spec.series.length === 3)")
    assert "alerts fired at the same time" in page.get_attribute("figure .plot >> nth=0", "aria-label")


def test_n_begins_a_note_and_enter_writes_it(open_page):
    page = open_page("/incidents/1/?tab=timeline")
    page.keyboard.press("n")
    page.keyboard.type("no, it is the network")
    page.keyboard.press("Enter")
    page.wait_for_selector(".timeline >> text=noted: no, it is the network")
    assert page.url.endswith("?tab=timeline")


def test_dialogs_open_are_accessible_and_close(open_page):
    page = open_page("/incidents/1/")
    for name in ("resolve-incident", "merge-incident"):
        page.click(f".page-actions > [data-open={name}]")
        page.wait_for_selector(f"#{name}[open]")
        assert axe(page) == []
        page.keyboard.press("Escape")
        page.wait_for_selector(f"#{name}", state="hidden")


def test_the_bar_appears_with_the_first_tick(open_page):
    page = open_page("/incidents/1/?tab=alerts")
    assert page.is_hidden("#members-form")
    page.check("[data-tick-all]")
    assert page.inner_text("#members-form [data-count]") == "3"
    page.uncheck("[data-tick-all]")
    assert page.is_hidden("#members-form")


def test_the_printed_review_holds_causes_and_story_and_no_buttons(open_page):
    page = open_page("/incidents/1/?tab=review")
    assert page.is_hidden("text=Likely causes")
    page.emulate_media(media="print")
    assert page.is_visible("text=Likely causes")
    assert page.is_visible("text=The disk it is.")
    assert page.is_hidden(".rail")
    assert page.is_hidden("text=Edit")
