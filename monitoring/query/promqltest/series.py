"""Series as promqltest writes them: name{label="value"} and samples like 1 2+3x4 _ stale."""

import re
from typing import NamedTuple

from monitoring.query.parse.literals import number, unquote
from monitoring.query.source import NAME
from monitoring.store.batch import STALE

_NUMBER = r"(?:[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|0[xX][0-9a-fA-F]+|[iI]nf|[nN]a[nN])"
_ITEM = re.compile(rf"(?P<base>[+-]?{_NUMBER}|stale)(?:(?P<delta>[+-]{_NUMBER})?x(?P<times>[0-9]+))?")
_OMITTED = re.compile(r"_(?:x(?P<times>[0-9]+))?")
_HISTOGRAM = re.compile(r"\{\{[^}]*\}\}(?:[+-]\{\{[^}]*\}\})?(?:x(?P<times>[0-9]+))?")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_STRING = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`'
_LABEL = re.compile(rf"\s*(?:(?P<name>[a-zA-Z_]\w*|{_STRING})\s*=\s*(?P<value>{_STRING})|(?P<metric>{_STRING}))\s*(?P<end>[,}}])")


class Histogram:
    """A native histogram sample, which the store does not keep."""

    def __repr__(self) -> str:
        return "{{native histogram}}"


HISTOGRAM = Histogram()
Sample = float | None | Histogram  # None: omitted


class Described(NamedTuple):
    labels: dict[str, str]
    samples: list[Sample]


class FormatError(ValueError):
    pass


def series(text: str) -> Described:
    """Raises FormatError."""
    labels, rest = metric(text)
    return Described(labels, samples(rest))


def metric(text: str) -> tuple[dict[str, str], str]:
    """(labels with __name__, the rest of the line)."""
    labels: dict[str, str] = {}
    name = _METRIC.match(text)
    place = 0
    if name:
        labels[NAME], place = name[0], name.end()
    if text[place : place + 1] == "{":
        place = _labels(text, place + 1, labels)
    elif not name:
        raise FormatError(f"no series in {text!r}")
    return {name: value for name, value in labels.items() if value}, text[place:].strip()


def _labels(text: str, place: int, labels: dict[str, str]) -> int:
    while text[place:].lstrip()[:1] != "}":
        found = _LABEL.match(text, place)
        if not found:
            raise FormatError(f"bad labels in {text!r}")
        if found["metric"]:
            labels[NAME] = unquote(found["metric"])
        else:
            label = found["name"]
            labels[unquote(label) if label[0] in "\"'`" else label] = unquote(found["value"])
        if found["end"] == "}":
            return found.end()
        place = found.end()
    return text.index("}", place) + 1


def samples(text: str) -> list[Sample]:
    found: list[Sample] = []
    for item in re.findall(r"\{\{[^}]*\}\}\S*(?:\{\{[^}]*\}\}\S*)?|\S+", text):
        found.extend(_expanded(item))
    return found


def _expanded(item: str) -> list[Sample]:
    """1x3 is four samples, _x3 three omitted ones."""
    if omitted := _OMITTED.fullmatch(item):
        return [None] * int(omitted["times"] or 1)
    if histogram := _HISTOGRAM.fullmatch(item):
        return [HISTOGRAM] * (int(histogram["times"] or 0) + 1)
    counted = _ITEM.fullmatch(item)
    if not counted:
        raise FormatError(f"bad sample {item!r}")
    value = STALE if counted["base"] == "stale" else number(counted["base"])
    delta = number(counted["delta"] or "0")
    found: list[Sample] = [value]
    for _ in range(int(counted["times"] or 0)):
        value = value + delta if counted["delta"] else value
        found.append(value)
    return found
