"""Alerts as any JSON: one object, a list, or a list somewhere inside. Where a field stands is guessed by its usual names, or told in the
address: /webhooks/alerts?name=event.title&severity=event.level&items=events.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from monitoring.ingest.decoders.alertmanager import moment, text, texts
from monitoring.ingest.errors import Malformed, Undecodable
from monitoring.ingest.notices import MOST, Notice

# Field → names it usually has, in the order they are looked for.
USUAL = {
    "name": ("name", "alertname", "alert_name", "title", "alert", "subject", "event", "check"),
    "state": ("state", "status", "alert_state", "event_type", "action"),
    "severity": ("severity", "priority", "level", "urgency"),
    "key": ("key", "fingerprint", "dedup_key", "alert_id", "incident_id", "id"),
    "summary": ("summary", "message", "text", "body"),
    "description": ("description", "details"),
    "host": ("host", "hostname", "instance", "resource", "node"),
    "time": ("startsAt", "started_at", "timestamp", "time", "ts"),
    "value": ("value", "metric_value"),
    "url": ("url", "link", "generatorURL"),
    "labels": ("labels", "tags"),
}
PARAMETERS = (*USUAL, "items", "source", "resolved")
_LISTS = ("alerts", "events", "items", "incidents")
_OVER = {
    "resolved",
    "resolve",
    "ok",
    "closed",
    "close",
    "recovered",
    "recovery",
    "inactive",
    "normal",
    "up",
    "clear",
    "cleared",
    "success",
    "green",
}
_plain = msgspec.json.Decoder()
Object = Mapping[str, Any]


class Mapped(NamedTuple):
    """Where a sender's fields stand: paths with dots, by our name."""

    paths: dict[str, str]
    items: str = ""
    source: str = "generic"
    over: frozenset[str] = frozenset(_OVER)

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Mapped":
        """From an address' parameters. Raises Undecodable for one that nobody knows."""
        unknown = sorted(given.keys() - set(PARAMETERS))
        if unknown:
            raise Undecodable(f"{unknown[0][:40]!r} cannot be mapped; known are {', '.join(PARAMETERS)}.")
        source = given.get("source", "generic")
        if not source.replace("-", "").replace("_", "").isalnum() or len(source) > 32:
            raise Undecodable("source is a word of at most 32 letters, digits, - and _.")
        words = {word.strip().lower() for word in given.get("resolved", "").split(",") if word.strip()}
        paths = {name: path for name, path in given.items() if name in USUAL}
        return cls(paths, given.get("items", ""), source, frozenset(words or _OVER))


def decode(body: bytes, mapped: Mapped) -> list[Notice]:
    """All or nothing: a sender that hears 400 has made a mistake in all of them. Raises Undecodable."""
    try:
        found = _plain.decode(body)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise Undecodable(f"The body is not JSON: {fault}.") from None
    rows = _rows(found, mapped)
    if len(rows) > MOST:
        raise Undecodable(f"The body holds {len(rows):,} alerts; at most {MOST:,} are taken at once.", 413)
    return [_notice(row, mapped, place) for place, row in enumerate(rows)]


def _rows(found: Any, mapped: Mapped) -> list[Any]:
    if mapped.items:
        rows = _at(found, mapped.items)
        if not isinstance(rows, list):
            raise Undecodable(f"There is no list at {mapped.items[:40]!r}.")
        return rows
    if isinstance(found, list):
        return found
    if not isinstance(found, dict):
        raise Undecodable("The body is neither a JSON object nor a list.")
    return next((found[name] for name in _LISTS if isinstance(found.get(name), list)), [found])


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _field(row: Object, mapped: Mapped, name: str) -> Any:
    if name in mapped.paths:
        return _at(row, mapped.paths[name])
    return next((row[usual] for usual in USUAL[name] if row.get(usual) not in (None, "")), None)


def _notice(row: Any, mapped: Mapped, place: int) -> Notice:
    if not isinstance(row, Mapping):
        raise Undecodable(f"Alert {place} is not an object.")
    name = _field(row, mapped, "name")
    if name in (None, "") or isinstance(name, Mapping | list):
        where = mapped.paths.get("name") or " or ".join(USUAL["name"][:4])
        raise Undecodable(f"Alert {place} has no name; it is looked for at {where}.")
    state = _field(row, mapped, "state")
    over = state is False or (isinstance(state, str) and state.strip().lower() in mapped.over)
    host = _field(row, mapped, "host")
    labels = texts(_field(row, mapped, "labels")) | ({"host": text(host)} if isinstance(host, str | int) else {})
    said = {key: _field(row, mapped, key) for key in ("summary", "description")}
    return Notice(
        mapped.source,
        firing=not over,
        name=text(name)[:200],
        key=_words(_field(row, mapped, "key")),
        severity=_words(_field(row, mapped, "severity")),
        labels={**labels, "alertname": text(name)[:200]},
        annotations={key: text(value) for key, value in said.items() if isinstance(value, str | int | float) and value != ""},
        started_at=_time(_field(row, mapped, "time"), place),
        value=_number(_field(row, mapped, "value")),
        details={"url": _words(_field(row, mapped, "url"))},
    )


def _words(value: Any) -> str:
    return text(value) if isinstance(value, str | int | float) else ""


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool | Mapping | list) or value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _time(value: Any, place: int) -> Any:
    try:
        return moment(value)
    except Malformed as fault:
        raise Undecodable(f"Alert {place}: {fault.sentence}.") from None
