"""What is no alert is told to channels or people, once. Anyone to the right may call `announce`; lanes send it as they send all."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from monitoring.alerts.models import Alert
from monitoring.notifications import compose, notice, persons
from monitoring.notifications.models import Channel, Delivery, Message, Route
from monitoring.notifications.notice import Button, Notice
from monitoring.notifications.persons import Way
from monitoring.notifications.route import Routes, subject


@dataclass(frozen=True)
class Announcement:
    """`key` is the same however often it is announced: it is told once."""

    key: str
    title: str
    text: str
    severity: str = "medium"
    url: str = ""
    thread: str = ""  # what belongs together: a mail thread; empty: the key
    kind: str = notice.ESCALATION
    why: str = ""  # shown beside the delivery
    buttons: tuple[Button, ...] = ()


def announce(one: Announcement, channels: Collection[Channel] = (), people: Collection[User] = (), alert: Alert | None = None) -> list[str]:
    """Whom it goes to, by name: nobody where it was announced before, or where nothing that is enabled reaches anybody."""
    now = timezone.now()
    found = {way.tag: way for way in [*persons.to_channels(channels, one.severity, now), *persons.to_people(people, one.severity, now)]}
    with transaction.atomic():
        keys = {f"{one.key}:{tag}"[:120]: way for tag, way in found.items()}
        known = set(Delivery.objects.filter(key__in=keys).values_list("key", flat=True))
        new = {key: way for key, way in keys.items() if key not in known}
        if new:
            message = _message(one, now, alert)
            Delivery.objects.bulk_create([_delivery(message, one, key, way, now) for key, way in new.items()], ignore_conflicts=True)
    return [way.user.name if way.user else way.channel.name for way in new.values()]


def channels_for(alert: Alert) -> list[Channel]:
    """Those that routes choose for an alert at this moment, whether it fires or not."""
    routes: Sequence[Route] = list(Routes.stored(timezone.now()).taking(subject(alert)))
    rows: Iterable[Channel] = Channel.objects.filter(routes__in=routes, enabled=True).distinct().order_by("pk")
    return list(rows)


def _message(one: Announcement, now: datetime, alert: Alert | None) -> Message:
    told = Notice(
        key="", kind=one.kind, title=one.title[:300], text=one.text, severity=one.severity, at=now, thread=(one.thread or one.key)[:80],
        url=one.url, buttons=one.buttons, alerts=(compose.brief(alert),) if alert else (),
    )  # fmt: skip
    told = replace(told, firing=len(told.alerts))
    return Message.objects.create(
        kind=one.kind, severity=one.severity, title=told.title, content=notice.to_json(told), at=now, alert_ids=told.alert_ids
    )


def _delivery(message: Message, one: Announcement, key: str, way: Way, now: datetime) -> Delivery:
    return Delivery(
        key=key, message=message, channel=way.channel, channel_name=way.channel.name, user=way.user,
        recipient=way.user.name if way.user else "", address=way.address, thread=f"{one.thread or one.key}:{way.tag}"[:80],
        why=one.why[:300], next_attempt_at=way.held or now, held_until=way.held, created_at=now,
    )  # fmt: skip
