"""Pages of exporters become columns: both formats, what they describe, and what is no page."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from monitoring.sources.pollers.exposition import Malformed, Reader, described
from monitoring.sources.tests.peers import DATA
from monitoring.store.batch import SeriesKey
from monitoring.store.metadata import Description

pytestmark = pytest.mark.once

OWN = {"job": "node", "instance": "db-1:9100"}


def read(text, openmetrics=False, **options):
    page = Reader(OWN, **options).read(text, openmetrics)
    return dict(zip(map(named, page.keys), page.values, strict=True))


def named(key):
    return (key.metric, *(f"{name}={value}" for name, value in key.labels if name not in OWN))


def test_a_page_carries_the_targets_labels():
    page = Reader(OWN).read('load 0.5\nbytes{device="sda",mode="r"} 12\n')
    assert page.keys == [
        SeriesKey("load", (("instance", "db-1:9100"), ("job", "node"))),
        SeriesKey("bytes", (("device", "sda"), ("instance", "db-1:9100"), ("job", "node"), ("mode", "r"))),
    ]
    assert (list(page.values), page.times) == ([0.5, 12.0], {})


def test_it_agrees_with_the_clients_own_parser():
    text = (DATA / "dcgm_exporter.txt").read_text()
    theirs = {
        (sample.name.removesuffix("_total"), *sorted(f"{k}={v}" for k, v in sample.labels.items() if v)): sample.value
        for family in text_string_to_metric_families(text)  # which ends the names of counters with _total
        for sample in family.samples
    }
    ours = {(name.removesuffix("_total"), *labels): value for (name, *labels), value in read(text).items()}
    assert ours == theirs
    assert len(ours) == 36


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("up NaN", ("up",)),
        ("x +Inf", ("x",)),
        ("x\t1e-3", ("x",)),
        ('x{a="1"}2', ("x", "a=1")),
        ('  x { a = "1" , b="2", } 3 ', ("x", "a=1", "b=2")),
        ('x{} 1', ("x",)),
        ('x{a=""} 1', ("x",)),
        (r'x{a="C:\\dir\n\"q\""} 1', ("x", 'a=C:\\dir\n"q"')),
        ('x{a="} 7 # {"} 1', ("x", "a=} 7 # {")),
        ('x{a="день\u2028"} 1', ("x", "a=день\u2028")),
        ("x 1 1395066363000", ("x",)),
        ("x 1\r", ("x",)),
    ],
)  # fmt: skip
def test_what_the_format_allows_is_read_the_same_every_time(line, expected):
    reader = Reader(OWN)
    pages = [reader.read(f"y 1\n{line}\n") for _ in range(3)]
    for page in pages:
        assert list(map(named, page.keys)) == [("y",), expected]
    assert [repr(page.values[1]) for page in pages] == [repr(pages[0].values[1])] * 3


@pytest.mark.parametrize(
    "line",
    [
        "x", "x one", "{a=\"1\"} 2", "1x 2", 'x{a="1" 2', "x{a=1} 2", 'x{a="1",a="2"} 3', 'x{__name__="y"} 3', "x 1_000", "x 1 2 3",
        "x 1 now",
        'x{a="1"b="2"} 3', 'x{="1"} 3', "node_cpu_seconds_to", 'x{a="unfini', "<html>", "x 1 1e999",
        "x1.5", "x-y 1",
    ],
)  # fmt: skip
def test_what_is_no_line_refuses_the_page_and_is_shown(line):
    reader = Reader(OWN)
    for _ in range(2):
        with pytest.raises(Malformed) as fault:
            reader.read(f"good 1\n{line}\n")
        assert fault.value.args[0].startswith("sample 2 is")
    assert reader.read("good 1\n").values == [1.0]


def test_a_line_of_a_megabyte_is_refused_without_much_work():
    with pytest.raises(Malformed):
        Reader(OWN).read('x{a="' + "a\\" * 500_000)
    with pytest.raises(Malformed) as fault:
        Reader(OWN).read("x{" + 'a="1",' * 200_000 + "} 1")
    assert len(str(fault.value)) < 250


def test_of_a_series_given_twice_the_first_counts():
    page = Reader(OWN).read('x{a="1",b="2"} 1\ny 5\nx{b="2",a="1"} 2\n')
    assert (page.values, page.duplicates) == ([1.0, 5.0], 1)


def test_timestamps_are_milliseconds_in_text_and_seconds_in_openmetrics():
    assert Reader(OWN).read("y 0\nx 1 1520879607789\n").times == {1: 1520879607789}
    assert Reader(OWN).read("y 0\nx 1 1520879607.789\n# EOF\n", openmetrics=True).times == {1: 1520879607789}


def test_openmetrics_with_exemplars_units_and_its_end():
    text = (DATA / "openmetrics.txt").read_text()
    found = read(text, openmetrics=True)
    assert found[("jobs_total", "queue=mail")] == 17.0
    assert found[("wait_seconds_bucket", "le=0.1")] == 8.0
    assert found[("temperature_celsius", 'room=hall \\ "A"\n2')] == -3.5
    assert math.isnan(found[("temperature_celsius", "room=void")])
    assert len(found) == 13
    with pytest.raises(Malformed, match="EOF"):
        Reader(OWN).read(text.removesuffix("# EOF\n"), openmetrics=True)


def test_descriptions_have_the_samples_names():
    comments = Reader(OWN).read((DATA / "openmetrics.txt").read_text(), openmetrics=True).comments
    said = described(comments, openmetrics=True)
    assert said["jobs_total"] == Description("counter", "jobs", 'Jobs done, by "queue".')
    assert said["wait_seconds"] == Description("histogram", "seconds", "Time in the queue.")
    assert said["build_info"].type == "info"
    text = described(("# HELP x_total Sums\\nup", "# TYPE x_total counter", "# TYPE y untyped", "# just a remark", "#"))
    assert text == {"x_total": Description("counter", "", "Sums\nup"), "y": Description("unknown")}


def test_labels_of_the_page_give_way_unless_they_are_honoured():
    line = 'x{job="own",instance="",exported_job="old"} 1\n'
    given, honoured = (Reader(OWN, honor).read(line).keys[0].labels for honor in (False, True))
    assert dict(given) == {"job": "node", "instance": "db-1:9100", "exported_job": "old", "exported_exported_job": "own"}
    assert dict(honoured) == {"job": "own", "exported_job": "old"}


def test_the_same_lines_are_the_same_object_and_changes_are_found():
    reader = Reader(OWN)
    first, again, other, back = (reader.read(text) for text in ("a 1\nb 2\n", "a 3\nb 4\n", "a 5\n", "a 6\nb 7\n"))
    assert again.keys is first.keys
    assert (again.values, other.values, back.values) == ([3.0, 4.0], [5.0], [6.0, 7.0])
    assert [key.metric for key in other.keys] == ["a"]
    assert back.keys == first.keys


NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", fullmatch=True)
LABELS = st.dictionaries(st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,6}", fullmatch=True), st.text(min_size=1, max_size=8), max_size=3)


def escaped(text):
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def written(name, labels, value):
    inner = ",".join(f'{label}="{escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{inner}}} {value!r}"


@given(st.lists(st.tuples(NAMES, LABELS, st.floats(allow_nan=False)), max_size=6))
def test_whatever_is_written_by_the_rules_is_read_back(rows):
    lines = [written(*row) for row in rows]
    text = "\n".join([*lines, ""])
    reader = Reader({})
    expected = {}
    for name, labels, value in rows:
        expected.setdefault(SeriesKey.of(name, labels), value)
    for _ in range(2):
        page = reader.read(text)
        assert dict(zip(page.keys, page.values, strict=True)) == expected


@given(st.text(alphabet='ab{}=", \\\n\t#0.5eN_', max_size=60), st.booleans())
def test_whatever_comes_is_a_page_or_malformed(text, openmetrics):
    reader = Reader(OWN)
    for _ in range(2):
        try:
            page = reader.read(text, openmetrics)
        except Malformed:
            continue
        assert len(page.keys) == len(page.values) == len(set(page.keys))
