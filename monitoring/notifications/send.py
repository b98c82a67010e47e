"""Sends what is due: claims a delivery by a lease, hands it to its channel, writes down the attempt with its answer. At least once: a
process that dies between the two is followed by another with the same key, when the lease has ended."""

import logging
import random
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from accounts import audit
from accounts.models import ApiToken, User
from aiops import resume
from aiops.plugins import PluginError
from aiops.prepared import Prepared
from monitoring.incidents import timeline
from monitoring.notifications import health, notice
from monitoring.notifications.channels.base import Transport, channel_class
from monitoring.notifications.models import Channel, Delivery, DeliveryAttempt, Message, page
from monitoring.notifications.notice import LONGEST_DETAIL, Answer, Notice, NotSent, Recipient

LEASE, ENOUGH = 120, 45  # seconds; what is left of a lease for an attempt, which never takes so long
CLAIMED, MOST_CLAIMED = 3, 30  # at once, one after the other under their lease
HAND = 5.0  # seconds that what is claimed at once may take
FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 10.0, 3.0, 3600.0  # seconds between attempts
TRIES = 5  # to claim before the field is left to others
Status = Delivery.Status
OPEN = Q(status__in=(Status.PENDING, Status.FAILED), ended_at=None)
log = logging.getLogger(__name__)


class Outcome(NamedTuple):
    answer: Answer | None
    fault: NotSent | None
    took_ms: float


# -- which ----------------------------------------------------------------------------------------------------------------
def due(now: datetime) -> Q:
    return OPEN & Q(next_attempt_at__lte=now) & (Q(leased_until=None) | Q(leased_until__lt=now))


_waiting = Prepared(lambda now: Delivery.objects.filter(due(now)).order_by().values_list("channel").annotate(Count("pk")), now=datetime)


def waiting(now: datetime | None = None) -> dict[int, int]:
    """How many are due, by channel; one statement. Those whose channel was deleted are given up."""
    found = dict(_waiting(now=now or timezone.now()))
    if found.pop(None, 0):
        orphans = Delivery.objects.filter(OPEN, channel=None)
        orphans.update(status=Status.SKIPPED, last_answer="the channel was deleted", ended_at=timezone.now())
    return found


def claim(channel_id: int, now: datetime | None = None, most: int = CLAIMED) -> list[Delivery]:
    """The oldest that are due and that nothing of their threads goes before. What quiet hours hold does not stand in the way."""
    now = now or timezone.now()
    before = Delivery.objects.filter(
        Q(status=Status.FAILED) | Q(status=Status.PENDING, next_attempt_at__lte=now), thread=OuterRef("thread"), pk__lt=OuterRef("pk")
    )
    rows = Delivery.objects.filter(due(now), ~Exists(before), channel=channel_id).order_by("next_attempt_at", "pk")
    for _ in range(TRIES):
        found = list(rows.values_list("pk", flat=True)[:most])
        lease = uuid.uuid4().hex
        held = Delivery.objects.filter(due(now), pk__in=found) if found else None
        if held is None or held.update(lease=lease, leased_until=now + timedelta(seconds=LEASE)):
            mine = (
                Delivery.objects.filter(pk__in=found, lease=lease)
                .select_related("message", "user")
                .prefetch_related("channel")
                .order_by("pk")
            )
            return list(mine) if found else []
    return []  # others are quicker: they do it


@resume.register
def free_leases() -> int:
    """In embedded mode nobody else sends: leases of the process that ended are nobody's."""
    return Delivery.objects.exclude(lease="").update(lease="", leased_until=None)


# -- attempts --------------------------------------------------------------------------------------------------------------
class Hand:
    """Deliveries of one channel, claimed together and sent one after the other: over one connection where the channel keeps it, with one
    look at how the channel is, as long as that is well, and one writing of timelines."""

    def __init__(self, claimed: Sequence[Delivery], clock: Callable[[], datetime] = timezone.now) -> None:
        self.claimed, self.clock = claimed, clock
        self.sent: list[Delivery] = []
        self.transport: Transport | None = None
        self.is_well = False  # its latest attempt went well, and the channel's row says so

    def run(self) -> int:
        """How many were tried. What comes too late in its lease is left to whoever comes next."""
        tried = 0
        try:
            for delivery in self.claimed:
                if delivery.leased_until is None or delivery.leased_until - self.clock() >= timedelta(seconds=ENOUGH):
                    self._attempt(delivery)
                    tried += 1
        finally:
            _tell_timelines(self.sent)
            if self.transport:
                self.transport.close()
        return tried

    def _attempt(self, delivery: Delivery) -> None:
        reason = _needless(delivery)
        if reason:
            mine = Delivery.objects.filter(pk=delivery.pk, lease=delivery.lease)
            mine.update(status=Status.SKIPPED, last_answer=reason, ended_at=self.clock(), lease="", leased_until=None)
            return
        assert delivery.channel is not None
        outcome = _timed(delivery.channel.kind, lambda: self._handed_over(delivery))
        _record(delivery, outcome, self.clock(), self.is_well)
        self.is_well = outcome.answer is not None
        if self.is_well:
            self.sent.append(delivery)

    def _handed_over(self, delivery: Delivery) -> Answer:
        assert delivery.channel is not None
        if self.transport is None:
            self.transport = transport_of(delivery.channel)
        self.transport.earlier = _earlier(delivery) if self.transport.threads else ""
        return self.transport.send(notice_of(delivery))


