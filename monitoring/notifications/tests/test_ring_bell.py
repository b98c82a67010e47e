"""In-app notices: a row per person, told live, read by that person only."""

from datetime import time, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.testing import make_user
from monitoring.notifications import bell, inbox, tasks
from monitoring.notifications.channels import in_app
from monitoring.notifications.channels.in_app import InApp
from monitoring.notifications.inbox import InAppNotice, NoticePreference
from monitoring.notifications.notice import NotSent
from monitoring.notifications.tests.notices import notice, recipient

pytestmark = pytest.mark.django_db


@pytest.fixture
def live(monkeypatch):
    """What is told to open pages, by topic."""
    told = []
    monkeypatch.setattr(in_app, "publish_many", told.extend)
    return told


@pytest.fixture
def send(django_capture_on_commit_callbacks):
    def one(channel=None, **more):
        channel = channel or InApp({}, {})
        with django_capture_on_commit_callbacks(execute=True):
            answer = channel.send(notice(**more))
            channel.close()
        return answer

    return one


def test_everybody_who_may_sign_in_is_told(viewer, operator, admin, send, live):
    User.objects.create_user("gone@example.org", name="gone", is_active=False)
    assert send().detail == "told 3"
    assert set(InAppNotice.objects.values_list("user__name", flat=True)) == {"viewer", "operator", "admin"}
    assert {topic for topic, _ in live} == {f"inbox:{one.pk}" for one in (viewer, operator, admin)}


def test_roles_narrow_it_and_named_people_are_told_alone(viewer, operator, admin, send, live):
    send(InApp({"roles": ["admin", "operator"]}, {}))
    assert InAppNotice.objects.filter(user=viewer).count() == 0
    send(key="2", thread="t2", recipients=(recipient(viewer),))
    assert list(InAppNotice.objects.filter(key="2").values_list("user", flat=True)) == [viewer.pk]


def test_nobody_to_tell_is_a_fault(send, db):
    with pytest.raises(NotSent, match="nobody"):
        send()


def test_the_same_notice_handed_over_twice_is_told_once(operator, send, live):
    assert send().detail == "told 1"
    assert send().detail == "told 0 of 1"
    assert InAppNotice.objects.count() == 1
    assert len(live) == 1


def test_the_next_notice_of_a_group_takes_the_place_of_the_one_before(operator, send, live):
    send(key="1")
    send(key="2", repeat=True)
    send(key="3", thread="another")
    assert set(inbox.unread(operator).values_list("key", flat=True)) == {"2", "3"}
    assert [event["unread"] for _, event in live] == [1, 1, 2]


def test_of_several_notices_in_a_row_open_pages_are_told_together(operator, send, live):
    channel = InApp({}, {})
    told = [notice(key=f"{number}", thread=f"t{number}") for number in range(3)]
    assert [channel.send(one).detail for one in told] == ["told 1"] * 3
    assert live == []
    send(channel, key="3", thread="t3")
    assert [(event["key"], event["unread"]) for _, event in live] == [("0", 4), ("1", 4), ("2", 4), ("3", 4)]


@pytest.mark.parametrize("kind", ["resolved", "acknowledged"])
def test_what_is_over_or_in_hand_is_quiet_and_clears_what_was_unread(operator, send, live, kind):
    send(key="1")
    send(key="2", kind=kind)
    assert inbox.unread(operator).count() == 0
    assert (live[-1][1]["unread"], live[-1][1]["toast"]) == (0, False)


def test_what_is_old_goes(operator, send, live):
    send(key="1")
    InAppNotice.objects.update(created_at=timezone.now() - timedelta(days=31))
    send(key="2", thread="t2")
    assert tasks.expire_notifications() == 1
    assert list(InAppNotice.objects.values_list("key", flat=True)) == ["2"]


@pytest.mark.parametrize(
    ("url", "public", "kept"),
    [
        ("https://aiops.example.org/alerts/7/", "https://aiops.example.org", "/alerts/7/"),
        ("https://evil.example/alerts/7/", "https://aiops.example.org", ""),
        ("https://aiops.example.org.evil.example/", "https://aiops.example.org", ""),
        ("//evil.example/", "", ""), ("/alerts/7/", "", "/alerts/7/"), ("javascript:alert(1)", "", ""),
    ],
)  # fmt: skip
def test_a_notice_leads_nowhere_else(url, public, kept, settings):
    settings.PUBLIC_URL = public
    assert in_app.here(url) == kept


def prefer(user, **wishes):
    return NoticePreference.objects.create(user=user, **wishes)


@pytest.mark.parametrize(
    ("wishes", "severity", "toast", "sound"),
    [
        ({}, "high", True, False), ({}, "medium", False, False), ({"toast_from": "low", "sound": True}, "low", True, True),
        ({"toast_from": "", "sound": True}, "critical", False, False), ({"sound": True}, "medium", False, False),
    ],
)  # fmt: skip
def test_toast_and_sound_are_as_the_person_wants(operator, send, live, wishes, severity, toast, sound):
    prefer(operator, **wishes)
    send(severity=severity)
    ((_, event),) = live
    assert (event["toast"], event["sound"]) == (toast, sound)


