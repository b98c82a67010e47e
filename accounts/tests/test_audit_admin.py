"""Every change made in Django admin is in the trail, whichever app's model it is, with before and after and no secret."""

import pytest
from django.contrib import admin as django_admin
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts import tokens
from accounts.admin_site import Audited
from accounts.models import ApiToken, AuditEntry, User
from accounts.testing import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client_of, admin):
    return client_of(admin)


NO_INLINES = {"periodictask_set-TOTAL_FORMS": 0, "periodictask_set-INITIAL_FORMS": 0}


def trail(action):
    return list(AuditEntry.objects.filter(action=action).order_by("id"))


def test_every_registered_admin_records():
    assert all(isinstance(registered, Audited) for registered in django_admin.site._registry.values())


def test_a_row_is_added_changed_and_deleted(browser, admin):
    browser.post("/admin/django_celery_beat/intervalschedule/add/", {"every": 5, "period": "seconds", **NO_INLINES})
    row = IntervalSchedule.objects.get()
    browser.post(f"/admin/django_celery_beat/intervalschedule/{row.pk}/change/", {"every": 9, "period": "seconds", **NO_INLINES})
    browser.post(f"/admin/django_celery_beat/intervalschedule/{row.pk}/change/", {"every": 9, "period": "seconds", **NO_INLINES})
    browser.post(f"/admin/django_celery_beat/intervalschedule/{row.pk}/delete/", {"post": "yes"})
    created, changed, deleted = trail("intervalschedule.created"), trail("intervalschedule.changed"), trail("intervalschedule.deleted")
    assert [(e.after, e.user_id, e.object_id) for e in created] == [({"every": 5, "period": "seconds"}, admin.pk, str(row.pk))]
    assert [(e.before, e.after) for e in changed] == [({"every": 5}, {"every": 9})]
    assert [(e.before, e.object_id) for e in deleted] == [({"every": 9, "period": "seconds"}, str(row.pk))]


def test_a_bulk_delete_is_one_entry_a_row(browser):
    rows = [IntervalSchedule.objects.create(every=n, period="seconds") for n in (1, 2, 3)]
    asked = {"action": "delete_selected", "_selected_action": [row.pk for row in rows[:2]], "post": "yes"}
    browser.post("/admin/django_celery_beat/intervalschedule/", asked)
    assert IntervalSchedule.objects.count() == 1
    assert {entry.object_id for entry in trail("intervalschedule.deleted")} == {str(row.pk) for row in rows[:2]}


