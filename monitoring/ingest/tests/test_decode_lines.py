"""Line protocol: every escape and type, each line for itself, and the short way says what the grammar says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_protocol_parser import parse_line

from monitoring.ingest.decoded import Memory
from monitoring.ingest.decoders import line_protocol
from monitoring.ingest.errors import Undecodable

pytestmark = pytest.mark.once


def decode(body, memory=None, precision="s", now=7, most=100_000):
    body = body.encode() if isinstance(body, str) else body
    return line_protocol.decode(body, memory or Memory(), precision=precision, now=now, most=most)


def samples(found):
    """{(metric, labels): [(ms, value)]}"""
    told = {}
    for place, t, v in zip(found.index.tolist(), found.t.tolist(), found.v.tolist(), strict=True):
        told.setdefault((found.keys[place].metric, found.keys[place].labels), []).append((t, v))
    return told


def reasons(found):
    return [(one.line, one.reason, one.sentence) for one in found.refusals]


def test_a_field_becomes_a_metric_and_a_tag_a_label():
    found = decode("cpu,host=a,core=0 usage_idle=12.5,usage_user=3i 1700000000")
    labels = (("core", "0"), ("host", "a"), ("instance", "a"))
    at = 1_700_000_000_000
    assert samples(found) == {("cpu_usage_idle", labels): [(at, 12.5)], ("cpu_usage_user", labels): [(at, 3.0)]}


def test_an_instance_that_is_told_is_kept():
    [(_, labels)] = samples(decode("up,host=a,instance=a:9100 x=1"))
    assert dict(labels) == {"host": "a", "instance": "a:9100"}


@pytest.mark.parametrize(
    ("line", "metric", "labels"),
    [
        (r"my\ disk,a\,b=c\ d,e\=f=g\=h free\ space=1", "my_disk_free_space", {"a_b": "c d", "e_f": "g=h"}),
        ("system.cpu,the-host=x load.1=1", "system_cpu_load_1", {"the_host": "x"}),
        ("1st,2nd=x v=1", "_1st_v", {"_2nd": "x"}),
        ("température,ville=Genève v=1", "temp_rature_v", {"ville": "Genève"}),
        ('say"hi v=1', "say_hi_v", {}),
        ("m,__name__=evil v=1", "m_v", {"_name__": "evil"}),
        ("m,a=x\\ y  v=1", "m_v", {"a": "x y"}),
    ],
)
def test_names_become_those_prometheus_knows(line, metric, labels):
    [(key, given)] = samples(decode(line))
    assert (key, dict(given)) == (metric, labels)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-1.5", -1.5), ("1e3", 1000), (".5", 0.5), ("5.", 5), ("3i", 3), ("-3i", -3), ("18446744073709551615u", 2.0**64)]
    + [(word, 1) for word in ("t", "T", "true", "True", "TRUE")]
    + [(word, 0) for word in ("f", "F", "false", "False", "FALSE")],
)
def test_every_type_of_number_is_taken(text, value):
    memory = Memory()
    memory.learn(decode("m,a=b v=1 5").fresh)
    for known in (Memory(), memory):  # through the grammar, and the short way
        assert samples(decode(f"m,a=b v={text} 5", known)) == {("m_v", (("a", "b"),)): [(5000, value)]}


def test_texts_are_attributes_and_cost_no_line():
    found = decode('system,host=a uptime=5i,uptime_format="1 day, 2:03",note="say \\"hi\\" \\\\ there"')
    assert [key.metric for key in found.keys] == ["system_uptime"]
    [(host, texts)] = found.attributes.items()
    assert (host.key, texts) == (("host", "a"), {"uptime_format": "1 day, 2:03", "note": 'say "hi" \\ there'})
    assert (dict(found.skipped), dict(found.refused)) == ({"text": 2}, {})


def test_a_line_end_within_a_text_ends_no_line():
    found = decode('log,host=a m="first\nsecond\nthird",n=1 5\ncpu,host=a x=2 5\nbad')
    assert sorted(key.metric for key in found.keys) == ["cpu_x", "log_n"]
    assert [one.line for one in found.refusals] == [5]


def test_a_text_that_never_closes_costs_its_own_line_only():
    found = decode('cpu,host=a x=1\nlog,host=a m="open,n=1\ncpu,host=b x=2\ncpu,host=c x=3')
    assert len(found) == 3
    assert reasons(found) == [(2, "syntax", "unbalanced quotes")]


def test_comments_and_empty_lines_are_passed_over():
    assert len(decode("# a comment\n\n   \r\ncpu x=1 5\r\n#\n")) == 1


@pytest.mark.parametrize(
    ("precision", "time"), [("s", 1_700_000_000), ("ms", 1_700_000_000_000), ("u", 1_700_000_000_000_000), ("us", 1_700_000_000_000_000)]
)
def test_every_precision_is_understood(precision, time):
    assert decode(f"m v=1 {time}", precision=precision).t.tolist() == [1_700_000_000_000]
    assert decode("m v=1 1700000000000000000", precision="").t.tolist() == [1_700_000_000_000]
    assert decode("m v=1 28333333", precision="m").t.tolist() == [1_699_999_980_000]
    assert decode("m v=1 472222", precision="h").t.tolist() == [1_699_999_200_000]


def test_a_line_without_a_time_is_of_now():
    assert decode("m v=1\nm v=1 5").t.tolist() == [7, 5000]


@pytest.mark.parametrize(
    ("line", "reason", "sentence"),
    [
        ("cpu,host=a usage=", "syntax", "missing field value"),
        ("cpu,host=a", "syntax", "missing fields"),
        ("cpu usage", "syntax", "invalid field format"),
        ("cpu,host= x=1", "syntax", "missing tag value"),
        ("cpu,host x=1", "syntax", "missing tag value"),
        ("cpu,=a x=1", "syntax", "missing tag key"),
        (",host=a x=1", "syntax", "missing measurement"),
        ("cpu =1", "syntax", "missing field key"),
        ("cpu x=1,,y=2", "syntax", "invalid field format"),
        ("cpu x=NaN", "number", "invalid number"),
        ("cpu x=nan", "number", "invalid number"),
        ("cpu x=inf", "number", "invalid boolean"),
        ("cpu x=1_0", "number", "invalid number"),
        ("cpu x=1.2.3", "number", "invalid number"),
        ("cpu x=1.5i", "number", "invalid number"),
        ("cpu x=1e999", "number", "invalid float"),
        ("cpu x=0x10", "number", "invalid number"),
        ("cpu x=1 abc", "timestamp", "bad timestamp"),
        ("cpu x=1 12 13", "timestamp", "bad timestamp"),
        ("cpu x=1 1.5", "timestamp", "bad timestamp"),
        ("cpu,host=a,host=b x=1", "labels", "duplicate tags"),
        ("cpu,a-b=1,a.b=2 x=1", "labels", "two tags become the same label 'a_b'"),
        ("cpu a-b=1,a.b=2", "labels", "two fields become the same metric 'cpu_a_b'"),
        ('cpu x="abc', "syntax", "unbalanced quotes"),
        ('cpu x="a"b', "syntax", "invalid field format"),
    ],
)
def test_a_malformed_line_costs_itself_only(line, reason, sentence):
    memory = Memory()
    memory.learn(decode("cpu,host=a x=1 5\ncpu x=1 5").fresh)
    found = decode(f"good,host=a x=1 5\n{line}\ngood,host=a x=2 6", memory)
    assert reasons(found) == [(2, reason, sentence)]
    assert found.v.tolist() == [1, 2]


def test_a_time_that_no_clock_shows_is_refused():
    assert [one.reason for one in decode("m v=1 99999999999999999999\nm v=1 9223372036854775807").refusals] == ["timestamp", "timestamp"]


def test_bytes_that_are_no_text_cost_their_line():
    found = decode(b"good,host=a x=1\nb\xffd,host=a x=1\ncpu,host=\xfe x=1")
    assert len(found) == 1
    assert [one.reason for one in found.refusals] == ["encoding", "encoding"]


def test_a_million_tags_are_refused_without_reading_them():
    found = decode("m," + ",".join(f"t{n}=v" for n in range(1_000_000)) + " x=1\ngood x=1")
    assert [key.metric for key in found.keys] == ["good_x"]
    assert [one.reason for one in found.refusals] == ["labels"]
    assert len(found.refusals[0].text) <= 200


def test_more_samples_than_allowed_are_413():
    with pytest.raises(Undecodable) as refusal:
        decode("\n".join(f"m,h={n} x=1,y=2" for n in range(60)), most=100)
    assert refusal.value.status == 413
    with pytest.raises(Undecodable):
        decode("\n" * 1000, most=100)


def test_a_field_without_a_value_is_not_taken_for_another():
    """Separators in the wrong order must not slip through the short way."""
    memory = Memory()
    memory.learn(decode("m a=1,b=2 5").fresh)
    assert len(decode("m a,1=b=2 5", memory)) == 0
    assert len(decode("m a=1=b,2 5", memory)) == 0


@pytest.mark.parametrize("body", ["m,a=b x=1,y=2.5 5", "m,a=b x=1i,y=2i 5", "m,a=b x=t,y=2 5\nm,a=b x=3,y=4i 6", 'm,a=b x=1,y=2,z="s" 5'])
def test_the_short_way_says_what_the_grammar_says(body):
    memory = Memory()
    first = decode(body, memory)
    memory.learn(first.fresh)
    second = decode(body, memory)
    assert samples(first) == samples(second)
    assert second.fresh == {}


names = st.text("abcXYZ059", min_size=1, max_size=8).filter(lambda name: name[0].isalpha())
texts = st.text("aZ09é€, =-./:", min_size=1, max_size=8).filter(lambda text: text.strip(" ") == text)
numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False).map(repr),
    st.integers(-(2**62), 2**62).map(lambda number: f"{number}i"),
)


def escaped(text, characters):
    return "".join("\\" + one if one in characters else one for one in text)


@st.composite
def lines(draw):
    measurement = draw(texts.filter(lambda text: not text.startswith("#")))
    tags = draw(st.dictionaries(names, texts, max_size=4))
    fields = draw(st.dictionaries(names, numbers, min_size=1, max_size=4))
    time = draw(st.integers(0, 2**62))
    head = escaped(measurement, ", ") + "".join(f",{name}={escaped(value, ', =')}" for name, value in tags.items())
    return f"{head} {','.join(f'{name}={value}' for name, value in fields.items())} {time}"


@settings(max_examples=80, deadline=None)
@given(lines())
def test_an_independent_parser_reads_the_same_values(line):
    memory = Memory()
    first = decode(line, memory, precision="ns")
    memory.learn(first.fresh)
    ours = [samples(found) for found in (first, decode(line, memory, precision="ns"))]
    theirs = parse_line(line)
    wanted = {name: float(value) for name, value in theirs["fields"].items()}
    for found in ours:
        assert {metric.rpartition("_")[2] for metric, _ in found} == {name.rpartition("_")[2] for name in wanted}
        assert sorted(value for points in found.values() for _, value in points) == sorted(wanted.values())
        assert {t for points in found.values() for t, _ in points} == {theirs["time"] // 1_000_000}
        assert all(dict(labels).items() >= {k: v for k, v in theirs["tags"].items() if k != "host"}.items() for _, labels in found)


def test_a_known_line_may_change_types_order_and_fields():
    memory = Memory()
    lines = [
        "m,host=a x=1,y=2i 1",
        "m,host=a x=1i,y=2 1",
        "m,host=a x=1.5e+3,y=-2i 1",
        "m,host=a y=2i,x=1 1",
        "m,host=a x=1 1",
        "m,host=a x=1,y=2i 2",
    ]
    for _ in range(3):
        for line in lines:
            found = decode(line, memory)
            memory.learn(found.fresh)
            assert samples(found) == samples(decode(line)), line


@pytest.mark.parametrize("value", ["1.5i", "1ei", "+1", "--1", "1-2", "0x1", "01", "1.", ".5", "1e999", "-", "i", "nan"])
def test_a_known_line_with_an_odd_value_is_judged_by_the_grammar(value):
    memory = Memory()
    for known in ("m x=1,y=1 1", "m x=1i,y=1i 1"):
        for _ in range(2):
            memory.learn(decode(known, memory).fresh)
    line = f"m x={value},y=2 1\nm x=3,y=4 1"
    assert samples(decode(line, memory)) == samples(decode(line))
    assert reasons(decode(line, memory)) == reasons(decode(line))
