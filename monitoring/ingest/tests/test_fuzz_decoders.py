"""Whatever bytes come in: samples, refusals, or the decoder's own error. Nothing else leaves a decoder."""

import cramjam
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.ingest import bodies
from monitoring.ingest.decoded import Memory
from monitoring.ingest.decoders import json_points, line_protocol, remote_write
from monitoring.ingest.errors import Undecodable
from monitoring.ingest.tests.protobuf import request

pytestmark = pytest.mark.once

AT = 1_700_000_000_000
LINES = b'cpu,host=a,dc=eu usage=1.5,n=3i,up=t 1700000000\nlog,host=a m="x, y\\" =z",v=1e3 1700000001\n# c\nmem free=-1'
NESTED = b'[{"host":"a","ts":1700000000,"metrics":{"cpu":1.5,"up":true,"v":"1.2"},"labels":{"dc":"eu"}},{"metric":"m","value":2}]'
FLUSH = b'{"metrics":[{"name":"cpu","tags":{"host":"a"},"fields":{"v":1,"s":"x"},"timestamp":1700000000}]}'
WRITE = request(
    ({"__name__": "cpu", "instance": "a:9100"}, [(AT, 1.5)]),
    ({"__name__": "cpu", "instance": "b:9100"}, [(AT, 0.0), (AT + 1, 2.0)]),
).SerializeToString()
DECODERS = {
    "lines": (LINES, lambda body, memory: line_protocol.decode(body, memory, precision="s", now=7, most=1000)),
    "JSON": (NESTED, lambda body, memory: json_points.decode(body, memory, now=7, most=1000)),
    "telegraf": (FLUSH, lambda body, memory: json_points.decode_telegraf(body, memory, now=7, most=1000)),
    "remote write": (WRITE, lambda body, memory: remote_write.decode(body, memory, most=1000)),
}


@st.composite
def damaged(draw, body):
    """The body with pieces cut out, doubled, swapped or overwritten."""
    found = bytearray(body)
    for _ in range(draw(st.integers(1, 4))):
        a, b = sorted(draw(st.tuples(st.integers(0, len(found)), st.integers(0, len(found)))))
        piece = draw(st.one_of(st.binary(max_size=6), st.sampled_from([b"", b'"', b"\\", b"\n", b"=", b",", b" ", b"\xff", b"9" * 30])))
        found[a : draw(st.sampled_from([a, min(a + 1, b), b]))] = piece
    return bytes(found)


def judge(refusal):
    assert refusal.sentence
    assert 400 <= refusal.status < 500


def decoded_or_refused(name, body):
    """At first sight, and by a process that knows the sound body."""
    sound, decode = DECODERS[name]
    knowing = Memory()
    knowing.learn(decode(sound, knowing).fresh)
    for memory in (Memory(), knowing):
        try:
            found = decode(body, memory)
        except Undecodable as refusal:
            judge(refusal)
            continue
        assert len(found.index) == len(found.t) == len(found.v)
        assert len(found.keys) == sum(len(layout.keys) for layout in found.layouts)
        assert (found.index < len(found.keys)).all()
        assert name == "remote write" or np.isfinite(found.v).all()
        assert all(key.metric for key in found.keys)
        assert len(found.refusals) <= sum(found.refused.values())


@pytest.mark.parametrize("name", DECODERS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_bytes_are_samples_or_one_sentence(name, data):
    sound, _ = DECODERS[name]
    decoded_or_refused(name, data.draw(st.one_of(damaged(sound), st.binary(max_size=60))))


@settings(max_examples=100, deadline=None)
@given(damaged(bytes(cramjam.snappy.compress_raw(WRITE))))
def test_any_snappy_is_inflated_or_refused(body):
    class Request:
        headers, META = {"Content-Encoding": "snappy"}, {}

        def read(self):
            return body

    try:
        assert len(bodies.snappy(Request(), 100_000)) <= 100_000
    except Undecodable as refusal:
        judge(refusal)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_gzip_is_inflated_or_refused(body):
    try:
        bodies.inflated(body, 10_000)
    except Undecodable as refusal:
        judge(refusal)
