"""What differs between two versions of a runbook: field by field, and line by line as YAML."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from remediation.runbook_files import dump_one

MOST_CONTEXT = 3  # lines around a change
_ABSENT = object()


class Change(NamedTuple):
    """At one place; `before` or `after` is empty where it was added or removed."""

    place: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.place}: {self.before or 'nothing'} → {self.after or 'nothing'}"


class DiffLine(NamedTuple):
    kind: str  # + - or a space; @ between two parts
    text: str
    old: int | None = None  # number of the line, from 1
    new: int | None = None


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Steps and parameters are compared by their ids and names, so that one that moved is not two changes."""
    return list(_changes("", dict(old), dict(new)))


def _changes(place: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, list) and isinstance(new, list):
        moved = _order(old) != _order(new) and set(_order(old)) == set(_order(new)) and all(_order(old))
        if moved:
            yield Change(place, ", ".join(_order(old)), ", ".join(_order(new)))
        old, new = _by_name(old), _by_name(new)
        joined = "{place}[{key}]"
    else:
        joined = "{place}.{key}" if place else "{key}"
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _changes(joined.format(place=place, key=key), old.get(key, _ABSENT), new.get(key, _ABSENT))
    elif old != new:
        yield Change(place, _said(old), _said(new))


def _order(items: list[Any]) -> list[str]:
    return [str(item.get("id") or item.get("name") or "") if isinstance(item, Mapping) else "" for item in items]


def _by_name(items: list[Any]) -> dict[str, Any]:
    return {name or str(number): item for number, (name, item) in enumerate(zip(_order(items), items, strict=True), start=1)}


def _said(value: Any) -> str:
    if value is _ABSENT:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:119]}…"


def diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[DiffLine]:
    """Of the two as YAML, each change with a few lines around it; empty where they are the same."""
    before, after = (dump_one(one).splitlines() if one else [] for one in (old, new))
    found: list[DiffLine] = []
    for group in difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(MOST_CONTEXT):
        if found:
            found.append(DiffLine("@", ""))
        for tag, a, b, c, d in group:
            if tag == "equal":
                found += [DiffLine(" ", before[place], place + 1, c + place - a + 1) for place in range(a, b)]
                continue
            found += [DiffLine("-", before[place], place + 1) for place in range(a, b)]
            found += [DiffLine("+", after[place], None, place + 1) for place in range(c, d)]
    return found
