"""An alert about a file system that is unmounted ends with the evaluation after the next poll."""

from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring.alerts import rule_import, running, schedule
from monitoring.alerts.models import Alert, AlertRule
from monitoring.sources import endings, polling
from monitoring.sources import schedule as polls
from monitoring.sources.models import Source
from monitoring.sources.pollers.local_host import LocalHost

pytestmark = pytest.mark.django_db


@pytest.fixture
def disks(monkeypatch):
    """Mount point → part that is free."""
    found = {"/": 0.5, "/backup": 0.01}

    class Machine(LocalHost):
        def _collect(self):
            for point, free in found.items():
                labels = {"mountpoint": point, "device": f"disk of {point}", "fstype": "ext4"}
                yield "node_filesystem_size_bytes", labels, 100.0
                yield "node_filesystem_avail_bytes", labels, 100.0 * free
                yield "node_filesystem_readonly", labels, 0.0

        def _facts(self, readings):
            return {}

        def _samples(self, readings, now_ms):
            return super()._samples(list(readings), now_ms)

    monkeypatch.setattr(polling, "poller_class", lambda kind: Machine)
    endings.forget()
    return found


def poll():
    machine, _ = Source.objects.get_or_create(kind="local_host", defaults={"name": "here"})
    assert polling.poll(machine.pk, polls.claim_now(machine.pk))


def test_the_shipped_filesystem_alert_resolves_at_the_next_evaluation(disks):
    rule_import.install_packs()
    rule = AlertRule.objects.select_related("group").get(name="FilesystemFull", locked=True)
    poll()
    now = timezone.now()
    Alert.objects.all().delete()
    running.evaluate([rule], now)
    alert = Alert.objects.get(rule=rule)
    Alert.objects.filter(pk=alert.pk).update(started_at=now - timedelta(seconds=rule.for_seconds))
    running.evaluate([rule], timezone.now())
    alert.refresh_from_db()
    assert (alert.state, alert.labels["mountpoint"]) == ("firing", "/backup")
    del disks["/backup"]
    poll()
    running.evaluate([rule], max(timezone.now(), schedule.slot(1, timezone.now())))
    alert.refresh_from_db()
    assert alert.state == "resolved"
