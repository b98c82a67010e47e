import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aiops import timerange
from monitoring.dashboards import charts, receivers
from monitoring.dashboards.tests.conftest import cpu, filesystem, memory
from monitoring.inventory.models import ResourceChange

pytestmark = pytest.mark.django_db


@pytest.fixture
def host(watch, sample):
    host = watch("db-1", facts={"os": "Linux"})
    sample(host, [*cpu(30, 40), *memory(60, 40)])
    return host


@pytest.fixture
def get(viewer, client_of, host):
    client = client_of(viewer)
    return lambda query="": client.get(f"/resources/{host.pk}/charts.json?{query}")


def panel(answer, key):
    return next(panel for panel in answer.json()["panels"] if panel["key"] == key)


def test_panels_come_only_where_there_is_data(get):
    assert [panel["key"] for panel in get("range=now-15m").json()["panels"]] == ["cpu", "memory"]


def test_the_figures_are_those_of_the_samples(get):
    answer = get("range=now-15m")
    user = [value for value in panel(answer, "cpu")["series"][0]["data"] if value is not None]
    used = [value for value in panel(answer, "memory")["series"][0]["data"] if value is not None]
    assert user == pytest.approx([30.0] * len(user), abs=0.1)
    assert used == pytest.approx([60.0] * len(used), abs=0.1)
    assert len(user) >= 35


def test_before_the_first_sample_there_is_nothing(get):
    data = panel(get("range=now-1h"), "memory")["series"][0]["data"]
    assert data[0] is None
    assert len(data) == len(get("range=now-1h").json()["t"])


def test_a_panel_has_a_sentence_for_those_who_do_not_see_it(get):
    assert panel(get("range=now-15m"), "memory")["sentence"].startswith("Memory: Used 60 % last, between 60 % and 60 %")


def test_wide_buckets_tell_lowest_and_highest(watch, sample, viewer, client_of):
    host = watch("spiky")
    sample(host, [("node_load1", {}, [1.0, 9.0] * 20)])
    answer = client_of(viewer).get(f"/resources/{host.pk}/charts.json?range=now-15m&points=10")
    series = panel(answer, "load")["series"][0]
    at = next(n for n, value in enumerate(series["data"]) if value == 5.0)
    assert (series["lo"][at], series["hi"][at]) == (1.0, 9.0)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("range=yesterday", "'yesterday' is not a time range"),
        ("from=1&to=0", "The time range is empty"),
        ("points=9", "points must be a whole number from 10 to 2000"),
        ("points=" + "9" * 5000, "points must be a whole number from 10 to 2000"),
        ("points=many", "points must be a whole number from 10 to 2000"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(host, viewer, client_of, query, sentence):
    answer = client_of(viewer).get(f"/resources/{host.pk}/charts.json?{query}", headers={"Accept": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(sentence)


def test_a_resource_that_does_not_exist_is_404(viewer, client_of):
    assert client_of(viewer).get("/resources/987654/charts.json").status_code == 404


def test_what_happened_is_marked_and_numbered(host):
    for kind, minutes in (("rebooted", 5), ("clock", 3)):
        change = ResourceChange.of(host, kind, f"{kind} happened")
        change.time = timezone.now() - timedelta(minutes=minutes)
        change.save()
    found = charts.of_resource(host, span("now-10m")).events
    assert [(event["n"], event["kind"]) for event in found] == [("1", "deploy"), ("2", "config"), ("3", "config")]
    assert found[0]["text"] == "rebooted happened"


def test_the_past_says_so_and_leads_back(get):
    assert "back to now" in get("range=now-30m&from=now-30m&to=now-10m").json()["marks"]
    assert "back to now" not in get("range=now-30m").json()["marks"]


def test_no_point_lies_beyond_the_range(get):
    answer = get("range=now-15m").json()
    assert answer["t"][-1] <= answer["to"] + 0.1


def test_statements_do_not_grow_with_series(host, sample):
    with CaptureQueriesContext(connection) as few:
        charts.of_resource(host, span("now-15m"))
    sample(host, [series for n in range(20) for series in filesystem(f"/disk{n}", 40)])
    with CaptureQueriesContext(connection) as many:
        drawn = charts.of_resource(host, span("now-15m")).drawn
    assert len(many) == len(few)
    assert len(next(one for one in drawn if one.key == "filesystem").lines) == 8


def test_the_newest_point_carries_every_line(host, now_ms):
    point = charts.newest(host.pk, now_ms)
    assert point["panels"]["cpu"]["User"] == pytest.approx(30.0, abs=0.1)
    assert point["panels"]["memory"]["Used"] == pytest.approx(60.0, abs=0.1)
    assert abs(point["t"] * 1000 - now_ms) < 1000


def test_a_silent_resource_has_no_newest_point(watch, now_ms):
    assert charts.newest(watch("silent").pk, now_ms) is None


def test_a_tick_brings_the_newest_point_to_the_browsers(host):
    assert "cpu" in receivers.newest_points(f"resource:{host.pk}", {"reason": "polled"})["panels"]


def test_a_tick_of_a_silent_resource_passes_as_it_is(watch):
    assert receivers.newest_points(f"resource:{watch('silent').pk}", {"reason": "state"}) == {"reason": "state"}


def test_csv_holds_the_numbers_of_one_chart(host, viewer, client_of):
    answer = client_of(viewer).get(f"/resources/{host.pk}/charts.csv?range=now-15m&panel=memory")
    head, *rows = b"".join(answer.streaming_content).decode().splitlines()
    assert head == 'time,"Memory Used, %"'
    assert rows[-1].endswith(",60")
    assert answer["Content-Disposition"].startswith('attachment; filename="db-1-memory-')


def test_a_name_that_a_spreadsheet_would_run_is_written_as_text():
    assert charts.safe_cell("=HYPERLINK()") == "'=HYPERLINK()"


def test_csv_of_an_unknown_chart_is_refused(host, viewer, client_of):
    assert client_of(viewer).get(f"/resources/{host.pk}/charts.csv?panel=nope").status_code == 400


def test_the_page_carries_its_data_safely(watch, sample, viewer, client_of):
    host = watch("web-2")
    sample(host, filesystem("/</script><script>alert(1)</script>", 40, 20))
    page = client_of(viewer).get(f"/resources/{host.pk}/?range=now-15m").content.decode()
    assert "<script>alert(1)" not in page
    embedded = page.split('id="chart-data">')[1].split("</script>")[0]
    assert json.loads(embedded)["panels"][0]["key"] == "filesystem"


def span(relative):
    return timerange._relative(relative, timerange.now_ms())
