import pytest
from django.utils import timezone

from monitoring.sources import judge, polling
from monitoring.sources.models import Source
from monitoring.sources.pollers.base import POLLERS
from monitoring.sources.tests import fakes


@pytest.fixture(autouse=True)
def _fake_kind(monkeypatch):
    monkeypatch.setitem(POLLERS, "fake", "monitoring.sources.tests.fakes.Fake")
    fakes.script.clear()
    for known in (polling._pollers, polling._hanging):
        known.clear()
    monkeypatch.setattr(judge, "_known", judge._Known(float("-inf"), frozenset(), []))


@pytest.fixture
def source(db):
    return Source.objects.create(name="switch", kind="fake", interval=30, timeout=2, config={"target": "sw-1"}, secrets={"password": "s3"})


@pytest.fixture
def many(db):
    """n sources that are due."""

    def make(count, **fields):
        rows = [
            Source(**{"name": f"s{number}", "kind": "fake", "due_at": timezone.now(), "timeout": 5} | fields) for number in range(count)
        ]
        return Source.objects.bulk_create(rows)

    return make
