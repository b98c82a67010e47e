"""Which routes take an alert, and into which group. Pure but for reading the routes."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from monitoring.alerts import silences
from monitoring.alerts.models import Alert
from monitoring.notifications.checks import EACH
from monitoring.notifications.hours import Hours
from monitoring.notifications.models import Route
from monitoring.query.errors import QueryError
from monitoring.query.source import Matcher, accepts

Labels = Mapping[str, str]
log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where an alert belongs: a group of a route."""

    route: Route
    key: str
    labels: dict[str, str]


class _Way(NamedTuple):
    route: Route
    accepts: Callable[[Labels], bool]
    hours: Hours


class Routes:
    """The enabled routes in their order, ready for many alerts."""

    def __init__(self, routes: Iterable[Route], at: datetime) -> None:
        ways = [_way(one) for one in routes]
        self.ways = [way for way in ways if way and way.hours.holds(at)]

    @classmethod
    def stored(cls, at: datetime) -> "Routes":
        """One statement."""
        return cls(Route.objects.filter(enabled=True).order_by("position", "id"), at)

    def taking(self, labels: Labels) -> Iterator[Route]:
        for way in self.ways:
            if way.accepts(labels):
                yield way.route
                if not way.route.goes_on:
                    return

    def places(self, alert: Alert) -> list[Place]:
        labels = subject(alert)
        return [place(route, labels, str(alert.pk)) for route in self.taking(labels)]


def _way(route: Route) -> _Way | None:
    """None for one whose matchers cannot be read (they were checked, but rows can be written by other hands): others go on."""
    try:
        return _Way(route, accepts(matchers_of(route.matchers)), Hours.of(route, "active", route.time_zone))
    except (QueryError, KeyError, TypeError) as fault:
        log.error("route %s is left out, its matchers cannot be read: %s", route, fault)
        return None


def matchers_of(given: Sequence[Mapping[str, str]]) -> list[Matcher]:
    return [Matcher(one["name"], one.get("op", "="), one["value"]) for one in given]


def subject(alert: Alert) -> dict[str, str]:
    """The labels that matchers see of an alert: its own, and alertname, severity, source and kind."""
    return {**silences.subject(alert), "kind": alert.kind}


def place(route: Route, labels: Labels, alert: str) -> Place:
    """`alert` tells apart what is grouped by itself."""
    if route.group_by == [EACH]:
        common = {name: value for name, value in labels.items() if name not in ("severity", "source", "kind")}
        return Place(route, _key(route, {EACH: alert}), common)
    common = {name: labels.get(name, "") for name in route.group_by}
    return Place(route, _key(route, common), common)


def _key(route: Route, labels: Labels) -> str:
    text = "\xff".join([str(route.pk), *(f"{name}\xfe{value}" for name, value in sorted(labels.items()))])
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
