"""Digests of shifts and weeks: made once, when their span is over, told as settings say, shown to whoever may see incidents."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings
from django.urls import reverse

from accounts.models import User
from genai.summaries import digests
from genai.summaries.models import Digest
from genai.summaries.tests import scenes
from monitoring.notifications.models import Channel, Delivery

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 3, 2, 6, 1, tzinfo=UTC)  # a minute after a night shift and a week ended


@pytest.fixture(autouse=True)
def first_person(db) -> None:
    """Since January there was somebody here, who may see nothing any more."""
    User.objects.create_user(
        "first@example.org", None, name="first", role="viewer", is_active=False, date_joined=MONDAY - timedelta(days=60)
    )


def at(hour: int, day: int = 2, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "begins", "week"),
    [
        (at(6, minute=1), at(6), at(6)),
        (at(5, 3), at(22, 2), at(6)),
        (at(13, 4), at(6, 4), at(6)),
        (at(5), at(22, 1), datetime(2026, 2, 23, 6, tzinfo=UTC)),
    ],
)
def test_shifts_and_weeks_begin_at_their_hours(now, begins, week):
    assert digests.begins(now) == begins
    assert digests.week_begins(now) == week


def test_what_ended_is_the_shift_and_the_week_before():
    shift, week = digests.ended(MONDAY)
    assert (shift.start, shift.end) == (at(22, 1), at(6))
    assert (week.end - week.start, week.end) == (timedelta(days=7), at(6))


@override_settings(SHIFT_HOURS=[8])
def test_one_shift_a_day_lasts_a_day():
    shift, _ = digests.ended(at(9))
    assert (shift.start, shift.end) == (at(8, 1), at(8))


def test_each_is_made_once():
    assert digests.make_due(MONDAY) == 2
    assert digests.make_due(MONDAY) == 0
    assert set(Digest.objects.values_list("kind", flat=True)) == {"shift", "week"}


def test_an_installation_tells_nothing_of_the_time_before_it():
    User.objects.update(date_joined=MONDAY)
    assert digests.make_due(MONDAY) == 0


def test_long_after_nobody_wants_it():
    digests.make_due(at(12, 4))
    assert not Digest.objects.filter(kind="week").exists()


@pytest.fixture
def night() -> Digest:
    """Something of everything between ten and six."""
    found = scenes.incident(started_at=at(1), detected_at=at(1, minute=5), resolved_at=at(2), status="resolved", resolution="recovered")
    scenes.incident(title="Mail queue grows", started_at=at(4), detected_at=at(4))
    for number in range(6):
        scenes.alert(
            fingerprint=f"n{number}", name="Flaky", state="resolved", started_at=at(3), fired_at=at(3), resolved_at=at(3, minute=1)
        )
    scenes.alert(started_at=at(7), fired_at=at(7))  # after it
    scenes.case(incident=found, finished_at=at(2))
    made = digests.make(digests.ended(MONDAY)[0])
    assert made is not None
    return made


def test_figures_are_those_of_the_span(night):
    found = night.figures
    assert (found["alerts"]["fired"], found["alerts"]["noisy"][0]["count"]) == (6, 6)
    assert (found["incidents"]["opened"], found["incidents"]["resolved_count"], found["incidents"]["open_count"]) == (2, 1, 1)
    assert found["incidents"]["to_resolve"] == 3600
    assert (found["remediation"]["finished"], found["remediation"]["held"]) == (1, 1)


def test_the_text_says_what_is_open_what_ended_and_what_is_of_no_use(night):
    assert "1 incident is open" in night.text
    assert "Mail queue grows, high, is open; it began 2 Mar 04:00 UTC" in night.text
    assert "1 incident ended after 1\u00a0h" in night.text
    assert "Flaky fired 6 times and nobody took it up" in night.text
    assert "[E" in night.text
    assert "[guess]" not in night.text


def test_a_quiet_night_is_said_in_one_sentence():
    made = digests.make(digests.ended(MONDAY)[0])
    assert made.text == "No incident is open."


@pytest.mark.parametrize(("setting", "told"), [("none", set()), ("week", {"week"}), ("all", {"shift", "week"})])
def test_people_are_told_as_settings_say_and_once(setting, told, operator, viewer):
    Channel.objects.create(name="Bell", kind="in_app", enabled=True)
    with override_settings(DIGEST_MAIL=setting):
        digests.make_due(MONDAY)
        digests.make_due(MONDAY)
    rows = Delivery.objects.select_related("user", "message")
    assert {one.user for one in rows} == ({operator} if told else set())
    assert {"week" if "Week" in one.message.title else "shift" for one in rows} == told
    assert all("[E" not in one.message.content["text"] for one in rows)


def test_pages_are_for_everybody_who_may_see_incidents(night, viewer, operator, approver, admin, stranger, client_of):
    for url in (reverse("digests"), reverse("digest", args=[night.pk]), reverse("digest-now"), f"{reverse('digest-now')}?kind=week"):
        for person in (viewer, operator, approver, admin):
            assert client_of(person).get(url).status_code == 200, (url, person.role)
        assert client_of(stranger).get(url).status_code == 302


def test_a_digest_links_what_it_counts(night, viewer, client_of):
    page = client_of(viewer).get(reverse("digest", args=[night.pk])).content.decode()
    for one in night.figures["incidents"]["open"] + night.figures["incidents"]["resolved"]:
        assert reverse("incident", args=[one["id"]]) in page
    assert 'class="cite" href="/evidence/' in page


def test_a_bad_address_is_a_sentence(viewer, client_of):
    assert client_of(viewer).get(reverse("digests"), {"tab": "year"}).status_code == 400
    assert client_of(viewer).get(reverse("digest-now"), {"kind": "year"}).status_code == 400
    assert client_of(viewer).get(reverse("digest", args=[987654])).status_code == 404


def test_nothing_yet_offers_what_happened_so_far(viewer, client_of):
    assert reverse("digest-now") in client_of(viewer).get(reverse("digests")).content.decode()


def test_the_api_lists_them(client, night, viewer, token_of):
    head = {"HTTP_AUTHORIZATION": f"Bearer {token_of(viewer, 'monitoring:read')}"}
    (told,) = client.get("/api/v1/genai/digests/", {"kind": "shift"}, **head).json()["results"]
    assert told["figures"]["alerts"]["fired"] == 6
    assert client.get("/api/v1/genai/digests/", {"kind": "year"}, **head).status_code == 400
    assert client.get("/api/v1/genai/digests/").status_code == 401
