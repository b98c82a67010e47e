"""The pages in a real browser: they are accessible, fit, follow the keyboard and stay live."""

import re

import pytest

from monitoring.dashboards.tests.browsing import MARKS, PASSWORD, axe, troubles

pytestmark = MARKS
PAGES = [
    "/explore/",
    "/explore/?q=queue_depth",
    "/explore/metrics/",
    "/explore/metrics/queue_depth/",
    "/explore/views/",
    "/gpus/",
    "/resources/?view=servers",
    "/",
    "/?group=site",
    "/resources/",
    "/resources/?q=vm&health=down",
    "/resources/?q=nothing",
    "/alerts/",
    "/alerts/?group=resource&suppressed=any",
    "/alerts/?q=nothing",
    "/alerts/1/",
    "/executive/",
    "/executive/?open=alerts&of=alerts",
    "/system/",
    "/sources/",
    "/audit/",
    "/notifications/",
    "/notifications/?tab=routes",
    "/notifications/?tab=deliveries",
    "/notifications/?tab=escalations",
    "/notifications/?tab=schedule",
    "/notifications/?tab=you",
    "/notifications/channels/add/",
    "/notifications/channels/add/?kind=slack",
    "/notifications/routes/add/",
    "/notifications/escalations/add/",
    "/notifications/schedules/add/",
]
TABS = ["", "?tab=processes", "?tab=alerts", "?tab=facts", "?tab=changes", "?tab=series"]


@pytest.fixture(scope="module")
def host(browser, address, signed_in):
    """The page of this machine, which the embedded worker has polled by now."""
    context = browser.new_context(storage_state=signed_in)
    page = context.new_page()
    for _ in range(120):
        page.goto(f"{address}/resources/?kind=host")
        if page.locator("tbody a").count():
            break
        page.wait_for_timeout(250)
    path = page.locator("tbody a").first.get_attribute("href")
    for _ in range(60):  # two polls make the first rate
        page.goto(f"{address}{path}")
        if page.locator("#chart-cpu").count():
            break
        page.wait_for_timeout(500)
    context.close()
    return path


@pytest.mark.parametrize("path", [*PAGES, *(f"host{tab}" for tab in TABS)])
def test_every_page_is_accessible_and_fits(open_page, host, path):
    page = open_page(path.replace("host", host))
    assert troubles(page, 1440, "dark", "light") == []
    assert troubles(page, 390, "dark") == []


def test_open_parts_are_accessible(open_page, host):
    page = open_page(host)
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette [role=option]")
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.wait_for_selector("#palette", state="hidden")
    page.keyboard.press("?")
    page.wait_for_selector("#shortcuts[open]")
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.wait_for_selector("#shortcuts", state="hidden")
    page.keyboard.press("t")
    page.wait_for_selector("#timebox details[open]")
    assert axe(page) == []


def test_a_stranger_is_asked_to_sign_in_and_comes_back(browser, address):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/resources/?q=vm")
    assert "/accounts/login/" in page.url
    page.fill("input[name=login]", "viewer@example.org")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{address}/resources/?q=vm")
    assert page.locator("a.rail-link", has_text="Audit").count() == 0
    context.close()


def test_the_palette_opens_a_resource_by_keyboard(open_page):
    page = open_page()
    page.keyboard.press("Control+k")
    page.keyboard.type("database-002")
    page.wait_for_function("() => document.querySelectorAll('#palette [role=option]').length === 2")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/resources/\d+/"))
    assert page.locator("h1").inner_text() == "database-002.fra"


def test_arrows_move_through_the_palette(open_page):
    page = open_page()
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette [aria-selected=true]")
    first = page.locator("#palette input").get_attribute("aria-activedescendant")
    page.keyboard.press("ArrowDown")
    second = page.locator("#palette input").get_attribute("aria-activedescendant")
    assert first != second
    assert page.locator(f"#{second}").get_attribute("aria-selected") == "true"
    page.keyboard.press("Escape")
    assert page.locator("#palette[open]").count() == 0


def test_letters_jump_and_do_nothing_in_fields(open_page, address):
    page = open_page()
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url(f"{address}/resources/")
    page.keyboard.press("/")
    page.keyboard.type("go home?")
    assert page.locator("#listing input[type=search]").input_value() == "go home?"
    assert page.locator("#shortcuts[open]").count() == 0


