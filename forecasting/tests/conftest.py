"""Series in the store, and watches of them. Times are on the grid of five minutes."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from forecasting import shards
from forecasting.models import Watch
from monitoring.store import writer
from monitoring.store.batch import Batch, SeriesKey
from monitoring.store.windows import DAY, HOUR, MINUTE, floor, now_ms

STEP = 5 * MINUTE


@pytest.fixture(autouse=True)
def _nothing_held() -> Iterator[None]:
    """States in this process' memory are of one test's database."""
    shards.forget()
    yield
    shards.forget()


@pytest.fixture
def now() -> int:
    """ms: a whole hour, a little ago."""
    return floor(now_ms() - HOUR, HOUR)


def at(t: int) -> datetime:
    """A moment after the row of `t` (ms) is complete."""
    return datetime.fromtimestamp(t / 1000 + 30, UTC)


def put(metric: str, values: np.ndarray, end: int, step: int = STEP, **labels: str) -> None:
    """The last value at `end`, ms; NaN leaves a gap."""
    t = end - step * np.arange(len(values))[::-1]
    there = np.isfinite(values)
    key = SeriesKey.of(metric, labels)
    count = int(there.sum())
    writer.write(Batch([key], np.zeros(count, np.int32), t[there].astype(np.int64), values[there].astype(float)))


def daily(days: float, noise: float = 1.0, seed: int = 1, end: int = 0) -> np.ndarray:
    """40 to 60 by the time of day, which ends at `end`."""
    rows = int(days * DAY / STEP)
    t = end - STEP * np.arange(rows)[::-1]
    return 50 + 10 * np.sin(2 * np.pi * (t % DAY) / DAY) + np.random.default_rng(seed).normal(0, noise, rows)


@pytest.fixture
def watch(db: None) -> Callable[..., Watch]:
    def make(key: str = "load", **fields: object) -> Watch:
        usual = {"name": key.capitalize(), "metric": f"{key}_percent", "expr": key, "due_at": datetime(2020, 1, 1, tzinfo=UTC)}
        return Watch.objects.create(key=key, **{**usual, **fields})

    return make


def later(t: int, **span: float) -> int:
    return t + round(timedelta(**span).total_seconds() * 1000)


@pytest.fixture
def seen(client_of, viewer):
    """What a viewer gets at an address."""
    client = client_of(viewer)

    def get(address, status=200):
        answer = client.get(address)
        assert answer.status_code == status, answer.content[:2000]
        return answer.content.decode()

    return get