def attempt(delivery: Delivery, clock: Callable[[], datetime] = timezone.now) -> bool:
    """Of a claimed delivery. True when the channel took it."""
    hand = Hand([delivery], clock)
    hand.run()
    return bool(hand.sent)


def notice_of(delivery: Delivery) -> Notice:
    person = (Recipient(delivery.user_id, delivery.recipient, delivery.address),) if delivery.recipient or delivery.address else ()
    stored = delivery.message.content
    return notice.from_json(stored, key=f"{stored['thread']}:{delivery.key}", recipients=person)


def _needless(delivery: Delivery) -> str:
    """Why it need not be sent any more."""
    if delivery.channel is None:
        return "the channel was deleted"
    if not delivery.channel.enabled:
        return "the channel is switched off"
    if not delivery.held_until:
        return ""
    thread = Delivery.objects.filter(thread=delivery.thread)
    if thread.filter(pk__gt=delivery.pk).exclude(status=Status.SKIPPED).exists():
        return "held by quiet hours until a later notice took its place"
    if delivery.message.kind == notice.RESOLVED and not thread.filter(status=Status.SENT).exists():
        return "over before the quiet hours were"
    return ""


def transport_of(channel: Channel) -> Transport:
    """Raises PluginError for a kind that does not exist."""
    return channel_class(channel.kind)(channel.config, channel.secrets)


def _timed(kind: str, hand_over: Callable[[], Answer]) -> Outcome:
    begun = time.perf_counter()
    answer, fault = None, None
    try:
        answer = hand_over()
    except NotSent as found:
        fault = found
    except PluginError as found:
        fault = NotSent(found.message, found.permanent)
    except Exception as found:
        log.exception("channel %s failed in a way it should not", kind)
        fault = NotSent(f"fault in the channel {kind}: {type(found).__name__}")
    return Outcome(answer, fault, (time.perf_counter() - begun) * 1000)


def _earlier(delivery: Delivery) -> str:
    rows = Delivery.objects.filter(thread=delivery.thread, status=Status.SENT).exclude(external_id="").order_by("-pk")
    return rows.values_list("external_id", flat=True).first() or ""


def _record(delivery: Delivery, outcome: Outcome, now: datetime, is_well: bool = False) -> None:
    """The attempt, what becomes of the delivery, how its channel is (where that `is_well` already, another success says nothing new); in
    one transaction. What was sent is sent, even where the lease had ended meanwhile; a failure counts only under the lease."""
    answer, fault = outcome.answer, outcome.fault
    number = delivery.attempts_count + 1
    said = answer.detail if answer else fault.message[:LONGEST_DETAIL] if fault else ""
    status = (answer or fault).status  # type: ignore[union-attr]
    with transaction.atomic():
        DeliveryAttempt.objects.create(
            delivery=delivery, number=number, at=now, took_ms=outcome.took_ms, ok=answer is not None, status=status, answer=said
        )
        rows, columns = Delivery.objects.filter(pk=delivery.pk), {"lease": "", "leased_until": None, "last_answer": said}
        if answer is not None:
            rows.exclude(status=Status.SENT).update(
                status=Status.SENT, ended_at=now, attempts_count=number, external_id=answer.external_id, **columns
            )
        else:
            assert fault is not None
            rows.filter(lease=delivery.lease).update(attempts_count=number, **columns, **_after(fault, number, now))
        assert delivery.channel is not None
        given_up = fault is not None and _is_hopeless(fault, number) and delivery.message.kind != notice.TEST
        if fault or not is_well:
            health.note(delivery.channel, said or str(status or "ok"), now, ok=fault is None, given_up=given_up)


