"""How channels are: failures in a row, and an alert while one is dead, raised and ended like any other."""

from datetime import datetime

from django.db.models import F
from django.utils import timezone

from monitoring.alerts import lifecycle
from monitoring.alerts.models import Alert
from monitoring.notifications.models import Channel

DEAD = "NotificationChannelDead"
SOURCE = "self"


def note(channel: Channel, said: str, now: datetime, *, ok: bool, given_up: bool) -> None:
    """After an attempt. A notice that was given up makes the channel dead; the next that arrives ends that."""
    row = Channel.objects.filter(pk=channel.pk)
    if ok:
        row.update(last_attempt=now, last_success=now, last_answer=said, failures=0)
        if row.exclude(dead_since=None).update(dead_since=None):
            revive(channel, "a notice arrived")
        return
    row.update(last_attempt=now, last_answer=said, failures=F("failures") + 1)
    if given_up and row.filter(dead_since=None).update(dead_since=now):
        lifecycle.observe([_observation(channel, said)])


def revive(channel: Channel, reason: str) -> None:
    """Nothing is wrong with it, or nobody wants to know any more: deleted, switched off, changed."""
    mark = _mark(channel)
    if Alert.objects.filter(fingerprint=mark, source=SOURCE).exclude(state=Alert.State.RESOLVED).exists():
        lifecycle.observe([lifecycle.Observation(mark, "resolved", source=SOURCE, reason=reason)], timezone.now())


def _labels(channel: Channel) -> dict[str, str]:
    return {"alertname": DEAD, "channel_id": str(channel.pk), "kind": channel.kind}


def _mark(channel: Channel) -> str:
    return lifecycle.fingerprint(SOURCE, _labels(channel))


def _observation(channel: Channel, said: str) -> lifecycle.Observation:
    return lifecycle.Observation(
        _mark(channel), "firing", name=DEAD, source=SOURCE, severity="high", labels={**_labels(channel), "channel": channel.name},
        annotations={
            "summary": f"Notifications do not get out by {channel.name}",
            "description": f"A notice was given up: {said}"[:1000],
        },
    )  # fmt: skip
