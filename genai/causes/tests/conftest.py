"""A small site: a shop calls an API, which stores in a database on a host; samples of the last hours, one each 30 s."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from monitoring.alerts.lifecycle import Observation, fingerprint, observe
from monitoring.alerts.models import Alert
from monitoring.inventory.models import Dependency, Resource
from monitoring.store import writer
from monitoring.store.batch import Batch

STEP = 30_000  # ms
HOURS = 3.5


@dataclass
class Site:
    now: datetime
    shop: Resource
    api: Resource
    database: Resource
    host: Resource
    other: Resource

    def write(self, resource: Resource, metric: str, usual: float, after: float | None = None, minutes: float = 20.0, noise: float = 0.03,
              counter: bool = False, labels: Mapping[str, str] | None = None, hours: float = HOURS) -> None:  # fmt: skip
        """A series that lies at `usual`, and at `after` for the last `minutes`."""
        t = int(self.now.timestamp() * 1000) - STEP * np.arange(int(hours * 120))[::-1]
        rng = np.random.default_rng(sum(map(ord, f"{resource.name}{metric}")))
        v = usual * (1 + noise * rng.standard_normal(len(t)))
        if after is not None:
            v = np.where(t >= self.now.timestamp() * 1000 - minutes * 60_000, after * (1 + noise * rng.standard_normal(len(t))), v)
        v = np.cumsum(np.maximum(v, 0) * STEP / 1000) if counter else v
        named = {"instance": resource.name, **(labels or {})}
        writer.write(Batch.of([(metric, named, int(at), float(value)) for at, value in zip(t, v, strict=True)], resource.pk))

    def fire(self, resource: Resource, name: str = "Slow", minutes: float = 12.0, **more: Any) -> Alert:
        """An alert whose condition began to hold `minutes` ago."""
        labels = {"alertname": name, "instance": resource.name}
        seen = Observation(
            fingerprint("test", {**labels, "resource": str(resource.pk)}), "firing", name=name, labels=labels, source="test",
            resource=resource.pk, severity=more.pop("severity", "high"), annotations={"summary": f"{name} on {resource.name}"}, **more,
        )  # fmt: skip
        (alert,) = observe([seen], self.now - timedelta(minutes=minutes))
        return Alert.objects.get(pk=alert.pk)


def needs(one: Resource, other: Resource) -> None:
    Dependency.objects.create(from_resource=one, to_resource=other, kind="calls")


@pytest.fixture
def site(db: None) -> Site:
    def made(name: str, kind: str, parent: Resource | None = None) -> Resource:
        return Resource.objects.create(name=name, kind=kind, parent=parent)

    host = made("node-7", "host")
    found = Site(
        timezone.now(), made("shop", "service"), made("api", "service"), made("orders-db", "database", host), host, made("mail", "service")
    )
    needs(found.shop, found.api)
    needs(found.api, found.database)
    return found


@pytest.fixture
def slow_database(site: Site) -> Callable[[], Alert]:
    """The database's queries take 12 times as long for 20 minutes, then all that needs it is slow; the mail is as ever."""

    def happen() -> Alert:
        site.write(site.database, "db_query_seconds_mean", 0.02, 0.24, minutes=20)
        site.write(site.database, "db_connections", 40, 38)
        site.write(site.api, "api_latency_p95_seconds", 0.1, 0.5, minutes=16)
        site.write(site.api, "api_requests_total", 50, 50, counter=True)
        site.write(site.shop, "shop_latency_p95_seconds", 0.2, 0.9, minutes=13)
        site.write(site.host, "node_load1", 1.0, 1.1, noise=0.1)
        site.write(site.other, "mail_queue_length", 10, 10)
        return site.fire(site.shop)

    return happen
