"""The API: who may, what is refused, what is masked, what the trail shows."""

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from accounts.testing import client_of, make_user
from monitoring.notifications.models import Channel, Delivery, EscalationPolicy, Route, Schedule
from monitoring.notifications.notice import NotSent
from monitoring.notifications.tests.engine import Probe

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/notifications/"
WEBHOOK = {"url": "https://hooks.example.org/x"}


@pytest.fixture
def ask(operator):
    def send(method, path, body=None, who=operator):
        return getattr(client_of(who), method)(ROOT + path, body, content_type="application/json")

    return send


def created(answer):
    assert answer.status_code == 201, answer.content
    return answer.json()


def webhook(ask, name="hook", **fields):
    return created(ask("post", "channels/", {"name": name, "kind": "webhook", "config": {}, "secrets": SECRETS, **fields}))


SECRETS = {"url": "https://hooks.example.org/x", "secret": "s3cret-value"}


@pytest.fixture(autouse=True)
def _webhook_fields():
    """What is secret of a webhook is the channel's own matter: these tests put each field where it belongs."""
    from monitoring.notifications.channels.base import channel_class

    secret = set(channel_class("webhook").secret_fields)
    given = {"url": "https://hooks.example.org/x", "secret": "s3cret-value"}
    SECRETS.clear()
    SECRETS.update({name: value for name, value in given.items() if name in secret})
    CONFIG.clear()
    CONFIG.update({name: value for name, value in given.items() if name not in secret})


CONFIG: dict = {}


def test_secrets_come_in_and_never_go_out(ask):
    made = webhook(ask, config=dict(CONFIG))
    assert made["stored_secrets"] == sorted(SECRETS)
    shown = ask("get", f"channels/{made['id']}/").content.decode() + ask("get", "channels/").content.decode()
    assert "s3cret-value" not in shown
    trail = str(list(AuditEntry.objects.values_list("before", "after")))
    assert "s3cret-value" not in trail
    assert Channel.objects.get().secrets["secret"] == "s3cret-value"


