"""What is watched: lists of resources, and how one of them is."""

from datetime import timedelta
from typing import Any

from django.db.models import F, Q, QuerySet

from genai.evidence.kinds import address
from genai.tools import base, citing, subjects, words
from genai.tools.base import Context, Json, Result, Tool
from genai.tools.words import said
from monitoring.alerts.models import Alert
from monitoring.dashboards.incident_links import of_alerts
from monitoring.incidents.models import Incident
from monitoring.inventory.models import Resource, ResourceChange

USUAL, MOST_FACTS, MOST_ALERTS, MOST_CHANGES = 20, 20, 8, 6
RECENT = timedelta(hours=24)
STATES = ("reporting", "stale", "gone")
TROUBLED = 90  # health below it is not healthy


def resources(given: Json, context: Context) -> Result:
    rows, limit = _chosen(given), given.get("limit", USUAL)
    total = rows.count()
    found = list(rows.order_by(F("health").asc(nulls_last=True), "name")[:limit])
    evidence = {one.pk: citing.resource(one) for one in found[: citing.MOST_ROWS]}
    told = [f"{words.cited(evidence.get(one.pk))}{said(one.name, 120)} ({one.kind}): {standing(one)}" for one in found]
    text = words.lines(f"{words.many(total, 'resource')}, the worst first", told, total - len(found))
    cells = [[(one.name, address("resource", one.pk)), (one.kind, ""), (standing(one), "")] for one in found]
    blocks = [words.table("Resources", ["Name", "Kind", "State"], cells)] if cells else []
    data = {"total": total, "resources": [{"id": one.pk, "kind": one.kind, "name": one.name, "status": one.status} for one in found]}
    return Result(text, data, [one for one in evidence.values() if one], blocks)


def _chosen(given: Json) -> QuerySet[Resource]:
    rows = Resource.objects.all()
    for word in given.get("words", "").split()[:10]:
        rows = rows.filter(Q(name__icontains=word) | Q(labels__icontains=word) | Q(kind=word.lower()))
    if kind := given.get("kind"):
        rows = rows.filter(kind=kind.lower())
    if state := given.get("state"):
        return rows.filter(health__lt=TROUBLED, state="reporting") if state == "troubled" else rows.filter(state=state)
    return rows.exclude(state="gone")


def standing(one: Resource) -> str:
    """How it is, in words: its state, health and what is wrong with it."""
    health = "" if one.health is None or one.state != "reporting" else f", health {one.health} of 100"
    why = "; ".join(said(reason.get("text", ""), 120) for reason in one.reasons[:3] if isinstance(reason, dict))
    return f"{one.status}{health}{f': {why}' if why else ''}"


def resource(given: Json, context: Context) -> Result:
    """Everything about one that fits on a screen."""
    found = subjects.resource(given.get("name", ""), context)
    alerts = list(Alert.objects.filter(resource=found, state="firing").select_related("resource").defer("evidence")[:MOST_ALERTS])
    changes = list(ResourceChange.objects.filter(resource=found, time__gte=context.now - RECENT).order_by("-time")[:MOST_CHANGES])
    own = citing.resource(found)
    said_by = [(one, citing.alert(one)) for one in alerts]
    changed = [(one, citing.change(one)) for one in changes]
    parts = [
        f"{words.cited(own)}{said(found.name, 120)} ({found.kind}, id {found.pk}): {standing(found)}; "
        f"since {words.moment(found.health_since)}, last report {words.moment(found.last_seen)}",
        *_described(found),
        *(f"alert {words.cited(note)}{said(one.name)} ({one.severity}, id {one.pk}): {said(one.summary)}" for one, note in said_by),
        *(f"changed {words.moment(one.time)} {words.cited(note)}{said(one.text)}" for one, note in changed),
        *_incidents(alerts),
    ]
    evidence = [own, *(note for _, note in said_by), *(note for _, note in changed)]
    data = {"id": found.pk, "kind": found.kind, "name": found.name, "status": found.status, "health": found.health,
            "alerts": [one.pk for one in alerts]}  # fmt: skip
    return Result("\n".join(parts), data, [one for one in evidence if one])


def _described(found: Resource) -> list[str]:
    told = []
    if found.labels:
        told.append(f"labels: {words.labelled(found.labels)}")
    if facts := {key: text for key, text in found.facts.items() if not isinstance(text, dict | list)}:
        told.append("facts: " + ", ".join(f"{said(key, 40)} {said(text, 80)}" for key, text in list(facts.items())[:MOST_FACTS]))
    if processes := found.facts.get("processes"):
        told.append(f"top processes: {said(_processes(processes), 400)}")
    if found.parent:
        told.append(f"runs on {said(found.parent.name)} ({found.parent.kind})")
    return told


def _processes(listed: Any) -> str:
    rows = [one for one in listed[:5] if isinstance(one, dict)] if isinstance(listed, list) else []
    return "; ".join(", ".join(f"{key} {text}" for key, text in list(one.items())[:5]) for one in rows)


def _incidents(alerts: list[Alert]) -> list[str]:
    members = of_alerts([one.pk for one in alerts])
    open_ones = Incident.objects.filter(pk__in={int(one.key) for one in members.values()}).exclude(status=Incident.Status.RESOLVED)
    return [f"part of {one.number}: {said(one.title)} ({one.status})" for one in open_ones]


RESOURCES = Tool(
    "resources",
    "List what is watched (hosts, VMs, pods, services, GPUs …) by words, kind and state; the worst first.",
    base.takes(
        words=base.text("words in name or labels", 200),
        kind=base.text("host, vm, pod, node, service, gpu …", 32),
        state=base.one_of("only those in this state; troubled: they report, and not all is well", *STATES, "troubled"),
        limit=base.LIMIT,
    ),
    "monitoring:read",
    resources,
)
RESOURCE = Tool(
    "resource",
    "One resource: health and why, labels, facts, what it runs on, its open alerts, what changed in the last day.",
    base.takes(name=base.text("its name or id; default: the one the page shows", 255)),
    "monitoring:read",
    resource,
)
