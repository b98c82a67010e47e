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


if __name__ == "__main__":
    main()