def test_a_secret_that_is_left_out_is_kept(ask):
    made = webhook(ask, config=dict(CONFIG))
    assert ask("patch", f"channels/{made['id']}/", {"name": "new name"}).json()["name"] == "new name"
    assert Channel.objects.get().secrets["secret"] == "s3cret-value"
    ask("patch", f"channels/{made['id']}/", {"secrets": {"secret": "another-one"}})
    assert Channel.objects.get().secrets["secret"] == "another-one"
    assert AuditEntry.objects.filter(action="notification_channel.changed").latest("id").after == {"secrets changed": True}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "x", "kind": "fax"}, "kind"),
        ({"name": "x", "kind": "webhook", "config": {"colour": "red"}}, "colour"),
        ({"name": "x", "kind": "email", "config": {"recipients": "nobody"}}, "nobody"),
        ({"name": "x", "kind": "in_app", "quiet_from": "22:00"}, "quiet_to"),
        ({"name": "x", "kind": "in_app", "quiet_days": [9]}, "quiet_days"),
        ({"name": "x", "kind": "in_app", "time_zone": "Mars/Base"}, "Mars/Base"),
        ({"kind": "in_app"}, "name"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_with_one_sentence(ask, body, said):
    answer = ask("post", "channels/", body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_a_kind_stays(ask):
    made = webhook(ask, config=dict(CONFIG))
    assert ask("patch", f"channels/{made['id']}/", {"kind": "in_app"}).status_code == 400


def test_kinds_say_what_they_ask_for(ask):
    kinds = {one["kind"]: one for one in ask("get", "channels/kinds/").json()}
    assert {"email", "slack", "teams", "pagerduty", "webhook", "in_app"} <= kinds.keys()
    assert {one["name"]: one["secret"] for one in kinds["webhook"]["fields"]}["secret"] is True


def test_a_test_tells_what_the_channel_answered(ask, engine):
    channel = engine.channel()
    assert ask("post", f"channels/{channel.pk}/test/").json() == {"status": 200, "detail": "taken", "external_id": "id-1"}
    Probe.script = [NotSent("wrong key")]
    answer = ask("post", f"channels/{channel.pk}/test/")
    assert (answer.status_code, answer.json()) == (502, {"error": "wrong key"})


def test_what_is_used_cannot_be_deleted(ask, engine):
    channel = engine.channel()
    policy = created(ask("post", "policies/", {"name": "p", "steps": [{"target": "channel", "channel": channel.pk}]}))
    answer = ask("delete", f"channels/{channel.pk}/")
    assert (answer.status_code, answer.json()["error"]) == (409, "It is used by p: step 1.")
    assert ask("delete", f"policies/{policy['id']}/").status_code == 204
    assert ask("delete", f"channels/{channel.pk}/").status_code == 204
    assert AuditEntry.objects.get(action="notification_channel.deleted").object_id == str(channel.pk)


# -- routes -----------------------------------------------------------------------------------------------------------------
def test_a_route_is_added_changed_and_deleted(ask, engine):
    channel = engine.channel()
    body = {"name": "db", "matchers": [{"name": "team", "value": "db"}], "group_by": ["site"], "channels": [channel.pk]}
    made = created(ask("post", "routes/", body))
    assert made["matchers"] == [{"name": "team", "op": "=", "value": "db"}]
    assert Route.objects.get().channels.get() == channel
    changed = ask("patch", f"routes/{made['id']}/", {"group_wait": 5, "channels": []}).json()
    assert (changed["group_wait"], changed["channels"], changed["group_by"]) == (5, [], ["site"])
    entry = AuditEntry.objects.get(action="notification_route.changed")
    assert (entry.before, entry.after) == ({"group_wait": 15, "channels": ["ops"]}, {"group_wait": 5, "channels": []})
    assert ask("delete", f"routes/{made['id']}/").status_code == 204


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"matchers": [{"name": "a b", "value": ""}]}, "matcher"),
        ({"matchers": [{"name": "a", "op": "=~", "value": "("}]}, "matchers"),
        ({"matchers": [{"name": "a", "op": "?", "value": ""}]}, "op"),
        ({"group_by": ["...", "site"]}, "each alert by itself"),
        ({"group_by": ["a-b"]}, "a-b"),
        ({"group_wait": -1}, "group_wait"),
        ({"repeat_interval": 10**9}, "repeat_interval"),
        ({"channels": [999]}, "channels"),
        ({"active_from": "09:00", "active_to": "09:00"}, "active_to"),
    ],
)
def test_a_route_that_cannot_be_is_refused(ask, body, said):
    answer = ask("post", "routes/", {"name": "x", **body})
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_who_would_hear(ask, engine, viewer):
    engine.route(engine.channel(), matchers=[{"name": "team", "op": "=", "value": "db"}])
    found = ask("post", "routes/who-would-hear/", {"labels": {"team": "db"}, "severity": "high"}, viewer).json()
    assert [(one["who"], one["delay"], one["route"]) for one in found] == [("ops", 10.0, "all")]
    assert ask("post", "routes/who-would-hear/", {"labels": {"team": "web"}}, viewer).json() == []
    assert ask("post", "routes/who-would-hear/", {"severity": "awful"}, viewer).status_code == 400


# -- policies and schedules -------------------------------------------------------------------------------------------------
def test_steps_are_replaced_as_a_whole(ask, operator):
    first = [{"target": "user", "user": operator.pk, "wait": 0}, {"target": "role", "role": "admin", "wait": 600}]
    made = created(ask("post", "policies/", {"name": "p", "repeat": 2, "steps": first}))
    assert [one["whom"] for one in made["steps"]] == ["operator", "every admin"]
    changed = ask("patch", f"policies/{made['id']}/", {"steps": [{"target": "role", "role": "operator"}]}).json()
    assert [one["whom"] for one in changed["steps"]] == ["every operator"]
    entry = AuditEntry.objects.get(action="escalation_policy.changed")
    assert entry.after == {"steps": ["after 300 s: every operator"]}


