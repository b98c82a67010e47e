from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client

from monitoring.measurements import catalogue, create
from monitoring.measurements.facts import Columns, Fact
from monitoring.store.windows import DAY, floor, now_ms


@pytest.fixture(autouse=True)
def _forget() -> None:
    catalogue._told.clear()
    catalogue._sids.clear()


@pytest.fixture
def api(token_of: Callable[..., str]) -> Callable[..., Client]:
    """A client with a token of this user and these scopes."""

    def make(user, *scopes):
        return Client(headers={"Authorization": f"Bearer {token_of(user, *scopes)}"})

    return make


@pytest.fixture
def sender(operator, api):
    return api(operator, "monitoring:read", "monitoring:write", "metrics:write")


@pytest.fixture
def reader(viewer, api):
    return api(viewer, "monitoring:read")


@pytest.fixture
def midnight() -> int:
    """Two days ago, so that whole days lie behind."""
    return floor(now_ms() - 2 * DAY, DAY)


@pytest.fixture
def keep(db):
    """Keeps (vm, ms, metric, value) facts."""

    def keep(*rows):
        return create.many(Columns.of([Fact(*row) for row in rows]))

    return keep


def iso(t: int) -> str:
    return datetime.fromtimestamp(t / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fact(t: int, vm: str = "vm-1", metric: str = "cpu", value: object = 12.5) -> dict:
    return {"vm": vm, "timestamp": iso(t), "metric": metric, "value": value}
