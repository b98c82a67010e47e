"""The product in a real browser: `manage.py up` in its own process watches this machine, Chromium reads the pages."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.conf import settings

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CI = os.environ.get("CI", "").lower() == "true"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,  # the pages are those of an installation of their own
    pytest.mark.skipif(CHROMIUM is None and not CI, reason="no Chromium is installed"),
]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
AXE = Path(find_spec("axe_playwright_python").submodule_search_locations[0], "axe.min.js")
# Colours on their way to the other theme; the end of one can start another in what inherits it.
SETTLE = "() => { for (let n = 0; n < 50 && document.getAnimations().length; n++) document.getAnimations().forEach((one) => one.cancel()) }"
PASSWORD = "correct horse battery"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
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
    "/system/",
    "/sources/",
    "/audit/",
]
TABS = ["", "?tab=processes", "?tab=facts", "?tab=changes", "?tab=series"]


@contextmanager
def running() -> Iterator[str]:
    """The address of a fresh installation in embedded mode, whatever database the suite runs on."""
    with tempfile.TemporaryDirectory(prefix="aiops-browse-") as data, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        environment = {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "REDIS_URL", "AIOPS_URL"}}
        environment |= {"AIOPS_DATA_DIR": data, "AIOPS_LOG_LEVEL": "WARNING"}
        here = {"cwd": settings.BASE_DIR, "env": environment}
        subprocess.run([sys.executable, "-m", "monitoring.dashboards.tests.seed"], check=True, **here)
        with Path(data, "log").open("w") as log:
            server = subprocess.Popen([sys.executable, "manage.py", "up", "--port", str(port)], stdout=log, stderr=log, **here)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, server, Path(data, "log"))
            yield address
        finally:
            server.terminate()
            server.wait(20)


def wait_for(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(900):  # a busy machine takes its time
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=2).close()
            return
        except OSError:
            assert server.poll() is None, log.read_text()[-3000:]
            time.sleep(0.1)
    raise AssertionError(f"no answer: {log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    assert CHROMIUM, "CI must have Chromium"
    with running() as address:
        yield address


@pytest.fixture(scope="module")
def browser(address):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def signed_in(browser, address):
    """Cookies of an admin."""
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, address, "admin@example.org")
    state = context.storage_state()
    context.close()
    return state


def sign_in(page, address, email):
    page.goto(f"{address}/accounts/login/")
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{address}/")


@pytest.fixture
def open_page(browser, address, signed_in):
    """A page with its complaints collected; at the end there must be none."""
    contexts, complaints = [], []

    def go(path="/", width=1440, height=900):
        context = browser.new_context(viewport={"width": width, "height": height}, storage_state=signed_in, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda fault: complaints.append(str(fault)))
        page.goto(f"{address}{path}")
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


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


def axe(page):
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run(document, {runOnly: rules}).then(answer => answer.violations)", RULES)
    return [(rule["id"], [node["html"][:200] for node in rule["nodes"][:3]]) for rule in found]


def troubles(page, width, *themes):
    """What axe finds, and whether the page scrolls sideways."""
    page.set_viewport_size({"width": width, "height": 900})
    found = [] if page.evaluate("document.documentElement.scrollWidth <= innerWidth") else ["scrolls sideways"]
    for theme in themes:
        page.evaluate("name => setTheme(name, false)", theme)
        page.evaluate(SETTLE)
        found += [(theme, *trouble) for trouble in axe(page)]
    return found


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
    page.wait_for_function("() => document.querySelectorAll('#palette [role=option]').length === 1")
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
