import pytest

from monitoring.dashboards import explorer
from monitoring.dashboards.tests.conftest import cpu, memory
from monitoring.query.errors import QueryTimeout
from monitoring.store import metadata

pytestmark = pytest.mark.django_db


@pytest.fixture
def hosts(watch, sample):
    for name, used in (("web-1", 20), ("web-2", 40), ("db-1", 60)):
        sample(watch(name), [*memory(used, 40), *cpu(used, 40)])


@pytest.fixture
def get(viewer, client_of, hosts):
    client = client_of(viewer)

    def ask(**query):
        return client.get("/explore/data.json", {"range": "now-15m", **query})

    return ask


def known(values):
    return [value for value in values if value is not None]


def test_an_answer_has_every_series_on_one_grid(get):
    answer = get(q="1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes").json()
    [query] = answer["queries"]
    assert (query["key"], query["unit"], query["total"], query["error"]) == ("A", "ratio", 3, None)
    assert [series["label"] for series in query["series"]] == ["db-1", "web-1", "web-2"]
    assert all(len(series["data"]) == len(answer["t"]) for series in query["series"])
    assert query["series"][0]["stats"]["last"] == pytest.approx(0.6)
    assert known(query["series"][0]["data"]) == pytest.approx([0.6] * len(known(query["series"][0]["data"])))


def test_before_the_first_sample_there_is_nothing(get):
    data = get(q="node_memory_MemTotal_bytes", range="now-1h").json()["queries"][0]["series"][0]["data"]
    assert data[0] is None


def test_queries_have_letters_and_those_left_out_are_not_asked(get):
    answer = get(q=["node_memory_MemTotal_bytes", "vector(1)", "vector(2)"], off="B").json()
    assert [query["key"] for query in answer["queries"]] == ["A", "C"]


def test_one_wrong_query_costs_only_itself(get):
    first, second = get(q=["sum(", "vector(1)"]).json()["queries"]
    assert (first["error"]["start"], first["error"]["limit"], first["series"]) == (3, False, [])
    assert second["error"] is None
    assert second["series"][0]["stats"]["max"] == 1.0


def test_a_limit_is_said_in_words(get, monkeypatch):
    def slow(*_, **__):
        raise QueryTimeout("took too long")

    monkeypatch.setattr(explorer.stored, "run_range", slow)
    error = get(q="vector(1)").json()["queries"][0]["error"]
    assert error["limit"] is True
    assert error["message"] == "The queries took longer than 15 seconds. A shorter range or fewer series are answered faster."


def test_of_many_series_the_highest_are_shown_and_all_are_counted(get, monkeypatch):
    monkeypatch.setattr(explorer, "MOST_SERIES", 2)
    [query] = get(q="node_memory_MemAvailable_bytes").json()["queries"]
    assert query["total"] == 3
    assert [series["labels"]["instance"] for series in query["series"]] == ["web-1", "web-2"]


def test_the_step_follows_from_the_width(get):
    wide, narrow = (get(q="vector(1)", range="now-3h", points=points).json() for points in (1000, 100))
    assert (wide["step"], narrow["step"]) == (15, 120)
    assert all(t % wide["step"] == 0 for t in wide["t"])


def test_comparison_lays_the_same_series_of_a_day_ago_beside(watch, sample, get):
    host = watch("old")
    sample(host, [("queue_depth", {}, [5.0] * 20)], until=86_400_000)
    sample(host, [("queue_depth", {}, [7.5] * 20)])
    [series] = get(q="queue_depth", compare="1d").json()["queries"][0]["series"]
    assert set(known(series["then"])) == {5.0}
    assert (series["was"], series["change"]) == (5.0, 50.0)


def test_a_unit_that_metadata_tells_is_used(watch, sample, get):
    sample(watch("x"), [("queue_age", {}, [1.0] * 9)])
    metadata.record({"queue_age": metadata.Description("gauge", "seconds", "")})
    assert get(q="max(queue_age)").json()["queries"][0]["unit"] == "s"


