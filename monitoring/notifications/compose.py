"""What is said: title, text and briefs of a notice. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from monitoring.alerts.models import RANKS, Alert
from monitoring.notifications import notice as kinds
from monitoring.notifications.models import NotificationGroup, page
from monitoring.notifications.notice import BRIEFS, Brief, Notice

LINES = 10  # alerts that the text tells one by one
Labels = Mapping[str, str]
SHOWN_LABELS = ("host", "instance", "pod", "service", "device", "gpu", "mountpoint", "cluster", "job")  # what an alert is about


class About(NamedTuple):
    """The incident that a group belongs to."""

    pk: int
    number: str
    title: str


class Saying(NamedTuple):
    """What is to be said of a group: alerts that are new to it, go on, are over."""

    kind: str
    fresh: Sequence[int] = ()
    going_on: Sequence[int] = ()
    over: Sequence[int] = ()
    repeat: bool = False
    step: str = ""

    @property
    def told(self) -> list[int]:
        """The alerts told one by one."""
        return [*self.fresh, *self.over, *self.going_on][:BRIEFS]


def severest(severities: Iterable[str], otherwise: str = "low") -> str:
    return max(severities, key=lambda one: RANKS.get(one, 0), default=otherwise)


def brief(alert: Alert) -> Brief:
    return Brief(
        id=alert.pk, name=alert.name, severity=alert.severity, state="resolved" if alert.state == Alert.State.RESOLVED else "firing",
        summary=alert.summary[:1000], labels=dict(alert.labels), value=alert.value, url=page("alert", alert.pk),
        started_at=alert.started_at, resolved_at=alert.resolved_at, runbook=alert.runbook_url, ownership=alert.ownership,
        fingerprint=alert.fingerprint, source=alert.source,
    )  # fmt: skip


def compose(
    group: NotificationGroup,
    saying: Saying,
    alerts: Mapping[int, Alert],
    severity: str,
    now: datetime,
    incident: About | None,
    number: int,
) -> Notice:
    briefs = [brief(alerts[pk]) for pk in saying.told if pk in alerts]
    firing, over = len(saying.fresh) + len(saying.going_on), len(saying.over)
    return Notice(
        key=f"{group.pk}:{number}", kind=saying.kind, title=title(group, saying, briefs, incident),
        text="\n".join(lines(saying, briefs, now)), severity=severity, at=now, thread=group.thread, number=number,
        route=group.route_name, group_labels=dict(group.labels), alerts=tuple(briefs), firing=firing, resolved=over,
        repeat=saying.repeat, incident_id=incident.pk if incident else None, incident_number=incident.number if incident else "",
        incident_title=incident.title if incident else "", incident_url=page("incident", incident.pk) if incident else "",
        url=_where(group, briefs, incident), step=saying.step,
    )  # fmt: skip


def _where(group: NotificationGroup, briefs: Sequence[Brief], incident: About | None) -> str:
    if incident and page("incident", incident.pk):
        return page("incident", incident.pk)
    if len(briefs) == 1:
        return briefs[0].url
    listed = page("alerts")
    name = group.labels.get("alertname", "")
    return f"{listed}?{urlencode({'q': name})}" if listed and name else listed


def title(group: NotificationGroup, saying: Saying, briefs: Sequence[Brief], incident: About | None) -> str:
    count = len(saying.fresh) + len(saying.going_on) if saying.kind != kinds.RESOLVED else len(saying.over)
    what = headline(briefs[0]) if count == 1 and briefs else f"{count:,} alerts: {_common(group, briefs)}"
    if incident and count != 1:
        what = f"{incident.number} {incident.title} ({count:,} alerts)"
    before = {kinds.RESOLVED: "Resolved: ", kinds.ACKNOWLEDGED: "Acknowledged: ", kinds.ESCALATION: "Not acknowledged: "}.get(saying.kind)
    return f"{before or ('Still firing: ' if saying.repeat else '')}{what}"[:300]


def headline(one: Brief) -> str:
    """What happens and where."""
    said = one.summary if one.summary and one.summary != one.name else ""
    about = next((one.labels[name] for name in SHOWN_LABELS if one.labels.get(name)), "")
    if said:
        return said if one.name in said else f"{one.name}: {said}"
    return f"{one.name} on {about}" if about else one.name


def _common(group: NotificationGroup, briefs: Sequence[Brief]) -> str:
    named = [value for value in group.labels.values() if value]
    return ", ".join(named) or ", ".join(sorted({one.name for one in briefs})[:3]) or group.route_name


def lines(saying: Saying, briefs: Sequence[Brief], now: datetime) -> list[str]:
    firing = len(saying.fresh) + len(saying.going_on)
    found = [saying.step] if saying.step else []
    if firing + len(saying.over) > 1:
        parts = [(len(saying.fresh), "new"), (len(saying.going_on), "going on"), (len(saying.over), "over")]
        found.append(", ".join(f"{count:,} {word}" for count, word in parts if count))
    found += [_line(one, now) for one in briefs[:LINES]]
    more = firing + len(saying.over) - min(len(briefs), LINES)
    return [*found, f"… and {more:,} more"] if more > 0 else found


def _line(one: Brief, now: datetime) -> str:
    since = one.started_at or now
    state = f"over after {span(one.resolved_at - since)}" if one.resolved_at and one.state == "resolved" else f"for {span(now - since)}"
    value = "" if one.value is None else f", value {one.value:.6g}"
    return f"{one.severity}: {headline(one)} ({state}{value})"


def span(length: timedelta) -> str:
    seconds = max(0, int(length.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def told_of(saying: Saying) -> list[int]:
    """The alerts a message was written for: what changed, or for reminders what goes on."""
    return [*saying.fresh, *saying.over] or list(saying.going_on)
