"""What exporters write: the Prometheus text format 0.0.4 and OpenMetrics 1.0. Pure: text in, columns out.

A page hardly changes but for its values. What a reader has once taken apart, the part of a line before its value, is known to it from
then on, so that a usual page costs a look into a dict and a float() per line.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitoring.store.batch import SeriesKey
from monitoring.store.metadata import Description

SERIES = re.compile(r'[ \t]*+([a-zA-Z_:][a-zA-Z0-9_:]*+)(?:[ \t]*+\{((?:[^"}]|"(?:[^"\\]|\\.)*+")*+)\})?')
LABEL = re.compile(r'[ \t]*+([a-zA-Z_][a-zA-Z0-9_]*+)[ \t]*+=[ \t]*+"((?:[^"\\]|\\.)*+)"[ \t]*+(?:,[ \t]*+|$)')
VALUE = re.compile(r"[ \t]*+([^ \t_#]++)(?:[ \t]++(-?[0-9.eE+-]++))?[ \t\r]*+(?:#.*+)?$")
ESCAPE = re.compile(r"\\(.)")
ESCAPED = {"n": "\n", "\\": "\\", '"': '"'}
SUFFIXES = {"counter": "_total", "info": "_info"}  # OpenMetrics names a family without them, its samples with
EXCERPT = 120  # characters of a bad line that are shown

Pairs = dict[tuple[str, str], tuple[str, str]]  # one object per label and value, shared by the readers of many targets


class Malformed(ValueError):
    """The page is none; says where and why."""


@dataclass(frozen=True, slots=True)
class Page:
    keys: Sequence[SeriesKey]  # the very same object as long as the page has the same lines
    values: Sequence[float]
    times: Mapping[int, int]  # place → ms UTC, where a line states its own time
    comments: tuple[str, ...]
    duplicates: int = 0  # lines that repeat a series; the first one counts


@dataclass
class Reader:
    """Of one target: `labels` are added to every series, and win over the page's own unless `honor_labels`."""

    labels: Mapping[str, str]
    honor_labels: bool = False
    pairs: Pairs = field(default_factory=dict)
    known: dict[str, SeriesKey] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)
    keys: list[SeriesKey] = field(default_factory=list)

    def read(self, text: str, openmetrics: bool = False) -> Page:
        """Raises Malformed: a page is taken whole or not at all."""
        comments, heads, rests = _split(text)
        if openmetrics and "# EOF" not in comments[-1:]:
            raise Malformed("the page ends before its # EOF, so the rest of it is missing")
        if heads == self.heads:
            values = _floats(rests)
            if values is not None:
                return Page(self.keys, values, {}, comments)
        return self._anew(heads, rests, comments, 1000 if openmetrics else 1)

    def _anew(self, heads: list[str], rests: list[str], comments: tuple[str, ...], scale: int) -> Page:
        """Line by line, because lines came, went, or are unusual."""
        found: dict[SeriesKey, float] = {}
        times: dict[int, int] = {}
        usual, duplicates = True, 0
        known, self.known = self.known, {}
        for number, (head, rest) in enumerate(zip(heads, rests, strict=True), 1):
            key = known.get(head)
            if key is None:
                key, head, rest, whole = self._take_apart(head, rest, number)
                usual &= whole
            value, at = _value(head, rest, number, scale)
            self.known[head] = key
            if key in found:
                duplicates += 1
                continue
            if at is not None:
                times[len(found)], usual = at, False
            found[key] = value
        self.keys = list(found)
        self.heads = heads if usual and not duplicates else []
        return Page(self.keys, list(found.values()), times, comments, duplicates)

    def _take_apart(self, head: str, rest: str, number: int) -> tuple[SeriesKey, str, str, bool]:
        """(key, what stands before the value, value and time, whether that is where a usual line is cut)."""
        line = f"{head} {rest}" if rest else head
        match = SERIES.match(line)
        if match is None:
            raise _malformed(number, line, "that does not begin with a metric's name")
        whole = line[: match.end()]
        if line[match.end() : match.end() + 1] not in ("", " ", "\t") and whole[-1] != "}":
            raise _malformed(number, line, "whose name has a character that none may have")
        key = self._key(match[1], _labels(match[2] or "", number, line))
        return key, whole, line[match.end() :], whole == head

    def _key(self, metric: str, labels: dict[str, str]) -> SeriesKey:
        if self.honor_labels:
            merged = {**self.labels, **labels}
        else:
            merged = {self._renamed(name, labels): value for name, value in labels.items()} | dict(self.labels)
        pairs = self.pairs
        return SeriesKey(metric, tuple(pairs.setdefault(pair, pair) for pair in sorted(merged.items()) if pair[1]))

    def _renamed(self, name: str, labels: Mapping[str, str]) -> str:
        if name not in self.labels:
            return name
        name = f"exported_{name}"
        while name in labels or name in self.labels:
            name = f"exported_{name}"
        return name


