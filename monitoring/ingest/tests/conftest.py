import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import tokens
from monitoring.ingest import senders
from monitoring.store import reader, series


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Any:
    """What a process remembers of rows that a test rolls back."""
    senders.forget()
    series.forget()
    yield
    senders.forget()
    series.forget()


@pytest.fixture
def token(operator: Any) -> str:
    return tokens.issue(operator, "agents", [], kind="ingest", days=None)[1]


@pytest.fixture
def send(token: str) -> Callable[..., Any]:
    """POSTs a body to a door with an ingest token; keyword arguments are headers."""

    def post(door: str, body: bytes | str, **headers: str) -> Any:
        given = {"Authorization": f"Bearer {token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        kind = given.pop("Content-Type", "text/plain")
        return Client().post(f"/webhooks/{door}", body, content_type=kind, headers=given)

    return post


@pytest.fixture
def now() -> int:
    """Seconds."""
    return int(time.time())


def stored(metric: str) -> dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]:
    """What the store holds of a metric: labels -> [(ms, value)]."""
    from monitoring.store.models import Series

    rows = {row.pk: tuple(sorted(row.labels.items())) for row in Series.objects.filter(metric=metric)}
    found = reader.raw_many(list(rows), 0, 1 << 50)
    return {labels: list(zip(*(column.tolist() for column in found[sid]), strict=True)) for sid, labels in rows.items() if sid in found}
