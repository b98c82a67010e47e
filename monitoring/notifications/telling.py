"""From groups that are due to messages and their deliveries, in one transaction: what is to be told is written down before anybody sends,
and a group knows what was told of it. Looks at what alerts are now, so looking twice tells nothing twice."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import Error, transaction
from django.db.models import QuerySet
from django.utils import timezone

from aiops.prepared import Prepared
from monitoring.alerts.models import RANKS, Alert
from monitoring.alerts.transitions import portions
from monitoring.notifications import escalation, notice
from monitoring.notifications.compose import Saying, severest
from monitoring.notifications.models import GroupAlert, NotificationGroup
from monitoring.notifications.outbox import Outbox, steps_of

AT_ONCE = 200  # groups in one transaction
PUT_OFF = timedelta(minutes=5)
STATE = [
    "severity", "incident", "closed_at", "due_at", "tell_at", "repeat_at", "step_at", "step", "round", "told_at", "messages_count",
    "firing", "acknowledged",
]  # fmt: skip
FIRING = Alert.State.FIRING
log = logging.getLogger(__name__)


class Member(NamedTuple):
    pk: int
    group: int
    alert: int
    told: str
    again: bool
    state: str
    severity: str
    ownership: str
    suppressed: bool

    @property
    def loud(self) -> bool:
        return self.state == FIRING and not self.suppressed

    @property
    def over(self) -> bool:
        return self.state == Alert.State.RESOLVED


MEMBER = ("pk", "group_id", "alert_id", "told", "again", "alert__state", "alert__severity", "alert__ownership", "alert__suppressed")


_any_due = Prepared(
    lambda now: NotificationGroup.objects.filter(closed_at=None, due_at__lte=now).order_by().values_list("pk")[:1], now=datetime
)


def tell_due(now: datetime | None = None, most: int = AT_ONCE) -> int:
    """Looks at the groups that are due; returns how many. Those another process looks at are left to it."""
    now = now or timezone.now()
    due = NotificationGroup.objects.filter(closed_at=None, due_at__lte=now)
    if not _any_due(now=now):
        return 0
    try:
        return _tell(due, now, most)
    except Error:
        raise
    except Exception:
        log.exception("%s groups could not be told of", most)
        return tell_due(now, 1) if most > 1 else _put_off(due, now)


def _put_off(due: QuerySet[NotificationGroup], now: datetime) -> int:
    """A group that cannot be told of must not keep the others waiting."""
    first = due.order_by("due_at", "pk").values("pk")[:1]
    return NotificationGroup.objects.filter(pk__in=list(first.values_list("pk", flat=True))).update(due_at=now + PUT_OFF)


def _tell(due: QuerySet[NotificationGroup], now: datetime, most: int) -> int:
    with transaction.atomic():
        rows = due.select_for_update(skip_locked=True, of=("self",)).select_related("route__policy").order_by("due_at", "pk")[:most]
        groups = list(rows)
        if groups:
            _look(groups, now)
    return len(groups)


def _look(groups: Sequence[NotificationGroup], now: datetime) -> None:
    members: defaultdict[int, list[Member]] = defaultdict(list)
    rows = GroupAlert.objects.filter(group__in=groups, over_at=None).order_by("pk").values_list(*MEMBER)
    for one in map(Member._make, rows):
        members[one.group].append(one)
    steps = steps_of(groups)
    outbox = Outbox(now)
    looks = [_Look(group, members[group.pk], steps.get(group.route.policy_id or 0, []) if group.route else [], now) for group in groups]
    for look in looks:
        look.run(outbox)
    outbox.save()
    _save(looks, now)


def _save(looks: Sequence["_Look"], now: datetime) -> None:
    _mark([pk for look in looks for pk in look.told], told=GroupAlert.Told.FIRING)
    _mark([pk for look in looks for pk in look.ended], told=GroupAlert.Told.RESOLVED, over_at=now)
    _mark([pk for look in looks for pk in look.silent], over_at=now)
    NotificationGroup.objects.bulk_create(
        [look.group for look in looks], batch_size=500, update_conflicts=True, unique_fields=["id"], update_fields=STATE
    )


def _mark(members: Sequence[int], **columns: object) -> None:
    for some in portions(members):
        GroupAlert.objects.filter(pk__in=some).update(again=False, **columns)


class _Look:
    """At one group: decides what is said of it, and when it is looked at next."""

    def __init__(self, group: NotificationGroup, members: Sequence[Member], steps: escalation.Steps, now: datetime) -> None:
        self.group, self.members, self.steps, self.now = group, members, steps, now
        self.told: list[int] = []  # members, by what becomes of them
        self.ended: list[int] = []
        self.silent: list[int] = []
        self.loud = [one for one in members if one.loud]
        self.owned = bool(self.loud) and all(one.ownership != Alert.Ownership.NEW for one in self.loud)

    def run(self, outbox: Outbox) -> None:
        group, route = self.group, self.group.route
        if route is None:
            self._close()
            return
        said = self._say(outbox) if _is_due(group.tell_at, self.now) else False
        if group.messages_count and not said and _is_due(group.repeat_at, self.now) and self.loud and not self.owned:
            self._put(outbox, Saying(notice.FIRING, going_on=_alerts(self.loud), repeat=True))
            said = True
        self._pace(said, route.repeat_interval)
        self._escalate(outbox)
        group.firing, group.acknowledged = len(self.loud), self.owned
        if all(one.over for one in self.members) and not self._unsaid():
            self._close()
        group.due_at = min((at for at in (group.tell_at, group.repeat_at, group.step_at) if at), default=None)

    def _say(self, outbox: Outbox) -> bool:
        """What changed. True when a message was written."""
        group = self.group
        group.tell_at = None
        enabled = group.route is not None and group.route.enabled
        fresh = [one for one in self.loud if enabled and (not one.told or one.again)]
        over = [one for one in self.members if one.over and one.told]
        new = {one.pk for one in fresh}
        self.told += new
        self.ended += [one.pk for one in over]
        self.silent += [one.pk for one in self.members if one.over and not one.told]  # over before anybody was told: nobody is
        going_on = [one for one in self.loud if one.pk not in new]
        if over and not (group.route and group.route.tells_resolved):
            over = []
        if fresh or over:
            kind = notice.FIRING if fresh or self.loud else notice.RESOLVED
            self._put(outbox, Saying(kind, _alerts(fresh), _alerts(going_on), _alerts(over)), over)
            return True
        if self.owned and not group.acknowledged and group.messages_count:
            self._put(outbox, Saying(notice.ACKNOWLEDGED, going_on=_alerts(self.loud)))
        return False

    def _put(self, outbox: Outbox, saying: Saying, over: Sequence[Member] = ()) -> None:
        group = self.group
        group.severity = severest((one.severity for one in (self.loud or over)), group.severity)
        group.messages_count += 1
        outbox.say(group, saying)
        if saying.kind != notice.ACKNOWLEDGED:
            group.told_at = self.now

    def _pace(self, said: bool, interval: int) -> None:
        """Repeats go on from the latest notice, until nothing fires or somebody has it."""
        group = self.group
        if not self.loud or self.owned or not interval or not group.told_at:
            group.repeat_at = None
        elif said or group.repeat_at is None:
            group.repeat_at = group.told_at + timedelta(seconds=interval)

    def _escalate(self, outbox: Outbox) -> None:
        group, steps = self.group, self.steps
        if not self.loud or self.owned or not steps or not group.told_at:
            escalation.stop(group)
            return
        if group.step_at is None and group.step == 0 and group.round == 0:
            escalation.begin(group, steps, self.now)
        for step in escalation.due(group, steps, self.now):
            round_ = group.round if group.step else max(0, group.round - 1)
            told = escalation.told_as(step, steps, round_)
            group.messages_count += 1
            reached = outbox.escalate(group, Saying(notice.ESCALATION, going_on=_alerts(self.loud), step=told), step)
            if not reached:
                group.messages_count -= 1
                if group.step_at:
                    group.step_at = self.now  # nobody there: the next step does not wait

    def _unsaid(self) -> bool:
        return any(one.over and one.told and one.pk not in self.ended for one in self.members)

    def _close(self) -> None:
        gone = {*self.ended, *self.silent}
        self.silent += [one.pk for one in self.members if one.pk not in gone]
        self.group.closed_at, self.group.tell_at, self.group.repeat_at, self.group.due_at = self.now, None, None, None
        escalation.stop(self.group)


def _is_due(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


def _alerts(members: Iterable[Member]) -> list[int]:
    """The worst first."""
    return [one.alert for one in sorted(members, key=lambda one: -RANKS.get(one.severity, 0))]
