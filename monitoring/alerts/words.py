"""What happened to an alert, as sentences of a timeline."""

from collections.abc import Iterable
from typing import Any

from monitoring.alerts.models import AlertTransition
from monitoring.alerts.transitions import SYSTEM

Event = dict[str, Any]
RESOLVED_BY = {
    "recovered": "its condition does not hold any more",
    "manual": "by hand",
    "expired": "its rule is gone, or its sender silent",
    "source": "its sender says it is over",
}
STATES = {
    ("", "pending"): ("clock", "", "Its condition began to hold"),
    ("", "firing"): ("critical", "c-critical", "Fired"),
    ("pending", "firing"): ("critical", "c-critical", "Fired"),
    ("resolved", "firing"): ("critical", "c-critical", "Fired again"),
    ("resolved", "pending"): ("clock", "", "Its condition holds again"),
}
OWNERSHIP = {
    "acknowledged": ("ack", "acknowledged it", "Acknowledged"),
    "in_progress": ("user", "took it", "Taken"),
    "new": ("undo", "gave it back", "Given back"),
}


def timeline(rows: Iterable[AlertTransition]) -> list[Event]:
    """As ui/_timeline.html shows it; who did it stands in front, but for what happened by itself."""
    return [_event(row) for row in rows]


def _event(row: AlertTransition) -> Event:
    person = "" if row.actor == SYSTEM else row.actor
    icon, tone, text = _told(row, person)
    return {"time": row.time, "icon": icon, "tone": tone, "text": text, "name": person, "url": "", "more": 0}


def _told(row: AlertTransition, person: str) -> tuple[str, str, str]:
    if row.axis == AlertTransition.Axis.STATE:
        return _state(row, person)
    if row.axis == AlertTransition.Axis.OWNERSHIP:
        icon, verb, alone = OWNERSHIP.get(row.after, ("assign", row.after.replace("assigned", "assigned it", 1), row.after.capitalize()))
        return icon, "", _because(verb if person else alone, row.reason)
    if row.axis == AlertTransition.Axis.SUPPRESSION:
        return ("silence", "", f"Suppressed: {row.reason}") if row.after else ("play", "", f"Not suppressed any more, {row.reason}")
    if row.axis == AlertTransition.Axis.SEVERITY:
        words = f"{'rated it' if person else 'Severity'} {row.after}, was {row.before}"
        return row.after, f"sev sev-{row.after}", _because(words, row.reason)
    return _note(row, person)


def _state(row: AlertTransition, person: str) -> tuple[str, str, str]:
    if row.after == "resolved":
        why = RESOLVED_BY.get(row.reason, row.reason)
        if person:
            return "ok", "h-ok", _because("resolved it", "" if row.reason == "manual" else row.reason)
        return "ok", "h-ok", _because("Resolved", why)
    icon, tone, text = STATES.get((row.before, row.after), ("alerts", "", f"{row.before} → {row.after}"))
    if person:
        return icon, tone, _because("opened it again", "" if row.reason == "opened again" else row.reason)
    return icon, tone, _because(text, row.reason)


def _note(row: AlertTransition, person: str) -> tuple[str, str, str]:
    if row.after == "comment":
        return "note", "", row.reason if person else f"Comment: {row.reason}"
    if "flapping" in (row.before, row.after):
        words = "Flaps" if row.after else "Flaps no more"
        return "refresh", "h-degraded" if row.after else "", _because(words, row.reason)
    return "note", "", row.reason or row.after


def _because(text: str, reason: str) -> str:
    return f"{text}: {reason}" if reason else text
