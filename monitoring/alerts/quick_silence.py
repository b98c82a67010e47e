"""The short form that silences what is on the screen: proposals of what to match, and the silence that is meant."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.core.exceptions import BadRequest
from django.utils.dateparse import parse_datetime

from monitoring.alerts import silences
from monitoring.alerts.checks import LABEL_NAME, MOST_MATCHERS, check_matchers, check_silence
from monitoring.alerts.models import Alert, Silence
from monitoring.query.source import Matcher

PRESETS = {"1h": "1 h", "4h": "4 h", "tomorrow": "Until 09:00"}
WHERE = ("uuid", "gpu", "pod", "container", "vm", "host", "hostname", "nodename", "node", "instance", "service")
LONGEST_VALUE = 1000
Matchers = list[dict[str, str]]


class Proposal(NamedTuple):
    label: str
    matchers: Matchers


def proposals(alerts: Sequence[Alert]) -> list[Proposal]:
    """The narrowest first. Of several alerts: what they have in common."""
    if len(alerts) != 1:
        return [Proposal(f"What these {len(alerts)} alerts have in common", common(alerts))]
    [alert] = alerts
    labels = _usable(alert)
    where = next(((name, labels[name]) for name in WHERE if labels.get(name)), None)
    whose = alert.resource.name if alert.resource else where[1] if where else ""
    found = [Proposal(f"This alert{f' on {whose}' if whose else ''}", _exact(labels))]
    if where:
        found.append(Proposal(f"All alerts on {whose}", _exact(dict([where]))))
    return [*found, Proposal(f"{alert.name} everywhere", _exact({"alertname": alert.name}))]


def _usable(alert: Alert) -> dict[str, str]:
    """The name first, so that too many labels do not widen it to other alerts."""
    labels = {name: value for name, value in silences.subject(alert).items() if LABEL_NAME.fullmatch(name) and len(value) <= LONGEST_VALUE}
    kept = {"alertname": alert.name} | {name: labels[name] for name in sorted(alert.labels) if name in labels and name != "severity"}
    return dict(list(kept.items())[:MOST_MATCHERS])


def _exact(labels: dict[str, str]) -> Matchers:
    return [{"name": name, "op": "=", "value": value} for name, value in labels.items()]


def common(alerts: Iterable[Alert]) -> Matchers:
    """Labels that all of them have: one value, or any of several where these can still be written down."""
    listed = [_usable(alert) for alert in alerts]
    if not listed:
        return []
    found: Matchers = []
    for name in listed[0]:
        values = {labels.get(name, "") for labels in listed}
        if "" in values:
            continue
        either = "|".join(sorted(map(re.escape, values)))
        if len(values) == 1:
            found.append({"name": name, "op": "=", "value": values.pop()})
        elif len(either) <= LONGEST_VALUE:
            found.append({"name": name, "op": "=~", "value": either})
    return found


def hides(matchers: Matchers) -> silences.Preview:
    """How many it would hide now. BadRequest for matchers that cannot be."""
    faults = check_matchers(matchers)
    if faults:
        raise BadRequest(faults[0].message)
    return silences.preview([Matcher(one["name"], one["op"], one["value"]) for one in matchers])


def ends_at(preset: str, until: str, now: datetime, time_zone: str) -> datetime:
    """BadRequest, in one sentence, for an end that cannot be."""
    if preset != "custom":
        try:
            return silences.until(preset, now, time_zone)
        except ValueError as fault:
            raise BadRequest(f"{fault}.") from None
    try:
        moment = parse_datetime(until)
    except ValueError:
        moment = None
    if moment is None:
        raise BadRequest("Say until when, for example 2026-11-20T14:30.")
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(time_zone))).astimezone(UTC)


def silence(matchers: Matchers, reason: str, start: datetime, end: datetime, time_zone: str) -> Silence:
    """Checked, not stored. BadRequest for what cannot be."""
    found = Silence(matchers=matchers, reason=reason.strip(), starts_at=start, ends_at=end, time_zone=time_zone)
    faults = check_silence(found)
    if faults:
        raise BadRequest(faults[0].message)
    return found


def read_matchers(given: Any) -> Matchers:
    """Only what a matcher consists of; BadRequest for another shape."""
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise BadRequest("matchers is a list of objects with name, op and value.")
    return [{"name": one.get("name", ""), "op": one.get("op", "="), "value": one.get("value", "")} for one in given]
