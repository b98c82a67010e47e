"""Remote write: the frames read by hand say what generated protocol buffers code says, whatever their shape."""

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.ingest.decoded import Memory
from monitoring.ingest.decoders import remote_write
from monitoring.ingest.errors import Undecodable
from monitoring.ingest.tests.protobuf import WriteRequest, request
from monitoring.store.batch import STALE, is_stale

pytestmark = pytest.mark.once

AT = 1_700_000_000_000
CPU = {"__name__": "cpu", "instance": "a:9100", "job": "node"}


def decode(message, memory=None, most=100_000):
    body = message if isinstance(message, bytes) else message.SerializeToString()
    return remote_write.decode(body, memory or Memory(), most=most)


def samples(found):
    return [
        (found.keys[place].metric, found.keys[place].labels, t, struct.pack("<d", v))
        for place, t, v in zip(found.index.tolist(), found.t.tolist(), found.v.tolist(), strict=True)
    ]


def wanted(*series):
    return [
        (
            labels["__name__"],
            tuple(sorted((name, value) for name, value in labels.items() if name != "__name__" and value)),
            t,
            struct.pack("<d", v),
        )
        for labels, points in series
        for t, v in points
    ]


def both_ways(*series):
    """What is decoded at first sight and when everything is known."""
    memory, message = Memory(), request(*series)
    first = decode(message, memory)
    memory.learn(first.fresh)
    return first, decode(message, memory)


def test_a_series_is_told_by_its_labels_and_its_machine_by_its_instance():
    for found in both_ways((CPU, [(AT, 1.5)])):
        assert samples(found) == wanted((CPU, [(AT, 1.5)]))
        assert [host.key for host in found.hosts] == [("host", "a")]


@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, -1e300, math.inf, -math.inf, math.nan, 5e-324])
def test_every_value_survives_bit_for_bit(value):
    for found in both_ways((CPU, [(AT, value)])):
        assert samples(found) == wanted((CPU, [(AT, value)]))


def test_the_marker_of_an_ended_series_is_kept():
    for found in both_ways((CPU, [(AT, STALE)])):
        assert is_stale(found.v).all()


@pytest.mark.parametrize("time", [0, 1, -5, 1 << 34, (1 << 35) - 1, 1 << 35, (1 << 42) - 1, 1 << 42, 1 << 50])
def test_times_of_any_length_are_read(time):
    for found in both_ways((CPU, [(time, 1.0)]), (CPU | {"job": "x"}, [(AT, 2.0)])):
        assert sorted(found.t.tolist()) == sorted([time, AT])


def test_a_frame_with_many_samples_beside_known_ones():
    many = [(AT + step, float(step)) for step in range(50)]
    first, again = both_ways((CPU, many), (CPU | {"job": "x"}, [(AT, 1.0)]), (CPU | {"job": "y"}, []))
    assert sorted(samples(first)) == sorted(samples(again)) == sorted(wanted((CPU, many), (CPU | {"job": "x"}, [(AT, 1.0)])))


def test_a_label_that_holds_the_bytes_of_a_sample_deceives_nobody():
    series = [(CPU | {"evil": "\x12\x10\t" + "x" * 5}, [(AT, 0.0)]), (CPU | {"evil": "\x12\x07\x10"}, [(AT, 3.0)])]
    for found in both_ways(*series):
        assert sorted(samples(found)) == sorted(wanted(*series))


def test_exemplars_and_native_histograms_are_counted_and_cost_nothing_else():
    message = request((CPU, [(AT, 1.0)]))
    message.timeseries[0].exemplars.add(value=1)
    message.timeseries[0].histograms.add(sum=5)
    message.timeseries[0].histograms.add(sum=6)
    found = decode(message)
    assert (len(found), dict(found.refused), dict(found.skipped)) == (1, {}, {"exemplar": 1, "native_histogram": 2})


def test_metadata_is_read():
    message = WriteRequest()
    message.metadata.add(type=1, metric_family_name="http_requests_total", help="Requests.", unit="")
    message.metadata.add(type=2, metric_family_name="size_bytes", help="Größe", unit="bytes")
    message.metadata.add(type=99, metric_family_name="odd")
    assert decode(message).metadata == {
        "http_requests_total": ("counter", "", "Requests."),
        "size_bytes": ("gauge", "bytes", "Größe"),
        "odd": ("unknown", "", ""),
    }


def _with_label(*pairs):
    message = request((CPU, [(AT, 1.0)]))
    one = message.timeseries.add()
    for name, value in pairs:
        one.labels.add(name=name, value=value)
    one.samples.add(timestamp=AT, value=2)
    return message


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ([("__name__", "m"), ("a", "1"), ("a", "2")], "the label 'a' is there twice"),
        ([("a", "1")], "the series has no name"),
        ([("__name__", ""), ("a", "1")], "the series has no name"),
        ([("__name__", "m"), ("", "1")], "a label has no name"),
        ([("__name__", "m"), ("a", "x" * 20_000)], "the labels are longer than 16384 bytes"),
    ],
)
def test_labels_that_cannot_be_kept_cost_their_series_only(pairs, sentence):
    found = decode(_with_label(*pairs))
    assert [one.sentence for one in found.refusals] == [sentence]
    assert samples(found) == wanted((CPU, [(AT, 1.0)]))
    assert found.refused == {"labels": 1}


