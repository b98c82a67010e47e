"""Who may open what: each page and endpoint for the viewer, the operator, the admin and the stranger."""

import pytest

from accounts import audit
from accounts.permissions import PERMISSIONS, can

pytestmark = pytest.mark.django_db

PAGES = {
    "/profile/": "everyone",
    "/profile/tokens/new/": "everyone",
    "/api/docs/": "everyone",
    "/audit/": "admin",
    "/audit/export.csv": "admin",
    "/admin/": "admin",
    "/admin/accounts/user/": "admin",
    "/admin/accounts/apitoken/": "admin",
    "/admin/accounts/auditentry/": "admin",
}
ENDPOINTS = {"/api/me/": "everyone", "/api/tokens/": "everyone", "/api/schema/": "everyone", "/api/audit/": "admin"}


@pytest.mark.parametrize(("path", "who"), PAGES.items())
@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_a_page_opens_for_its_roles_only(request, client_of, path, who, role):
    expected = 200 if who in ("everyone", role) else 403
    browser = client_of(request.getfixturevalue(role))
    assert browser.get(path, follow=path.startswith("/admin/")).status_code == expected


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_sent_to_sign_in(client_of, stranger, path):
    answer = client_of(stranger).get(path, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=/")


@pytest.mark.parametrize(("path", "who"), ENDPOINTS.items())
@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_an_endpoint_answers_its_roles_only(request, client_of, path, who, role):
    assert client_of(request.getfixturevalue(role)).get(path).status_code == (200 if who in ("everyone", role) else 403)


@pytest.mark.parametrize("path", ENDPOINTS)
def test_an_endpoint_asks_a_stranger_for_a_token(client_of, stranger, path):
    answer = client_of(stranger).get(path)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert list(answer.json()) == ["error"]


def test_the_apis_documentation_opens_for_a_token_that_may_read(token_of, operator, client):
    def docs(*scopes):
        return client.get("/api/docs/", headers={"Authorization": f"Bearer {token_of(operator, *scopes)}"})

    page = docs("monitoring:read")
    assert page.status_code == 200
    assert "<script>" not in page.content.decode()
    assert docs("metrics:write").status_code == 403
    assert client.get("/api/docs/", headers={"X-API-Key": "wrong"}).status_code == 401


@pytest.mark.parametrize("path", ["/audit/verify/", "/profile/tokens/1/revoke/", "/profile/tokens/1/rotate/", "/profile/theme/"])
def test_a_stranger_posts_nowhere(client_of, stranger, path):
    assert client_of(stranger).post(path).status_code == 302


def test_an_entry_is_shown_to_readers_of_the_trail_only(client_of, viewer, operator, admin):
    entry = audit.record("thing.made")
    assert [client_of(person).get(f"/audit/{entry.pk}/").status_code for person in (viewer, operator, admin)] == [403, 403, 200]
    assert [client_of(person).post("/audit/verify/").status_code for person in (viewer, operator, admin)] == [403, 403, 302]


def test_the_rail_shows_audit_to_admins_only(client_of, viewer, admin):
    assert 'href="/audit/"' not in client_of(viewer).get("/profile/").content.decode()
    assert 'href="/audit/"' in client_of(admin).get("/profile/").content.decode()


def test_somebody_elses_token_does_not_exist(client_of, viewer, admin):
    from accounts import tokens

    token, _ = tokens.issue(viewer, "t", ["monitoring:read"])
    browser = client_of(admin)
    assert browser.post(f"/profile/tokens/{token.pk}/revoke/").status_code == 404
    assert browser.post(f"/profile/tokens/{token.pk}/rotate/").status_code == 404
    assert browser.get(f"/api/tokens/{token.pk}/").status_code == 404
    assert browser.delete(f"/api/tokens/{token.pk}/").status_code == 404


def test_a_permission_nobody_wrote_into_the_table_is_a_mistake(admin):
    with pytest.raises(KeyError):
        can(admin, "monitoring:everything")


def test_a_switched_off_account_may_nothing(admin):
    admin.is_active = False
    assert not any(can(admin, permission) for permission in PERMISSIONS)
    assert not admin.is_staff