@pytest.mark.parametrize("step", [{"target": "user"}, {"target": "role"}, {"target": "schedule", "schedule": 99}, {"target": "pigeon"}])
def test_a_step_names_somebody(ask, step):
    assert ask("post", "policies/", {"name": "p", "steps": [step]}).status_code == 400
    assert not EscalationPolicy.objects.exists()


def test_a_schedule_with_its_layers_and_overrides(ask, operator, admin):
    layers = [{"starts_at": "2026-11-01T09:00:00Z", "shift_hours": 24, "participants": [operator.pk, admin.pk]}]
    made = created(ask("post", "schedules/", {"name": "first line", "time_zone": "Europe/Berlin", "layers": layers}))
    path = f"schedules/{made['id']}/"
    found = ask("get", path + "timeline/?start=2026-10-31T09:00:00Z&end=2026-11-03T09:00:00Z").json()
    assert [one["user"] for one in found] == [None, operator.pk, admin.pk]
    override = {"user": admin.pk, "starts_at": "2027-01-01T00:00:00Z", "ends_at": "2027-01-02T00:00:00Z", "reason": "holiday"}
    one = created(ask("post", path + "overrides/", override))
    assert one["created_by"] == "operator"
    assert [row["id"] for row in ask("get", path + "overrides/").json()] == [one["id"]]
    assert ask("delete", f"{path}overrides/{one['id']}/").status_code == 204
    assert ask("get", path + "overrides/").json() == []
    now = ask("get", "schedules/on-call/").json()
    assert now[0]["user_name"] in ("operator", "admin")
    assert {now[0]["user"], now[0]["next_user"]} == {operator.pk, admin.pk}


@pytest.mark.parametrize(
    "query",
    ["start=yesterday", "start=0001-01-01T00:00:00Z", "start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z", "end=2099-01-01T00:00:00Z"],
)
def test_a_time_that_cannot_be_is_refused(ask, query):
    made = created(ask("post", "schedules/", {"name": "s"}))
    assert ask("get", f"schedules/{made['id']}/timeline/?{query}").status_code == 400


@pytest.mark.parametrize(
    "layer",
    [
        {"participants": []},
        {"participants": [987654321]},
        {"rrule": "FREQ=HOURLY"},
        {"rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"},
        {"starts_at": "0001-01-01T00:00:00Z"},
    ],
)
def test_a_layer_that_cannot_be_is_refused(ask, operator, layer):
    usual = {"starts_at": "2026-11-01T09:00:00Z", "participants": [operator.pk]}
    answer = ask("post", "schedules/", {"name": "s", "layers": [{**usual, **layer}]})
    assert answer.status_code == 400
    assert not Schedule.objects.exists()


# -- deliveries -------------------------------------------------------------------------------------------------------------
@pytest.fixture
def dead(engine):
    engine.route(engine.channel())
    Probe.script = [NotSent("wrong key", permanent=True)]
    (alert,) = engine.see("A")
    engine.wait(10)
    return Delivery.objects.get(), alert


def test_deliveries_with_their_attempts(ask, dead):
    delivery, alert = dead
    row = ask("get", f"deliveries/?status=dead&kind=firing&alert={alert.pk}&channel={delivery.channel_id}").json()["results"][0]
    assert (row["title"], row["last_answer"], row["attempts_count"]) == ("A", "wrong key", 1)
    one = ask("get", f"deliveries/{delivery.pk}/").json()
    assert [(attempt["ok"], attempt["answer"]) for attempt in one["attempts"]] == [(False, "wrong key")]
    assert one["content"]["title"] == "A"
    assert ask("get", f"deliveries/?alert={alert.pk + 1}").json()["count"] == 0


