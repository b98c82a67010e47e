from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import BadRequest
from django.test import RequestFactory
from django.utils import timezone

from aiops import timerange

pytestmark = pytest.mark.once

NOW = int(datetime(2026, 11, 20, 14, 30, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setattr(timerange, "now_ms", lambda: NOW)


def parse(query):
    return timerange.from_request(RequestFactory().get(f"/?{query}"))


def test_without_parameters_it_is_the_last_hour():
    found = parse("")
    assert (found.start_ms, found.end_ms, found.live, found.label) == (NOW - 60 * MINUTE, NOW, True, "Last hour")


def test_a_relative_range_ends_now():
    found = parse("range=now-3h")
    assert (found.span_ms, found.relative, found.label) == (180 * MINUTE, "now-3h", "Last 3 hours")


@pytest.mark.parametrize(
    ("query", "minutes"),
    [
        (f"from={NOW - 30 * MINUTE}&to={NOW - 10 * MINUTE}", (30, 10)),
        ("from=2026-11-20T14:00&to=2026-11-20T14:20", (30, 10)),
        ("from=2026-11-20T14:00:00Z&to=2026-11-20T15:20:00%2B01:00", (30, 10)),
        ("from=now-30m&to=now-10m", (30, 10)),
        ("from=now-30m", (30, 0)),
    ],
)
def test_absolute_ranges(query, minutes):
    found = parse(query)
    assert (NOW - found.start_ms, NOW - found.end_ms) == tuple(m * MINUTE for m in minutes)


def test_a_time_without_zone_is_the_readers():
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        assert parse("from=2026-11-20T23:00&to=2026-11-20T23:20").start_ms == NOW - 30 * MINUTE


def test_a_range_from_now_back_is_live():
    assert parse("from=now-6h&to=now").live
    assert not parse("from=now-6h&to=now-3h").live


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("range=3h", "is not a time range"),
        ("range=now-3y", "is not a time range"),
        ("range=now-0m", "is empty"),
        ("range=now-99999999h", "is not a time range"),
        ("range=now-999999w", "longer than 400 days"),
        ("to=5", "to was given without from"),
        ("from=tomorrow", "from is not a time"),
        ("from=2026-13-40T99:00", "from is not a time"),
        ("from=5&to=never", "to is not a time"),
        ("from=2026-11-20T14:20&to=2026-11-20T14:00", "is empty"),
        (f"from={NOW}&to={NOW}", "is empty"),
        (f"from={NOW + MINUTE}&to={NOW + 2 * MINUTE}", "begins in the future"),
        ("from=0&to=now", "longer than 400 days"),
        ("from=999999999999998&to=999999999999999", "calendar"),
        ("from=-5", "from is not a time"),
        ("from=%00", "from is not a time"),
    ],
)
def test_bad_input_is_one_sentence(query, says):
    with pytest.raises(BadRequest) as refusal:
        parse(query)
    sentence = str(refusal.value)
    assert says in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_earlier_and_later_move_by_half():
    found = parse(f"from={NOW - 60 * MINUTE}&to={NOW - 40 * MINUTE}")
    assert found.earlier.end_ms == NOW - 50 * MINUTE
    assert found.later.end_ms == NOW - 30 * MINUTE


def test_later_stops_at_now():
    assert parse("").later is None
    assert parse(f"from={NOW - 60 * MINUTE}&to={NOW - MINUTE}").later.end_ms == NOW


def test_zooming_out_doubles_and_does_not_pass_now():
    wider = parse("").wider
    assert (wider.end_ms, wider.span_ms) == (NOW, 120 * MINUTE)
    assert parse("range=now-300d").wider is None


def test_labels_are_in_the_readers_zone():
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert parse("from=2026-11-20T10:00&to=2026-11-20T12:30").label.endswith("10:00–12:30")


def test_a_young_resource_gets_a_short_range():
    seen = [datetime.fromtimestamp((NOW - minutes * MINUTE) / 1000, UTC) for minutes in (1, 10, 100)]
    assert [timerange.covering(since) for since in seen] == ["now-5m", "now-15m", "now-1h"]