def test_the_same_address_gives_the_same_chart(get, now_ms):
    fixed = {"range": "", "from": now_ms - 900_000, "to": now_ms, "q": "sum(rate(node_cpu_seconds_total[2m]))"}
    first, second = (get(**fixed).json() for _ in range(2))
    assert first["t"] == second["t"]
    assert first["queries"][0]["series"] == second["queries"][0]["series"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"q": ["x"] * 9}, "At most 8 queries"),
        ({"q": "x" * 4001}, "at most 4,000 characters"),
        ({"q": "x", "view": "pie"}, "view must be one of"),
        ({"q": "x", "compare": "2d"}, "compare must be one of"),
        ({"q": "x", "points": "5"}, "points must be"),
        ({"q": "x", "range": "soon"}, "not a time range"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(get, query, words):
    answer = get(**query)
    assert answer.status_code == 400
    assert words in answer.content.decode()


def test_the_csv_has_a_column_for_each_series(viewer, client_of, hosts):
    answer = client_of(viewer).get("/explore/data.csv", {"q": "node_memory_MemTotal_bytes", "range": "now-15m"})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0].count("A node_memory_MemTotal_bytes{") == 3
    assert lines[1].endswith(",1000000000,1000000000,1000000000")
    assert answer["Content-Disposition"].startswith('attachment; filename="explorer-')


def test_a_csv_of_a_wrong_query_says_what_is_wrong(viewer, client_of):
    answer = client_of(viewer).get("/explore/data.csv?q=sum(")
    assert (answer.status_code, b"Query A: This ( is never closed" in answer.content) == (400, True)


def test_checking_reads_nothing_and_points_at_the_character(viewer, client_of):
    client = client_of(viewer)
    assert client.get("/explore/check", {"q": "sum(rate(up[5m]))"}).json() == {"error": None}
    assert client.get("/explore/check", {"q": "up{job>1}"}).json()["error"]["start"] == 6


def test_completion_answers_for_a_place_in_the_text(viewer, client_of, hosts):
    client = client_of(viewer)
    assert client.get("/explore/complete", {"q": "node_memory_MemT", "at": 16}).json()["items"][0]["label"] == "node_memory_MemTotal_bytes"
    assert client.get("/explore/complete", {"q": "x", "at": 9}).status_code == 400


def test_the_empty_page_offers_what_the_store_holds(viewer, client_of, hosts):
    page = client_of(viewer).get("/explore/").content.decode()
    assert "CPU busy by host" in page
    assert "Targets that do not answer" not in page


def test_without_metrics_the_page_says_how_they_come(viewer, client_of):
    assert "No metrics yet" in client_of(viewer).get("/explore/").content.decode()


@pytest.mark.parametrize("text", ["(" * 1900 + "x" + ")" * 1900, "x" + "+x" * 1900, "-" * 3900, "x[1m" * 900, "{" * 3999, "\\" * 4000])
def test_absurd_queries_are_refused_and_cost_nothing(get, text):
    [query] = get(q=text).json()["queries"]
    assert query["error"]["message"]
    assert get(q="up").json()["queries"][0]["error"] is None


@pytest.mark.parametrize("text", ["-" * 900, "+x" * 300, "((((", "{" * 900])
def test_absurd_selectors_are_refused_in_words(viewer, client_of, text):
    answer = client_of(viewer).get("/explore/changed", {"among": text})
    assert answer.status_code == 200
    assert "Character" in answer.content.decode()


def test_who_has_gone_is_not_waited_for(get, monkeypatch):
    told = []
    monkeypatch.setattr("monitoring.dashboards.explorer_views.gone", lambda request: lambda: True)

    def asked(text, start, end, step, within):
        told.append(within.cancel())
        raise QueryTimeout("over")

    monkeypatch.setattr(explorer.stored, "run_range", asked)
    get(q="up")
    assert told == [True]
