"""Protocol buffers' wire format, as far as remote write needs it. Pure; raises Undecodable for bytes that end in the middle."""

from collections.abc import Iterator

from monitoring.ingest.errors import Undecodable

BROKEN = "The protocol buffers message is broken: it ends in the middle of a field."
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def varint(b: bytes, at: int) -> tuple[int, int]:
    """Value and the place behind it."""
    value = shift = 0
    while shift < 70:
        if at >= len(b):
            raise Undecodable(BROKEN)
        byte = b[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value & (1 << 64) - 1, at
    raise Undecodable("The protocol buffers message is broken: a number has more than ten bytes.")


def fields(b: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Tag (field << 3 | type), start of the field, start and end of its content; for a number, content is its own bytes."""
    while at < end:
        first = at
        tag, at = varint(b, at)
        kind = tag & 7
        if not tag >> 3:
            raise Undecodable("The protocol buffers message is broken: a field has no number.")
        if kind == _BYTES:
            size, at = varint(b, at)
        elif kind == _VARINT:
            size = varint(b, at)[1] - at
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise Undecodable(f"The protocol buffers message is broken: there is no wire type {kind}.")
        if at + size > end:
            raise Undecodable(BROKEN)
        yield tag, first, at, at + size
        at += size


def signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
