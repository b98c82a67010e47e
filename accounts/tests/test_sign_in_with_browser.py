"""The whole way in a real browser, under the real content security policy: nothing inline, nothing refused."""

import os

import pytest
from allauth.mfa.totp.internal import auth as totp

from accounts.testing import CHROMIUM, PASSWORD

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium is installed"),
]


@pytest.fixture
def page(live_server, viewer):
    """Opened last and closed first: the database is not touched while Playwright's loop runs in this thread."""
    from playwright.sync_api import sync_playwright

    complaints = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context().new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" and "WebSocket" not in said.text else None)
        page.on("pageerror", lambda fault: complaints.append(str(fault)))
        yield page
        browser.close()
    assert complaints == []


def code(secret):
    return totp.format_hotp_value(totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))


def test_signing_in_a_second_factor_and_a_token(page, live_server, viewer):
    page.goto(f"{live_server.url}/accounts/login/?next=/profile/")
    page.fill("#id_login", viewer.email)
    page.fill("#id_password", PASSWORD)
    page.click("[data-reveal]")
    assert page.get_attribute("#id_password", "type") == "text"
    page.click("button[type=submit]")
    page.wait_for_url("**/profile/")

    page.goto(f"{live_server.url}/profile/tokens/new/")
    page.fill("#id_name", "ci")
    page.check("input[value='monitoring:read']")
    page.click("footer button")
    raw = page.input_value("#sec")
    assert page.get_attribute("[data-done]", "aria-disabled") == "true"
    page.check("[data-stored] input")
    page.click("[data-done]")
    page.wait_for_url("**/profile/#tokens")
    assert f"…{raw[-4:]}" in page.inner_text("#tokens")

    page.goto(f"{live_server.url}/accounts/2fa/totp/activate/")
    page.fill("#id_password", PASSWORD)
    page.click("button.btn-primary")
    page.wait_for_url("**/activate/")
    digits = code(page.input_value("#key"))
    page.focus(".code-input input")
    page.keyboard.type(digits)  # the sixth one sends
    page.wait_for_url("**/recovery-codes/")
    assert page.locator("pre.diff span").count() == 10


def test_the_apis_documentation_is_drawn(page, live_server, viewer):
    page.goto(f"{live_server.url}/accounts/login/?next=/api/docs/")
    page.fill("#id_login", viewer.email)
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("#api-docs .opblock-tag")
    assert "AIOps API" in page.inner_text("#api-docs .info")
