"""Pages of silences: what holds, comes and repeats, what each hides, the form and the calendar."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from monitoring.alerts import silence_words, silencing
from monitoring.alerts.models import Alert, Silence
from monitoring.alerts.silence_form import SilenceForm, matcher
from monitoring.alerts.silence_words import Recurrence

pytestmark = pytest.mark.django_db
GIVEN = {
    "matcher_name": ["alertname"], "matcher_op": ["="], "matcher_value": ["Down"], "kind": "silence", "reason": "Replacing a disk",
    "preset": "1h", "starts": "", "ends": "", "time_zone": "UTC", "repeat": "", "every": "1",
}  # fmt: skip


@pytest.fixture
def silence(operator):
    """silence("why", hours from now, hours long, …)"""

    def make(reason="Replacing a disk", begins=0.0, lasts=1.0, value="Down", **fields):
        start = timezone.now() + timedelta(hours=begins)
        rows = [{"name": "alertname", "op": "=", "value": value}]
        one = Silence(matchers=rows, reason=reason, starts_at=start, ends_at=start + timedelta(hours=lasts), **fields)
        return silencing.create(one, operator)

    return make


def listed(client, query=""):
    answer = client.get(f"/silences/?{query}")
    assert answer.status_code == 200
    return [row.silence.reason for row in answer.context["page"].object_list]


# -- who -------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_may_read(request, role, client_of, silence):
    one, client = silence(), client_of(request.getfixturevalue(role))
    for address in ("/silences/", "/silences/?view=month", "/silences/?view=week&at=2026-11-20", f"/silences/{one.pk}/"):
        assert client.get(address).status_code == 200, address


def test_a_stranger_is_sent_to_sign_in(stranger, client_of, silence):
    one, client = silence(), client_of(stranger)
    for address in ("/silences/", "/silences/new/", f"/silences/{one.pk}/", f"/silences/{one.pk}/edit/"):
        assert client.get(address)["Location"].startswith("/accounts/login/")
    for address in ("/silences/preview/", f"/silences/{one.pk}/end/", f"/silences/{one.pk}/extend/"):
        assert client.post(address)["Location"].startswith("/accounts/login/")


def test_a_viewer_may_not_change_anything(viewer, client_of, silence):
    one, client = silence(), client_of(viewer)
    assert client.get("/silences/new/").status_code == 403
    for address in ("new/", f"{one.pk}/edit/", f"{one.pk}/end/", f"{one.pk}/extend/"):
        assert client.post(f"/silences/{address}", GIVEN).status_code == 403, address
    assert "End now" not in client.get(f"/silences/{one.pk}/").content.decode()


# -- list ------------------------------------------------------------------------------------------------------------------
def test_they_are_told_apart_by_when_they_hold(client_of, operator, silence):
    silence("now")
    silence("later", begins=5)
    silence("each day", begins=5, rrule="FREQ=DAILY")
    silence("each hour that is now", rrule="FREQ=DAILY")
    silencing.end(silence("over"), operator)
    client = client_of(operator)
    assert sorted(listed(client)) == ["each hour that is now", "now"]
    assert listed(client, "tab=coming") == ["later"]
    assert sorted(listed(client, "tab=recurring")) == ["each day", "each hour that is now"]
    assert listed(client, "tab=past") == ["over"]
    assert sorted(listed(client, "q=NOW+down")) == ["each hour that is now", "now"]
    assert listed(client, "q=nothing") == []


def test_each_says_how_many_it_hides(client_of, operator, silence, fire):
    fire("Down", labels={"n": "1"})
    fire("Down", labels={"n": "2"})
    fire("Other")
    one = silence()
    text = client_of(operator).get("/silences/").content.decode()
    assert f'href="/silences/{one.pk}/#hidden" aria-label="2 alerts hidden by it now"' in text
    assert ">2</span> alerts hidden now" in text
    assert len(client_of(operator).get(f"/silences/{one.pk}/").context["hidden"]) == 2


def test_the_list_takes_as_many_statements_whatever_its_length(client_of, operator, silence, django_assert_max_num_queries):
    silence()
    client = client_of(operator)
    for _ in range(2):
        with django_assert_max_num_queries(9):
            assert client.get("/silences/").status_code == 200
        Silence.objects.bulk_create(
            Silence(
                matchers=[{"name": "a", "op": "=", "value": str(n)}],
                reason="r",
                starts_at=timezone.now(),
                ends_at=timezone.now() + timedelta(1),
            )
            for n in range(100)
        )


@pytest.mark.parametrize("query", ["tab=x", "view=year", "view=month&at=soon", "view=week&at=1000-01-01", "q=%00", "q=" + "a" * 201])
def test_what_cannot_be_asked_is_refused(client_of, viewer, query):
    assert client_of(viewer).get(f"/silences/?{query}").status_code == 400


# -- form ------------------------------------------------------------------------------------------------------------------
def test_one_is_made_by_a_preset(client_of, operator, fire):
    [alert] = fire("Down")
    answer = client_of(operator).post("/silences/new/", GIVEN)
    one = Silence.objects.get()
    assert answer["Location"] == f"/silences/{one.pk}/"
    assert one.ends_at - one.starts_at == timedelta(hours=1)
    assert one.created_by == operator
    assert AuditEntry.objects.filter(action="silence.created").exists()
    alert.refresh_from_db()
    assert alert.suppressed


def test_tomorrow_is_that_of_the_persons_zone(client_of, operator):
    client_of(operator).post("/silences/new/", GIVEN | {"preset": "tomorrow", "time_zone": "Pacific/Auckland"})
    local = Silence.objects.get().ends_at.astimezone(__import__("zoneinfo").ZoneInfo("Pacific/Auckland"))
    assert (local.hour, local.minute) == (9, 0)


def test_times_are_read_by_the_clock_of_the_zone(client_of, operator):
    given = {"preset": "until", "starts": "2031-07-01T02:00", "ends": "2031-07-01T04:00", "time_zone": "Europe/Berlin"}
    client_of(operator).post("/silences/new/", GIVEN | given)
    one = Silence.objects.get()
    assert (one.starts_at, one.ends_at) == (datetime(2031, 7, 1, 0, tzinfo=UTC), datetime(2031, 7, 1, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"reason": " "}, "reason"),
        ({"matcher_value": [""]}, "matchers"),
        ({"matcher_name": ["bad-name"]}, "matchers"),
        ({"matcher_op": ["=~"], "matcher_value": ["("]}, "matchers"),
        ({"matcher_op": ["<"]}, "matchers"),
        ({"preset": "until"}, "ends_at"),
        ({"preset": "until", "ends": "2020-01-01T00:00"}, "ends_at"),
        ({"preset": "until", "ends": "noon"}, "ends_at"),
        ({"starts": "when I say so"}, "starts_at"),
        ({"starts": "2020-01-01T00:00"}, "ends_at"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"repeat": "weekly", "every": "0"}, "every"),
        ({"repeat": "fortnightly"}, "repeat"),
        ({"repeat": "custom", "rrule": ""}, "rrule"),
        ({"repeat": "custom", "rrule": "FREQ=SECONDLY"}, "rrule"),
        ({"repeat": "daily", "last_day": "never"}, "last_day"),
        ({"kind": "nap"}, "kind"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_stored(client_of, operator, wrong, place):
    answer = client_of(operator).post("/silences/new/", GIVEN | wrong)
    assert answer.status_code == 422
    assert place in answer.context["faults"]
    assert answer.context["faults"][place][0].message.split("'")[0].split('"')[0][:30] in answer.content.decode()
    assert not Silence.objects.exists()


def test_the_address_fills_the_form(client_of, operator, fire):
    [alert] = fire("Down", labels={"instance": "web-1", "path": "/x"})
    client = client_of(operator)
    rows = client.get('/silences/new/?matcher=alertname%3DDown&matcher=instance%3D~"web.*"&reason=why&preset=4h&kind=maintenance').context
    assert rows["rows"] == [("alertname", "=", "Down"), ("instance", "=~", "web.*")]
    assert (rows["form"].reason, rows["form"].preset, rows["form"].kind) == ("why", "4h", "maintenance")
    assert client.get(f"/silences/new/?alert={alert.pk}").context["rows"] == [("alertname", "=", "Down"), ("instance", "=", "web-1")]
    assert client.get("/silences/new/?alert=999999&matcher=nonsense&preset=9y").status_code == 200


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=b", ("a", "=", "b")),
        ('a="b c"', ("a", "=", "b c")),
        ("a!~^x$", ("a", "!~", "^x$")),
        ("a=", ("a", "=", "")),
        ("x", None),
        ("1a=b", None),
    ],
)
def test_matchers_are_read_as_people_write_them(text, found):
    assert matcher(text) == found


def test_a_preview_lists_what_it_would_hide(client_of, viewer, fire):
    fire("Down", labels={"n": "1"})
    text = client_of(viewer).post("/silences/preview/", GIVEN | {"reason": ""}).content.decode()
    assert "Hides 1 alert now" in text
    assert "Down" in text


def test_a_preview_shows_the_next_five_windows(client_of, viewer):
    given = {"repeat": "weekly", "day": ["SU"], "starts": "2031-07-06T02:00", "time_zone": "Europe/Berlin"}
    answer = client_of(viewer).post("/silences/preview/", GIVEN | given)
    assert [f"{window.start:%a %d %b %Y %H}" for window in answer.context["windows"]][:2] == ["Sun 06 Jul 2031 00", "Sun 13 Jul 2031 00"]
    assert len(answer.context["windows"]) == 5
    assert answer.context["words"] == "every Sunday, 02:00, Europe/Berlin"


def test_a_preview_says_why_there_is_none(client_of, viewer):
    text = client_of(viewer).post("/silences/preview/", GIVEN | {"matcher_value": [""]}).content.decode()
    assert "everything would be hidden" in text


# -- change ----------------------------------------------------------------------------------------------------------------
def test_it_is_changed_and_lies_over_other_alerts_at_once(client_of, operator, silence, fire):
    [down], [slow] = fire("Down"), fire("Slow")
    one = silence()
    client = client_of(operator)
    given = SilenceForm.of(one)
    fields = GIVEN | {"matcher_value": ["Slow"], "preset": "until", "starts": given.starts, "ends": given.ends}
    assert client.post(f"/silences/{one.pk}/edit/", fields).status_code == 302
    assert [Alert.objects.get(pk=alert.pk).suppressed for alert in (down, slow)] == [False, True]
    entry = AuditEntry.objects.get(action="silence.changed")
    assert set(entry.after) >= {"matchers"}
    assert client.post(f"/silences/{one.pk}/edit/", fields | {"reason": ""}).status_code == 422


def test_it_is_extended(client_of, operator, silence):
    one = silence()
    before = one.ends_at
    client = client_of(operator)
    client.post(f"/silences/{one.pk}/extend/", {"preset": "4h"})
    one.refresh_from_db()
    assert one.ends_at == before + timedelta(hours=4)
    assert client.post(f"/silences/{one.pk}/extend/", {"preset": "9y"}).status_code == 400
    repeating = silence(rrule="FREQ=DAILY")
    assert client.post(f"/silences/{repeating.pk}/extend/", {"preset": "1h"}).status_code == 400


def test_it_is_ended_once(client_of, operator, silence, fire):
    [alert] = fire("Down")
    one, client = silence(), client_of(operator)
    assert client.post(f"/silences/{one.pk}/end/").status_code == 302
    assert client.post(f"/silences/{one.pk}/end/").status_code == 400
    assert not Alert.objects.get(pk=alert.pk).suppressed
    assert AuditEntry.objects.filter(action="silence.ended").count() == 1
    text = client.get(f"/silences/{one.pk}/").content.decode()
    assert "ended by operator" in text
    assert "Silence again" in text
    assert client.get(f"/silences/{one.pk}/edit/").status_code == 400
    assert client.post(f"/silences/{one.pk}/extend/", {"preset": "1h"}).status_code == 400


def test_one_that_is_over_is_made_again(client_of, operator, silence):
    one = silence("why")
    form = client_of(operator).get(f"/silences/new/?copy={one.pk}").context["form"]
    assert (form.reason, form.starts, form.preset) == ("why", "", "1h")
    assert client_of(operator).get("/silences/new/?copy=x").status_code == 400


# -- recurrence --------------------------------------------------------------------------------------------------------------
START = datetime(2026, 11, 22, 2)  # a Sunday, by some zone's clock


@pytest.mark.parametrize(
    ("built", "text", "words"),
    [
        (Recurrence("daily"), "FREQ=DAILY", "every day"),
        (Recurrence("daily", 3), "FREQ=DAILY;INTERVAL=3", "every 3 days"),
        (Recurrence("weekly"), "FREQ=WEEKLY;BYDAY=SU", "every Sunday"),
        (Recurrence("weekly", 1, ["MO", "TU", "WE", "TH", "FR"]), "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every weekday"),
        (Recurrence("weekly", 2, ["MO", "FR"]), "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "every 2 weeks on Monday and Friday"),
        (Recurrence("monthly"), "FREQ=MONTHLY;BYMONTHDAY=22", "every month on day 22"),
        (Recurrence("monthly", monthly="weekday"), "FREQ=MONTHLY;BYDAY=4SU", "every month on the fourth Sunday"),
        (Recurrence("daily", until=START.date()), "FREQ=DAILY;UNTIL=20261122T235959", "every day"),
        (Recurrence("custom", custom="FREQ=YEARLY;BYMONTH=1"), "FREQ=YEARLY;BYMONTH=1", "FREQ=YEARLY;BYMONTH=1"),
    ],
)
def test_a_recurrence_is_built_read_back_and_said(built, text, words):
    assert built.rrule(START) == text
    back = silence_words.read(text)
    assert back.rrule(START) == text
    start = START.replace(tzinfo=UTC)
    said = silence_words.words(Silence(rrule=text, starts_at=start, ends_at=start, time_zone="UTC"))
    assert said.startswith(f"{words}, 02:00")


def test_the_fifth_weekday_of_a_month_is_its_last():
    assert Recurrence("monthly", monthly="weekday").rrule(START.replace(day=29)) == "FREQ=MONTHLY;BYDAY=-1SU"


@pytest.mark.parametrize(
    "text", ["FREQ=HOURLY", "FREQ=WEEKLY;BYDAY=1SU", "FREQ=DAILY;COUNT=3", "FREQ=MONTHLY;BYDAY=SU,MO", "FREQ=DAILY;UNTIL=x", "nonsense"]
)
def test_what_the_form_cannot_say_stays_text(text):
    assert silence_words.read(text) == Recurrence("custom", custom=text)


# -- calendar --------------------------------------------------------------------------------------------------------------
def test_windows_stand_in_every_day_they_touch(client_of, operator, silence):
    now = timezone.now()
    start = datetime(2031, 3, 10, 22, tzinfo=UTC)
    silence("over night", begins=(start - now) / timedelta(hours=1), lasts=4)
    days = {
        day.date.day: day
        for week in client_of(operator).get("/silences/?view=month&at=2031-03").context["calendar"].weeks
        for day in week
        if day.inside
    }
    assert [f"{entry.start:%H:%M}-{entry.end:%H:%M}" for entry in days[10].entries] == ["22:00-00:00"]
    assert [f"{entry.start:%H:%M}-{entry.end:%H:%M}" for entry in days[11].entries] == ["00:00-02:00"]
    assert not days[12].entries


def test_a_recurring_window_keeps_its_hour_when_the_clocks_change(client_of, operator, silence):
    operator.time_zone = "Europe/Berlin"
    operator.save()
    start = datetime(2031, 3, 28, 3, tzinfo=UTC)  # 04:00 in Berlin; the clocks change on the 30th
    silence("night", begins=(start - timezone.now()) / timedelta(hours=1), lasts=1, rrule="FREQ=DAILY", time_zone="Europe/Berlin")
    calendar = client_of(operator).get("/silences/?view=week&at=2031-03-30").context["calendar"]
    assert [f"{entry.start:%a %H}" for day in calendar.weeks[0] for entry in day.entries] == ["Fri 04", "Sat 04", "Sun 04"]


def test_a_crowded_day_says_how_many_more(client_of, operator, silence):
    for _ in range(6):
        silence(begins=0.01, lasts=0.02)
    text = client_of(operator).get("/silences/?view=month").content.decode()
    assert "2 more</a>" in text
