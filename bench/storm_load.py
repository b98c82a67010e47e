"""What a storm finds in the database and leaves there. `fill` and `count` run in processes of their own beside the installation."""

import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bench import alert_pages_load
from bench.storm_alerts import CLUSTERS, DATABASES, GROUP_BY, NODES, PODS, SERVICES

SOURCE = "alertmanager"


def inventory(pods: int) -> list[int]:
    """Pods on nodes of clusters, services that need databases; their ids. All of them report for as long as it takes."""
    from django.utils import timezone

    from monitoring.inventory import topology
    from monitoring.inventory.models import Resource

    seen = {"stale_at": timezone.now() + timedelta(days=1)}

    def made(kind: str, count: int, parents: Sequence[int]) -> list[int]:
        of = [parents[n % len(parents)] if parents else None for n in range(count)]
        rows = [Resource(kind=kind, name=f"{kind}-{n}", parent_id=parent, **seen) for n, parent in enumerate(of)]
        return [row.pk for row in Resource.objects.bulk_create(rows, batch_size=500)]

    nodes = made("node", NODES, made("cluster", CLUSTERS, []))
    services, databases = made("service", SERVICES, []), made("database", DATABASES, nodes)
    topology.note([(one, databases[n % DATABASES]) for n, one in enumerate(services)], "calls", "bench")
    return [*made("pod", pods, nodes), *services, *databases, *nodes]


def ways(mail_port: int, web_port: int, wait: int, interval: int) -> None:
    """One route for everything, by alertname and cluster, to a mail server, a web server and the bell."""
    from monitoring.notifications.models import Channel, Route

    config = {"host": "127.0.0.1", "port": mail_port, "security": "none", "recipients": "ops@example.org"}
    mail = Channel.objects.create(name="Mail", kind="email", config={**config, "sender": "aiops@example.org"})
    web = Channel.objects.create(name="Web", kind="webhook", secrets={"url": f"http://127.0.0.1:{web_port}/", "secret": "s" * 20})
    bell, _ = Channel.objects.get_or_create(name="In-app", defaults={"kind": "in_app"})
    route = Route.objects.create(
        name="Storm", position=0, group_by=list(GROUP_BY), group_wait=wait, group_interval=interval, repeat_interval=0
    )
    route.channels.add(mail, web, bell)


def fill(stored: int, alerts: int, mail_port: int, web_port: int, wait: int, interval: int) -> dict[str, str]:
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    from accounts import tokens
    from accounts.models import User

    call_command("migrate", verbosity=0)
    person = User.objects.create_user("bench@example.org", None, name="bench", role="operator")
    alert_pages_load.ended(stored, inventory(min(PODS, alerts)))
    ways(mail_port, web_port, wait, interval)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    client = Client(headers={"host": "localhost"})
    client.force_login(person)
    return {"token": tokens.issue(person, "bench", ["metrics:write"])[1], "session": client.cookies.output(attrs=[], header="").strip()}


def count() -> dict[str, Any]:
    from monitoring.alerts.models import Alert
    from monitoring.incidents.models import Incident, IncidentAlert
    from monitoring.incidents.opening import which_open
    from monitoring.notifications.models import Delivery, GroupAlert

    sent = Alert.objects.filter(source=SOURCE)
    deliveries = Delivery.objects.filter(message__group__route__name="Storm")
    groups = Incident.counted().filter(members__alert__in=sent).distinct()
    return {
        "stored": sent.count(),
        "fingerprints": sent.values("fingerprint").distinct().count(),
        "alone": sent.filter(which_open(), suppressed=False, memberships=None).count(),
        "in_incidents": IncidentAlert.objects.filter(alert__in=sent).count(),
        "incidents": groups.count(),
        "told": GroupAlert.objects.filter(alert__in=sent, told="firing").count(),
        "waiting": deliveries.exclude(status="sent").count(),
        "bell": deliveries.filter(channel__kind="in_app", status="sent").count(),
        "again": deliveries.filter(attempts_count__gt=1).count(),
    }


def main() -> None:
    import django

    django.setup()
    answer = fill(*map(int, sys.argv[2:])) if sys.argv[1] == "fill" else count()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
