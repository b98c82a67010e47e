import re

import pytest
from django.test import Client

from accounts import tokens
from accounts.models import ApiToken, AuditEntry
from accounts.testing import PASSWORD

pytestmark = pytest.mark.django_db


def save(browser, **fields):
    return browser.post("/profile/", {"name": "viewer", "time_zone": "UTC", "theme": "dark", **fields})


def test_a_person_chooses_name_zone_theme_and_keys(client_of, viewer):
    browser = client_of(viewer)
    assert save(browser, name="Mara Kovač", time_zone="Europe/Berlin", theme="light").status_code == 302
    viewer.refresh_from_db()
    assert (viewer.name, viewer.time_zone, viewer.theme, viewer.single_keys) == ("Mara Kovač", "Europe/Berlin", "light", False)
    page = browser.get("/profile/").content.decode()
    assert 'data-bs-theme="light"' in page
    assert 'data-tz="Europe/Berlin"' in page
    assert AuditEntry.objects.get(action="user.changed").after["name"] == "Mara Kovač"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "OPERATOR"}, "Somebody else has this name."),
        ({"name": "admin@localhost"}, "A name is not an e-mail address"),
        ({"name": ""}, "This field is required."),
        ({"time_zone": "Mars/Olympus"}, "not one of the available choices"),
        ({"theme": "pink"}, "not one of the available choices"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(client_of, viewer, operator, fields, sentence):
    answer = save(client_of(viewer), **fields)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    viewer.refresh_from_db()
    assert viewer.name == "viewer"


def test_role_and_address_are_not_a_persons_own_to_change(client_of, viewer):
    save(client_of(viewer), role="admin", email="boss@example.org", is_active="")
    viewer.refresh_from_db()
    assert (viewer.role, viewer.email) == ("viewer", "viewer@example.org")


def test_the_theme_button_is_remembered(client_of, viewer):
    browser = client_of(viewer)
    assert browser.post("/profile/theme/", {"theme": "light"}).status_code == 204
    assert browser.post("/profile/theme/", {"theme": "pink"}).status_code == 400
    assert browser.get("/profile/theme/").status_code == 405
    viewer.refresh_from_db()
    assert viewer.theme == "light"


def test_recent_sign_ins_are_ones_own(client_of, viewer, operator):
    browser = Client(REMOTE_ADDR="10.1.2.3")
    browser.post("/accounts/login/", {"login": "viewer@example.org", "password": PASSWORD})
    assert "10.1.2.3" in browser.get("/profile/").content.decode()
    assert "10.1.2.3" not in client_of(operator).get("/profile/").content.decode()


def make(browser, **fields):
    return browser.post("/profile/tokens/new/", {"name": "ci", "kind": "personal", "scopes": ["monitoring:read"], "days": "30", **fields})


def test_a_token_is_shown_once(client_of, viewer):
    browser = client_of(viewer)
    answer = make(browser)
    raw = re.search(r'value="(aio_[^"]+)"', answer.content.decode())[1]
    assert "no-store" in answer["Cache-Control"]
    assert Client(headers={"X-API-Key": raw}).get("/api/me/").status_code == 200
    page = browser.get("/profile/").content.decode()
    assert raw not in page
    assert f"…{raw[-4:]}" in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": " "}, "This field is required."),
        ({"scopes": []}, "A token needs at least one scope."),
        ({"scopes": ["audit:read"]}, "audit:read is more than the role viewer allows."),
        ({"kind": "ingest"}, "metrics:write is more than the role viewer allows."),
        ({"days": "9999"}, "not one of the available choices"),
    ],
)
def test_a_token_that_cannot_be_made_says_why(client_of, viewer, fields, sentence):
    answer = make(client_of(viewer), **fields)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_an_ingest_token_needs_no_scopes(client_of, operator):
    make(client_of(operator), kind="ingest", scopes=[], days="")
    token = ApiToken.objects.get()
    assert (token.scopes, token.expires_at) == (["metrics:write"], None)


def test_a_token_is_rotated_and_revoked_from_the_page(client_of, viewer):
    browser = client_of(viewer)
    token, _ = tokens.issue(viewer, "ci", ["monitoring:read"])
    assert "The old one stays valid for 24 h" in browser.post(f"/profile/tokens/{token.pk}/rotate/").content.decode()
    assert "only a valid token can be rotated" in browser.post(f"/profile/tokens/{token.pk}/rotate/", follow=True).content.decode()
    assert "ci is revoked." in browser.post(f"/profile/tokens/{token.pk}/revoke/", follow=True).content.decode()
    token.refresh_from_db()
    assert token.state == "revoked"
    assert browser.get(f"/profile/tokens/{token.pk}/revoke/").status_code == 405


@pytest.mark.parametrize("path", ["/profile/", "/profile/tokens/new/", "/audit/"])
def test_our_pages_hold_no_inline_code(client_of, admin, path):
    tokens.issue(admin, "ci", ["monitoring:read"])
    text = client_of(admin).get(path).content.decode()
    assert "style=" not in text
    assert " onclick" not in text
    assert "<script>" not in text
