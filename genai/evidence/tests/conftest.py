from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pytest
from django.utils import timezone

from genai.evidence import collect
from genai.evidence.models import Evidence
from monitoring.inventory.models import Resource
from monitoring.store import writer
from monitoring.store.batch import Batch


@pytest.fixture
def now() -> datetime:
    return timezone.now().replace(microsecond=0)


@pytest.fixture
def host(db: None) -> Resource:
    return Resource.objects.create(name="web-3", kind="host")


@pytest.fixture
def write(host: Resource, now: datetime) -> Callable[..., None]:
    """A gauge of the last hour, each 15 s: from `first` to `last`; further back with `before`, minutes."""

    def samples(metric: str = "queue_length", first: float = 84.0, last: float = 221.0, before: int = 0) -> None:
        end = int(now.timestamp() * 1000) - before * 60_000
        t = end - 15_000 * np.arange(240)[::-1]
        values = np.linspace(first, last, 240)
        rows = [(metric, {"instance": host.name}, int(at), float(value)) for at, value in zip(t, values, strict=True)]
        writer.write(Batch.of(rows, host.pk))

    return samples


@pytest.fixture
def queue(write: Callable[..., None], now: datetime) -> Evidence:
    """84 → 221, as it is in the store."""
    write()
    return collect.series("queue_length", now - timedelta(minutes=50), now, "Queue of web-3", found_text="84 → 221")
