"""Watches on their pages: listed, looked at, made, changed, switched, deleted; what is wrong is marked where it is."""

import pytest

from accounts.models import AuditEntry
from forecasting import feedback
from forecasting.models import Adjustment, Watch
from forecasting.tests.rows import a_track, a_watch, an_anomaly, samples

pytestmark = pytest.mark.django_db
NEW = {"name": "Queue", "expr": "queue_depth", "metric": "queue_depth", "unit": "", "direction": "up", "limit": "100", "step": "300",
       "forecast_step": "3600", "horizon": "48", "warn_within": "72", "agreeing": "3", "sensitivity": "1", "most": "20000",
       "muting": "auto", "detect": "on", "enabled": "on"}  # fmt: skip


@pytest.fixture
def page(client_of, operator):
    client = client_of(operator)

    def ask(method, address, body=None, status=200):
        answer = getattr(client, method)(f"/forecasts/watches/{address}", body)
        assert answer.status_code == status, answer.content[:3000]
        return answer.content.decode()

    return ask


def test_the_list_counts_what_it_opens(page):
    an_anomaly(a_track())
    a_watch("off_metric", name="Switched off", enabled=False)
    text = page("get", "")
    assert "Disk used" in text
    assert "2 of 2" in text
    assert "Switched off" not in page("get", "?q=disk")
    assert "No watch matches" in page("get", "?q=nothing")


def test_one_is_made_and_changed_and_audited(page):
    page("post", "new/", NEW, 302)
    made = Watch.objects.get(name="Queue")
    assert (made.limit, made.detect, made.forecast, made.locked) == (100, True, False, False)
    page("post", f"{made.pk}/", {**NEW, "limit": "", "forecast": "on", "direction": "both"}, 302)
    made.refresh_from_db()
    assert (made.limit, made.forecast) == (None, True)
    assert set(AuditEntry.objects.filter(object_id=str(made.pk), object_type="forecasting.watch").values_list("action", flat=True)) == {
        "watch.made",
        "watch.changed",
    }


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("expr", "sum(queue_depth", "Character 4: This ( is never closed."),
        ("expr", "", "The query is empty."),
        ("expr", "queue_depth[5m]", "answers a range or a text"),
        ("name", "", "A watch has a name of 1 to 200 characters."),
        ("limit", "full", "Write a number, not &#x27;full&#x27;."),
        ("step", "1", "step is from 15 to 86,400."),
        ("horizon", "9.5", "Write a whole number, not &#x27;9.5&#x27;."),
        ("metric", "queue depth", "queue depth is not the name of a metric."),
        ("sensitivity", "9", "sensitivity is from 0.25 to 2.0."),
    ],
)
def test_what_is_wrong_stands_at_its_field(page, field, text, sentence):
    answer = page("post", "new/", {**NEW, field: text}, 400)
    assert sentence in answer
    assert "Not saved." in answer
    assert not Watch.objects.filter(name="Queue").exists()


def test_a_limit_needs_a_side(page):
    assert "on which side of the limit" in page("post", "new/", {**NEW, "direction": "both"}, 400)


def test_of_a_shipped_one_only_some_is_changed(page):
    watch = a_watch(locked=True)
    page("post", f"{watch.pk}/", {**NEW, "limit": "90"}, 302)
    watch.refresh_from_db()
    assert (watch.limit, watch.name, watch.expr) == (90, "Disk used", "disk_used_percent")
    page("post", f"{watch.pk}/act/", {"do": "delete"}, 400)


def test_one_is_switched_and_deleted(page):
    watch = a_watch()
    page("post", f"{watch.pk}/act/", {"do": "switch", "back": "list"}, 302)
    watch.refresh_from_db()
    assert not watch.enabled
    page("post", f"{watch.pk}/act/", {"do": "explode"}, 400)
    page("post", f"{watch.pk}/act/", {"do": "delete"}, 302)
    assert not Watch.objects.filter(pk=watch.pk).exists()
    page("get", f"{watch.pk}/", status=404)


def test_what_feedback_did_is_shown_and_taken_back(page, operator):
    odd = an_anomaly(a_track())
    feedback.give(odd, "noise", operator)
    address = f"{odd.track.watch_id}/"
    assert "1.00 → 0.90" in page("get", address)
    page("post", f"{address}act/", {"do": "revert", "move": Adjustment.objects.get().pk}, 302)
    assert "taken back" in page("get", address)
    page("post", f"{address}act/", {"do": "revert", "move": "x"}, 404)


def test_the_preview_answers_or_shows_the_place(page):
    samples(a_track(), days=0.1)
    assert "db-1" in page("get", "preview?expr=disk_used_percent")
    assert "It answers nothing now" in page("get", "preview?expr=nothing_at_all")
    assert "Character 7" in page("get", "preview?expr=disk+%2B%2B")
    assert "Shown as soon as" in page("get", "preview")


# -- who may ---------------------------------------------------------------------------------------------------------------
def test_viewers_look_and_change_nothing(viewer, client_of):
    watch, client = a_watch(), client_of(viewer)
    for address in ("", f"{watch.pk}/", "preview?expr=up"):
        assert client.get(f"/forecasts/watches/{address}").status_code == 200
    assert client.get("/forecasts/watches/new/").status_code == 403
    assert client.post(f"/forecasts/watches/{watch.pk}/", NEW).status_code == 403
    assert client.post(f"/forecasts/watches/{watch.pk}/act/", {"do": "switch"}).status_code == 403
    assert "Switch off" not in client.get(f"/forecasts/watches/{watch.pk}/").content.decode()


def test_strangers_see_nothing(stranger, client_of):
    watch = a_watch()
    for address in ("", "new/", f"{watch.pk}/", "preview"):
        assert client_of(stranger).get(f"/forecasts/watches/{address}").status_code == 302
    assert client_of(stranger).post(f"/forecasts/watches/{watch.pk}/act/", {"do": "delete"}).status_code == 302
    assert Watch.objects.filter(pk=watch.pk).exists()


def test_admins_may(admin, client_of):
    assert client_of(admin).get("/forecasts/watches/new/").status_code == 200
