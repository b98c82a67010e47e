"""The grammar of one line of line protocol, with every escape. Faults read as InfluxDB words them. Pure."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from monitoring.ingest.errors import Malformed

LONGEST_HEAD = 16 * 1024  # bytes of measurement and tags: more is kept by no store
FURTHEST_QUOTE = 64 * 1024  # bytes in which a quoted string that holds line ends has to close

# What follows a backslash is no delimiter.
_HEAD = re.compile(rb"(?:[^ ]++|(?<=\\) )*+", re.DOTALL)
_PARTS = re.compile(rb"(?:[^,]++|(?<=\\),)*+", re.DOTALL)
_KEY = re.compile(rb"(?:[^=]++|(?<=\\)=)*+", re.DOTALL)
_NAME = re.compile(rb"(?:[^=, ]++|(?<=\\)[=, ])*+", re.DOTALL)
_VALUE = re.compile(rb'"(?:[^"\\]|\\.)*+"|[^,\s"]*+', re.DOTALL)
_STRING = re.compile(rb'=(?:[^"\n, ]*)"(?:[^"\\]|\\.)*+("?)', re.DOTALL)
_ESCAPED = re.compile(rb"\\([, =])")
_ESCAPED_TEXT = re.compile(rb'\\(["\\])')
_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_INTEGER = re.compile(rb"[-+]?\d{1,40}[iu]")
_TRUTH = dict.fromkeys((b"t", b"T", b"true", b"True", b"TRUE"), 1.0) | dict.fromkeys((b"f", b"F", b"false", b"False", b"FALSE"), 0.0)


class Line(NamedTuple):
    head: bytes  # measurement and tags as they stand
    fields: list[tuple[bytes, bytes]]  # name and value as they stand
    time: bytes  # empty where there is none


def lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and text of each line. A line end inside a quoted string ends no line; a string that never closes only its own."""
    at, number = 0, 1
    while at < len(body):
        end = body.find(b"\n", at)
        end = len(body) if end < 0 else end
        if b'"' in body[at:end]:
            end = _closed(body, at, end)
        yield number, body[at:end]
        number += body.count(b"\n", at, end) + 1
        at = end + 1


def _closed(body: bytes, at: int, end: int) -> int:
    """The end of the line once all of its strings are closed."""
    first = end
    furthest = at + FURTHEST_QUOTE
    while string := _STRING.search(body, at, furthest):
        if string.start() > end:
            return end
        if not string[1]:
            return first
        at = string.end()
        if at > end:
            end = body.find(b"\n", at)
            end = len(body) if end < 0 else end
    return end


def split(line: bytes) -> Line:
    """Raises Malformed."""
    line = line.strip(b"\r\t ")
    head = _HEAD.match(line)[0]  # type: ignore[index]  # matches the empty text too
    rest = line[len(head) :].lstrip(b" ")
    if not head or head.startswith(b","):
        raise Malformed("syntax", "missing measurement")
    if len(head) > LONGEST_HEAD:
        raise Malformed("labels", f"measurement and tags are longer than {LONGEST_HEAD} bytes")
    if not rest:
        raise Malformed("syntax", "missing fields")
    fields, end = _fields(rest)
    time = rest[end:].strip(b" ")
    if time and not time.lstrip(b"-").isdigit():
        raise Malformed("timestamp", "bad timestamp")
    return Line(head, fields, time)


def _fields(rest: bytes) -> tuple[list[tuple[bytes, bytes]], int]:
    found = []
    at = 0
    while True:
        name = _NAME.match(rest, at)
        assert name is not None
        if rest[name.end() : name.end() + 1] != b"=":
            raise Malformed("syntax", "invalid field format")
        if not name[0]:
            raise Malformed("syntax", "missing field key")
        value = _VALUE.match(rest, name.end() + 1)
        if value is None or rest[value.end() : value.end() + 1] == b'"':
            raise Malformed("syntax", "unbalanced quotes")
        if not value[0]:
            raise Malformed("syntax", "missing field value")
        found.append((name[0], value[0]))
        at = value.end()
        if rest[at : at + 1] != b",":
            break
        at += 1
    if rest[at : at + 1] not in (b"", b" "):
        raise Malformed("syntax", "invalid field format")
    return found, at


def value(raw: bytes) -> float | str:
    """A number, a boolean as 1 or 0, or the text of a string. Raises Malformed."""
    if raw.startswith(b'"'):
        return text(_ESCAPED_TEXT.sub(rb"\1", raw[1:-1]))
    if raw in _TRUTH:
        return _TRUTH[raw]
    if _INTEGER.fullmatch(raw):
        return float(int(raw[:-1]))
    if not _NUMBER.fullmatch(raw):
        raise Malformed("number", "invalid number" if raw[:1] in b"+-.0123456789nN" else "invalid boolean")
    number = float(raw)
    if number in (float("inf"), float("-inf")):
        raise Malformed("number", "invalid float")
    return number


def series(head: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Measurement and tags. Raises Malformed."""
    at = _PARTS.match(head).end()  # type: ignore[union-attr]
    measurement = text(_ESCAPED.sub(rb"\1", head[:at]))
    tags = []
    while at < len(head):
        part = _PARTS.match(head, at + 1)
        assert part is not None
        at = part.end()
        name = _KEY.match(part[0])[0]  # type: ignore[index]
        if not name:
            raise Malformed("syntax", "missing tag key")
        if len(name) + 1 >= len(part[0]):
            raise Malformed("syntax", "missing tag value")
        tags.append((unescaped(name), unescaped(part[0][len(name) + 1 :])))
    if len({name for name, _ in tags}) < len(tags):
        raise Malformed("labels", "duplicate tags")
    return measurement, tags


def unescaped(raw: bytes) -> str:
    """Of a tag's key or value, or a field's name."""
    return text(_ESCAPED.sub(rb"\1", raw))


def text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Malformed("encoding", "this is not UTF-8") from None
