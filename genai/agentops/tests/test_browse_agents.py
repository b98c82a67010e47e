"""The Agents pages in a real browser: readable in both themes and on a phone, and what a person does there."""

import pytest

from monitoring.dashboards.tests.browsing import CHROMIUM, MARKS, running, troubles

pytestmark = MARKS
PAGES = (
    "/agents/",
    "/agents/?tab=agents",
    "/agents/?tab=evaluations",
    "/agents/?tab=prompts",
    "/agents/?tab=security",
    "/agents/executions/1/",
    "/agents/prompts/alert_insight/",
    "/agents/prompts/alert_insight/?tab=changes&version=2",
    "/agents/prompts/alert_insight/new/",
)


@pytest.fixture(scope="module")
def address():
    assert CHROMIUM, "CI must have Chromium"
    with running("genai.agentops.tests.seed") as found:
        yield found


@pytest.mark.parametrize("path", PAGES)
def test_the_page_reads_well_in_both_themes_and_on_a_phone(open_page, path):
    page = open_page(path)
    assert troubles(page, 1440, "dark", "light") == []
    assert troubles(page, 390, "light") == []


def test_a_step_opens_beside_the_waterfall_and_the_list_opens_by_its_keys(open_page):
    page = open_page("/agents/")
    page.wait_for_selector("#executions tbody tr:nth-child(4)")
    page.click("#executions tbody tr:nth-child(4) a")
    page.wait_for_selector(".waterfall")
    page.click(".waterfall a:has-text('query_metrics')")
    page.wait_for_url("**/?step=2")
    assert "2.4 s" in page.inner_text("#step")
    widths = page.eval_on_selector_all(".wbar rect", "all => all.map(one => one.getBoundingClientRect().width)")
    assert len(widths) == 4
    assert all(width > 0 for width in widths)


def test_a_finding_is_dismissed_with_its_like(open_page):
    page = open_page("/agents/?tab=security")
    page.click(".finding-dismiss summary >> nth=0")
    page.fill(".finding-dismiss[open] input[name=reason]", "A test of ours")
    page.check(".finding-dismiss[open] input[name=alike]")
    page.click(".finding-dismiss[open] button[type=submit]")
    page.wait_for_selector("text=Nothing is open")
    page.click("text=Dismissed 4")
    page.wait_for_selector("text=dismissed by")


def test_a_version_is_promoted_by_one_click(open_page):
    page = open_page("/agents/prompts/alert_insight/")
    page.click("button[aria-label='Promote version 2']")
    page.wait_for_selector("text=version 2 has 100 %")
    assert page.input_value("input[name=weight-1]") == "0"
