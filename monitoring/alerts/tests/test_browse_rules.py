"""Rules and silences in a real browser: the sentence and the text are one, an edit is tried by itself, ticks, previews."""

import pytest

from monitoring.dashboards.tests.browsing import MARKS, troubles

pytestmark = MARKS
EXPR = "#expr textarea"
TRIED = "#backtest[aria-busy=false] .bt-tiles"
PATHS = [
    "/rules/", "/rules/?q=nothing", "/rules/1/", "/rules/1/counted/", "/rules/new/?expr=queue_depth+%3E+3&name=Queue", "/rules/import/",
    "/silences/", "/silences/?view=month", "/silences/?view=week", "/silences/new/?matcher=alertname%3DX", "/alerts/mapping/",
]  # fmt: skip


def tried(page):
    page.wait_for_selector(TRIED)


@pytest.mark.parametrize("path", PATHS)
def test_pages_are_accessible_and_fit(open_page, path):
    page = open_page(path)
    if "/new/" in path or path == "/rules/1/":
        page.wait_for_timeout(1500)
    page.wait_for_function("() => !document.querySelector('.is-loading, .htmx-request')")
    assert troubles(page, 1440, "dark", "light") == []
    assert troubles(page, 390, "dark", "light") == []


def test_the_sentence_and_the_text_are_one(open_page):
    page = open_page("/rules/new/?expr=queue_depth+%3E+3&name=Queue")
    tried(page)
    assert page.input_value("#threshold") == "3"
    page.fill("#threshold", "12.5")
    assert page.input_value(EXPR) == "queue_depth > 12.5"
    page.select_option("#op", "<=")
    assert page.input_value(EXPR) == "queue_depth <= 12.5"
    page.fill(EXPR, "queue_depth < 2 and up")
    page.wait_for_function("() => document.getElementById('threshold').value === '2' && document.getElementById('op').value === '<'")
    page.fill(EXPR, "absent(queue_depth)")
    page.wait_for_function("() => document.querySelector('[data-limit]').hidden")


def test_an_edit_is_tried_by_itself_and_the_limit_is_drawn(open_page):
    page = open_page("/rules/new/?expr=queue_depth+%3E+3000&name=Queue&for=0s")
    tried(page)
    assert page.inner_text(".bt-tiles dd >> nth=0").startswith("0")
    page.fill("#threshold", "0")
    page.wait_for_function("() => !document.querySelector('.bt-tiles dd').textContent.startsWith('0')")
    page.wait_for_function("() => [...Charts.mounted.values()].some(({spec}) => spec.limit && spec.limit.value === 0)")
    assert "queue_depth" in page.input_value(EXPR)
    page.fill("#clears_at", "-1")
    page.wait_for_function(
        "() => [...Charts.mounted.values()].some(({spec}) => spec.clears?.value === -1 && spec.clears.label.startsWith('Clears below'))"
    )


def test_a_mistake_is_marked_where_it_stands(open_page):
    page = open_page("/rules/new/?name=Queue")
    page.fill(EXPR, "sum(queue_depth")
    page.keyboard.press("Escape")
    page.press(EXPR, "Control+Enter")
    page.wait_for_selector("#expr .query-error:not([hidden])")
    page.fill(EXPR, "queue_depth > 3")
    page.fill("#summary", "{{ $labels.instance } is long")
    page.wait_for_selector('[data-fault="summary"] .invalid-feedback')
    assert "Character" in page.inner_text('[data-fault="summary"]')


def test_a_rule_is_made_changed_and_deleted(open_page):
    page = open_page("/rules/new/?expr=node_boot_time_seconds+%3E+3&name=QueueLong")
    tried(page)
    page.fill("#summary", "{{ $labels.instance }} holds {{ $value }}")
    page.wait_for_selector("#reading .sample >> text=holds")
    page.click("text=Add label")
    page.fill("[name=label_name]", "team")
    page.fill("[name=label_value]", "infra")
    page.click("#savebar button[type=submit]")
    page.wait_for_selector("h1 >> text=QueueLong")
    assert page.is_hidden("#savebar")
    page.fill("#for", "10m")
    page.wait_for_selector("#savebar:not([hidden])")
    assert "1 change" in page.inner_text("#savebar")
    assert page.inner_text("#savebar s") == "5m"
    tried(page)
    page.click("#savebar button[type=submit]")
    page.wait_for_selector("#savebar", state="hidden")
    assert page.input_value("#for") == "10m"
    page.click("summary[aria-label='More actions']")
    page.click("[data-act=delete]")
    page.click("#delete-rule button[type=submit]")
    page.wait_for_selector("h1 >> text=Rules")


def test_ticked_rules_are_switched_together(open_page):
    page = open_page("/rules/?q=gpu")
    boxes = page.locator("#rules-table input[name=rule]")
    boxes.nth(0).check()
    page.keyboard.press("j")
    assert page.inner_text("#bulk [data-count]") == "1"
    page.check("[data-pick-all]")
    count = boxes.count()
    assert page.inner_text("#bulk [data-count]") == str(count)
    page.click("#bulk button[value=off]")
    page.wait_for_selector(f".toast >> text={count} rules switched off")
    page.check("[data-pick-all]")
    page.click("#bulk button[value=on]")
    page.wait_for_selector(f".toast >> text={count} rules switched on")


def test_a_silence_shows_what_it_hides_while_it_is_written(open_page):
    page = open_page("/silences/new/")
    page.fill("[name=matcher_value]", "Nothing")
    page.wait_for_selector("#silence-preview >> text=Hides 0 alerts now")
    page.select_option("#repeat", "weekly")
    page.check("[name=day][value=SU]")
    page.wait_for_selector("#silence-preview >> text=Next 5")
    page.check("[name=preset][value=until]")
    assert page.is_visible("#ends")
    page.click("text=Add matcher")
    assert page.locator("[data-matcher]").count() == 2
    page.check("[name=preset][value='1h']")
    page.select_option("#repeat", "")
    page.fill("#reason", "Trying")
    page.click("form#silence-form button[type=submit]")
    page.wait_for_selector("h1 >> text=Trying")
    page.click("text=End now")
    page.wait_for_selector("text=Silence again")
