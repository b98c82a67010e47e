"""Times as people and models write them."""

from datetime import UTC, datetime, timedelta

import pytest

from genai.tools import times
from genai.tools.base import Context, ToolError

NOW = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)


class Reader:
    time_zone = "Europe/Berlin"


def context(**fields):
    return Context(Reader(), now=NOW, **fields)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("now", NOW),
        ("6h", NOW - timedelta(hours=6)),
        ("now-30m", NOW - timedelta(minutes=30)),
        ("2 days ago", NOW - timedelta(days=2)),
        ("1w", NOW - timedelta(weeks=1)),
        ("2026-11-20T14:30:00Z", datetime(2026, 11, 20, 14, 30, tzinfo=UTC)),
        ("2026-11-20T14:30", datetime(2026, 11, 20, 13, 30, tzinfo=UTC)),
        ("2026-11-20 14:30 UTC", datetime(2026, 11, 20, 14, 30, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 19, 23, 0, tzinfo=UTC)),
        ("yesterday", datetime(2026, 11, 20, 23, 0, tzinfo=UTC)),
        ("yesterday at 14:00", datetime(2026, 11, 21, 13, 0, tzinfo=UTC)),
        ("today 9", datetime(2026, 11, 22, 8, 0, tzinfo=UTC)),
        ("15:00", datetime(2026, 11, 22, 14, 0, tzinfo=UTC)),
        ("16:00", datetime(2026, 11, 21, 15, 0, tzinfo=UTC)),
        ("1763821800", datetime(2025, 11, 22, 14, 30, tzinfo=UTC)),
        ("1763821800000", datetime(2025, 11, 22, 14, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_understood_in_the_askers_zone(text, found):
    assert times.moment(text, context()) == found


@pytest.mark.parametrize("text", ["", "soon", "yesterday 25:00", "99:99", "2026-13-40", "9999999999d", "999999h ago or so", "١٢:٣٠ x"])
def test_what_is_no_time_is_told_in_a_sentence(text):
    with pytest.raises(ToolError, match="is no time; write for example"):
        times.moment(text, context())


def test_the_page_says_the_time_where_nobody_else_does():
    start, end = NOW - timedelta(hours=9), NOW - timedelta(hours=8)
    assert times.window({}, context(start=start, end=end)) == (start, end)
    assert times.window({"start": "1h"}, context(start=start, end=end)) == (NOW - timedelta(hours=1), NOW)


def test_a_window_ends_now_and_is_not_empty_or_endless():
    assert times.window({}, context()) == (NOW - timedelta(hours=1), NOW)
    assert times.window({"start": "2h", "end": "2027-01-01"}, context())[1] == NOW
    with pytest.raises(ToolError, match="empty"):
        times.window({"start": "1h", "end": "2h"}, context())
    with pytest.raises(ToolError, match="longer than 400 days"):
        times.window({"start": "2020-01-01"}, context())