def _after(fault: NotSent, number: int, now: datetime) -> dict[str, object]:
    if _is_hopeless(fault, number):
        return {"status": Status.DEAD, "ended_at": now}
    return {"status": Status.FAILED, "next_attempt_at": now + timedelta(seconds=pause(number, fault.retry_after))}


def _is_hopeless(fault: NotSent, number: int) -> bool:
    return fault.permanent or number >= settings.NOTIFICATION_TRIES


def pause(number: int, retry_after: float | None = None) -> float:
    """Seconds after the attempt with this number; never less than the receiver asks for, an hour at most."""
    usual = FIRST_PAUSE * GROWTH ** (number - 1) * random.uniform(0.8, 1.2)  # noqa: S311  # not all in step
    return min(max(usual, retry_after or 0.0), LONGEST_PAUSE)


def _tell_timelines(sent: Sequence[Delivery]) -> None:
    try:
        timeline.add_of_alerts([_told(one) for one in sent])
    except Exception:
        log.exception("no timeline shows %s deliveries", len(sent))  # sent they are, all the same


def _told(one: Delivery) -> timeline.OfAlerts:
    whom = f"{one.recipient} by {one.channel_name}" if one.recipient else one.channel_name
    said: timeline.Said = {"url": page("notifications"), "key": f"delivery {one.pk}"}
    return timeline.OfAlerts(one.message.alert_ids, "notification", f"Told {whom}: {one.message.title}", said)


# -- many -----------------------------------------------------------------------------------------------------------------
def send_channel(channel_id: int) -> int:
    """Everything of one channel that is due, one after the other; several threads and processes may do so side by side. Takes at once
    what it sends within HAND: of a slow channel little, so that others can take the rest."""
    count, most = 0, CLAIMED
    while claimed := claim(channel_id, most=most):
        begun = time.monotonic()
        count += Hand(claimed).run()
        most = max(CLAIMED, min(MOST_CLAIMED, 2 * most, int(HAND * len(claimed) / (time.monotonic() - begun))))
    return count


def send_due() -> int:
    """Everything that is due, in this thread."""
    return sum(send_channel(channel) for channel in waiting())


def retry(delivery: Delivery, actor: User | ApiToken | str | None) -> bool:
    """One more attempt of one that was given up or skipped; False for others."""
    ended = Delivery.objects.filter(pk=delivery.pk, status__in=(Status.DEAD, Status.SKIPPED), channel__isnull=False)
    if not ended.update(status=Status.PENDING, next_attempt_at=timezone.now(), held_until=None, ended_at=None):
        return False
    audit.record("notification.retried", target=delivery, after={"channel": delivery.channel_name}, actor=actor)
    return True


def _once(channel: Channel, told: Notice) -> Answer:
    transport = transport_of(channel)
    try:
        return transport.send(told)
    finally:
        transport.close()


def send_test(channel: Channel, actor: User | ApiToken | str | None) -> Answer:
    """At once and once, whether the channel is enabled or not. Raises NotSent; either way it is a delivery with its attempt."""
    now = timezone.now()
    name = getattr(actor, "name", None) or str(actor or "AIOps")
    told = Notice(
        key="", kind=notice.TEST, title=f"Test of {channel.name}", text=f"{name} tests whether this channel works. Nothing is wrong.",
        severity="low", at=now, thread=f"aiops-test-{channel.pk}-{int(now.timestamp() * 1000):x}", url=page("notifications"),
    )  # fmt: skip
    message = Message.objects.create(kind=notice.TEST, severity="low", title=told.title, content=notice.to_json(told), at=now)
    delivery = Delivery.objects.create(
        key=f"test:{message.pk}:{channel.pk}", message=message, channel=channel, channel_name=channel.name, thread=f"test:{message.pk}",
        why=f"test by {name}"[:300], created_at=now, lease=uuid.uuid4().hex, leased_until=now + timedelta(days=1),
    )  # fmt: skip
    outcome = _timed(channel.kind, lambda: _once(channel, notice_of(delivery)))
    fault = outcome.fault and NotSent(outcome.fault.message, True, outcome.fault.retry_after, outcome.fault.status)
    _record(delivery, outcome._replace(fault=fault), timezone.now())
    said = outcome.answer.detail if outcome.answer else str(fault)
    audit.record("notification_channel.tested", target=channel, after={"answer": said}, actor=actor)
    if outcome.answer is None:
        raise fault or NotSent("not sent")
    return outcome.answer
