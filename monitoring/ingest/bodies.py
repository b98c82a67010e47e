"""A request's body as decoders want it: whole, inflated, and never larger than allowed, whatever its sender claims."""

import zlib

import cramjam
from django.http import HttpRequest

from monitoring.ingest.decoders.wire import varint
from monitoring.ingest.errors import Undecodable

_PIECE = 256 * 1024
_FRAMED = b"\xff\x06\x00\x00sNaPpY"
_RATIO = 64  # snappy's shortest copy, of three bytes, makes 64


def plain(request: HttpRequest, largest: int) -> bytes:
    """As sent, or gzip. Raises Undecodable: 413 above `largest` bytes inflated, 415 for another encoding, 400 for broken gzip."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    body = _sent(request, largest)
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise Undecodable(f"The content encoding {encoding[:40]!r} is not understood here; send gzip or none.", 415)
    return inflated(body, largest)


def snappy(request: HttpRequest, largest: int) -> bytes:
    """Snappy's block format; the length that the body claims is checked before anything is inflated."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "snappy"):
        raise Undecodable(f"The content encoding {encoding[:40]!r} is not understood here; remote write 1.0 sends snappy.", 415)
    body = _sent(request, largest)
    if body.startswith(_FRAMED):
        raise Undecodable("The body is framed snappy; remote write sends snappy's block format.")
    claimed, start = varint(body, 0)
    if claimed > largest:
        raise too_large(largest)
    if claimed > (len(body) - start) * _RATIO:
        raise Undecodable("The snappy body is broken: it claims a length that it cannot have.")
    try:
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as fault:
        raise Undecodable(f"The snappy body is broken: {fault}.") from None


def inflated(body: bytes, largest: int) -> bytes:
    """Of gzip, member after member. Raises Undecodable."""
    pieces: list[bytes] = []
    size = 0
    while body:
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            try:
                piece = member.decompress(body, _PIECE)
            except zlib.error as fault:
                raise Undecodable(f"The gzip body is broken: {str(fault).rpartition(': ')[2]}.") from None
            pieces.append(piece)
            size += len(piece)
            if size > largest:
                raise too_large(largest)
            body = member.unconsumed_tail
            if not body and not piece and not member.eof:
                raise Undecodable("The gzip body is broken: it ends in the middle.")
        body = member.unused_data
    return b"".join(pieces)


def too_large(largest: int) -> Undecodable:
    return Undecodable(f"The body is larger than {largest / 2**20:.3g} MB; send smaller batches.", 413)


def _sent(request: HttpRequest, largest: int) -> bytes:
    if int(request.META.get("CONTENT_LENGTH") or 0) > largest:
        raise too_large(largest)
    return bytes(request.read())
