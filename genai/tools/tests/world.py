"""A small installation for tests of tools: a shop on a database that fills up, an alert, an incident, what changed, what was done."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from forecasting.models import Anomaly, Forecast
from forecasting.tests import rows
from genai.rag import documents
from genai.rag.models import Document
from genai.tools.base import Context, Result
from genai.tools.call import call
from genai.tracing import record
from genai.tracing.models import AgentRun, SecurityFinding
from monitoring.alerts.models import Alert
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.inventory.models import Dependency, Resource, ResourceChange
from monitoring.store import writer
from monitoring.store.batch import Batch
from remediation.models import Execution
from remediation.tests.cases import alert, execution

STEP = 60


@dataclass
class World:
    shop: Resource
    database: Resource
    alert: Alert
    incident: Incident
    before: Incident
    change: ResourceChange
    forecast: Forecast
    anomaly: Anomaly
    done: Execution


def samples(name: str, labels: dict[str, str], first: float, last: float, resource: Resource | None = None, minutes: int = 120) -> None:
    """A line from first to last, until now."""
    now = int(time.time()) // STEP * STEP
    points = [(name, labels, (now - (minutes - at) * STEP) * 1000, first + (last - first) * at / minutes) for at in range(minutes + 1)]
    writer.write(Batch.of(points, resource.pk if resource else None))


def incident(title: str, over: Alert, began: datetime, **fields: Any) -> Incident:
    made = Incident.objects.create(
        title=title, severity="high", root_alert=over, services=["checkout"], alert_count=1, started_at=began, detected_at=began, **fields
    )
    IncidentAlert.objects.create(incident=made, alert=over, role="root", reason="It is about the database.")
    return made


def build() -> World:
    now = timezone.now()
    database = rows.a_resource("db-1", "database")
    shop = rows.a_resource("checkout", "service")
    Dependency.objects.create(from_resource=shop, to_resource=database, kind="stores in")
    samples("disk_used_percent", {"instance": "db-1", "mountpoint": "/"}, 80, 91, database)
    samples("http_latency_seconds", {"instance": "checkout", "quantile": "0.95"}, 0.12, 0.61, shop)
    old = alert("DiskFull", database, state="resolved", fingerprint="old", started_at=now - timedelta(days=9),
                fired_at=now - timedelta(days=9), resolved_at=now - timedelta(days=9) + timedelta(hours=1))  # fmt: skip
    before = incident("Disk of db-1 full", old, now - timedelta(days=9), status="resolved", resolved_at=now - timedelta(days=8, hours=23),
                      notes_md="Old backups had filled the disk; they are swept now.")  # fmt: skip
    done = execution(incident=before, resource=database, target="db-1", state="succeeded", verification="held", title="Sweep old backups",
                     started_at=now - timedelta(days=9), outcome="12 GB were freed.")  # fmt: skip
    fires = alert("DiskFull", database, started_at=now - timedelta(minutes=30), annotations={"summary": "The disk of db-1 is 91 % full."},
                  evidence={"expr": "disk_used_percent > 90", "value": 91.0, "threshold": 90.0, "op": ">"})  # fmt: skip
    goes_on = incident("Disk of db-1 fills up", fires, now - timedelta(minutes=30))
    change = ResourceChange.of(database, "facts", "Version 15.4 → 16.1", "15.4", "16.1")
    change.time = now - timedelta(minutes=50)
    change.save()
    track = rows.a_track("db-1", resource=database)
    return World(shop, database, fires, goes_on, before, change, rows.a_forecast(track, 30), rows.an_anomaly(track), done)


def document(text: str, title: str = "How backups work", permission: str = "monitoring:read") -> Document:
    """Found by its words at once."""
    key = title.lower().replace(" ", "-")
    documents.put("note", key, title, text, permission)
    return Document.objects.get(kind="note", key=key)


def run(user: Any = None) -> AgentRun:
    return record.begin("copilot", "a question", user=user)


def asked(tool: str, actor: Any, /, subject: str = "", **arguments: Any) -> Result:
    return call(tool, arguments, Context(actor, run(getattr(actor, "user", actor)), subject))


def findings(made: AgentRun) -> list[tuple[str, str]]:
    return list(SecurityFinding.objects.filter(run=made).order_by("pk").values_list("kind", "action"))
