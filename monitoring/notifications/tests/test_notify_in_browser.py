"""Bell, toast and the forms of notifications in a real browser, on an installation of their own."""

import re

from monitoring.dashboards.tests.browsing import MARKS, axe, troubles

pytestmark = MARKS
WIDE, PHONE = 1440, 390
WAITING = "() => +document.querySelector('#bell .bubble').textContent || 0"


def press_test(page):
    """The usual In-app channel tells everybody."""
    page.get_by_role("button", name="Test In-app").click()
    page.wait_for_selector("#tested .banner")


def wants_all(page):
    page.get_by_label("Show a toast from").select_option("low")
    page.get_by_label("With a sound").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_selector("[data-toast]")


def test_a_notice_rings_on_every_open_page_and_is_read_on_all(open_page):
    wants_all(open_page("/notifications/?tab=you"))
    reader, other = open_page("/resources/"), open_page("/notifications/")
    for page in (reader, other):
        page.wait_for_function("() => Live.state === 'live'")
    press_test(other)
    reader.wait_for_selector("[data-notice]:has-text('Test of In-app')", timeout=20_000)
    assert int(reader.locator("#bell .bubble").inner_text()) >= 1  # the machine's own alerts ring too
    assert re.match(r"\(\d+\) ", reader.title())
    reader.wait_for_function("() => document.querySelector('link[rel=icon]').href.startsWith('data:')")
    assert reader.evaluate("document.getElementById('bell').dataset.played") or other.evaluate(
        "document.getElementById('bell').dataset.played"
    )
    assert axe(reader) == []
    reader.locator("#bell summary").click()
    reader.wait_for_selector("#bell .row-link:has-text('unread')")
    assert axe(reader) == []
    reader.get_by_role("button", name="Mark all read").click()
    for page in (reader, other):
        page.wait_for_function("() => document.querySelector('#bell .bubble').hidden && !document.title.startsWith('(')")
    reader.wait_for_selector("#bell .row-link:has-text('unread'):has-text('Test of In-app')", state="detached")


def test_a_page_opened_later_knows_what_waits(open_page):
    page = open_page("/notifications/")
    page.wait_for_function("() => Live.state === 'live'")
    before = page.evaluate(WAITING)
    press_test(page)
    page.wait_for_function(f"() => ({WAITING})() > {before}")
    later = open_page("/profile/")
    later.wait_for_function("() => !document.querySelector('#bell .bubble').hidden")
    assert later.locator("[data-notice]:has-text('Test of In-app')").count() == 0  # the machine's own alerts may come up meanwhile
    later.locator("#bell summary").click()
    later.locator("#bell .row-link").first.click()
    later.wait_for_url(re.compile("/notifications/"))


def test_the_bell_asks_once_and_is_then_silent(open_page):
    page = open_page("/profile/")
    page.wait_for_function("() => Live.state === 'live'")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4_000)
    assert [url for url in asked if "bell" in url] == []


def test_a_paused_page_still_rings(open_page):
    wants_all(open_page("/notifications/?tab=you"))
    page, other = open_page("/"), open_page("/notifications/")
    page.wait_for_selector("[data-do=live][data-state=live]")
    page.keyboard.press("p")
    page.wait_for_selector("[data-do=live][data-state=paused]")
    press_test(other)
    page.wait_for_selector("[data-notice]", timeout=60_000)
    assert page.locator("[data-live-word]").inner_text() == "Paused"


def test_schedule_policy_and_route_are_made_by_hand(open_page):
    page = open_page("/notifications/schedules/add/")
    page.get_by_label("Name").nth(0).fill("Nights")
    page.locator("[name=name]").fill("Nights")
    page.locator("[name=layer-0-people]").fill("Mara Kovac\nVera")
    page.get_by_role("button", name="Add layer").click()
    page.locator("[name=layer-1-people]").fill("Vera")
    page.locator("[name=layer-1-starts_at]").fill("2026-11-02T09:00")
    page.locator("[name=layer-1-shift_hours]").fill("24")
    assert troubles(page, WIDE, "dark", "light") == []
    page.get_by_role("button", name="Add schedule").click()
    page.wait_for_selector(".on-call .cal-entry")
    assert troubles(page, WIDE, "dark", "light") == []
    assert troubles(page, PHONE, "dark") == []

    page = open_page("/notifications/escalations/add/")
    page.locator("[name=name]").fill("Nights first")
    page.locator("[name=step-0-wait]").fill("0s")
    assert page.locator("[name=step-0-schedule]").is_visible()
    assert not page.locator("[name=step-0-user]").is_visible()
    page.locator("[name=step-0-schedule]").select_option(label="Nights")
    page.get_by_role("button", name="Add step").click()
    page.locator("[name=step-1-wait]").fill("10m")
    page.locator("[name=step-1-target]").select_option("role")
    page.locator("[name=step-1-role]").select_option("admin")
    assert troubles(page, WIDE, "dark") == []
    page.get_by_role("button", name="Add policy").click()
    page.wait_for_selector(".hear")
    assert troubles(page, WIDE, "dark") == []

    page = open_page("/notifications/routes/add/")
    page.locator("[name=name]").fill("Storage")
    page.get_by_role("button", name="Add matcher").click()
    page.get_by_role("button", name="Remove matcher 1").click()
    page.locator("[name=matcher_name]").fill("team")
    page.locator("[name=matcher_value]").fill("storage")
    page.get_by_label("In-app").check()
    page.locator("[name=policy]").select_option(label="Nights first")
    assert troubles(page, PHONE, "dark") == []
    page.get_by_role("button", name="Add route").click()
    page.wait_for_url(re.compile("tab=routes"))
    page.locator("#ask-labels").fill('team="storage"\nalertname="Disk full"')
    page.get_by_role("button", name="Who would hear?").click()
    page.wait_for_selector("#heard .hear li:has-text('Nights first, step 2')")
    assert troubles(page, WIDE, "dark", "light") == []
    assert troubles(page, PHONE, "dark") == []


def test_a_channel_and_its_deliveries_are_accessible(open_page):
    page = open_page("/notifications/")
    press_test(page)
    page.locator(".notice-table a", has_text="In-app").click()
    page.wait_for_selector("h2:has-text('Latest deliveries')")
    assert troubles(page, WIDE, "dark") == []
    page.locator(".notice-table a").first.click()
    page.wait_for_selector("h2:has-text('Attempts')")
    assert troubles(page, WIDE, "dark") == []
    assert troubles(page, PHONE, "dark") == []
