"""Messages and deliveries that one look at groups brings about, written together in a fixed number of statements."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from aiops.plugins import PluginError
from monitoring.alerts.models import Alert
from monitoring.incidents.models import IncidentAlert
from monitoring.notifications import checks, compose, notice, persons
from monitoring.notifications.channels.base import channel_class
from monitoring.notifications.compose import About, Saying
from monitoring.notifications.models import Channel, Delivery, EscalationStep, Message, NotificationGroup, Route
from monitoring.notifications.persons import Way

AT_ONCE = 2000  # ids in one statement


def steps_of(groups: Iterable[NotificationGroup]) -> dict[int, list[EscalationStep]]:
    """By policy."""
    found: defaultdict[int, list[EscalationStep]] = defaultdict(list)
    policies = {group.route.policy_id for group in groups if group.route and group.route.policy_id}
    if policies:
        rows = EscalationStep.objects.filter(policy__in=policies).select_related("policy", "user", "schedule", "channel")
        for step in rows.order_by("policy_id", "position", "id"):
            found[step.policy_id].append(step)
    return found


class Outbox:
    def __init__(self, now: datetime) -> None:
        self.now = now
        self.messages: list[tuple[NotificationGroup, Saying, str, list[Way] | None, str, int]] = []
        self._reached: dict[tuple[int, str], list[Way]] = {}

    def say(self, group: NotificationGroup, saying: Saying) -> None:
        """To the channels of the group's route; what is over also to everybody its escalation has told."""
        self.messages.append((group, saying, group.severity, None, f"route {group.route_name}", group.messages_count))

    def escalate(self, group: NotificationGroup, saying: Saying, step: EscalationStep) -> bool:
        """False when the step reaches nobody."""
        ways = self._ways(step, group.severity)
        if ways:
            self.messages.append((group, saying, group.severity, ways, saying.step, group.messages_count))
        return bool(ways)

    def _ways(self, step: EscalationStep, severity: str) -> list[Way]:
        key = (step.pk, severity)
        if key not in self._reached:
            self._reached[key] = persons.of_step(step, severity, self.now)
        return self._reached[key]

    def save(self) -> None:
        if not self.messages:
            return
        alerts = _alerts({pk for _, saying, *_ in self.messages for pk in saying.told})
        incidents = _incidents(alerts)
        channels = _channels(group.route for group, *_ in self.messages)
        escalated = _escalated([group.pk for group, saying, *_ in self.messages if saying.kind == notice.RESOLVED])
        rows, deliveries = [], []
        for group, saying, severity, ways, why, number in self.messages:
            group.incident, about = _about(saying, incidents, group.incident)
            message = self._message(group, saying, severity, number, alerts, about)
            rows.append(message)
            own = persons.to_channels(channels[group.route_id or 0], severity, self.now) if ways is None else ways
            told = persons.still_to(escalated[group.pk], severity, self.now) if ways is None and group.pk in escalated else []
            heard = [way for way in _once([*own, *told]) if saying.kind in hears(way.channel.kind)]
            deliveries += [self._delivery(message, group, way, why) for way in heard]
        Message.objects.bulk_create(rows, batch_size=500)
        for one in deliveries:
            one.message_id = one.message.pk
        Delivery.objects.bulk_create(deliveries, batch_size=500)

    def _message(
        self, group: NotificationGroup, saying: Saying, severity: str, number: int, alerts: Mapping[int, Alert], about: About | None
    ) -> Message:
        told = compose.compose(group, saying, alerts, severity, self.now, about, number)
        return Message(
            group=group, number=number, kind=saying.kind, severity=severity, title=told.title, content=notice.to_json(told),
            alert_ids=compose.told_of(saying)[: checks.NAMED], at=self.now,
        )  # fmt: skip

    def _delivery(self, message: Message, group: NotificationGroup, way: Way, why: str) -> Delivery:
        return Delivery(
            key=f"{group.pk}:{message.number}:{way.tag}", message=message, channel=way.channel, channel_name=way.channel.name,
            user=way.user, recipient=way.user.name if way.user else "", address=way.address, thread=f"{group.pk}:{way.tag}",
            why=why[:300], next_attempt_at=way.held or self.now, held_until=way.held, created_at=self.now,
        )  # fmt: skip


def _once(ways: Iterable[Way]) -> list[Way]:
    return list({way.tag: way for way in ways}.values())


def hears(kind: str) -> frozenset[str]:
    """The kinds of notices that a channel is given. One whose plugin is gone gets them all: the attempt says so."""
    try:
        return channel_class(kind).hears
    except PluginError:
        return notice.HEARD


def _alerts(ids: set[int]) -> dict[int, Alert]:
    listed = sorted(ids)
    found: dict[int, Alert] = {}
    for place in range(0, len(listed), AT_ONCE):
        found |= {one.pk: one for one in Alert.objects.filter(pk__in=listed[place : place + AT_ONCE]).defer("evidence", "fires")}
    return found


def _incidents(alerts: Iterable[int]) -> dict[int, About]:
    """By alert, of incidents that are open."""
    listed = sorted(alerts)
    found: dict[int, About] = {}
    for place in range(0, len(listed), AT_ONCE):
        rows = IncidentAlert.objects.filter(alert_id__in=listed[place : place + AT_ONCE]).select_related("incident")
        found |= {row.alert_id: About(row.incident_id, row.incident.number, row.incident.title) for row in rows}
    return found


def _about(saying: Saying, incidents: Mapping[int, About], before: int | None) -> tuple[int | None, About | None]:
    """The incident that most of the alerts belong to."""
    counted = Counter(incidents[pk] for pk in saying.told if pk in incidents)
    about = counted.most_common(1)[0][0] if counted else None
    return (about.pk, about) if about else (before, None)


def _channels(routes: Iterable[Route | None]) -> defaultdict[int, list[Channel]]:
    """By route."""
    found: defaultdict[int, list[Channel]] = defaultdict(list)
    pairs = Route.channels.through.objects.filter(route__in={route.pk for route in routes if route})
    for row in pairs.select_related("channel").order_by("id"):
        found[row.route_id].append(row.channel)
    return found


def _escalated(groups: Sequence[int]) -> defaultdict[int, list[Way]]:
    """By group: whom its escalation has told, so that they hear of its end."""
    found: defaultdict[int, list[Way]] = defaultdict(list)
    if groups:
        rows = Delivery.objects.filter(message__group__in=groups, message__kind=notice.ESCALATION, channel__isnull=False)
        for row in rows.select_related("channel", "user", "message").order_by("id"):
            if row.channel is not None:
                found[row.message.group_id or 0].append(Way(row.channel, row.user, row.address))
    return found
