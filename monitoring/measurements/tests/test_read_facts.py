"""The reading half of the facts API."""

import gzip

import pytest

from monitoring.measurements.tests.conftest import iso
from monitoring.store import tasks
from monitoring.store.windows import DAY, HOUR, MINUTE, now_ms

pytestmark = pytest.mark.django_db


@pytest.fixture
def day(keep, midnight):
    """Two VMs with two metrics every half hour of a day; vm-2's cpu has a gap of two hours."""
    times = [midnight + place * 30 * MINUTE for place in range(48)]
    rows = [(vm, t, metric, float(place)) for vm in ("vm-1", "vm-2") for metric in ("cpu", "mem") for place, t in enumerate(times)]
    keep(*(row for row in rows if row[0] == "vm-1" or row[2] == "mem" or not 10 <= row[3] < 14))
    return midnight


def get(client, path, **query):
    answer = client.get(f"/api/v1/{path}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_vms_and_their_metrics(reader, day):
    assert get(reader, "vms")["results"] == ["vm-1", "vm-2"]
    assert get(reader, "vms", metric="mem")["count"] == 2
    assert get(reader, "vms/vm-1/metrics")["results"] == ["cpu", "mem"]
    first = get(reader, "vms", limit=1)
    assert get(reader, "vms", limit=1, cursor=first["next_cursor"])["results"] == ["vm-2"]


def test_a_vms_name_may_hold_anything(reader, keep, midnight):
    keep(("rack 1/vm?ü", midnight, "disk /var", 1))
    assert get(reader, "vms/rack%201%2Fvm%3F%C3%BC/metrics")["results"] == ["disk /var"]
    assert get(reader, "facts", vm="rack 1/vm?ü", metric="disk /var")["count"] == 1


def test_a_range_includes_both_ends_under_any_of_its_names(reader, day):
    start, end = iso(day + HOUR), iso(day + 2 * HOUR)
    for names in (("start", "end"), ("start_date", "end_date"), ("from", "to")):
        found = get(reader, "facts", vm="vm-1", metric="cpu", **dict(zip(names, (start, end), strict=True)))
        assert [row["value"] for row in found["results"]] == [2.0, 3.0, 4.0]
    assert found["results"][0]["timestamp"] == start
    assert get(reader, "facts", host="vm-1", metric_name="cpu", start=day // 1000, end=day + 1)["count"] == 1


def test_a_zone_whose_plus_was_lost_in_the_address_is_understood(reader, day):
    answer = reader.get(f"/api/v1/facts?vm=vm-1&metric=cpu&end={iso(day).replace('Z', '')}+00:00")
    assert answer.json()["count"] == 1


@pytest.mark.parametrize("job", [lambda: None, tasks.seal, tasks.merge_days], ids=["hot", "sealed", "merged"])
def test_pages_hold_every_fact_once_in_order(job, reader, day):
    job()
    whole = get(reader, "facts")
    assert whole["count"] == 4 * 48 - 4
    assert (whole["next"], whole["next_cursor"]) == (None, None)
    order = [(row["vm"], row["metric"], row["timestamp"]) for row in whole["results"]]
    assert order == sorted(order)
    for limit in (1, 7, 47, 48, 188):
        rows, following, pages = [], f"/api/v1/facts?limit={limit}", 0
        while following and pages < 200:
            body = reader.get(following).json()
            assert len(body["results"]) <= limit
            rows, following, pages = rows + body["results"], body["next"], pages + 1
        assert rows == whole["results"], limit


def test_the_latest_fact_of_every_vm_and_metric(reader, keep, day):
    now = now_ms()
    keep(("vm-1", now - 2 * HOUR, "cpu", 1), ("vm-1", now - HOUR, "cpu", 2), ("vm-2", now - HOUR, "cpu", 3))
    assert [(row["vm"], row["value"]) for row in get(reader, "facts/latest")["results"]] == [("vm-1", 2), ("vm-2", 3)]
    assert get(reader, "facts/latest", hours=720)["count"] == 4
    assert [row["value"] for row in get(reader, "facts/latest", vm="vm-2")["results"]] == [3]
    rows, following = [], "/api/v1/facts/latest?hours=720&limit=1"
    while following:
        body = reader.get(following).json()
        rows, following = rows + body["results"], body["next"]
    assert rows == get(reader, "facts/latest", hours=720)["results"]


def test_statistics(reader, day):
    found = get(reader, "facts/statistics", vm="vm-1", metric="cpu", start=iso(day))
    assert (found["count"], found["min"], found["max"], found["avg"], found["median"]) == (48, 0, 47, 23.5, 23.5)
    assert (found["first"], found["last"]) == (iso(day), iso(day + 47 * 30 * MINUTE))
    assert found["stddev"] == pytest.approx(13.853, abs=0.001)


def test_totals(reader, day):
    found = get(reader, "stats")
    assert found == {"facts": 188, "vms": 2, "metrics": 2, "series": 4, "first": iso(day), "last": iso(day + 47 * 30 * MINUTE)}
    tasks.merge_days()
    assert get(reader, "stats") == found


def test_there_are_totals_of_nothing(reader, db):
    assert get(reader, "stats") == {"facts": 0, "vms": 0, "metrics": 0, "series": 0, "first": None, "last": None}


def test_completeness_counts_intervals_with_a_fact(reader, day):
    span = {"start": iso(day), "end": iso(day + DAY)}
    whole = get(reader, "completeness", vm="vm-1", metric="cpu", **span)
    assert (whole["expected"], whole["actual"], whole["missing"], whole["completeness"]) == (48, 48, 0, 100.0)
    holed = get(reader, "completeness", metric="cpu", **span)
    assert [(row["vm"], row["missing"]) for row in holed["results"]] == [("vm-1", 0), ("vm-2", 4)]
    assert holed["completeness"] == 95.83
    assert get(reader, "completeness", vm="vm-2", metric="cpu", interval_minutes=1440, **span)["expected"] == 1
    assert get(reader, "completeness", vm="vm-2", metric="cpu", interval=15, **span)["actual"] == 44


def test_missing_data_tells_each_stretch(reader, day):
    span = {"start": iso(day), "end": iso(day + DAY)}
    found = get(reader, "missing-data", metric="cpu", **span)
    gap = {"vm": "vm-2", "metric": "cpu", "start": iso(day + 5 * HOUR), "end": iso(day + 7 * HOUR), "missing": 4}
    assert (found["missing"], found["gaps"], found["results"]) == (4, 1, [gap])
    later = get(reader, "missing-data", vm="vm-1", metric="cpu", start=iso(day + 23 * HOUR), end=iso(day + DAY + HOUR))
    assert [(row["start"], row["end"]) for row in later["results"]] == [(iso(day + DAY), iso(day + DAY + HOUR))]


def test_a_range_without_any_fact_is_all_missing(reader, keep, midnight):
    keep(("vm-1", midnight, "cpu", 1))
    found = get(reader, "completeness", vm="vm-1", metric="cpu", start=iso(midnight + HOUR), end=iso(midnight + 2 * HOUR))
    assert (found["expected"], found["actual"], found["completeness"]) == (2, 0, 0.0)


def test_legacy_addresses_answer_a_bare_list(reader, keep, day):
    keep(("vm-1", now_ms() - HOUR, "cpu", 2))
    rows = get(reader, "metrics", vm="vm-1", metric="cpu", limit=3)
    assert rows == get(reader, "facts", vm="vm-1", metric="cpu", limit=3)["results"]
    assert 'rel="next"' in reader.get("/api/v1/metrics?limit=3")["Link"]
    assert [row["value"] for row in get(reader, "latest_metrics", vm="vm-1")] == [2]


# -- refusals ------------------------------------------------------------------------------------------------------------
READS = ["facts", "facts/latest", "facts/statistics", "completeness", "missing-data", "metrics", "latest_metrics"]


@pytest.mark.parametrize("path", READS)
def test_what_is_not_known_is_404(path, reader, day):
    for query in ({"vm": "nope"}, {"metric": "nope"}, {"vm": "vm-1", "metric": "nope"}):
        answer = reader.get(f"/api/v1/{path}", query)
        assert answer.status_code == 404, query
        assert "nope" in answer.json()["error"]
    assert reader.get("/api/v1/vms/nope/metrics").status_code == 404
    assert reader.get("/api/v1/vms", {"metric": "nope"}).status_code == 404


@pytest.mark.parametrize("path", READS)
def test_without_any_fact_there_is_404(path, reader, db):
    assert reader.get(f"/api/v1/{path}").status_code == 404


@pytest.mark.parametrize("path", ["facts", "facts/statistics", "metrics"])
def test_an_empty_range_is_404(path, reader, day):
    answer = reader.get(f"/api/v1/{path}", {"start": iso(day - 2 * DAY), "end": iso(day - DAY)})
    assert (answer.status_code, answer.json()) == (404, {"error": "There are no facts in this range."})


WRONG = [
    ("facts", {"vm": ""}),
    ("facts", {"metric": " "}),
    ("facts", {"start": "2026-01-02", "end": "2026-01-01"}),
    ("facts", {"start": "2026-01-01", "end": "2026-01-01"}),
    ("facts", {"start": "soon"}),
    ("facts", {"end": "9" * 15}),
    ("facts", {"limit": "0"}),
    ("facts", {"limit": "10001"}),
    ("facts", {"limit": "many"}),
    ("facts", {"limit": "²"}),
    ("facts", {"cursor": "x"}),
    ("facts", {"cursor": "é"}),
    ("facts/latest", {"hours": "721"}),
    ("facts/latest", {"hours": "0"}),
    ("facts/statistics", {"start": "2026-01-02", "end": "2026-01-01"}),
    ("completeness", {"interval": "0"}),
    ("completeness", {"interval": "1441"}),
    ("completeness", {"start": "2026-01-02", "end": "2026-01-01"}),
    ("completeness", {"start": "2100-01-01", "end": "2100-01-02"}),
    ("missing-data", {"interval_minutes": "1.5"}),
    ("missing-data", {"limit": "-1"}),
    ("metrics", {"limit": "10001"}),
    ("latest_metrics", {"hours": "1000"}),
    ("vms/%20/metrics", {}),
]


@pytest.mark.parametrize(("path", "query"), WRONG, ids=[f"{path} {query}" for path, query in WRONG])
def test_a_wrong_question_is_400_with_one_sentence(path, query, reader, day):
    answer = reader.get(f"/api/v1/{path}", query)
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]


@pytest.mark.parametrize("key", ["0-0", "x", "1-", "-1", "99999999999-1", "2147483648-1", "1-²"])
def test_an_id_of_no_fact_is_404(key, reader, day):
    assert reader.get(f"/api/v1/facts/{key}").status_code == 404


# -- transport -----------------------------------------------------------------------------------------------------------
def test_an_unchanged_answer_is_304_and_a_changed_one_is_not(reader, keep, day):
    first = reader.get("/api/v1/facts?vm=vm-1&end=2100-01-01")
    assert reader.get("/api/v1/facts?vm=vm-1&end=2100-01-01", headers={"If-None-Match": f'"other", W/{first["ETag"]}'}).status_code == 304
    keep(("vm-1", day + 1, "cpu", 1))
    assert reader.get("/api/v1/facts?vm=vm-1&end=2100-01-01", headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_answers_are_compressed_for_who_asks(reader, day):
    plain = reader.get("/api/v1/facts")
    packed = reader.get("/api/v1/facts", headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert reader.get("/api/v1/facts", headers={"Accept-Encoding": "gzip", "If-None-Match": packed["ETag"]}).status_code == 304