@pytest.mark.parametrize("query", ["status=lost", "kind=x", "channel=x", "alert=-1", "group=9999999999999999999"])
def test_a_filter_that_cannot_be_is_refused(ask, query):
    assert ask("get", f"deliveries/?{query}").status_code == 400


def test_one_more_attempt(ask, dead):
    delivery, _ = dead
    assert ask("post", f"deliveries/{delivery.pk}/retry/").json()["status"] == "pending"
    assert ask("post", f"deliveries/{delivery.pk}/retry/").status_code == 409


@pytest.mark.parametrize("what", ["channels", "routes", "policies", "schedules", "deliveries"])
def test_a_list_takes_the_same_number_of_statements_however_long(what, ask, engine, operator, django_assert_max_num_queries):
    for number in range(12):
        channel = engine.channel(f"c{number}")
        engine.route(channel, name=f"r{number}", position=number, goes_on=True)
        ask("post", "policies/", {"name": f"p{number}", "steps": [{"target": "user", "user": operator.pk}] * 3})
        layers = [{"starts_at": "2026-11-01T09:00:00Z", "participants": [operator.pk]}]
        ask("post", "schedules/", {"name": f"s{number}", "layers": layers})
    engine.see("A")
    engine.wait(10)
    client = client_of(operator)
    with django_assert_max_num_queries(9):
        assert len(client.get(f"{ROOT}{what}/").json()["results"]) == 12


# -- who may ----------------------------------------------------------------------------------------------------------------
WRITES = [
    ("post", "channels/", {"name": "x", "kind": "in_app"}),
    ("patch", "channels/1/", {"name": "x"}),
    ("delete", "channels/1/", None),
    ("post", "channels/1/test/", None),
    ("post", "routes/", {"name": "x"}),
    ("post", "policies/", {"name": "x"}),
    ("post", "schedules/", {"name": "x"}),
    ("post", "schedules/1/overrides/", {}),
    ("post", "deliveries/1/retry/", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_viewers_change_nothing(ask, viewer, method, path, body):
    assert ask(method, path, body, viewer).status_code == 403


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_everybody_who_is_signed_in_may_look(ask, role):
    person = make_user(f"{role}") if role != "operator" else None
    for path in ("channels/", "channels/kinds/", "routes/", "policies/", "schedules/", "schedules/on-call/", "deliveries/"):
        assert (ask("get", path, None, person) if person else ask("get", path)).status_code == 200


@pytest.mark.parametrize(("method", "path", "body"), [*WRITES, ("get", "channels/", None), ("get", "deliveries/", None)])
def test_strangers_get_nothing(ask, stranger, method, path, body):
    assert ask(method, path, body, stranger).status_code in (401, 403)


def test_a_token_without_the_scope_is_refused(operator, token_of, client):
    headers = {"Authorization": f"Bearer {token_of(operator, 'monitoring:read')}"}
    assert client.get(ROOT + "channels/", headers=headers).status_code == 200
    refused = client.post(ROOT + "channels/", {"name": "x", "kind": "in_app"}, content_type="application/json", headers=headers)
    assert refused.status_code == 403


def test_admin_shows_no_secret_and_writes_no_health(admin, engine):
    channel = engine.channel()
    channel.secrets = {"url": "https://hooks.example.org/deep-secret"}
    channel.save()
    client = client_of(admin)
    address = reverse("admin:monitoring_channel_change", args=[channel.pk])
    assert "deep-secret" not in client.get(address).content.decode()
    form = {"name": "renamed", "enabled": "on", "quiet_days": "[]", "quiet_except": "critical", "time_zone": "UTC"}
    assert client.post(address, form).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.secrets) == ("renamed", {"url": "https://hooks.example.org/deep-secret"})
    for name in ("route", "escalationpolicy", "schedule", "contactmethod", "notificationgroup", "delivery"):
        assert client.get(reverse(f"admin:monitoring_{name}_changelist")).status_code == 200
