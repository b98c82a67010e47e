from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from aiops.templatetags import ui

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("value", "parts", "text"),
    [
        (0, 1, "0 s"),
        (0.25, 1, "250 ms"),
        (59, 1, "59 s"),
        (90, 1, "1 min"),
        (90061, 2, "1 d 1 h"),
        (timedelta(hours=5), 1, "5 h"),
        (-90, 1, "-1 min"),
        (None, 1, "–"),
    ],
)
def test_durations(value, parts, text):
    assert ui.duration(value, parts).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        ("x", "–"),
        (float("nan"), "–"),
        (0, "0"),
        (1284, "1,284"),
        (71.34, "71.3"),
        (7.0, "7"),
        (0.042, "0.042"),
        (2e-6, "2.0e-06"),
    ],
)
def test_numbers(value, text):
    assert ui.number(value) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0 B"), (999, "999 B"), (18_600_000_000, "18.6 GB"), (None, "–"), (-2048, "-2 kB")])
def test_bytes(value, text):
    assert ui.as_bytes(value).replace("\u00a0", " ") == text


def test_percent_only_says_all_when_it_is_all():
    assert ui.share(999, 1000).startswith("99.9")
    assert ui.share(9999, 10000).startswith("99.9")
    assert ui.share(0, 0) == "–"


def test_an_age_carries_the_moment_in_the_readers_zone():
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        text = ui.ago(timezone.now() - timedelta(minutes=3))
    assert "+09:00" in text
    assert ">3\u00a0min ago</time>" in text


def test_no_time_is_a_dash():
    assert ui.ago(None) == ui.clock("") == ui.moment(None) == "–"


def test_a_sparkline_breaks_where_a_value_is_missing():
    assert ui.spark_path([1.0, 2.0, None, 3.0], 30, 10).count("M") == 2
    assert ui.spark_path([1.0], 30, 10) == ""
    assert "nan" not in ui.spark_path([1.0, float("nan"), 1.0], 30, 10)


def test_a_meter_stays_within_its_bar():
    assert 'width="100"' in ui.meter(250)
    assert "fill bad" in ui.meter(96)
    assert "fill warn" in ui.meter(81)
    assert ui.meter(None) == ""


def test_a_heading_turns_the_order_round_and_keeps_the_rest():
    request = RequestFactory().get("/?q=web&sort=name&page=3")
    html = Template('{% sort_link "name" "Name" "name" False %}').render(Context({"request": request}))
    assert "?q=web&amp;sort=-name" in html
    assert "page" not in html


def test_a_form_carries_the_state_it_does_not_set():
    request = RequestFactory().get('/?tab=charts&range=now-1h&x="><script>')
    html = Template('{% keep_params "range" %}').render(Context({"request": request}))
    assert 'name="tab" value="charts"' in html
    assert "range" not in html
    assert "<script>" not in html
