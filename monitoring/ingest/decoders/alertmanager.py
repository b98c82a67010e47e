"""Alertmanager's webhook (version 4) and Grafana's two: its alerting of today, which speaks nearly the same, and that before version 9."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from monitoring.ingest import times
from monitoring.ingest.errors import Malformed, Undecodable
from monitoring.ingest.notices import MOST, Notice

_LONGEST = 4000  # characters of a text
_LINKS = ("generatorURL", "silenceURL", "dashboardURL", "panelURL", "imageURL")
_plain = msgspec.json.Decoder()
Object = Mapping[str, Any]


def decode(body: bytes) -> list[Notice]:
    """Each member by its own status: a resolved group may hold some that still fire. Raises Undecodable."""
    envelope = object_of(body)
    found = listed(envelope, "alerts")
    return [_notice("alertmanager", one, envelope, place) for place, one in enumerate(found)]


def decode_grafana(body: bytes) -> list[Notice]:
    envelope = object_of(body)
    if "alerts" in envelope:
        return [_notice("grafana", one, envelope, place) for place, one in enumerate(listed(envelope, "alerts"))]
    if "ruleName" in envelope or "ruleId" in envelope:
        return [_legacy(envelope)]
    raise Undecodable("The body holds neither alerts nor ruleName; is it Grafana's webhook?")


def object_of(body: bytes) -> dict[str, Any]:
    try:
        found = _plain.decode(body)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise Undecodable(f"The body is not JSON: {fault}.") from None
    if not isinstance(found, dict):
        raise Undecodable("The body is not a JSON object.")
    return found


def listed(envelope: Object, name: str) -> list[Any]:
    found = envelope.get(name)
    if not isinstance(found, list):
        raise Undecodable(f"The body holds no list {name}.")
    if len(found) > MOST:
        raise Undecodable(f"The body holds {len(found):,} alerts; at most {MOST:,} are taken at once.", 413)
    return found


def texts(given: Any) -> dict[str, str]:
    """Labels or annotations: values become text, what is nested is left out."""
    if not isinstance(given, Mapping):
        return {}
    return {str(name)[:200]: text(value) for name, value in given.items() if isinstance(value, str | int | float | bool)}


def text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:_LONGEST]


def moment(value: Any) -> datetime | None:
    """None for nothing and for Go's year 1. Raises Malformed for what is no time."""
    if value in (None, "", 0) or (isinstance(value, str) and value.startswith("0001-01-01")):
        return None
    try:
        return datetime.fromtimestamp(times.read(value) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise Malformed("timestamp", "the timestamp is out of range") from None


def _notice(source: str, one: Any, envelope: Object, place: int) -> Notice:
    if not isinstance(one, Mapping) or one.get("status") not in ("firing", "resolved"):
        raise Undecodable(f"alerts[{place}] has no status firing or resolved.")
    labels = texts(one.get("labels"))
    if not labels:
        raise Undecodable(f"alerts[{place}] has no labels.")
    details = {name: one[name] for name in _LINKS if isinstance(one.get(name), str) and one[name]}
    values = {name: value for name, value in _object(one.get("values")).items() if _is_number(value)}
    return Notice(
        source,
        firing=one["status"] == "firing",
        name=labels.get("alertname") or "Alert",
        severity=labels.get("severity") or labels.get("priority") or "",
        labels=labels,
        annotations=texts(one.get("annotations")),
        started_at=_started(one.get("startsAt"), place),
        value=next(iter(values.values()), None),
        details={**details, "receiver": text(envelope.get("receiver", "")), "external_url": text(envelope.get("externalURL", ""))}
        | ({"values": values} if values else {}),
    )


def _started(value: Any, place: int) -> datetime | None:
    try:
        return moment(value)
    except Malformed as fault:
        raise Undecodable(f"alerts[{place}]: startsAt: {fault.sentence}.") from None


def _legacy(envelope: Object) -> Notice:
    """Grafana's alerting before version 9: one rule a body."""
    matches = [one for one in envelope.get("evalMatches") or [] if isinstance(one, Mapping)]
    name = text(envelope.get("ruleName") or envelope.get("title") or "Alert")
    said = {"summary": text(envelope.get("title") or name), "description": text(envelope.get("message") or "")}
    return Notice(
        "grafana",
        firing=str(envelope.get("state", "")).lower() in ("alerting", "no_data"),
        name=name,
        key=f"rule {envelope.get('ruleId', name)}",
        labels={"alertname": name, **texts(envelope.get("tags"))},
        annotations={key: value for key, value in said.items() if value},
        value=next((float(one["value"]) for one in matches if _is_number(one.get("value"))), None),
        details={
            "ruleUrl": text(envelope.get("ruleUrl", "")),
            "matches": [{"metric": text(one.get("metric", ""))} for one in matches[:20]],
        },
    )


def _object(value: Any) -> Object:
    return value if isinstance(value, Mapping) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
