"""From transitions to groups: what changed since the last reading is put into the groups of the routes that take it. One transaction also
moves the cursor, so a transition is read once, whatever dies when."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from aiops.prepared import Prepared
from monitoring.alerts.models import RANKS, Alert, AlertTransition
from monitoring.notifications.models import Cursor, GroupAlert, NotificationGroup
from monitoring.notifications.route import Place, Routes

CURSOR = "notifications"
AT_ONCE = 5000  # transitions in one transaction
AXIS = AlertTransition.Axis
TOLD_OF = (AXIS.STATE, AXIS.OWNERSHIP, AXIS.SUPPRESSION, AXIS.SEVERITY)
NEEDED = ("id", "name", "labels", "severity", "source", "kind", "state", "ownership", "suppressed")
GROUP_STATE = ["tell_at", "due_at", "severity"]


def read_on(now: datetime | None = None, most: int = AT_ONCE) -> int:
    """Reads the next transitions; returns how many. 0 when there are none, or while another process reads."""
    if not _is_behind():
        return 0
    with transaction.atomic():
        cursor = Cursor.objects.select_for_update(skip_locked=True).filter(name=CURSOR).first()
        if cursor is None:
            return 0
        rows = list(
            AlertTransition.objects.filter(pk__gt=cursor.position)
            .order_by("pk")
            .only("id", "alert_id", "time", "axis", "before", "after")[:most]
        )
        if rows:
            _Reading(rows, now or timezone.now()).run()
            Cursor.objects.filter(name=CURSOR).update(position=rows[-1].pk, moved_at=timezone.now())
    return len(rows)


_behind = Prepared(
    lambda: (
        Cursor.objects.filter(name=CURSOR)
        .annotate(behind=Exists(AlertTransition.objects.filter(pk__gt=OuterRef("position"))))
        .values_list("behind")
    )
)


def _is_behind() -> bool:
    """One statement, every two seconds."""
    for (behind,) in _behind():
        return bool(behind)
    Cursor.objects.get_or_create(name=CURSOR)
    return True


class _Reading:
    def __init__(self, rows: Iterable[AlertTransition], now: datetime) -> None:
        self.now = now
        self.moved: dict[int, datetime] = {}  # alerts that may have to be told of, since when
        self.again: set[int] = set()  # … also where they were told of before
        self.owned: set[int] = set()
        touched: set[int] = set()
        for row in rows:
            if row.axis in TOLD_OF:
                touched.add(row.alert_id)
                self._take(row)
        self.alerts = Alert.objects.only(*NEEDED).in_bulk(touched)

    def _take(self, row: AlertTransition) -> None:
        if row.axis == AXIS.OWNERSHIP:
            self.owned.add(row.alert_id)
            return
        self.moved.setdefault(row.alert_id, min(row.time, self.now))
        ended = row.axis == AXIS.SUPPRESSION and not row.after
        worse = row.axis == AXIS.SEVERITY and RANKS.get(row.after, 0) > RANKS.get(row.before, 0)
        if ended or worse:
            self.again.add(row.alert_id)

    def run(self) -> None:
        """Groups are held before their members are read: nobody else ends a membership meanwhile."""
        wanted = self._wanted()
        members = GroupAlert.objects.filter(alert__in=self.alerts, over_at=None)
        groups = self._groups(wanted, set(members.values_list("group_id", flat=True)))
        by_key = {group.key: group for group in groups.values()}
        known = {(member.group_id, member.alert_id): member for member in members.filter(group__in=groups)}
        fresh = [
            GroupAlert(group=by_key[place.key], alert_id=alert, added_at=self.now)
            for alert, places in wanted.items()
            for place in places
            if (by_key[place.key].pk, alert) not in known
        ]
        GroupAlert.objects.bulk_create(
            fresh, batch_size=2000, update_conflicts=True, unique_fields=["group", "alert"], update_fields=["over_at", "told", "again"]
        )  # an alert that was over within the group, and is back
        again = [member.pk for (_, alert), member in known.items() if alert in self.again and alert in wanted]
        GroupAlert.objects.filter(pk__in=again).update(again=True)
        self._touch(groups, [*fresh, *known.values()])

    def _wanted(self) -> dict[int, list[Place]]:
        """Of alerts that fire and may be told of: the groups they belong to."""
        ids = [pk for pk in self.moved if pk in self.alerts and is_loud(self.alerts[pk])]
        routes = Routes.stored(self.now) if ids else None
        return {pk: routes.places(self.alerts[pk]) for pk in sorted(ids)} if routes else {}

    def _groups(self, wanted: dict[int, list[Place]], members: Collection[int]) -> dict[int, NotificationGroup]:
        """Open ones by id, held until the transaction ends: those of the members, those wanted, made where there is none."""
        places = {place.key: place for some in wanted.values() for place in some}
        since: dict[str, datetime] = {}
        for alert, some in wanted.items():
            for place in some:
                since[place.key] = min(self.moved[alert], since.get(place.key, self.now))
        rows = NotificationGroup.objects.filter(closed_at=None).select_related("route").select_for_update(of=("self",)).order_by("pk")
        found = {row.pk: row for row in rows.filter(pk__in=members)}
        missing = places.keys() - {row.key for row in found.values()}
        found |= {row.pk: row for row in rows.filter(key__in=missing)} if missing else {}
        missing -= {row.key for row in found.values()}
        made = [self._new(places[key], since[key]) for key in sorted(missing)]
        NotificationGroup.objects.bulk_create(made, batch_size=1000)
        return found | {row.pk: row for row in made}

    def _new(self, place: Place, since: datetime) -> NotificationGroup:
        return NotificationGroup(
            route=place.route, route_name=place.route.name, key=place.key, labels=place.labels, opened_at=since, severity="low"
        )

    def _touch(self, groups: dict[int, NotificationGroup], members: Iterable[GroupAlert]) -> None:
        """Says when each group is looked at next."""
        touched: defaultdict[int, list[int]] = defaultdict(list)
        for member in members:
            touched[member.group_id].append(member.alert_id)
        for pk, alerts in touched.items():
            group = groups[pk]
            at = self._when(group, any(alert in self.owned for alert in alerts))
            group.tell_at = min(at, group.tell_at) if group.tell_at else at
            group.due_at = min(group.tell_at, group.due_at) if group.due_at else group.tell_at
            group.severity = max(group.severity, *(self.alerts[alert].severity for alert in alerts), key=lambda one: RANKS[one])
        changed = [groups[pk] for pk in touched]
        NotificationGroup.objects.bulk_create(
            changed, batch_size=1000, update_conflicts=True, unique_fields=["id"], update_fields=GROUP_STATE
        )

    def _when(self, group: NotificationGroup, owned: bool) -> datetime:
        route = group.route
        if route is None or (owned and group.messages_count):
            return self.now  # nobody is told twice of what somebody has in hand
        if group.told_at is None:
            return group.opened_at + timedelta(seconds=route.group_wait)
        return max(self.now, group.told_at + timedelta(seconds=route.group_interval))


def is_loud(alert: Alert) -> bool:
    """It fires and nothing suppresses it."""
    return alert.state == Alert.State.FIRING and not alert.suppressed
