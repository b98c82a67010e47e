"""Silences and maintenance windows: what they hide, when they hold, what happens when they end."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import AuditEntry
from monitoring.alerts import checks, silences, silencing
from monitoring.alerts.models import Alert, Silence
from monitoring.alerts.overlays import overlay
from monitoring.query.source import Matcher

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _now():
    """A long suite reaches a test long after it was read."""
    global NOW
    NOW = datetime.now(UTC)


def silence(*matchers, start=-1, end=60, **fields):
    """Minutes from now."""
    given = [{"name": name, "op": op, "value": value} for name, op, value in matchers or [("host", "=", "a")]]
    times = {"starts_at": NOW + timedelta(minutes=start), "ends_at": NOW + timedelta(minutes=end)}
    return Silence(**{"matchers": given, "reason": "disk is being replaced", **times, **fields})


def suppression(alert):
    return [(one.before, one.after) for one in alert.transitions.filter(axis="suppression").order_by("id")]


@pytest.mark.django_db
def test_it_hides_what_is_there_and_what_comes_and_never_touches_state_or_owner(fire, operator):
    (there,) = fire("a", labels={"host": "a"})
    one = silencing.create(silence(), operator)
    (later,) = fire("b", labels={"host": "a"})
    (other,) = fire("c", labels={"host": "b"})
    there.refresh_from_db()
    assert [alert.suppressed for alert in (there, later, other)] == [True, True, False]
    assert (there.state, there.ownership) == ("firing", "new")
    told = there.suppressed_by[0]
    assert (told["silence"], told["kind"], told["reason"], told["by"]) == (one.pk, "silence", "disk is being replaced", operator.name)
    assert suppression(there) == suppression(later) == [("", f"silence {one.pk}")]
    assert AuditEntry.objects.get(action="silence.created").actor == operator.name


@pytest.mark.django_db
def test_a_window_that_ends_leaves_a_transition_by_which_others_hear(fire, operator):
    (alert,) = fire("a", labels={"host": "a"})
    one = silencing.create(silence(end=10), operator)
    assert overlay(NOW + timedelta(minutes=9)) == 0
    assert overlay(NOW + timedelta(minutes=11)) == 1
    assert overlay(NOW + timedelta(minutes=12)) == 0
    alert.refresh_from_db()
    assert (alert.suppressed, alert.suppressed_by, alert.state) == (False, [], "firing")
    assert suppression(alert)[-1] == (f"silence {one.pk}", "")
    assert alert.transitions.last().reason == "ended: disk is being replaced"


@pytest.mark.django_db
def test_ended_by_a_person_it_hides_nothing_any_more_and_is_audited(fire, operator):
    (alert,) = fire("a", labels={"host": "a"})
    one = silencing.create(silence(), operator)
    assert silencing.end(one, operator)
    assert not silencing.end(one, operator)
    alert.refresh_from_db()
    assert not alert.suppressed
    assert AuditEntry.objects.filter(action="silence.ended").count() == 1


@pytest.mark.django_db
def test_two_over_one_alert_and_the_later_goes_on(fire, operator):
    (alert,) = fire("a", labels={"host": "a"})
    first = silencing.create(silence(), operator)
    second = silencing.create(silence(("alertname", "=~", "a|b"), kind="maintenance"), operator)
    silencing.end(first, operator)
    alert.refresh_from_db()
    assert [one["silence"] for one in alert.suppressed_by] == [second.pk]
    assert suppression(alert)[-1] == (f"silence {first.pk}, maintenance {second.pk}", f"maintenance {second.pk}")


@pytest.mark.django_db
def test_one_that_starts_later_hides_nothing_yet(fire, operator):
    (alert,) = fire("a", labels={"host": "a"})
    silencing.create(silence(start=30, end=90), operator)
    alert.refresh_from_db()
    assert not alert.suppressed
    assert overlay(NOW + timedelta(minutes=31)) == 1


@pytest.mark.django_db
def test_the_preview_counts_what_fires_and_what_is_hidden_already(fire, operator):
    fire("a", "b", "c", labels={"host": "a"})
    silencing.create(silence(("alertname", "=", "a")), operator)
    fire("d", labels={"host": "b"})
    found = silences.preview([Matcher("host", "=", "a")])
    assert (found.firing, found.suppressed, len(found.alert_ids)) == (3, 1, 3)
    assert silences.preview([Matcher("alertname", "=", "b"), Matcher("host", "=", "a")]).firing == 1
    assert silences.preview([Matcher("alertname", "=", "a"), Matcher("alertname", "=", "b")]).firing == 0
    assert silences.preview([Matcher("severity", "=~", "medium|high"), Matcher("host", "!=", "a")]).firing == 1


@pytest.mark.django_db
def test_matching_says_what_keeps_labels_quiet(operator):
    one = silencing.create(silence(), operator)
    assert [found.silence for found in silences.matching({"host": "a"})] == [one]
    assert silences.matching({"host": "b"}) == []


def berlin(**fields):
    start = datetime(2026, 3, 22, 1, 0, tzinfo=UTC)  # 02:00 in Berlin, a Sunday; a week later the clocks change
    times = {"starts_at": start, "ends_at": start + timedelta(hours=2)}
    return silence(**{"rrule": "FREQ=WEEKLY;BYDAY=SU", "time_zone": "Europe/Berlin", **times, **fields})


def test_a_recurring_window_keeps_its_hour_when_the_clocks_change():
    found = silences.occurrences(berlin(), datetime(2026, 3, 22, tzinfo=UTC), datetime(2026, 4, 6, tzinfo=UTC))
    assert [one.start.hour for one in found] == [1, 1, 0]
    assert all(one.end - one.start == timedelta(hours=2) for one in found)
    assert silences.current(berlin(), datetime(2026, 4, 5, 1, 59, tzinfo=UTC))
    assert not silences.current(berlin(), datetime(2026, 4, 5, 2, 0, tzinfo=UTC))
    assert not silences.current(berlin(), datetime(2026, 4, 6, 1, 0, tzinfo=UTC))


def test_a_recurring_window_tells_its_next_one_and_ends_for_good():
    now = datetime(2026, 4, 6, tzinfo=UTC)
    assert silences.next_occurrence(berlin(), now).start == datetime(2026, 4, 12, 0, 0, tzinfo=UTC)
    over = berlin(ended_at=datetime(2026, 4, 7, tzinfo=UTC))
    assert silences.next_occurrence(over, datetime(2026, 4, 8, tzinfo=UTC)) is None
    assert silences.next_occurrence(berlin(rrule="FREQ=WEEKLY;COUNT=2"), now) is None


def test_presets_end_where_the_person_is():
    now = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # 00:30 on the 21st in Berlin
    assert silences.until("1h", now) == now + timedelta(hours=1)
    assert silences.until("tomorrow", now, "Europe/Berlin") == datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    with pytest.raises(ValueError, match="not a preset"):
        silences.until("for ever", now)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"matchers": []}, "matchers"),
        ({"matchers": [{"name": "host", "op": "~", "value": "a"}]}, "matchers"),
        ({"matchers": [{"name": "host", "op": "=~", "value": "("}]}, "matchers"),
        ({"matchers": [{"name": "host", "op": "=~", "value": ".*"}]}, "matchers"),
        ({"ends_at": NOW - timedelta(days=1)}, "ends_at"),
        ({"ends_at": NOW + timedelta(days=500)}, "ends_at"),
        ({"rrule": "FREQ=SECONDLY"}, "rrule"),
        ({"rrule": "every sunday"}, "rrule"),
        ({"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rrule"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"kind": "holiday"}, "kind"),
    ],
)
def test_what_cannot_be_a_silence_is_told(changed, field):
    assert [one.field for one in checks.check_silence(silence(**changed))] == [field]
    assert checks.check_silence(silence()) == []


@pytest.mark.django_db
def test_nothing_is_read_of_alerts_while_there_is_no_silence(fire, django_assert_max_num_queries):
    fire("a", labels={"host": "a"})
    with django_assert_max_num_queries(2):
        overlay()
    assert not Alert.objects.get().suppressed
