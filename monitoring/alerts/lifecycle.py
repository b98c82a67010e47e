"""The only place that changes an alert: every verb is here, for one alert as for thousands.

Each change is an AlertTransition row; what a person did is an entry of the audit trail as well. Signals follow after commit.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.models import User
from monitoring.alerts.models import RANKS, Alert, AlertTransition
from monitoring.alerts.observations import Observation as Observation
from monitoring.alerts.observations import attach as attach
from monitoring.alerts.observations import end
from monitoring.alerts.observations import fingerprint as fingerprint
from monitoring.alerts.observations import observe as observe
from monitoring.alerts.overlays import overlay as overlay
from monitoring.alerts.signals import alert_opened, alert_resolved
from monitoring.alerts.transitions import Actor, Change, Who, changing, portions, tell, write

STATE, OWNERSHIP, NOTE = AlertTransition.Axis.STATE, AlertTransition.Axis.OWNERSHIP, AlertTransition.Axis.NOTE
NEW, ACKNOWLEDGED, IN_PROGRESS = Alert.Ownership.NEW, Alert.Ownership.ACKNOWLEDGED, Alert.Ownership.IN_PROGRESS
FIRING, RESOLVED = Alert.State.FIRING, Alert.State.RESOLVED
OPEN = ~Q(state=RESOLVED)
NAMED = 200  # alerts that an audit entry names
Columns = dict[str, Any]


def acknowledge(alert_ids: Collection[int], actor: Who, note: str = "") -> list[int]:
    """Somebody has seen them. Returns the ids of those that were new until now."""
    return _own(alert_ids, OPEN & Q(ownership=NEW), "acknowledged", actor, note, {"ownership": ACKNOWLEDGED}, stamped=True)


def take(alert_ids: Collection[int], actor: Who, note: str = "") -> list[int]:
    """The actor works on them."""
    who = Actor.of(actor).user_id
    mine = Q(ownership=IN_PROGRESS, assignee=who) if who else Q(ownership=IN_PROGRESS)
    return _own(alert_ids, OPEN & ~mine, "taken", actor, note, {"ownership": IN_PROGRESS, "assignee": who}, stamped=True)


def assign(alert_ids: Collection[int], actor: Who, to: User | None, note: str = "") -> list[int]:
    """Theirs from now on, nobody's with None; how far they have come with it stays as it is."""
    changed = OPEN & (~Q(assignee=to) | Q(assignee=None) if to else ~Q(assignee=None))
    after = f"assigned to {to.name}" if to else "assigned to nobody"
    return _own(alert_ids, changed, "assigned", actor, note, {"assignee": to.pk if to else None}, after)


def unacknowledge(alert_ids: Collection[int], actor: Who, note: str = "") -> list[int]:
    """Nobody's again."""
    columns = {"ownership": NEW, "assignee": None, "acknowledged_at": None}
    return _own(alert_ids, OPEN & ~Q(ownership=NEW), "given back", actor, note, columns)


def _own(
    alert_ids: Collection[int],
    which: Q,
    verb: str,
    actor: Who,
    note: str,
    columns: Columns,
    after: str = "",
    stamped: bool = False,
) -> list[int]:
    def change(alerts: list[Alert], now: datetime) -> list[Change]:
        ids = [alert.pk for alert in alerts]
        Alert.objects.filter(pk__in=ids).update(**columns)
        if stamped:
            Alert.objects.filter(pk__in=ids, acknowledged_at=None).update(acknowledged_at=now)
        return [Change(alert, OWNERSHIP, alert.ownership, after or columns["ownership"], note) for alert in alerts]

    return _change(alert_ids, which, verb, actor, note, change)


def resolve(alert_ids: Collection[int], actor: Who = None, resolution: str = "manual", note: str = "") -> list[int]:
    """They are over. A rule whose expression still holds opens its alert again at its next evaluation."""

    def change(alerts: list[Alert], now: datetime) -> list[Change]:
        changes = [Change(alert, STATE, alert.state, RESOLVED, note or resolution) for alert in alerts]
        for alert in alerts:
            alert.resolution = resolution
        fired = [alert for alert in alerts if alert.state == FIRING]
        end(alerts, now)
        tell(alert_resolved, fired)
        return changes

    return _change(alert_ids, OPEN & Q(fired_at__isnull=False), "resolved", actor, note, change)


def reopen(alert_ids: Collection[int], actor: Who, note: str = "") -> list[int]:
    """They were not over. Those that came back as another alert meanwhile stay resolved."""

    def change(alerts: list[Alert], now: datetime) -> list[Change]:
        taken = set(
            Alert.objects.filter(OPEN, fingerprint__in=[alert.fingerprint for alert in alerts]).values_list("fingerprint", flat=True)
        )
        free = {alert.fingerprint: alert for alert in alerts if alert.fingerprint not in taken}  # of several the newest
        back = list(free.values())
        rows = Alert.objects.filter(pk__in=[alert.pk for alert in back])
        rows.update(state=FIRING, resolved_at=None, resolution="", observed_at=now)
        tell(alert_opened, back)
        return [Change(alert, STATE, RESOLVED, FIRING, note or "opened again") for alert in back]

    return _change(alert_ids, Q(state=RESOLVED), "reopened", actor, note, change)


def rate(alert_ids: Collection[int], actor: Who, severity: str, note: str = "") -> list[int]:
    """Sets the severity; it stays until whoever raised the alert gives it another. ValueError for a severity that does not exist."""
    if severity not in RANKS:
        raise ValueError(f"{severity} is not a severity")

    def change(alerts: list[Alert], now: datetime) -> list[Change]:
        Alert.objects.filter(pk__in=[alert.pk for alert in alerts]).update(severity=severity)
        return [Change(alert, AlertTransition.Axis.SEVERITY, alert.severity, severity, note) for alert in alerts]

    return _change(alert_ids, OPEN & ~Q(severity=severity), "rated", actor, note, change)


def comment(alert_ids: Collection[int], actor: Who, text: str) -> list[int]:
    """A note in their history, whether they are open or not."""
    return _change(
        alert_ids, Q(), "commented", actor, text, lambda alerts, now: [Change(alert, NOTE, "", "comment", text) for alert in alerts]
    )


def _change(
    alert_ids: Collection[int], which: Q, verb: str, actor: Who, note: str, change: Callable[[list[Alert], datetime], list[Change]]
) -> list[int]:
    """Applies a verb to those of the alerts that it fits; returns their ids."""
    now, changes = timezone.now(), []
    with changing():
        for ids in portions(set(alert_ids)):
            alerts = list(Alert.objects.filter(which, pk__in=ids).defer("evidence", "annotations").order_by("id"))
            changes += change(alerts, now) if alerts else []
        write(changes, now, Actor.of(actor))
        if changes and actor is not None:
            _record(verb, [one.alert for one in changes], changes[0].after, actor, note)
    return [one.alert.pk for one in changes]


def _record(verb: str, alerts: list[Alert], after: str, actor: Who, note: str) -> None:
    told = {"alerts": [alert.pk for alert in alerts[:NAMED]], "count": len(alerts), "to": after, "note": note}
    target = alerts[0] if len(alerts) == 1 else f"{len(alerts)} alerts"
    audit.record(f"alerts.{verb}", target=target, after={name: value for name, value in told.items() if value}, actor=actor)
