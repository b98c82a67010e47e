import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from monitoring.alerts import quick_silence
from monitoring.alerts.models import Alert, Silence

pytestmark = pytest.mark.django_db
JSON = {"accept": "application/json"}
SILENCES = [{"name": "host", "op": "=", "value": "a"}]


@pytest.fixture
def post(client_of):
    def ask(user, path, **body):
        return client_of(user).post(f"/alerts/{path}", json.dumps(body), "application/json", headers=JSON)

    return ask


def state(pk):
    return Alert.objects.values_list("ownership", "assignee", "state", "severity").get(pk=pk)


def test_one_or_many_are_acknowledged_with_a_trace(post, operator, fire):
    alerts = [alert.pk for alert in fire("A", "B", "C")]
    assert post(operator, "act/", action="acknowledge", alerts=alerts, note="seen").json() == {"changed": 3, "asked": 3}
    assert post(operator, "act/", action="acknowledge", alerts=alerts).json()["changed"] == 0
    assert {one.ownership for one in Alert.objects.all()} == {"acknowledged"}
    entry = AuditEntry.objects.get(action="alerts.acknowledged")
    assert (entry.after["count"], entry.after["note"]) == (3, "seen")


@pytest.mark.parametrize(
    ("verb", "more", "after"),
    [
        ("take", {}, ("in_progress", "me", "firing", "medium")),
        ("assign", {"assignee": "me"}, ("new", "me", "firing", "medium")),
        ("resolve", {}, ("new", None, "resolved", "medium")),
        ("rate", {"severity": "critical"}, ("new", None, "firing", "critical")),
        ("comment", {"note": "hm"}, ("new", None, "firing", "medium")),
    ],
)
def test_every_verb_does_what_it_says(post, operator, fire, verb, more, after):
    [alert] = fire("A")
    more = {name: operator.pk if value == "me" else value for name, value in more.items()}
    assert post(operator, "act/", action=verb, alerts=[alert.pk], **more).json()["changed"] == 1
    assert state(alert.pk) == tuple(operator.pk if value == "me" else value for value in after)


def test_what_was_taken_is_given_back_and_what_ended_is_opened_again(post, operator, fire):
    [alert] = fire("A")
    for verb in ("take", "unacknowledge", "resolve", "reopen"):
        assert post(operator, "act/", action=verb, alerts=[alert.pk]).json()["changed"] == 1
    assert state(alert.pk) == ("new", None, "firing", "medium")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "delete", "alerts": [1]},
        {"action": "acknowledge"},
        {"action": "acknowledge", "alerts": []},
        {"action": "acknowledge", "alerts": ["1"]},
        {"action": "acknowledge", "alerts": [True]},
        {"action": "acknowledge", "alerts": [2**63]},
        {"action": "acknowledge", "alerts": list(range(1, 10_002))},
        {"action": "acknowledge", "alerts": [1], "note": 5},
        {"action": "acknowledge", "alerts": [1], "note": "x" * 5001},
        {"action": "comment", "alerts": [1], "note": "  "},
        {"action": "rate", "alerts": [1]},
        {"action": "rate", "alerts": [1], "severity": "urgent"},
        {"action": "assign", "alerts": [1], "assignee": 99999},
        {"action": "assign", "alerts": [1], "assignee": "me"},
    ],
)
def test_nonsense_is_refused_in_one_sentence(post, operator, body):
    answer = post(operator, "act/", **body)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_a_body_that_is_no_object_is_refused(client_of, operator):
    for body in (b"", b"[]", b"{", b"\xff"):
        assert client_of(operator).post("/alerts/act/", body, "application/json", headers=JSON).status_code == 400


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 200), ("admin", 200), ("stranger", 302)])
def test_only_who_may_change_alerts_does(request, post, role, status, fire):
    [alert] = fire("A")
    assert post(request.getfixturevalue(role), "act/", action="acknowledge", alerts=[alert.pk]).status_code == status
    assert state(alert.pk)[0] == ("acknowledged" if status == 200 else "new")


def test_a_get_changes_nothing(client_of, operator):
    for path in ("act/", "silence/", "silence/preview/"):
        assert client_of(operator).get(f"/alerts/{path}").status_code == 405


# -- silencing ---------------------------------------------------------------------------------------------------------------
def test_two_clicks_and_a_reason_silence_it(post, client_of, operator, fire):
    [a] = fire("Down", labels={"host": "a"})
    fire("Slow", labels={"host": "b"})
    form = client_of(operator).get(f"/alerts/silence/form/?alert={a.pk}").content.decode()
    assert "Hides 1 alert now" in form
    assert "This alert on a" in form
    answer = post(operator, "silence/", matchers=SILENCES, preset="1h", reason="Disk is replaced")
    assert answer.status_code == 201
    assert answer.json()["firing"] == 1
    silence = Silence.objects.get()
    assert timedelta(minutes=59) < silence.ends_at - timezone.now() <= timedelta(hours=1)
    assert (silence.created_by, silence.reason) == (operator, "Disk is replaced")
    assert list(Alert.objects.filter(suppressed=True)) == [a]
    assert AuditEntry.objects.filter(action="silence.created").exists()


