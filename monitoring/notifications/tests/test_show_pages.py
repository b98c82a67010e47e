"""The pages of notifications: what they show, who may see and change them, bad input."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.testing import make_user
from monitoring.notifications import tasks
from monitoring.notifications.inbox import NoticePreference
from monitoring.notifications.models import (
    Channel,
    ContactMethod,
    Delivery,
    EscalationPolicy,
    EscalationStep,
    Message,
    Route,
    Schedule,
    ScheduleLayer,
    ScheduleOverride,
)
from monitoring.notifications.notice import to_json
from monitoring.notifications.tests.notices import notice

pytestmark = pytest.mark.django_db
TABS = ("channels", "routes", "deliveries", "escalations", "schedule", "you")
MATCHER = {"matcher_name": ["team"], "matcher_op": ["="], "matcher_value": ["storage"]}
ROUTE = {
    "name": "Storage",
    "enabled": "on",
    "group_by": "site",
    "group_wait": "15s",
    "group_interval": "1m",
    "repeat_interval": "4h",
    "time_zone": "UTC",
}


@pytest.fixture
def ops(db):
    return Channel.objects.create(
        name="ops", kind="webhook", config={}, secrets={"url": "https://hooks.example.org/hush-hush", "secret": "sign-me"}
    )


@pytest.fixture
def people(viewer, operator, admin):
    return [operator, admin]


@pytest.fixture
def policy(ops, operator):
    made = EscalationPolicy.objects.create(name="Storage first", repeat=1)
    EscalationStep.objects.create(policy=made, position=0, wait=0, target="user", user=operator)
    EscalationStep.objects.create(policy=made, position=1, wait=600, target="channel", channel=ops)
    return made


@pytest.fixture
def schedule(people):
    made = Schedule.objects.create(name="Nights", time_zone="Europe/Berlin")
    start = datetime(2026, 11, 2, 8, tzinfo=UTC)
    ScheduleLayer.objects.create(schedule=made, starts_at=start, shift_hours=24, participants=[one.pk for one in people])
    return made


def told(ops, status="dead", **more):
    message = Message.objects.create(kind="firing", severity="high", title=more.pop("title", "Disk full"), content=to_json(notice()))
    count = Delivery.objects.count()
    fields = {"key": f"k{count}", "thread": f"t{count}", "status": status, "last_answer": "410 gone", **more}
    return Delivery.objects.create(message=message, channel=ops, channel_name=ops.name, **fields)


def changes():
    """What was done here; making people for a test is not."""
    return AuditEntry.objects.exclude(action__startswith="user.")


def page(client, tab, **query):
    return client.get("/notifications/", {"tab": tab, **query})


# -- roles ---------------------------------------------------------------------------------------------------------------
READ = ["/notifications/", *(f"/notifications/?tab={tab}" for tab in TABS[1:]), "/notifications/who-would-hear/?alertname=x"]
WRITE = [
    f"/notifications/{path}" for path in ("channels/add/", "channels/add/?kind=email", "routes/add/", "escalations/add/", "schedules/add/")
]


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_everybody_who_signs_in_sees_them(role, path, client_of):
    assert client_of(make_user(role)).get(path).status_code == 200


@pytest.mark.parametrize("path", WRITE)
@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 200), ("admin", 200)])
def test_operators_and_admins_change_them(role, status, path, client_of):
    assert client_of(make_user(role)).get(path).status_code == status


@pytest.mark.parametrize(
    "path", [*READ, *WRITE, "/notifications/of-alert/1/", "/notifications/channels/1/", "/notifications/deliveries/1/"]
)
def test_a_stranger_is_asked_to_sign_in(path, client_of):
    answer = client_of(AnonymousUser()).get(path)
    assert answer.status_code == 302
    assert "/accounts/login/" in answer.headers["Location"]


def test_a_viewer_changes_nothing_and_sees_no_buttons(viewer, ops, policy, schedule, client_of):
    client = client_of(viewer)
    Route.objects.create(name="all")
    route, delivery = Route.objects.get(), told(ops)
    for path in (
        f"channels/{ops.pk}/test/", f"channels/{ops.pk}/disable/", f"channels/{ops.pk}/delete/", f"channels/{ops.pk}/edit/",
        f"routes/{route.pk}/up/", f"routes/{route.pk}/delete/", f"routes/{route.pk}/edit/", f"deliveries/{delivery.pk}/retry/",
        f"escalations/{policy.pk}/edit/", f"escalations/{policy.pk}/delete/", f"schedules/{schedule.pk}/edit/",
        f"schedules/{schedule.pk}/delete/", f"schedules/{schedule.pk}/override/",
    ):  # fmt: skip
        assert client.post(f"/notifications/{path}", {}).status_code == 403, path
    for tab in TABS:
        html = page(client, tab).content.decode()
        assert "/edit/" not in html
        assert "/delete/" not in html
    assert not changes().exists()


@pytest.mark.parametrize(
    "query",
    [
        "tab=nothing", "tab=deliveries&status=x", "tab=deliveries&channel=x", "tab=deliveries&since=x", "tab=deliveries&severity=x",
        "tab=deliveries&q=" + "x" * 201, "tab=deliveries&q=%00", "tab=schedule&from=x", "tab=schedule&from=9999-01-01",
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_a_sentence(query, viewer, client_of):
    answer = client_of(viewer).get(f"/notifications/?{query}", headers={"Accept": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize("tab", TABS)
def test_an_empty_installation_says_what_is_missing(tab, viewer, operator, client_of):
    assert page(client_of(viewer), tab).status_code == 200
    html = page(client_of(operator), tab).content.decode()
    assert tab == "you" or 'class="empty"' in html


@pytest.mark.parametrize("tab", TABS)
def test_a_page_asks_as_often_for_many_as_for_one(tab, operator, ops, policy, client_of, django_assert_num_queries):
    client = client_of(operator)

    def fill(count):
        for number in range(count):
            name = f"{tab}-{Channel.objects.count()}-{number}"
            route = Route.objects.create(name=name, policy=policy)
            route.channels.add(Channel.objects.create(name=name, kind="in_app"), ops)
            EscalationStep.objects.create(policy=EscalationPolicy.objects.create(name=name), target="user", user=operator)
            told(ops, title=name)

    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    fill(2)
    page(client, tab)
    with CaptureQueriesContext(connection) as few:
        page(client, tab)
    fill(12)
    with django_assert_num_queries(len(few)):
        page(client, tab)


# -- channels ------------------------------------------------------------------------------------------------------------
def test_a_channel_is_added_by_the_fields_its_kind_declares(operator, client_of):
    given = {"name": "Team", "enabled": "on", "time_zone": "UTC", "quiet_except": "critical", "config-url": "https://x.example.org/s3cret"}
    answer = client_of(operator).post("/notifications/channels/add/?kind=teams", given)
    made = Channel.objects.get(name="Team")
    assert answer.headers["Location"] == f"/notifications/channels/{made.pk}/"
    assert (made.kind, made.config, made.secrets) == ("teams", {}, {"url": "https://x.example.org/s3cret"})
    entry = AuditEntry.objects.get(action="notification_channel.added")
    assert entry.user_id == operator.pk
    assert "s3cret" not in f"{entry.after}"
    html = client_of(operator).get(f"/notifications/channels/{made.pk}/").content.decode()
    assert "Stored, hidden" in html
    assert "s3cret" not in html


def test_a_secret_is_never_shown_and_stays_when_nothing_is_given(operator, ops, client_of):
    client = client_of(operator)
    for path in ("edit/", ""):
        assert "hush-hush" not in client.get(f"/notifications/channels/{ops.pk}/{path}").content.decode()
    client.post(f"/notifications/channels/{ops.pk}/edit/", {"name": "renamed", "enabled": "on", "time_zone": "UTC"})
    ops.refresh_from_db()
    assert (ops.name, ops.secrets["url"]) == ("renamed", "https://hooks.example.org/hush-hush")
    client.post(
        f"/notifications/channels/{ops.pk}/edit/", {"name": "renamed", "time_zone": "UTC", "config-url": "https://new.example.org/"}
    )
    ops.refresh_from_db()
    assert ops.secrets == {"url": "https://new.example.org/", "secret": "sign-me"}
    assert "new.example.org" not in f"{list(AuditEntry.objects.values_list('after', flat=True))}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"config-url": "ftp://x"}, {"config-url": ""}, {"name": ""}, {"name": "ops"}, {"time_zone": "Mars/Base"}, {"quiet_from": "22:00"},
        {"quiet_from": "25:00"}, {"quiet_days": "9"}, {"quiet_except": "dire"},
    ],
)  # fmt: skip
def test_a_channel_that_cannot_be_is_not_saved(wrong, operator, ops, client_of):
    given = {
        "name": "new",
        "enabled": "on",
        "time_zone": "UTC",
        "quiet_except": "critical",
        "config-url": "https://x.example.org/",
        **wrong,
    }
    answer = client_of(operator).post("/notifications/channels/add/?kind=webhook", given)
    assert answer.status_code == 422
    assert "Not saved" in answer.content.decode()
    assert Channel.objects.count() == 1


def test_a_kind_that_is_none_is_not_found(operator, client_of):
    assert client_of(operator).get("/notifications/channels/add/?kind=pigeon").status_code == 404


def test_a_channel_whose_plugin_is_gone_still_shows(operator, ops, client_of):
    Channel.objects.update(kind="pigeon")
    assert page(client_of(operator), "channels").status_code == 200
    assert client_of(operator).get(f"/notifications/channels/{ops.pk}/").status_code == 200
    assert client_of(operator).get(f"/notifications/channels/{ops.pk}/edit/").status_code == 404


def test_a_test_shows_the_answer_and_is_a_delivery(operator, peer, client_of):
    ops = Channel.objects.create(name="ops", kind="webhook", secrets={"url": f"{peer.address}/x"})
    client = client_of(operator)
    peer.answers = [(200, "thank you"), (410, "gone away")]
    address = f"/notifications/channels/{ops.pk}/test/"
    html = client.post(address, headers={"HX-Request": "true"}).content.decode()
    assert "ops took it" in html
    assert "Thank you" in html
    assert "did not take it" in client.post(address, headers={"HX-Request": "true"}).content.decode()
    assert client.post(address).status_code == 302
    assert list(Delivery.objects.order_by("pk").values_list("status", flat=True)) == ["sent", "dead", "dead"]
    assert AuditEntry.objects.filter(action="notification_channel.tested").count() == 3


def test_a_channel_is_switched_and_deleted_unless_it_is_needed(operator, ops, policy, client_of):
    client = client_of(operator)
    client.post(f"/notifications/channels/{ops.pk}/disable/")
    ops.refresh_from_db()
    assert not ops.enabled
    client.post(f"/notifications/channels/{ops.pk}/delete/")
    assert Channel.objects.filter(pk=ops.pk).exists()
    policy.delete()
    client.post(f"/notifications/channels/{ops.pk}/delete/")
    assert not Channel.objects.filter(pk=ops.pk).exists()
    assert client.get(f"/notifications/channels/{ops.pk}/disable/").status_code == 405


# -- routes --------------------------------------------------------------------------------------------------------------
def test_a_route_is_added_before_the_one_that_takes_everything(operator, ops, policy, client_of):
    Route.objects.create(name="some", position=10, matchers=[{"name": "a", "op": "=", "value": "b"}])
    Route.objects.create(name="everything", position=1000)
    given = {**ROUTE, **MATCHER, "channels": [ops.pk], "policy": policy.pk, "active_days": ["0", "4"]}
    assert client_of(operator).post("/notifications/routes/add/", given).status_code == 302
    assert list(Route.objects.order_by("position").values_list("name", flat=True)) == ["some", "Storage", "everything"]
    made = Route.objects.get(name="Storage")
    assert made.matchers == [{"name": "team", "op": "=", "value": "storage"}]
    assert (made.group_by, made.group_wait, made.repeat_interval, made.active_days) == (["site"], 15, 14_400, [0, 4])
    assert list(made.channels.all()) == [ops]
    assert AuditEntry.objects.get(action="notification_route.added").after["channels"] == ["ops"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"matcher_name": ["te am"]}, "A matcher has a label"), ({"matcher_op": ["=~"], "matcher_value": ["("]}, ""),
        ({"group_wait": "soon"}, "is not a duration"), ({"group_wait": "90d"}, "30 days"), ({"group_by": "…, site"}, "stands for each"),
        ({"group_by": "si te"}, "cannot be the name"), ({"name": ""}, "required"), ({"channels": ["999"]}, ""),
        ({"active_from": "09:00"}, "Hours have"),
        ({"time_zone": "x"}, "not a time zone"),
    ],
)  # fmt: skip
def test_a_route_that_cannot_be_is_not_saved(wrong, sentence, operator, client_of):
    answer = client_of(operator).post("/notifications/routes/add/", {**ROUTE, **MATCHER, **wrong})
    assert answer.status_code == 422
    assert sentence in answer.content.decode().replace("&#x27;", "'")
    assert not Route.objects.exists()


def test_a_route_is_changed_moved_switched_and_deleted(operator, client_of):
    client = client_of(operator)
    first, second = (Route.objects.create(name=name, position=place) for place, name in enumerate(("first", "second")))
    client.post(f"/notifications/routes/{second.pk}/up/")
    assert list(Route.objects.order_by("position").values_list("name", flat=True)) == ["second", "first"]
    client.post(f"/notifications/routes/{second.pk}/up/")
    client.post(f"/notifications/routes/{first.pk}/down/")
    assert list(Route.objects.order_by("position").values_list("name", flat=True)) == ["second", "first"]
    client.post(f"/notifications/routes/{first.pk}/disable/")
    client.post(f"/notifications/routes/{first.pk}/edit/", {**ROUTE, "name": "changed", "group_by": "…"})
    first.refresh_from_db()
    assert (first.name, first.enabled, first.group_by, first.matchers) == ("changed", True, ["..."], [])
    client.post(f"/notifications/routes/{second.pk}/delete/")
    assert list(Route.objects.values_list("name", flat=True)) == ["changed"]
    assert set(changes().values_list("action", flat=True)) == {"notification_route.changed", "notification_route.deleted"}


def hear(client, **asked):
    return client.get("/notifications/who-would-hear/", asked)


def test_who_would_hear_follows_routes_escalation_and_silences(operator, ops, policy, client_of):
    Route.objects.create(
        name="Storage", policy=policy, matchers=[{"name": "team", "op": "=", "value": "storage"}], group_wait=15
    ).channels.add(ops)
    client = client_of(operator)
    html = hear(client, team="storage", severity="high", alertname="Disk full").content.decode()
    assert "ops" in html
    assert "Storage first, step 1" in html
    assert html == hear(client, labels='team="storage", severity="high"\nalertname="Disk full"').content.decode()
    assert "no route takes it" in hear(client, team="web").content.decode()
    assert "no route takes it" in hear(client, labels="team=web", at="2026-11-20T14:30").content.decode()


@pytest.mark.parametrize(
    "asked", [{"labels": "nonsense"}, {"labels": 'a=~"b"'}, {"alert": "x"}, {"at": "soon"}, {"severity": "dire"}, {"a": "x" * 1001}]
)
def test_a_question_that_cannot_be_is_refused(asked, operator, client_of):
    assert hear(client_of(operator), **asked).status_code == 400


def test_who_would_hear_of_an_alert_that_is_there(operator, ops, client_of):
    from monitoring.alerts.lifecycle import observe
    from monitoring.alerts.models import Alert
    from monitoring.alerts.tests.conftest import seen

    observe([seen("Down", severity="critical")])
    Route.objects.create(name="worst", matchers=[{"name": "severity", "op": "=", "value": "critical"}]).channels.add(ops)
    assert "worst" in hear(client_of(operator), alert=Alert.objects.get().pk).content.decode()
    assert hear(client_of(operator), alert=999_999).status_code == 404


# -- deliveries ----------------------------------------------------------------------------------------------------------
def test_deliveries_are_searched_and_filtered(operator, ops, client_of):
    told(ops, "sent", title="Disk full"), told(ops, "dead", title="Load high", last_answer="410 gone")
    told(ops, "sent", title="ancient", created_at=timezone.now() - timedelta(days=20))
    client = client_of(operator)

    def names(**query):
        return [one.message.title for one in page(client, "deliveries", **query).context["page"]]

    assert names() == ["Load high", "Disk full"]
    assert names(status="dead") == ["Load high"]
    assert names(q="410 load") == ["Load high"]
    assert names(since="30d", q="ancient") == ["ancient"]
    assert names(channel=ops.pk, severity="high", kind="firing") == ["Load high", "Disk full"]
    assert names(kind="resolved") == []
    facets = {
        facet.name: {one.value: one.count for one in facet.values} for facet in page(client, "deliveries", status="dead").context["facets"]
    }
    assert facets["status"] == {"sent": 1, "dead": 1}
    assert facets["channel"] == {str(ops.pk): 1}


def test_a_delivery_shows_its_attempts_and_is_tried_again(operator, ops, client_of, monkeypatch, django_capture_on_commit_callbacks):
    woken = []
    monkeypatch.setattr(tasks.tend_notifications, "delay", lambda: woken.append(1))
    one = told(ops)
    one.attempts.create(number=1, ok=False, status=410, answer="gone <b>away</b>")
    client = client_of(operator)
    html = client.get(f"/notifications/deliveries/{one.pk}/").content.decode()
    assert "gone &lt;b&gt;away&lt;/b&gt;" in html
    assert "/var of db-1 is 96 % full" in html
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/notifications/deliveries/{one.pk}/retry/")
    one.refresh_from_db()
    assert one.status == "pending"
    assert woken == [1]
    assert AuditEntry.objects.get(action="notification.retried").user_id == operator.pk


def test_one_that_would_be_tried_later_is_tried_now_and_one_that_was_sent_is_left(operator, ops, client_of, monkeypatch):
    monkeypatch.setattr(tasks.tend_notifications, "delay", lambda: None)
    later, sent = told(ops, "failed", next_attempt_at=timezone.now() + timedelta(hours=1)), told(ops, "sent")
    client = client_of(operator)
    for one in (later, sent):
        client.post(f"/notifications/deliveries/{one.pk}/retry/")
        one.refresh_from_db()
    assert later.next_attempt_at <= timezone.now()
    assert sent.status == "sent"
    assert changes().count() == 1


def test_the_fragment_of_an_alert(viewer, client_of, engine):
    engine.route(engine.channel())
    (alert,) = engine.see("Down")
    answer = client_of(viewer).get(f"/notifications/of-alert/{alert.pk}/")
    assert "Nobody was told" in answer.content.decode()
    assert client_of(viewer).get("/notifications/of-alert/999999/").status_code == 404


# -- escalations ---------------------------------------------------------------------------------------------------------
def steps(*rows):
    given = {"step-TOTAL_FORMS": len(rows), "step-INITIAL_FORMS": 0}
    for number, row in enumerate(rows):
        given |= {f"step-{number}-{name}": value for name, value in row.items()}
    return given


def test_a_policy_is_added_and_its_steps_keep_their_order(operator, ops, schedule, client_of):
    rows = [
        {"wait": "0s", "target": "schedule", "schedule": schedule.pk},
        {"wait": "10m", "target": "user", "user": operator.pk, "role": "admin"},
        {"wait": "1h", "target": "role", "role": "admin"},
        {"wait": "1h", "target": "channel", "channel": ops.pk, "DELETE": "on"},
    ]
    answer = client_of(operator).post("/notifications/escalations/add/", {"name": "Nights", "repeat": 2, **steps(*rows)})
    assert answer.status_code == 302
    made = EscalationPolicy.objects.get()
    assert [(one.wait, one.whom) for one in made.steps.all()] == [(0, "on call of Nights"), (600, "operator"), (3600, "every admin")]
    assert made.steps.all()[1].role == ""
    assert AuditEntry.objects.get(action="escalation_policy.added").after["steps"][0] == "after 0 s: on call of Nights"


@pytest.mark.parametrize(
    "row",
    [
        {"wait": "soon", "target": "role", "role": "admin"},
        {"wait": "0s", "target": "user"},
        {"wait": "0s", "target": "moon"},
        {"wait": "", "target": ""},
    ],
)
def test_a_step_that_reaches_nobody_is_not_saved(row, operator, client_of):
    answer = client_of(operator).post("/notifications/escalations/add/", {"name": "x", "repeat": 0, **steps(row)})
    assert answer.status_code == 422
    assert not EscalationPolicy.objects.exists()


def test_a_policy_has_at_least_one_step(operator, client_of):
    assert client_of(operator).post("/notifications/escalations/add/", {"name": "x", "repeat": 0, **steps()}).status_code == 422
    assert client_of(operator).post("/notifications/escalations/add/", {"name": "x", "repeat": 0}).status_code == 422


def test_a_policy_is_changed_and_stays_while_a_route_uses_it(operator, policy, client_of):
    client = client_of(operator)
    route = Route.objects.create(name="all", policy=policy)
    row = {"wait": "5m", "target": "role", "role": "operator"}
    client.post(f"/notifications/escalations/{policy.pk}/edit/", {"name": "Changed", "repeat": 0, **steps(row)})
    policy.refresh_from_db()
    assert (policy.name, [one.whom for one in policy.steps.all()]) == ("Changed", ["every operator"])
    client.post(f"/notifications/escalations/{policy.pk}/delete/")
    assert EscalationPolicy.objects.exists()
    route.delete()
    client.post(f"/notifications/escalations/{policy.pk}/delete/")
    assert not EscalationPolicy.objects.exists()


# -- on call -------------------------------------------------------------------------------------------------------------
def layers(*rows):
    usual = {"people": "operator\nadmin@example.org", "starts_at": "2026-11-02T09:00", "shift_hours": "24"}
    given = {"layer-TOTAL_FORMS": len(rows), "layer-INITIAL_FORMS": 0}
    for number, row in enumerate(rows):
        given |= {f"layer-{number}-{name}": value for name, value in {**usual, **row}.items()}
    return given


def test_a_schedule_is_added_by_its_own_clock(operator, admin, client_of):
    given = {"name": "Nights", "time_zone": "Europe/Berlin", **layers({}, {"active_days": ["5", "6"], "people": "admin"})}
    assert client_of(operator).post("/notifications/schedules/add/", given).status_code == 302
    low, high = Schedule.objects.get().layers.all()
    assert low.starts_at == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert low.participants == [operator.pk, admin.pk]
    assert (high.participants, high.active_days) == ([admin.pk], [5, 6])
    html = client_of(operator).get(f"/notifications/schedules/{Schedule.objects.get().pk}/edit/").content.decode()
    assert 'value="2026-11-02T09:00"' in html


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"people": "nobody at all"}, "Nobody is called"), ({"people": ""}, "required"), ({"shift_hours": "0"}, "from one hour"),
        ({"rrule": "FREQ=SECONDLY"}, "Not saved"), ({"rrule": "garbage"}, "cannot be read"), ({"active_from": "09:00"}, "Hours have"),
        ({"ends_at": "2026-01-01T00:00"}, "ends after"), ({"starts_at": "soon"}, "valid date"),
    ],
)  # fmt: skip
def test_a_layer_that_cannot_be_is_not_saved(wrong, sentence, operator, admin, client_of):
    answer = client_of(operator).post("/notifications/schedules/add/", {"name": "x", "time_zone": "UTC", **layers(wrong)})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Schedule.objects.exists()


def test_the_calendar_shows_who_is_on_call_who_stands_in_and_gaps(operator, admin, schedule, client_of):
    ScheduleLayer.objects.update(active_from="08:00", active_to="20:00")
    client = client_of(operator)
    given = {"user": admin.pk, "starts_at": "2026-11-17T10:00", "ends_at": "2026-11-17T12:00", "reason": "swap"}
    client.post(f"/notifications/schedules/{schedule.pk}/override/", given)
    (found,) = page(client, "schedule", **{"from": "2026-11-18"}).context["calendars"]
    tuesday = found.weeks[0][1]
    assert tuesday.date.isoformat() == "2026-11-17"
    assert [(one.name or "nobody", f"{one.start:%H:%M}") for one in tuesday.entries if one.overridden or not one.name] == [
        ("nobody", "00:00"), ("admin", "10:00"), ("nobody", "19:00"),
    ]  # fmt: skip
    assert AuditEntry.objects.get(action="oncall_override.added").user_id == operator.pk


def test_an_override_that_cannot_be_says_why_and_one_that_is_there_can_be_ended(operator, admin, schedule, client_of):
    client = client_of(operator)
    given = {"user": admin.pk, "starts_at": "2026-11-17T10:00", "ends_at": "2026-11-17T09:00"}
    answer = client.post(f"/notifications/schedules/{schedule.pk}/override/", given, follow=True)
    assert "It ends after it begins" in answer.content.decode()
    assert not ScheduleOverride.objects.exists()
    client.post(f"/notifications/schedules/{schedule.pk}/override/", {**given, "ends_at": "2026-11-17T11:00"})
    client.post(f"/notifications/overrides/{ScheduleOverride.objects.get().pk}/delete/")
    assert not ScheduleOverride.objects.exists()


def test_a_schedule_that_an_escalation_needs_stays(operator, schedule, policy, client_of):
    EscalationStep.objects.create(policy=policy, target="schedule", schedule=schedule)
    client_of(operator).post(f"/notifications/schedules/{schedule.pk}/delete/")
    assert Schedule.objects.exists()


# -- you -----------------------------------------------------------------------------------------------------------------
def test_everybody_sets_how_they_are_told(viewer, operator, client_of):
    given = {"toast_from": "low", "sound": "on", "email_from": "", "quiet_from": "22:00", "quiet_to": "07:00", "quiet_except": ""}
    assert client_of(viewer).post("/notifications/?tab=you", given).status_code == 302
    mine = NoticePreference.objects.get()
    assert (mine.user, mine.toast_from, mine.sound, mine.email_from, mine.quiet_from.hour) == (viewer, "low", True, "", 22)
    client_of(viewer).post("/notifications/?tab=you", {**given, "toast_from": ""})
    assert NoticePreference.objects.get().toast_from == ""
    assert changes().count() == 2


@pytest.mark.parametrize("wrong", [{"toast_from": "dire"}, {"quiet_from": "22:00"}, {"quiet_to": "x"}])
def test_wishes_that_cannot_be_are_not_saved(wrong, viewer, client_of):
    given = {"toast_from": "low", "email_from": "", "quiet_except": "critical", **wrong}
    assert client_of(viewer).post("/notifications/?tab=you", given).status_code == 422
    assert not NoticePreference.objects.exists()


def test_a_person_adds_and_removes_ways_of_their_own(viewer, admin, client_of):
    slack = Channel.objects.create(name="#ops", kind="slack")
    given = {"contact-channel": slack.pk, "contact-address": "U0VERA", "contact-severity_from": "high"}
    client = client_of(viewer)
    assert client.post("/notifications/?tab=you", given).status_code == 302
    assert client.post("/notifications/?tab=you", given).status_code == 422
    mine = ContactMethod.objects.get()
    assert (mine.user, mine.address) == (viewer, "U0VERA")
    assert client_of(admin).post(f"/notifications/contacts/{mine.pk}/delete/").status_code == 404
    client.post(f"/notifications/contacts/{mine.pk}/delete/")
    assert not ContactMethod.objects.exists()


def test_other_tabs_take_no_posts(operator, client_of):
    assert client_of(operator).post("/notifications/?tab=routes", {}).status_code == 400
