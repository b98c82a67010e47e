"""Where exporters are, as an operator writes it: one a line, `db-1:9100 rack=b2`. Pure."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
MOST = 2_000  # targets of one source: more do not fit into one worker's 15 s


class Address(NamedTuple):
    url: str
    instance: str  # host:port, as Prometheus writes it
    host: str
    labels: dict[str, str]


def parse(text: str, scheme: str = "http", path: str = "/metrics") -> list[Address]:
    """Empty lines and lines that begin with # are left out. ValueError with one sentence."""
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.strip() and line.strip()[0] != "#"]
    found = [_address(number, words, scheme, path) for number, words in lines]
    if not found:
        raise ValueError("Name at least one target, host:port.")
    if len(found) > MOST:
        raise ValueError(f"That is {len(found):,} targets, the most is {MOST:,}; make several sources.")
    seen: dict[str, int] = {}
    for (number, _words), address in zip(lines, found, strict=True):
        if address.url in seen:
            raise ValueError(f"Line {number} names the same target as line {seen[address.url]}: {address.url}")
        seen[address.url] = number
    return found


def _address(number: int, words: list[str], scheme: str, path: str) -> Address:
    word = words[0]
    full = word if "://" in word else f"{scheme}://{word}"
    try:
        parts = urlsplit(full)
        port = parts.port
    except ValueError:
        raise ValueError(f"Line {number}: {word[:80]!r} has a port that is none.") from None
    if parts.scheme not in ("http", "https") or not HOST.fullmatch(parts.netloc.rpartition(":")[0] if port is not None else parts.netloc):
        raise ValueError(f"Line {number}: {word[:80]!r} is not host:port and no http or https address; a password belongs in its field.")
    netloc = parts.netloc if port is not None else f"{parts.netloc}:{443 if parts.scheme == 'https' else 80}"
    url = urlunsplit((parts.scheme, netloc, parts.path or path, parts.query, ""))
    if len(url) > 500:
        raise ValueError(f"Line {number}: the address has more than 500 characters.")
    return Address(url, netloc, parts.hostname or "", _labels(number, words[1:]))


def _labels(number: int, words: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not LABEL.fullmatch(name) or name.startswith("__"):
            raise ValueError(f"Line {number}: {word[:80]!r} is not a label; write name=value after the address.")
        found[name] = value.strip('"')
    return found


def labels_of(address: Address, job: str) -> Mapping[str, str]:
    """What the samples of a target carry: job and instance unless the line says others."""
    return {name: value for name, value in {"job": job, "instance": address.instance, **address.labels}.items() if value}
