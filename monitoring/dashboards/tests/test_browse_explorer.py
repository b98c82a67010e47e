"""The explorer in a real browser: typing, mistakes, zoom, links, views."""

import re

import pytest

from monitoring.dashboards.tests.browsing import MARKS, axe, troubles

pytestmark = MARKS
ANSWERED = "() => !!document.getElementById('explorer')?.dataset.drawn"  # none yet while a link is followed
DRAWN = "() => [...Charts.mounted.values()].map(({spec}) => [spec.from, spec.to])"
VALUES = "() => Results.series.map(s => [s.id, s.name, s.data.filter(v => v != null)])"


def answered(page):
    page.wait_for_function(ANSWERED)
    page.wait_for_selector("#results[aria-busy=false]", state="attached")


def query(page, at=0):
    return page.locator("#queries textarea").nth(at)


@pytest.fixture
def explorer(open_page):
    def go(state=""):
        page = open_page(f"/explore/?{state}")
        if "q=" in state:
            answered(page)
        return page

    return go


def test_a_query_is_written_with_completion_and_answered(explorer):
    page = explorer()
    query(page).press_sequentially("max(queue_d")
    page.wait_for_selector(".completion [role=option][aria-selected=true]")
    assert query(page).get_attribute("aria-expanded") == "true"
    chosen = query(page).get_attribute("aria-activedescendant")
    assert page.locator(f"#{chosen}").inner_text().split()[:2] == ["M", "queue_depth"]
    assert "Jobs that wait in a queue." in page.locator(".comp-doc").inner_text()
    assert axe(page) == []
    page.keyboard.press("Tab")
    page.keyboard.type("{")
    page.wait_for_function("() => [...document.querySelectorAll('.completion [role=option]')].some(o => o.textContent.includes('site'))")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.completion [role=option]')?.textContent.includes('ams')")
    page.keyboard.press("Enter")
    page.keyboard.type("})")
    page.keyboard.press("Control+Enter")
    answered(page)
    assert query(page).input_value() == 'max(queue_depth{site="ams"})'
    assert "q=max%28queue_depth%7Bsite%3D%22ams%22%7D%29" in page.url
    assert page.locator("#series tbody td").nth(2).inner_text() == "40"


def test_escape_closes_the_completions_and_keeps_the_text(explorer):
    page = explorer()
    query(page).press_sequentially("queue")
    page.wait_for_selector(".completion [role=option]")
    page.keyboard.press("Escape")
    page.wait_for_selector(".completion", state="hidden")
    assert query(page).input_value() == "queue"
    assert query(page).get_attribute("aria-expanded") == "false"


def test_a_mistake_is_marked_at_its_character_and_can_be_mended(explorer):
    page = explorer()
    query(page).fill('queue_depth{site>"fra"}')
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".query-error:not([hidden])")
    assert page.locator(".query-error").inner_text().startswith("Character 17: > does not belong here.")
    assert page.locator(".editor-paint .tok-err").inner_text() == ">"
    assert query(page).get_attribute("aria-invalid") == "true"
    assert axe(page) == []
    page.get_by_role("button", name="Write =~").click()
    answered(page)
    assert query(page).input_value() == 'queue_depth{site=~"fra"}'
    assert query(page).get_attribute("aria-invalid") is None
    assert page.locator("#series tbody tr").count() == 1


def test_dragging_zooms_the_one_range_and_back(explorer):
    page = explorer("q=queue_depth&range=now-1h")
    box = page.locator("#charts .u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 40, steps=6)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=\d+&to=\d+"))
    start, end = (int(value) for value in re.findall(r"(?:from|to)=(\d+)", page.url))
    assert 1_700_000 < end - start < 1_900_000
    assert "q=queue_depth" in page.url
    page.wait_for_function("() => document.querySelector('#timebox summary').textContent.includes('–')")
    page.locator("#charts .u-over").dblclick()
    page.wait_for_url(re.compile("range=now-1h"))
    page.wait_for_function("() => document.querySelector('#timebox summary').textContent.includes('Last hour')")