def _split(text: str) -> tuple[tuple[str, ...], list[str], list[str]]:
    """(comments, what stands before the values, the rest of the lines). Where a line is cut is right for usual lines only."""
    comments, heads, rests = [], [], []
    for line in text.split("\n"):
        if not line or line == "\r":
            continue
        if line[0] == "#":
            comments.append(line.rstrip())
            continue
        cut = line.find(" ", line.rfind("}") + 1)
        heads.append(line[:cut] if cut >= 0 else line)
        rests.append(line[cut + 1 :] if cut >= 0 else "")
    return tuple(comments), heads, rests


def _floats(rests: list[str]) -> list[float] | None:
    """None where a line has more than a value."""
    try:
        values = list(map(float, rests))
    except ValueError:
        return None
    return None if any("_" in rest for rest in rests) else values  # float() reads 1_000


def _value(head: str, rest: str, number: int, scale: int) -> tuple[float, int | None]:
    match = VALUE.match(rest)
    try:
        if match is None:
            raise ValueError
        at = None if match[2] is None else round(float(match[2]) * scale)
        return float(match[1]), at
    except (ValueError, OverflowError):
        raise _malformed(number, f"{head} {rest.strip()}".rstrip(), "where a value and perhaps a time belong") from None


def _labels(text: str, number: int, line: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place, text = 0, text.strip(" \t")
    while place < len(text):
        match = LABEL.match(text, place)
        if match is None or match[1] in found or match[1] == "__name__":
            raise _malformed(number, line, "in whose labels something is wrong" if match is None else f"with the label {match[1]} twice")
        found[match[1]] = _unescaped(match[2])
        place = match.end()
    return found


def _unescaped(text: str) -> str:
    return ESCAPE.sub(lambda match: ESCAPED.get(match[1], match[0]), text) if "\\" in text else text


def _malformed(number: int, line: str, what: str) -> Malformed:
    return Malformed(f"sample {number} is {line[:EXCERPT]!r}, {what}")


def described(comments: Sequence[str], openmetrics: bool = False) -> dict[str, Description]:
    """What HELP, TYPE and UNIT lines say, by the name of the family's samples."""
    said: dict[str, dict[str, str]] = {}
    for line in comments:
        words = line.split(None, 3)
        if len(words) >= 3 and words[0] == "#" and words[1] in ("HELP", "TYPE", "UNIT"):
            said.setdefault(words[2], {})[words[1]] = words[3] if len(words) > 3 else ""
    return {_sample_name(name, one, openmetrics): _description(one) for name, one in said.items()}


def _sample_name(family: str, said: Mapping[str, str], openmetrics: bool) -> str:
    suffix = SUFFIXES.get(said.get("TYPE", ""), "") if openmetrics else ""
    return family if family.endswith(suffix) else family + suffix


def _description(said: Mapping[str, str]) -> Description:
    kind = said.get("TYPE", "unknown")
    return Description("unknown" if kind == "untyped" else kind, said.get("UNIT", ""), _unescaped(said.get("HELP", "")))