def test_labels_that_are_no_text_cost_their_series_only():
    body = _with_label(("__name__", "m"), ("a", "ZZZZ")).SerializeToString().replace(b"ZZZZ", b"\xff\xfe\xff\xfe")
    found = decode(body)
    assert (len(found), dict(found.refused)) == (1, {"encoding": 1})


def test_a_million_labels_are_refused():
    message = request((CPU, [(AT, 1.0)]), ({"__name__": "m"} | {f"l{n}": "v" for n in range(100_000)}, [(AT, 1.0)]))
    assert decode(message).refused == {"labels": 1}


@pytest.mark.parametrize("cut", [1, 2, 5, 9, 17, 20, 40])
def test_a_body_that_ends_in_the_middle_is_undecodable(cut):
    memory, body = Memory(), request((CPU, [(AT, 1.0)])).SerializeToString()
    memory.learn(decode(body).fresh)
    for known in (memory, Memory()):
        with pytest.raises(Undecodable):
            decode(body[:-cut], known)


def test_more_samples_than_allowed_are_413():
    series = [(CPU | {"n": str(n)}, [(AT, 1.0)]) for n in range(20)]
    memory = Memory()
    memory.learn(decode(request(*series), memory).fresh)
    for known in (memory, Memory()):
        with pytest.raises(Undecodable) as refusal:
            decode(request(*series), known, most=19)
        assert refusal.value.status == 413
        assert len(decode(request(*series), known, most=20)) == 20


def test_unknown_fields_are_passed_over():
    body = request((CPU, [(AT, 1.0)])).SerializeToString()
    assert samples(decode(b"\x12\x03abc" + body + b"\x28\x05\x35\0\0\0\0")) == wanted((CPU, [(AT, 1.0)]))


label = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
series = st.tuples(
    st.dictionaries(st.sampled_from(["a", "instance", "job", "host"]), label, max_size=3).flatmap(
        lambda labels: st.sampled_from(["m", "n_total"]).map(lambda name: {"__name__": name, **labels})
    ),
    st.lists(st.tuples(st.one_of(st.integers(AT, AT + 9999), st.integers(-(2**52), 2**52)), st.floats()), min_size=1, max_size=3),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(series, max_size=6), min_size=1, max_size=4))
def test_it_reads_what_protocol_buffers_wrote(requests):
    """One memory for all, so that later bodies meet known series."""
    memory = Memory()
    for one in requests:
        found = decode(request(*one), memory)
        memory.learn(found.fresh)
        assert sorted(samples(found), key=repr) == sorted(wanted(*one), key=repr)


def test_frames_are_followed_in_their_order_and_found_in_any_other():
    names = ["a", "b", "c", "d"]
    memory = Memory()
    sent = {name: ({"__name__": name, "instance": "a:9100"}, [(AT, number + 0.5)]) for number, name in enumerate(names)}
    memory.learn(decode(request(*sent.values()), memory).fresh)
    for order in ("abcd", "abcd", "abcd", "dcba", "dcba", "aabb", "abcd", "cd", "abxcd"):
        more = {"x": ({"__name__": "x"}, [(AT, 1.0), (AT + 1, 2.0)])}  # a frame of another shape in between
        told = [{**sent, **more}[name] for name in order]
        found = samples(decode(request(*told), memory))
        assert sorted(found) == sorted(wanted(*told))
        assert [one for one in found if one[0] != "x"] == [one for one in wanted(*told) if one[0] != "x"]


def test_a_value_that_becomes_zero_and_back_is_read_in_its_place():
    memory = Memory()
    for values in ([1.0, 2.0, 3.0], [1.0, 0.0, 3.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [4.0, 5.0, 6.0]):
        series = [({"__name__": name}, [(AT, value)]) for name, value in zip("abc", values, strict=True)]
        found = decode(request(*series), memory)
        memory.learn(found.fresh)
        assert samples(found) == wanted(*series)


def test_a_followed_frame_that_ends_in_the_middle_is_refused():
    memory = Memory()
    body = request((CPU, [(AT, 1.5)]), ({"__name__": "b"}, [(AT, 2.5)])).SerializeToString()
    for _ in range(2):
        memory.learn(decode(body, memory).fresh)
    with pytest.raises(Undecodable, match="ends in the middle"):
        decode(body[:-3], memory)


def test_what_left_with_its_generation_is_not_followed(monkeypatch):
    memory = Memory()
    series = [({"__name__": name}, [(AT, 1.5)]) for name in "ab"]
    for _ in range(3):
        memory.learn(decode(request(*series), memory).fresh)
    monkeypatch.setattr("monitoring.ingest.decoded.GENERATION", -1.0)
    memory.learn({})
    monkeypatch.undo()
    assert samples(decode(request(*series), memory)) == wanted(*series)
    assert memory.active == 2
