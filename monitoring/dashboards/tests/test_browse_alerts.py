"""Alerts in a real browser: the list follows what others do, rows are acted on by mouse and keys, the page of one."""

import re

from monitoring.dashboards.tests.browsing import MARKS, axe

pytestmark = MARKS
LAB = "/alerts/?q=lab"


def row(page, text):
    return page.locator("tr[data-alert]", has_text=text)


def toast(page, text):
    page.wait_for_selector(f".toast:has-text('{text}')")


def live(page):
    page.wait_for_selector("[data-do=live][data-state=live]")


def test_keys_move_tick_acknowledge_and_silence(open_page):
    page = open_page(LAB)
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("#bulk").is_visible()
    assert page.locator("[data-count]").inner_text() == "1"
    assert axe(page) == []
    page.keyboard.press("a")
    toast(page, "1 alert acknowledged")
    page.wait_for_selector("tr[data-alert] :text('Acknowledged')")
    assert not page.locator("#bulk").is_visible()
    page.keyboard.press("j")
    page.keyboard.press("s")
    page.wait_for_selector("[data-silencing] select")
    assert axe(page) == []
    page.keyboard.press("Escape")
    assert page.locator("[data-silencing]").first.is_hidden()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/alerts/\d+/"))


def test_all_that_is_found_is_taken_at_once(open_page):
    page = open_page("/alerts/?q=labslow&sort=name")
    page.locator("[data-check-all]").check()
    assert page.locator("[data-count]").inner_text() == "12"
    page.locator("#bulk [data-verb=take]").click()
    toast(page, "12 alerts taken")
    page.wait_for_function("() => document.querySelectorAll('tr[data-alert] .avatar').length === 12")


def test_a_silence_needs_two_clicks_and_a_reason(open_page):
    page = open_page("/alerts/?q=instance:lab-11")
    row(page, "LabSlow").locator("[data-silence] summary").click()
    page.wait_for_selector("[data-silencing] [role=status]:has-text('Hides 1 alert now, ends')")
    page.locator("[data-silence-now]").click()
    assert page.locator("[data-silencing] [role=status]").inner_text() == "Say why: others will ask"
    page.fill("[data-silencing] input[required]", "Rack is moved")
    page.locator("[data-silence-now]").click()
    toast(page, "Silenced, 1 alert hidden")
    page.wait_for_selector(".empty")
    page.goto(page.url + "&suppressed=silence")
    assert "by Mara Kovac: Rack is moved" in row(page, "LabSlow").inner_text()


def test_what_others_do_is_seen_at_once_and_new_rows_wait_for_a_reader(open_page):
    reader, other = open_page(LAB), open_page("/alerts/?q=labover&state=resolved")
    live(reader)
    reader.keyboard.press("j")
    reader.keyboard.press("x")
    row(other, "LabOver").locator("[data-more] summary").click()
    other.locator("details[open] [data-verb=reopen]").click()
    toast(other, "1 alert opened again")
    reader.wait_for_selector("#alert-news:has-text('1 new while you read')")
    assert row(reader, "LabOver").count() == 0
    reader.locator("#alert-news button").click()
    reader.wait_for_selector("tr.just-in:has-text('LabOver')")
    other.goto(other.url.replace("&state=resolved", ""))
    other.keyboard.press("j")
    other.keyboard.press("r")
    toast(other, "1 alert resolved")
    reader.wait_for_function("() => ![...document.querySelectorAll('tr[data-alert]')].some((r) => r.textContent.includes('LabOver'))")


def test_search_and_filters_are_in_the_address_and_nothing_that_goes_without_saying(open_page, address):
    page = open_page("/alerts/")
    page.fill("input[name=q]", "lab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/alerts/?q=lab")
    page.locator(".facet-row", has_text="Low").first.click()
    page.wait_for_url(re.compile("severity=low"))
    assert page.url == f"{address}/alerts/?severity=low&q=lab"
    page.locator(".seg a", has_text="Severity").click()
    page.wait_for_url(re.compile("group=severity"))
    assert page.locator(".group-row").inner_text().split() == ["Low", str(page.locator("tr[data-alert]").count())]


def test_a_view_is_kept_and_opened_again(open_page, address):
    page = open_page("/alerts/?severity=low")
    page.locator("#views summary").click()
    page.fill("#views input[name=name]", "Low ones")
    page.locator("#views button[type=submit]").click()
    toast(page, "View saved")
    assert axe(page) == []
    page.goto(f"{address}/alerts/")
    page.locator("#views summary").click()
    page.locator("#views a", has_text="Low ones").click()
    page.wait_for_url(f"{address}/alerts/?severity=low")


def test_the_page_of_an_alert_follows_and_is_acted_on(open_page):
    page, other = open_page("/alerts/1/"), open_page("/alerts/1/")
    live(other)
    page.wait_for_function("() => !document.querySelector('#alert-chart [data-note]')?.textContent.includes('Reading')")
    page.fill("[data-comment] input", "Looking into it")
    page.keyboard.press("Enter")
    other.wait_for_selector(".timeline :text('Looking into it')")
    page.locator("#alert-head [data-verb=take]").click()
    other.wait_for_selector("#alert-head .sub:has-text('in progress')")
    page.wait_for_selector(".timeline :text('took it')")
    assert page.locator("#alert-head [data-verb=take]").count() == 0