def around_now(hours):
    now = timezone.now()
    return {"quiet_from": (now - timedelta(hours=hours)).time(), "quiet_to": (now + timedelta(hours=hours)).time()}


def test_quiet_hours_keep_the_toast_back_but_not_the_row_nor_the_worst(operator, send, live):
    prefer(operator, toast_from="low", **around_now(2))
    send(severity="high")
    send(key="2", thread="t2", severity="critical")
    assert [event["toast"] for _, event in live] == [False, True]
    assert InAppNotice.objects.count() == 2


@pytest.mark.parametrize(("hour", "quiet"), [(23, True), (3, True), (7, False), (12, False), (22, True)])
def test_quiet_hours_reach_over_midnight_by_the_persons_clock(operator, hour, quiet):
    operator.time_zone = "Europe/Berlin"  # an hour ahead in November
    wish = NoticePreference(user=operator, quiet_from=time(23), quiet_to=time(8))
    assert wish.is_quiet("high", timezone.now().replace(month=11, day=20, hour=hour)) is quiet
    assert not wish.is_quiet("critical", timezone.now().replace(month=11, day=20, hour=hour))


# -- the bell itself ---------------------------------------------------------------------------------------------------------
def row(user, **more):
    fields = {
        "key": f"k{InAppNotice.objects.count()}",
        "kind": "firing",
        "severity": "high",
        "title": "Disk full",
        "url": "/alerts/7/",
        **more,
    }
    return InAppNotice.objects.create(user=user, **fields)


def test_the_bell_shows_ones_own_unread_first(operator, viewer, client_of):
    row(operator, title="old and unread", created_at=timezone.now() - timedelta(days=2))
    row(operator, title="new and read", read_at=timezone.now())
    row(viewer, title="somebody else's")
    html = client_of(operator).get("/notifications/bell/").content.decode()
    assert html.index("old and unread") < html.index("new and read")
    assert "somebody else" not in html


def test_what_a_notice_says_cannot_become_markup(operator, client_of):
    row(operator, title="<script>alert(1)</script>")
    assert "<script>" not in client_of(operator).get("/notifications/bell/").content.decode()


def test_the_count_is_one_cheap_question(operator, client_of, django_assert_num_queries):
    for _ in range(120):
        row(operator)
    client = client_of(operator)
    client.get("/notifications/bell/?part=count")  # the session's own look-ups
    with django_assert_num_queries(2):  # who it is, and the count
        answer = client.get("/notifications/bell/?part=count")
    assert answer.json() == {"unread": bell.MOST_COUNTED}
    assert answer["Cache-Control"].startswith("max-age=0")


def test_a_page_asks_nothing_for_the_bell(operator, client_of):
    client = client_of(operator)
    with CaptureQueriesContext(connection) as asked:
        html = client.get("/profile/").content.decode()
    assert f'data-topic="inbox:{operator.pk}"' in html
    assert not any("inappnotice" in one["sql"].lower() for one in asked)


def test_opening_one_reads_it_and_tells_the_other_pages(operator, client_of, monkeypatch):
    told = []
    monkeypatch.setattr(bell, "publish_on_commit", lambda topic, data: told.append((topic, data)))
    one, _ = row(operator), row(operator)
    client = client_of(operator)
    assert client.get(f"/notifications/bell/{one.pk}/").headers["Location"] == "/alerts/7/"
    client.get(f"/notifications/bell/{one.pk}/")
    assert inbox.unread(operator).count() == 1
    assert told == [(f"inbox:{operator.pk}", {"unread": 1})]


def test_a_row_that_leads_elsewhere_leads_to_the_page_of_notifications(operator, client_of):
    one = row(operator, url="//evil.example/")
    assert client_of(operator).get(f"/notifications/bell/{one.pk}/").headers["Location"] == "/notifications/"


def test_nobody_opens_or_reads_anothers(operator, admin, client_of):
    one = row(operator)
    assert client_of(admin).get(f"/notifications/bell/{one.pk}/").status_code == 404
    client_of(admin).post("/notifications/bell/read/")
    assert inbox.unread(operator).count() == 1


def test_all_are_read_at_once(operator, client_of):
    row(operator), row(operator)
    answer = client_of(operator).post("/notifications/bell/read/", headers={"HX-Request": "true"})
    assert "Disk full" in answer.content.decode()
    assert inbox.unread(operator).count() == 0
    assert client_of(operator).get("/notifications/bell/read/").status_code == 405


@pytest.mark.parametrize("path", ["/notifications/bell/", "/notifications/bell/?part=count", "/notifications/bell/1/"])
def test_a_stranger_is_asked_to_sign_in(path, client_of, db):
    answer = client_of(AnonymousUser()).get(path)
    assert answer.status_code == 302
    assert "/accounts/login/" in answer.headers["Location"]


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_has_a_bell(role, client_of, db):
    assert client_of(make_user(role)).get("/notifications/bell/").status_code == 200
