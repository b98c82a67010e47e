"""Every change of an alert is a row. Rows are written by one writer at a time, so their ids rise in the order in which they can be seen."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import NamedTuple

from django.db import connection, transaction
from django.dispatch import Signal

from accounts.models import ApiToken, User
from monitoring.alerts.models import Alert, AlertTransition
from monitoring.alerts.signals import alert_changed

CHANGE_LOCK = 7_310_155_643  # any number, as long as nothing else in this database locks it
AT_ONCE = 5000  # ids in one statement
SYSTEM = "system"
Who = User | ApiToken | str | None


class Actor(NamedTuple):
    name: str
    user_id: int | None = None

    @classmethod
    def of(cls, who: Who) -> "Actor":
        if isinstance(who, ApiToken):
            return cls(f"{who.user.name}, token {who.name}"[:200], who.user_id)
        if isinstance(who, str):
            return cls(who[:200])
        return cls(who.name[:200], who.pk) if who else cls(SYSTEM)


class Change(NamedTuple):
    alert: Alert
    axis: AlertTransition.Axis
    before: str
    after: str
    reason: str = ""


@contextmanager
def changing() -> Iterator[None]:
    """A transaction in which nobody else changes alerts. SQLite needs no lock: its transactions are IMMEDIATE, one writer anyway."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHANGE_LOCK])
        yield


def write(changes: Iterable[Change], now: datetime, actor: Actor | None = None) -> list[AlertTransition]:
    """Stores the changes and tells of them after commit."""
    who = actor or Actor(SYSTEM)
    rows = [
        AlertTransition(
            alert_id=one.alert.pk,
            time=now,
            axis=one.axis,
            before=one.before[:200],
            after=one.after[:200],
            reason=one.reason,
            actor=who.name,
            user_id=who.user_id,
        )
        for one in changes
    ]
    rows = AlertTransition.objects.bulk_create(rows, batch_size=1000)
    if rows:
        ids = list(dict.fromkeys(row.alert_id for row in rows))
        transaction.on_commit(partial(alert_changed.send_robust, sender=Alert, alert_ids=ids, transition_ids=[row.pk for row in rows]))
    return rows


def tell(signal: Signal, alerts: Collection[Alert]) -> None:
    """After commit."""
    if alerts:
        transaction.on_commit(partial(signal.send_robust, sender=Alert, alert_ids=[alert.pk for alert in alerts]))


def portions(ids: Collection[int]) -> Iterator[list[int]]:
    listed = list(ids)
    return (listed[place : place + AT_ONCE] for place in range(0, len(listed), AT_ONCE))