def test_a_saved_link_reproduces_its_chart(explorer):
    page = explorer("q=queue_depth&q=vector(7)&range=now-1h")
    page.locator("#charts .key", has_text="mail-2").click()
    page.wait_for_url(re.compile("only=A"))
    page.locator("[data-act=save]").click()
    page.fill("#view-name", "Mail queue")
    page.locator("#save-view [type=submit]").click()
    link = page.locator("#saved a", has_text="Mail queue")
    link.wait_for()
    again = explorer(link.get_attribute("href").split("?")[1])
    assert [query(again, at).input_value() for at in (0, 1)] == ["queue_depth", "vector(7)"]
    assert again.locator("#charts .key[aria-pressed=true]").all_inner_texts() == ["mail-2 ams\n40"]
    start, end = (round(1000 * moment) for moment in again.evaluate(DRAWN)[0])
    first, second = (explorer(f"q=queue_depth&q=vector(7)&from={start}&to={end}") for _ in range(2))
    assert first.evaluate(VALUES) == second.evaluate(VALUES)
    assert first.evaluate(VALUES)[1][2][0] == 40


def test_lines_are_shown_alone_hidden_and_shown_again(explorer):
    page = explorer("q=queue_depth")
    pressed = page.locator("#charts .key[aria-pressed=true]")
    assert pressed.count() == 2
    page.locator("#charts .key").first.click()
    assert pressed.count() == 1
    page.locator("#charts .key").first.click()
    assert pressed.count() == 2
    page.locator("#series tbody input").first.uncheck()
    assert pressed.count() == 1
    assert "hide=A" in page.url


def test_queries_are_added_left_out_and_removed(explorer):
    page = explorer("q=queue_depth")
    page.locator("[data-act=add]").click()
    page.keyboard.type("vector(3)")
    page.keyboard.press("Control+Enter")
    page.wait_for_function("() => Results.series.length === 3")
    page.get_by_role("button", name="Leave out query A").click()
    page.wait_for_function("() => Results.series.length === 1")
    assert "off=A" in page.url
    page.go_back()
    page.wait_for_function("() => Results.series.length === 3")
    page.locator("[data-letter=A] summary").click()
    page.locator("[data-letter=A] [data-act=remove]").click()
    page.wait_for_function("() => Results.series.length === 1 && Results.series[0].key === 'A'")
    assert page.locator("#queries .query").count() == 1


def test_history_offers_what_was_run(explorer):
    page = explorer("q=queue_depth")
    again = page.context.new_page()
    again.goto(page.url.split("?")[0])
    again.locator("#history a").first.click()
    answered(again)
    assert query(again).input_value() == "queue_depth"


def test_the_table_has_a_column_for_each_label(explorer):
    page = explorer("q=queue_depth&view=table&compare=1d")
    heads = page.locator("#series thead th").all_inner_texts()
    assert heads[2:4] == ["instance", "site"]
    assert "Yesterday" in heads
    page.get_by_role("button", name="Last", exact=True).click()
    assert page.locator("#series tbody tr").first.inner_text().split()[:2] == ["A", "mail-2"]
    assert troubles(page, 1440, "dark", "light") == []


def test_what_changed_is_ranked_on_demand(explorer):
    page = explorer("q=queue_depth")
    page.fill("#changed-selector", '{__name__="queue_depth"}')
    page.locator("#changed-form [type=submit]").click()
    page.wait_for_selector("#changed[data-state=listed]")
    assert "2 series against" in page.locator("#changed").inner_text()
    assert "Nothing left its past" in page.locator("#changed").inner_text()
    page.fill("#changed-form [name=among]", "rate(")
    page.locator("#changed-form [type=submit]").click()
    page.wait_for_selector("#changed-error:not(:empty)")
    assert axe(page) == []


def test_pictures_and_numbers_are_taken_along(explorer):
    page = explorer("q=queue_depth")
    page.locator("#charts summary").click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download PNG").click()
    assert re.fullmatch(r"explorer-[\d-]+\.png", taken.value.suggested_filename)
    with page.expect_download() as taken:
        page.locator("#csv").click()
    assert taken.value.suggested_filename.endswith(".csv")


def test_a_slow_answer_moves_nothing(explorer):
    """While an answer is on its way the old one stays, dimmed, at its place."""
    page = explorer("q=queue_depth")
    before = page.locator("#charts").bounding_box()
    held, go_on = [], False
    page.route("**/data.json*", lambda route: route.continue_() if go_on else held.append(route))
    page.locator("[data-act=run]").click()
    page.wait_for_selector("#charts.is-loading")
    while not held:
        page.wait_for_timeout(20)
    assert page.locator("#charts").bounding_box() == before
    go_on = True
    for route in held:
        route.continue_()
    page.wait_for_selector("#results[aria-busy=false]", state="attached")