def test_the_preview_counts_and_says_when_it_ends(post, operator, fire):
    fire("Down", labels={"host": "a"})
    operator.time_zone = "Asia/Tokyo"
    operator.save()
    found = post(operator, "silence/preview/", matchers=SILENCES, preset="tomorrow").json()
    assert found["firing"] == 1
    assert found["ends_at"].endswith("00:00:00+00:00")  # 09:00 in Tokyo
    assert "09:00" in found["ends"]


def test_a_custom_end_is_meant_by_the_readers_clock(post, operator, fire):
    operator.time_zone = "Europe/Berlin"
    operator.save()
    day = (timezone.now() + timedelta(days=2)).date()
    assert post(operator, "silence/", matchers=SILENCES, preset="custom", until=f"{day}T12:00", reason="x").status_code == 201
    assert Silence.objects.get().ends_at.hour in (10, 11)


@pytest.mark.parametrize(
    "body",
    [
        {"matchers": SILENCES, "preset": "1h"},
        {"matchers": SILENCES, "preset": "1h", "reason": " "},
        {"matchers": SILENCES, "preset": "2h", "reason": "x"},
        {"matchers": SILENCES, "preset": "custom", "reason": "x"},
        {"matchers": SILENCES, "preset": "custom", "until": "2020-13-45T00:00", "reason": "x"},
        {"matchers": SILENCES, "preset": "custom", "until": "2020-01-01T00:00", "reason": "x"},
        {"matchers": [], "preset": "1h", "reason": "x"},
        {"matchers": "host=a", "preset": "1h", "reason": "x"},
        {"matchers": [{"name": "host", "op": "=~", "value": ".*"}], "preset": "1h", "reason": "x"},
        {"matchers": [{"name": "host", "op": "=~", "value": "("}], "preset": "1h", "reason": "x"},
        {"matchers": [{"name": 5, "value": "a"}], "preset": "1h", "reason": "x"},
    ],
)
def test_a_silence_that_cannot_be_is_refused(post, operator, body):
    answer = post(operator, "silence/", **body)
    assert answer.status_code == 400, answer.content
    assert len(answer.json()["error"]) < 200
    assert not Silence.objects.exists()


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 200), ("admin", 200), ("stranger", 302)])
def test_only_who_may_silence_gets_the_form(request, client_of, role, status, fire):
    [alert] = fire("Down")
    assert client_of(request.getfixturevalue(role)).get(f"/alerts/silence/form/?alert={alert.pk}").status_code == status


@pytest.mark.parametrize(("query", "status"), [("", 400), ("alert=x", 400), ("alert=999999", 404), ("alert=1&alert=-1", 400)])
def test_the_form_is_for_alerts_that_are_there(client_of, operator, query, status):
    assert client_of(operator).get(f"/alerts/silence/form/?{query}").status_code == status


def test_several_alerts_are_matched_by_what_they_share(fire):
    alerts = [*fire("Down", labels={"host": "a.x", "team": "db", "only": "1"}), *fire("Slow", labels={"host": "b", "team": "db"})]
    found = {one["name"]: (one["op"], one["value"]) for one in quick_silence.common(alerts)}
    assert found == {"alertname": ("=~", "Down|Slow"), "host": ("=~", r"a\.x|b"), "team": ("=", "db")}
    assert quick_silence.hides(quick_silence.common(alerts)).firing == 2


def test_an_alert_is_matched_by_all_its_labels_whatever_their_names(fire):
    [alert] = fire("Down", labels={"host": "a", "odd name": "x", "severity": "high"})
    narrow, on_host, everywhere = quick_silence.proposals([alert])
    assert {one["name"] for one in narrow.matchers} == {"alertname", "host"}
    assert on_host.matchers == [{"name": "host", "op": "=", "value": "a"}]
    assert everywhere.matchers == [{"name": "alertname", "op": "=", "value": "Down"}]


def test_one_silence_may_be_for_as_many_as_can_be_ticked(post, client_of, operator, viewer, fire):
    alerts = fire(*(f"Down{number}" for number in range(700)), labels={"team": "db"})
    form = post(operator, "silence/form/", alerts=[one.pk for one in alerts])
    assert form.status_code == 200
    assert "What these 700 alerts have in common" in form.content.decode()
    assert "Hides 700 alerts now" in form.content.decode()
    assert post(operator, "silence/form/", alerts=[]).status_code == 400
    assert post(viewer, "silence/form/", alerts=[alerts[0].pk]).status_code == 403
    named = "&".join(f"alert={one.pk}" for one in alerts)
    assert client_of(operator).get(f"/alerts/silence/form/?{named}").status_code == 400