def test_an_action_of_another_app_is_compared_before_and_after(browser):
    row = PeriodicTask.objects.create(name="poll", task="x", interval=IntervalSchedule.objects.create(every=1, period="seconds"))
    browser.post("/admin/django_celery_beat/periodictask/", {"action": "disable_tasks", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert not row.enabled
    changed = trail("periodictask.changed")[0]
    assert (changed.before["enabled"], changed.after["enabled"], changed.after["action"]) == (True, False, "disable_tasks")
    assert trail("admin.action_run")[0].after == {"rows": [str(row.pk)]}


def change(browser, person, **fields):
    asked = {
        "email": person.email,
        "name": person.name,
        "role": person.role,
        "time_zone": "UTC",
        "theme": "dark",
        "single_keys": "on",
        **fields,
    }
    if person.is_active and "is_active" not in fields:
        asked["is_active"] = "on"
    return browser.post(f"/admin/accounts/user/{person.pk}/change/", {name: value for name, value in asked.items() if value is not None})


def test_a_role_change_is_recorded_once_with_both_roles(browser, admin, viewer):
    assert change(browser, viewer, role="operator").status_code == 302
    entry = trail("user.role_changed")[0]
    assert (entry.before, entry.after, entry.user_id, entry.object_id) == (
        {"role": "viewer"},
        {"role": "operator"},
        admin.pk,
        str(viewer.pk),
    )
    assert not trail("user.changed")


def test_a_person_is_made_with_a_password_that_is_nowhere_in_the_trail(browser):
    asked = {
        "email": "New@Example.org",
        "name": "new",
        "role": "viewer",
        "usable_password": "true",
        "password1": "tremendous horse",
        "password2": "tremendous horse",
    }
    assert browser.post("/admin/accounts/user/add/", asked).status_code == 302
    person = User.objects.get(name="new")
    assert person.email == "new@example.org"
    assert person.check_password("tremendous horse")
    entry = trail("user.created")[-1]
    assert entry.after["email"] == "new@example.org"
    assert "password" not in entry.after


def test_preferences_changed_by_an_admin_are_recorded_too(browser, viewer):
    change(browser, viewer, theme="light", single_keys="on")
    assert [(entry.before, entry.after) for entry in trail("user.changed")] == [({"theme": "dark"}, {"theme": "light"})]


def test_a_password_set_by_an_admin_is_recorded_without_it(browser, viewer):
    asked = {"usable_password": "true", "password1": "tremendous horse", "password2": "tremendous horse"}
    assert browser.post(f"/admin/accounts/user/{viewer.pk}/password/", asked).status_code == 302
    viewer.refresh_from_db()
    assert viewer.check_password("tremendous horse")
    assert [(entry.object_id, entry.after) for entry in trail("user.password_set")] == [(str(viewer.pk), None)]


def test_a_deleted_person_stays_in_the_trail_and_their_tokens_end(browser, viewer, token_of, django_capture_on_commit_callbacks):
    from accounts.authentication import authenticate

    raw, pk = token_of(viewer, "monitoring:read"), viewer.pk
    assert authenticate(raw)
    with django_capture_on_commit_callbacks(execute=True):
        browser.post(f"/admin/accounts/user/{viewer.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(pk=pk).exists()
    assert authenticate(raw) is None
    assert trail("user.deleted")[0].object_id == str(pk)
    assert AuditEntry.objects.filter(object_text="viewer").exists()


@pytest.mark.parametrize("fields", [{"role": "viewer"}, {"is_active": None}])
def test_the_last_admin_cannot_lock_everybody_out(browser, admin, fields):
    assert "This is the last admin" in change(browser, admin, **fields).content.decode()
    assert browser.post(f"/admin/accounts/user/{admin.pk}/delete/", {"post": "yes"}).status_code == 403
    admin.refresh_from_db()
    assert (admin.role, admin.is_active) == ("admin", True)
    browser.post("/admin/accounts/user/", {"action": "delete_selected", "_selected_action": [admin.pk], "post": "yes"})
    assert User.objects.filter(pk=admin.pk).exists()


def test_two_people_cannot_share_an_address_in_another_case(browser, viewer, operator):
    assert "Somebody has this address" in change(browser, viewer, email="OPERATOR@example.org").content.decode()


def test_tokens_show_no_secret_and_can_be_revoked(browser, viewer):
    token, _ = tokens.issue(viewer, "t", ["monitoring:read"])
    page = browser.get(f"/admin/accounts/apitoken/{token.pk}/change/").content.decode()
    assert token.public_id in page
    assert token.digest not in page
    assert browser.get("/admin/accounts/apitoken/add/").status_code == 403
    assert browser.post(f"/admin/accounts/apitoken/{token.pk}/delete/", {"post": "yes"}).status_code == 403
    browser.post("/admin/accounts/apitoken/", {"action": "revoke", "_selected_action": [token.pk]})
    assert ApiToken.objects.get().state == "revoked"
    assert trail("token.revoked")[0].object_id == str(token.pk)


def test_the_trail_itself_is_read_only(browser):
    entry = AuditEntry.objects.first()
    assert browser.get(f"/admin/accounts/auditentry/{entry.pk}/change/").status_code == 200
    assert browser.post(f"/admin/accounts/auditentry/{entry.pk}/change/", {"actor": "x"}).status_code == 403
    assert browser.get("/admin/accounts/auditentry/add/").status_code == 403
    assert browser.post(f"/admin/accounts/auditentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_large_table_is_counted_by_estimate(admin, monkeypatch, rf, django_assert_num_queries):
    from accounts import admin_site

    monkeypatch.setattr(admin_site, "_estimate", lambda model: 2_000_000)
    with django_assert_num_queries(0):
        assert admin_site.EstimatedPaginator(AuditEntry.objects.order_by("id"), 50).count == 2_000_000
    assert admin_site.EstimatedPaginator(AuditEntry.objects.filter(actor="x").order_by("id"), 50).count == 0


def test_the_estimate_of_a_small_table_is_not_used():
    from accounts.admin_site import EstimatedPaginator

    assert EstimatedPaginator(AuditEntry.objects.order_by("id"), 50).count == AuditEntry.objects.count()


def test_admin_has_no_sign_in_of_its_own(client, viewer, client_of):
    assert client.get("/admin/login/?next=/admin/").url == "/accounts/login/?next=/admin/"
    assert client.post("/admin/login/", {"username": "viewer@example.org", "password": PASSWORD}).url.startswith("/accounts/login/")
    assert client_of(viewer).get("/admin/login/").status_code == 403


def test_an_encrypted_column_shows_only_that_it_changed():
    from accounts import audit

    old, new = audit.Hidden({"password": "a"}), audit.Hidden({"password": "b"})
    found = audit.changes({"secrets": old, "other": audit.Hidden("s")}, {"secrets": new, "other": audit.Hidden("s")})
    entry = audit.record("source.changed", **found)
    assert entry.before == entry.after == {"secrets": "[hidden]"}


@pytest.mark.parametrize("action", ["revoke", "delete_selected", "run_tasks"])
@pytest.mark.parametrize("key", ["abc", "1.5"])
def test_a_selection_that_is_none_is_refused(browser, action, key):
    for path in ("/admin/accounts/apitoken/", "/admin/django_celery_beat/periodictask/"):
        answer = browser.post(path, {"action": action, "_selected_action": key, "index": "0"})
        assert answer.status_code == 400
        assert "The selection is not valid" in answer.content.decode()


@pytest.mark.parametrize("year", ["99999999999999999999", "-1", "999999"])
def test_a_year_outside_the_calendar_is_a_wrong_filter(browser, year):
    assert browser.get(f"/admin/monitoring/resourcechange/?time__year={year}").status_code == 302
