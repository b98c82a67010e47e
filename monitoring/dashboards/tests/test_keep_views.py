import pytest

from accounts.models import AuditEntry
from monitoring.dashboards import saved_views
from monitoring.dashboards.models import SavedView

pytestmark = pytest.mark.django_db
STATE = "?q=up&range=now-3h&compare=7d&points=700&theme=light"


def save(client, name="Mine", state=STATE, **more):
    return client.post("/explore/views/", {"name": name, "state": state, **more}, headers={"accept": "application/json"})


def test_everybody_keeps_views_of_their_own(viewer, client_of):
    assert save(client_of(viewer)).status_code == 200
    view = SavedView.objects.get()
    assert (view.owner, view.name, view.shared, view.queries) == (viewer, "Mine", False, 1)
    assert view.address == "/explore/?q=up&range=now-3h&compare=7d"  # nothing but what belongs to a view


def test_a_name_used_again_is_overwritten(viewer, client_of):
    client = client_of(viewer)
    save(client)
    save(client, state="?q=down")
    assert SavedView.objects.get().state == "q=down"
    assert [entry.action for entry in AuditEntry.objects.filter(action__startswith="explorer").order_by("id")] == [
        "explorer.view_saved",
        "explorer.view_changed",
    ]


def test_sharing_needs_the_right_to_write(viewer, operator, client_of):
    assert save(client_of(viewer), shared="on").status_code == 403
    assert save(client_of(operator), shared="on").status_code == 200
    assert [view.owner for view in SavedView.objects.all()] == [operator]


def test_others_see_what_is_shared_and_nothing_else(viewer, operator, client_of):
    save(client_of(operator), "Ours", shared="on")
    save(client_of(operator), "Secret")
    for page in ("/explore/views/", "/explore/"):
        content = client_of(viewer).get(page).content.decode()
        assert "Ours" in content
        assert "Secret" not in content


def test_only_its_owner_changes_a_view(viewer, operator, admin, client_of):
    save(client_of(operator), "Ours", shared="on")
    save(client_of(operator), "Secret")
    ours, secret = SavedView.objects.order_by("name")
    for verb in ("", "delete/"):
        assert client_of(viewer).post(f"/explore/views/{ours.pk}/{verb}", {"name": "Taken"}).status_code == 403
        assert client_of(viewer).post(f"/explore/views/{secret.pk}/{verb}", {"name": "Taken"}).status_code == 404
    assert client_of(admin).post(f"/explore/views/{secret.pk}/delete/").status_code == 404
    assert client_of(admin).post(f"/explore/views/{ours.pk}/delete/").status_code == 302
    assert [view.name for view in SavedView.objects.all()] == ["Secret"]


def test_a_view_is_renamed_and_deleted_with_a_trace(operator, client_of):
    client = client_of(operator)
    save(client)
    view = SavedView.objects.get()
    client.post(f"/explore/views/{view.pk}/", {"name": "Better", "shared": "on"})
    view.refresh_from_db()
    assert (view.name, view.shared) == ("Better", True)
    changed = AuditEntry.objects.latest("id")
    assert (changed.before, changed.after) == ({"name": "Mine", "shared": False}, {"name": "Better", "shared": True})
    client.post(f"/explore/views/{view.pk}/delete/")
    deleted = AuditEntry.objects.latest("id")
    assert (deleted.action, deleted.object_text, deleted.before["state"]) == ("explorer.view_deleted", "Better", view.state)


def test_two_views_of_one_name_are_refused(viewer, client_of):
    client = client_of(viewer)
    save(client, "One")
    save(client, "Two")
    two = SavedView.objects.get(name="Two")
    assert client.post(f"/explore/views/{two.pk}/", {"name": "One"}).status_code == 400


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": " "}, "1 to 100 characters"),
        ({"name": "x" * 101}, "1 to 100 characters"),
        ({"state": "?range=now-1h"}, "no query to keep"),
        ({"state": "?q=" + "x" * 8000}, "at most 8,000 characters"),
        ({"state": "?q=up&view=pie"}, "view must be one of"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(viewer, client_of, given, words):
    answer = save(client_of(viewer), **given)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_there_is_an_end_to_it(viewer, client_of, monkeypatch):
    monkeypatch.setattr(saved_views, "MOST", 1)
    save(client_of(viewer), "One")
    assert save(client_of(viewer), "Two").status_code == 400


def test_a_stranger_keeps_nothing(stranger, client_of):
    assert save(client_of(stranger)).status_code == 302
    assert not SavedView.objects.exists()


def test_views_are_found_by_name(viewer, client_of):
    save(client_of(viewer), "Web latency")
    save(client_of(viewer), "Queues")
    page = client_of(viewer).get("/explore/views/?q=latency").content.decode()
    assert "Web latency" in page
    assert "Queues" not in page


# -- of the list of alerts ---------------------------------------------------------------------------------------------------
def keep(client, name="Mine", state="?severity=high&q=db&page=2&theme=x", **more):
    return client.post("/explore/views/of/alerts/", {"name": name, "state": state, **more}, headers={"accept": "application/json"})


def test_the_list_of_alerts_keeps_views_of_its_own(viewer, client_of):
    client = client_of(viewer)
    assert "Mine" in keep(client).content.decode()
    save(client)  # of the explorer, by the same name
    assert [view.address for view in SavedView.objects.order_by("page")] == [
        "/alerts/?severity=high&q=db",
        "/explore/?q=up&range=now-3h&compare=7d",
    ]
    assert AuditEntry.objects.filter(action="alerts.view_saved").count() == 1
    menu = client.get("/explore/views/of/alerts/").content.decode()
    assert menu.count("/alerts/?severity=high") == 1
    assert "/explore/?q=up" not in menu
    listing = client.get("/explore/views/").content.decode()
    assert "/explore/?q=up" in listing
    assert "/alerts/?severity=high" in listing


def test_a_view_of_alerts_needs_something_to_keep(viewer, client_of):
    assert keep(client_of(viewer), state="?page=3").status_code == 400
    assert keep(client_of(viewer), name=" ").status_code == 400
    assert keep(client_of(viewer), shared="on").status_code == 403


def test_a_page_without_views_has_none(viewer, client_of, stranger):
    assert client_of(viewer).get("/explore/views/of/moon/").status_code == 404
    assert client_of(stranger).get("/explore/views/of/alerts/").status_code == 302
