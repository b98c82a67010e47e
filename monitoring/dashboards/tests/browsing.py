"""A real browser against the product: `manage.py up` in its own process watches this machine, Chromium reads the pages.

A plugin of pytest. Every file of tests has an installation and a browser of its own; the installations are copies of one filled once.
"""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from accounts.testing import CHROMIUM

ROOT = Path(__file__).resolve().parents[3]
CI = os.environ.get("CI", "").lower() == "true"
MARKS = [
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


def environment(data: str | Path) -> dict[str, str]:
    """Of an installation of its own, whatever database the suite runs on."""
    kept = {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "REDIS_URL", "AIOPS_URL"}}
    return kept | {"AIOPS_DATA_DIR": str(data), "AIOPS_LOG_LEVEL": "WARNING"}


@cache
def seeded(by: str) -> Path:
    """The data directory every installation begins as; `by` is the module that fills it."""
    data = Path(tempfile.mkdtemp(prefix="aiops-seed-"))
    atexit.register(shutil.rmtree, data, ignore_errors=True)
    subprocess.run([sys.executable, "-m", by], check=True, cwd=ROOT, env=environment(data))
    return data


@contextmanager
def running(by: str = "monitoring.dashboards.tests.seed") -> Iterator[str]:
    """The address of a fresh installation in embedded mode, whatever database the suite runs on."""
    with tempfile.TemporaryDirectory(prefix="aiops-browse-") as data, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        shutil.copytree(seeded(by), data, dirs_exist_ok=True)
        with Path(data, "log").open("w") as log:
            command = [sys.executable, "manage.py", "up", "--port", str(port)]
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=environment(data))
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


@pytest.fixture(scope="module")  # not of the session: Playwright's loop runs in this thread, where others use the database
def browser():
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


def axe(page, *rules):
    """What axe finds by WCAG 2.1 AA, or by the rules named alone, each time it looks: a part that is dimmed for the moment in which live
    data replace it is no finding."""
    for _ in range(3):
        page.wait_for_function("() => !document.querySelector('.is-loading, .htmx-request')")
        found = _look(page, *rules)
        if not found:
            break
        page.wait_for_timeout(300)
        page.evaluate(SETTLE)
    return found


def _look(page, *rules):
    page.evaluate(AXE.read_text(encoding="utf-8"))
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": RULES}
    found = page.evaluate("only => axe.run(document, {runOnly: only, resultTypes: ['violations']}).then(answer => answer.violations)", only)
    return [(rule["id"], [node["html"][:200] for node in rule["nodes"][:3]]) for rule in found]


def troubles(page, width, *themes):
    """What axe finds, and whether the page scrolls sideways. A further theme changes nothing but colours."""
    page.set_viewport_size({"width": width, "height": 900})
    found = [] if page.evaluate("document.documentElement.scrollWidth <= innerWidth") else ["scrolls sideways"]
    for place, theme in enumerate(themes):
        page.evaluate("name => setTheme(name, false)", theme)
        page.evaluate(SETTLE)
        found += [(theme, *trouble) for trouble in axe(page, *(["color-contrast"] if place else []))]
    return found
