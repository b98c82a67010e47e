"""Several sources say things about one resource: what they said, and what holds. Pure: no database.

`said` = {source: {"labels": {key: [value, since]}, "facts": {key: [value, since]}, "at": ms}}, since = ms at which the
source began to say this value. For each key the news hold: the value that was begun last. A source that repeats itself
therefore never takes a key back from one that has said something new, and two that disagree do not flap.
"""

from collections.abc import Mapping
from typing import Any

Said = dict[str, dict[str, Any]]
FORGET_MS = 7 * 86_400_000  # what a source said counts no longer when it has been silent this long


def _since(old: Mapping[str, list[Any]], new: Mapping[str, Any], now_ms: int) -> dict[str, list[Any]]:
    return {key: [value, old[key][1] if key in old and old[key][0] == value else now_ms] for key, value in new.items()}


def tell(said: Said, source: str, labels: Mapping[str, str], facts: Mapping[str, Any], now_ms: int) -> Said:
    """What was said once `source` has said this; a key it leaves out, it no longer says."""
    before = said.get(source, {})
    told = {
        "labels": _since(before.get("labels", {}), labels, now_ms),
        "facts": _since(before.get("facts", {}), facts, now_ms),
        "at": now_ms,
    }
    kept = {name: entry for name, entry in said.items() if name != source and now_ms - entry["at"] < FORGET_MS}
    return {**kept, source: told}


def holds(said: Said, what: str) -> dict[str, Any]:
    """The labels or facts that hold."""
    newest: dict[str, list[Any]] = {}
    for entry in sorted(said.values(), key=lambda entry: entry["at"]):
        for key, pair in entry[what].items():
            if key not in newest or pair[1] >= newest[key][1]:
                newest[key] = pair
    return {key: pair[0] for key, pair in sorted(newest.items())}


def storable(value: Any) -> Any:
    """The same without what a JSON column cannot hold: NUL and lone surrogates in text, numbers that are none."""
    if isinstance(value, str):
        return value.replace("\0", " ").encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, Mapping):
        return {storable(str(key)): storable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int) else str(value)
