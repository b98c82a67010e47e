"""Fills an installation for the browser tests: run by python -m in a process of its own, before the server starts."""

import os

import django


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "aiops.settings"
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from accounts.models import User
    from monitoring.inventory.facts import ResourceReport, report

    User.objects.create_superuser("admin@example.org", "correct horse battery", name="Mara Kovac")
    User.objects.create_user("viewer@example.org", "correct horse battery", name="Vera", role="viewer")
    kinds = ["vm", "node", "database", "service"]
    rows = report(
        [
            ResourceReport(
                kinds[n % 4], f"{kinds[n % 4]}-{n:03d}.fra", {"site": ["fra", "ams"][n % 2]}, {"os": "Linux"}, report_interval=86_400
            )
            for n in range(120)
        ],
        None,
    )
    for n, row in enumerate(rows):
        row.health, row.state = ([100, 100, 55, 10, 100][n % 5], "reporting") if n % 9 else (None, "stale")
        row.reasons = [{"severity": "high", "text": "CPU 97 % busy, limit 90 %", "metric": "node_cpu_seconds_total", "points": 45}]
        row.save()
    _samples(rows[0].pk)
    _incident(rows[2].pk)
    _alerts()


def _samples(resource: int) -> None:
    """A metric of two series over the last two hours, and a GPU."""
    import time

    from monitoring.inventory.facts import ResourceReport, report
    from monitoring.store import metadata, writer
    from monitoring.store.batch import Batch

    now = int(time.time() * 1000)
    times = range(now - 7_200_000, now, 15_000)
    depth = [("queue_depth", {"instance": name, "site": site}, t, level) for name, site, level in QUEUES for t in times]
    writer.write(Batch.of(sorted(depth, key=lambda row: row[2]), resource))
    metadata.record({"queue_depth": metadata.Description("gauge", "", "Jobs that wait in a queue.")})
    [gpu] = report(
        [ResourceReport("gpu", "node-001.fra GPU 0", {"instance": "node-001.fra"}, {"model": "H100"}, report_interval=86_400)], None
    )
    figures = {
        "utilization_gpu_ratio": 0.5,
        "memory_used_bytes": 4e10,
        "memory_total_bytes": 8e10,
        "temperature_gpu": 60,
        "power_draw_watts": 300,
    }
    writer.write(Batch.of([(f"nvidia_smi_{name}", {"uuid": "x"}, t, value) for t in times for name, value in figures.items()], gpu.pk))


def _incident(resource: int) -> None:
    """Alerts that belong together, and what people did."""
    from datetime import timedelta

    from django.utils import timezone

    from accounts.models import User
    from monitoring.alerts.lifecycle import Observation, fingerprint, observe
    from monitoring.incidents import lifecycle
    from monitoring.incidents.correlate import correlate
    from monitoring.incidents.models import Incident

    now, person = timezone.now(), User.objects.get(name="Mara Kovac")
    for minute, (name, severity) in enumerate((("DiskFull", "critical"), ("SlowWrites", "high"), ("QueueLong", "medium"))):
        labels = {"alertname": name, "service": "shop"}
        one = Observation(
            fingerprint("seed", labels), "firing", name=name, labels=labels, severity=severity, resource=resource, source="seed", value=97.5
        )
        observe([one], now - timedelta(minutes=30 - minute))
    correlate()
    pk = Incident.objects.get().pk
    lifecycle.note(pk, person, "The disk it is.")
    lifecycle.edit(pk, person, notes_md="## What happened\n\n- the disk was **full**\n\n| when | what |\n|---|---|\n| 12:01 | grown |\n")


def _alerts() -> None:
    """One that is silenced, one that ended, and a dozen to tick."""
    from datetime import timedelta

    from django.utils import timezone

    from accounts.models import User
    from monitoring.alerts import lifecycle, silencing
    from monitoring.alerts.lifecycle import Observation, fingerprint
    from monitoring.alerts.models import Alert, Silence

    def seen(name: str, **labels: str) -> Observation:
        marks = {"alertname": name, "instance": "lab-1", **labels}
        return Observation(fingerprint("seed", marks), "firing", name=name, labels=marks, severity="low", source="seed", value=3.0)

    lifecycle.observe([seen("LabHot"), seen("LabOver"), *(seen("LabSlow", instance=f"lab-{n}", rack=str(n % 3)) for n in range(12))])
    now, person = timezone.now(), User.objects.get(name="Mara Kovac")
    matchers = [{"name": "alertname", "op": "=", "value": "LabHot"}]
    silencing.create(Silence(matchers=matchers, reason="Oven test", starts_at=now, ends_at=now + timedelta(hours=4)), person)
    lifecycle.resolve(Alert.objects.filter(name="LabOver").values_list("pk", flat=True), person)


QUEUES = (("mail-1", "fra", 12.0), ("mail-2", "ams", 40.0))


if __name__ == "__main__":
    main()
