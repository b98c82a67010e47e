"""Functions that change labels or order by them."""

import re
from collections.abc import Iterable, Sequence

from monitoring.query.errors import ExecutionError, ParseError
from monitoring.query.frame import Frame, merge_same
from monitoring.query.parse.literals import is_utf8
from monitoring.query.regex import compile_capturing
from monitoring.query.source import NAME
from monitoring.query.values import Labels

_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|(?P<bare>\w+)|\{(?P<braced>\w+)\})")
_CHUNKS = re.compile(r"\d+|\D+")


def replace(frame: Frame, target: str, replacement: str, source: str, pattern: str) -> Frame:
    """label_replace: where all of the source label matches, the target is the replacement with $1, ${name} filled in."""
    try:
        regex = compile_capturing(pattern)
    except ParseError as error:
        raise ExecutionError(f"invalid regular expression in label_replace(): {pattern}") from error
    _check("destination", "label_replace", target)

    def change(labels: Labels) -> Labels | None:
        found = regex.fullmatch(labels.get(source, ""))
        return None if found is None else _set(labels, target, expanded(replacement, found))

    return _changed(frame, [change(labels) for labels in frame.labels], target)


def join(frame: Frame, target: str, separator: str, sources: Sequence[str]) -> Frame:
    """label_join: the target is the source labels' values with the separator between."""
    _check("destination", "label_join", target)
    for source in sources:
        _check("source", "label_join", source)
    joined = (separator.join(labels.get(source, "") for source in sources) for labels in frame.labels)
    return _changed(frame, [_set(labels, target, text) for labels, text in zip(frame.labels, joined, strict=True)], target)


def _check(role: str, function: str, label: str) -> None:
    if not label or not is_utf8(label):
        raise ExecutionError(f"invalid {role} label name in {function}(): {label.encode('utf-8', 'replace').decode()}")


def _set(labels: Labels, name: str, value: str) -> Labels:
    rest = {other: text for other, text in labels.items() if other != name}
    return {**rest, name: value} if value else rest


def _changed(frame: Frame, new: Sequence[Labels | None], target: str) -> Frame:
    labels = [old if changed is None else changed for old, changed in zip(frame.labels, new, strict=True)]
    unnamed = [mark and (changed is None or target != NAME) for mark, changed in zip(frame.unnamed, new, strict=True)]
    return merge_same(Frame(labels, frame.v, frame.present, unnamed))


def expanded(template: str, found: re.Match[str]) -> str:
    """Go's Expand: a name is as long as letters, digits and underscores go; what the pattern has not is empty."""

    def text(reference: re.Match[str]) -> str:
        if reference["dollar"]:
            return "$"
        name = reference["bare"] or reference["braced"]
        try:
            return found[int(name) if name.isdigit() else name] or ""
        except IndexError:
            return ""

    return _REFERENCE.sub(text, template)


def order_by(frame: Frame, names: Sequence[str], *, descending: bool) -> list[int]:
    """Rows by these labels' values, numbers within them as numbers; then by all labels."""

    def key(row: int) -> tuple[object, ...]:
        labels = frame.labels[row]
        return (*(natural(labels.get(name, "")) for name in names), sorted_items(labels))

    return sorted(range(len(frame.labels)), key=key, reverse=descending)


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key that puts cpu2 before cpu10."""
    return [(0, int(part), part) if part.isascii() and part.isdigit() else (1, 0, part) for part in _CHUNKS.findall(text)]


def sorted_items(labels: Labels) -> list[tuple[str, str]]:
    """How Prometheus orders label sets."""
    return sorted(labels.items())


def agreed(matchers: Iterable[tuple[str, str, str]]) -> Labels:
    """Labels that absent() can tell: those asked for by exactly one equality matcher."""
    found: Labels = {}
    doubted: set[str] = set()
    for name, op, value in matchers:
        if name == NAME:
            continue
        if op == "=" and name not in found and name not in doubted:
            found[name] = value
        else:
            found.pop(name, None)
            doubted.add(name)
    return {name: value for name, value in found.items() if value}
