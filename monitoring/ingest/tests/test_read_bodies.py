"""A body is never larger in memory than allowed, whatever it claims."""

import gzip
import tracemalloc
import zlib

import cramjam
import pytest
from django.test import RequestFactory

from monitoring.ingest import bodies
from monitoring.ingest.errors import Undecodable

pytestmark = pytest.mark.once

MB = 2**20


def request(body, encoding=""):
    return RequestFactory().post("/webhooks/x", body, content_type="text/plain", headers={"Content-Encoding": encoding} if encoding else {})


def refused(read, body, encoding, largest=MB):
    with pytest.raises(Undecodable) as refusal:
        read(request(body, encoding), largest)
    return refusal.value


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "GZIP", "x-gzip"])
def test_a_body_is_read_as_it_was_sent(encoding):
    sent = gzip.compress(b"cpu x=1") if "gzip" in encoding.lower() else b"cpu x=1"
    assert bodies.plain(request(sent, encoding), MB) == b"cpu x=1"


def test_gzip_may_have_many_members():
    assert bodies.plain(request(gzip.compress(b"a") + gzip.compress(b"b"), "gzip"), MB) == b"ab"


@pytest.mark.parametrize("cut", [1, 4, 8, 12, 20])
def test_gzip_that_ends_in_the_middle_is_400(cut):
    refusal = refused(bodies.plain, gzip.compress(b"cpu x=1 " * 20)[:-cut], "gzip")
    assert (refusal.status, refusal.sentence) == (400, "The gzip body is broken: it ends in the middle.")


@pytest.mark.parametrize("body", [b"nonsense", b"\x1f\x8b\x08\0garbage here", b"\x1f\x8b"])
def test_what_is_no_gzip_is_400(body):
    assert refused(bodies.plain, body, "gzip").status == 400


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "deflate"])
def test_another_encoding_is_415(encoding):
    assert refused(bodies.plain, b"x", encoding).status == 415
    assert refused(bodies.snappy, b"x", encoding).status == 415


def test_a_body_above_the_limit_is_413():
    assert refused(bodies.plain, b"x" * (MB + 1), "").status == 413


def bomb(size):
    """gzip of `size` bytes of nothing, in one member."""
    packer = zlib.compressobj(1, wbits=31)
    nothing = bytes(16 * MB)
    return b"".join([packer.compress(nothing) for _ in range(size // len(nothing))]) + packer.flush()


def test_a_gigabyte_in_a_megabyte_costs_no_more_than_the_limit():
    body = request(bomb(1024 * MB), "gzip")
    tracemalloc.start()
    try:
        with pytest.raises(Undecodable) as refusal:
            bodies.plain(body, 8 * MB)
        assert tracemalloc.get_traced_memory()[1] < 24 * MB
    finally:
        tracemalloc.stop()
    assert refusal.value.status == 413


def snappy(body):
    return bytes(cramjam.snappy.compress_raw(body))


def claiming(length):
    """A snappy body with another length in front."""
    prefix = b""
    while length > 127:
        prefix, length = prefix + bytes([length & 127 | 128]), length >> 7
    return prefix + bytes([length]) + snappy(b"x" * 50)[1:]


def test_snappy_is_inflated():
    assert bodies.snappy(request(snappy(b"abc" * 500), "snappy"), MB) == b"abc" * 500
    assert bodies.snappy(request(snappy(b"abc")), MB) == b"abc"
    assert bodies.snappy(request(snappy(b""), "snappy"), MB) == b""


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (claiming(49), 400),
        (claiming(51), 400),
        (claiming(1 << 20), 400),
        (claiming((1 << 20) + 1), 413),
        (claiming(1 << 32), 413),
        (b"\xff" * 12, 400),
        (b"\xff\x06\x00\x00sNaPpY" + b"x" * 20, 400),
        (snappy(b"abc" * 500)[:-3], 400),
    ],
)
def test_a_wrong_length_is_seen_before_anything_is_inflated(body, status):
    tracemalloc.start()
    try:
        assert refused(bodies.snappy, body, "snappy").status == status
        assert tracemalloc.get_traced_memory()[1] < MB // 2
    finally:
        tracemalloc.stop()
