"""Who would hear of an alert, how soon and how: the routes, the escalation and the quiet hours asked as they would be, told to nobody."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from monitoring.notifications import persons
from monitoring.notifications.models import EscalationStep, Route
from monitoring.notifications.persons import Way
from monitoring.notifications.route import Routes

MOST = 500
MOST_ROUNDS = 3  # of a policy that begins again and again


class Heard(NamedTuple):
    """`delay`: seconds from when the alert fires. `who`: a person, or the channel itself; nobody where a schedule has a gap."""

    delay: float
    who: str
    way: str  # the channel's name
    route: str
    kind: str = ""  # of the channel
    step: str = ""  # of the escalation; empty: by the route itself
    held: bool = False  # quiet hours are part of the delay
    channel_id: int | None = None
    user_id: int | None = None
    route_id: int | None = None


def who_would_hear(labels: Mapping[str, str], severity: str, at: datetime | None = None) -> list[Heard]:
    """In the order in which they hear, were nobody to acknowledge. `labels` may hold alertname, source and kind. Empty: no route takes
    it."""
    at = at or timezone.now()
    seen = {"source": "rule", "kind": "real", **labels, "severity": severity}
    routes = Routes(Route.objects.filter(enabled=True).order_by("position", "id").select_related("policy").prefetch_related("channels"), at)
    found = [one for route in routes.taking(seen) for one in _of_route(route, severity, at)]
    return sorted(found, key=lambda one: one.delay)[:MOST]


def _of_route(route: Route, severity: str, at: datetime) -> Iterator[Heard]:
    told = at + timedelta(seconds=route.group_wait)
    for way in persons.to_channels(route.channels.all(), severity, told):
        yield _heard(way, route, told, at)
    yield from _escalated(route, severity, told, at)


def _escalated(route: Route, severity: str, told: datetime, at: datetime) -> Iterator[Heard]:
    if route.policy is None:
        return
    rows = route.policy.steps.select_related("user", "schedule", "channel").order_by("position", "id")
    steps, moment = list(rows), told
    for round_ in range(min(route.policy.repeat, MOST_ROUNDS) + 1):
        for place, step in enumerate(steps):
            moment += timedelta(seconds=step.wait)
            words = f"{route.policy.name}, step {place + 1}" + (f", round {round_ + 1}" if round_ else "")
            ways = persons.of_step(step, severity, moment)
            for way in ways:
                yield _heard(way, route, moment, at, words)
            if not ways:
                yield Heard((moment - at).total_seconds(), _nobody(step), "", route.name, step=words, route_id=route.pk)


def _nobody(step: EscalationStep) -> str:
    return f"nobody: {step.whom}"


def _heard(way: Way, route: Route, moment: datetime, at: datetime, step: str = "") -> Heard:
    heard = max(way.held, moment) if way.held else moment
    return Heard(
        (heard - at).total_seconds(), way.user.name if way.user else way.channel.name, way.channel.name, route.name, way.channel.kind, step,
        way.held is not None, way.channel.pk, way.user.pk if way.user else None, route.pk,
    )  # fmt: skip