def test_search_keeps_its_state_in_the_address(open_page, address):
    page = open_page("/resources/?sort=name")
    page.fill("#listing input[type=search]", "fra")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=fra"))
    assert "sort=name" in page.url
    page.locator(".facet-row", has_text="Database").first.click()
    page.wait_for_url(re.compile("kind=database"))
    assert {"q=fra", "sort=name", "kind=database"} <= set(page.url.split("?")[1].split("&"))


def points(page):
    return page.evaluate("[...Charts.mounted.values()][0].u.data[0].at(-1)")


def drawn(page):
    page.wait_for_function("() => window.Charts && Charts.mounted.size > 3")


def test_live_points_arrive(open_page, host):
    page = open_page(host)
    drawn(page)
    before = points(page)
    page.wait_for_function("before => [...Charts.mounted.values()][0].u.data[0].at(-1) > before + 4", arg=before, timeout=30_000)
    assert page.locator("[data-live-word]").inner_text() == "Live"


def test_paused_charts_stand_still(open_page, host):
    page = open_page(host)
    drawn(page)
    page.wait_for_selector("[data-do=live][data-state=live]")
    page.keyboard.press("p")
    page.wait_for_selector("[data-do=live][data-state=paused]")
    page.wait_for_timeout(1_500)  # points that came before the pause are drawn within a second
    before = points(page)
    live = open_page(host)  # another reader's page, to know that new points have come
    drawn(live)
    live.wait_for_function("before => [...Charts.mounted.values()][0].u.data[0].at(-1) > before + 4", arg=before, timeout=30_000)
    assert points(page) == before
    assert page.locator("[data-live-word]").inner_text() == "Paused"


def test_dragging_zooms_and_a_double_click_goes_back(open_page, host):
    page = open_page(f"{host}?range=now-1h")
    drawn(page)
    box = page.locator("#chart-cpu .u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 40, steps=6)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=\d+&to=\d+"))
    start, end = (int(value) for value in re.findall(r"(?:from|to)=(\d+)", page.url))
    assert 1_700_000 < end - start < 1_900_000
    page.wait_for_function("() => document.querySelector('#timebox summary').textContent.includes('–')")
    page.locator("#chart-cpu .u-over").dblclick()
    page.wait_for_url(re.compile("range=now-1h"))
    page.wait_for_function("() => document.querySelector('#timebox summary').textContent.includes('Last hour')")


def test_a_preset_is_taken_without_a_new_page(open_page, host):
    page = open_page(host)
    drawn(page)
    page.evaluate("window.same = true")
    page.keyboard.press("t")
    page.locator("#timebox a", has_text="Last 24 hours").click()
    page.wait_for_url(re.compile("range=now-24h"))
    page.wait_for_function("() => document.querySelector('#timebox summary').textContent.includes('24 hours')")
    assert page.evaluate("window.same") is True


def test_the_numbers_behind_a_chart_can_be_read(open_page, host):
    page = open_page(host)
    drawn(page)
    page.locator("#chart-memory summary").click()
    page.locator("#chart-memory [data-do=chart-table]").click()
    page.wait_for_selector("#numbers[open] tbody tr")
    assert page.locator("#numbers-title").inner_text() == "Memory, %"


def test_the_theme_is_kept(open_page, address):
    page = open_page()
    page.locator(".topbar > [data-do=theme]").click()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"
    page.wait_for_load_state("networkidle")
    page.goto(f"{address}/resources/")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"
    with page.expect_response("**/theme/"):
        page.locator(".topbar > [data-do=theme]").click()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"


def test_on_a_phone_the_rail_is_a_drawer(open_page):
    page = open_page("/", 390, 844)
    assert not page.locator("#rail").is_visible()
    page.locator(".rail-toggle").click()
    page.wait_for_selector(".rail-open #rail", state="visible")
    page.keyboard.press("Escape")
    page.wait_for_selector("#rail", state="hidden")


def test_the_overview_follows_without_a_new_page(open_page):
    page = open_page()
    page.evaluate("window.same = true")
    page.evaluate("document.addEventListener('aiops:refreshed', () => window.refreshed = true)")
    page.wait_for_function("() => window.refreshed === true", timeout=40_000)
    assert page.evaluate("window.same") is True


def test_the_server_writes_nothing_inline(browser, address, signed_in, host):
    context = browser.new_context(storage_state=signed_in)
    for path in [*PAGES, host]:
        html = context.request.get(f"{address}{path}").text()
        assert " style=" not in html, path
        assert not re.findall(r"<script(?![^>]*(?:src=|application/json))", html), path
    context.close()
