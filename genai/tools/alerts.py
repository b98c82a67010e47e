"""Alerts: which there are, and all about one."""

from datetime import timedelta

from django.db.models import Q, QuerySet

from genai.evidence.kinds import address
from genai.tools import base, citing, subjects, times, words
from genai.tools.base import Context, Json, Result, Tool
from genai.tools.words import said
from monitoring.alerts.models import Alert, Severity
from monitoring.alerts.rows import BY_SEVERITY, value_and_limit
from monitoring.dashboards.incident_links import of_alerts

USUAL, MOST_TRANSITIONS = 15, 12
DAY = timedelta(hours=24)


def alerts(given: Json, context: Context) -> Result:
    rows, limit = _chosen(given, context), given.get("limit", USUAL)
    total = rows.count()
    found = list(rows.select_related("resource").defer("evidence", "fires").order_by(BY_SEVERITY.desc(), "-fired_at", "-pk")[:limit])
    evidence = {one.pk: citing.alert(one) for one in found[: citing.MOST_ROWS]}
    told = [f"{words.cited(evidence.get(one.pk))}{line(one)}" for one in found]
    cells = [[(one.name, address("alert", one.pk)), (one.severity, ""), (where(one), ""), (one.state, ""), (words.moment(one.fired_at), "")]
             for one in found]  # fmt: skip
    blocks = [words.table("Alerts", ["Alert", "Severity", "On", "State", "Since"], cells)] if cells else []
    text = words.lines(f"{words.many(total, 'alert')}, the worst first", told, total - len(found))
    return Result(text, {"total": total, "alerts": [one.pk for one in found]}, [one for one in evidence.values() if one], blocks)


def _chosen(given: Json, context: Context) -> QuerySet[Alert]:
    rows, state = Alert.objects.all(), given.get("state", "firing")
    if state == "resolved" or given.get("start"):
        start, end = times.window(given, context, DAY)
        rows = rows.filter(started_at__lte=end).filter(Q(resolved_at=None) | Q(resolved_at__gte=start))
    if state != "any":
        rows = rows.filter(state=state)
    if severity := given.get("severity"):
        rows = rows.filter(severity=severity)
    if name := given.get("resource"):
        rows = rows.filter(resource=subjects.resource(name, context))
    for word in given.get("words", "").split()[:10]:
        rows = rows.filter(Q(name__icontains=word) | Q(labels__icontains=word) | Q(annotations__icontains=word))
    return rows if given.get("suppressed", state != "firing") else rows.filter(suppressed=False)


def where(one: Alert) -> str:
    labels = one.labels
    return said(one.resource.name if one.resource else labels.get("instance") or labels.get("host") or labels.get("service") or "–", 80)


def line(one: Alert) -> str:
    """One alert on a line."""
    value = f", {value}" if (value := value_and_limit(one)) else ""
    ended = f", ended {words.moment(one.resolved_at)}" if one.resolved_at else ""
    quiet = ", silenced" if one.suppressed else ""
    kind = "" if one.kind == Alert.Kind.REAL else f", {one.kind}"
    head = f"{said(one.name, 120)} (id {one.pk}, {one.severity}, {one.state}{kind}{quiet}) on {where(one)}"
    return f"{head}: {said(one.summary, 200)}{value}, since {words.moment(one.started_at)}{ended}"


def alert(given: Json, context: Context) -> Result:
    found = subjects.alert(given.get("id", ""), context)
    own, rows = citing.alert(found), found.transitions.order_by("-id")[:MOST_TRANSITIONS]
    member = of_alerts([found.pk]).get(found.pk)
    query = found.evidence.get("expr", "") if isinstance(found.evidence, dict) else ""
    chart = citing.series(query, found.started_at - DAY / 12, found.resolved_at or context.now, said(query)) if query else None
    parts = [
        f"{words.cited(own)}{line(found)}",
        f"labels: {words.labelled(found.labels)}",
        *(f"{said(key, 40)}: {said(text, 600)}" for key, text in sorted(found.annotations.items())),
        f"owner: {found.assignee.name if found.assignee else 'nobody'}, {found.get_ownership_display()}",
        *([f"rule {words.cited(chart)}{said(query, 500)}"] if query else []),
        *([f"part of {member.label}: {said(member.title)}"] if member else []),
        *(f"{words.moment(one.time)}: {one.axis} {one.before or '–'} → {one.after or '–'} {said(one.reason, 160)}, by {one.actor}"
          for one in reversed(rows)),
    ]  # fmt: skip
    data = {"id": found.pk, "name": found.name, "resource": found.resource_id, "query": query, "state": found.state}
    blocks: list[Json] = [{"type": "series", "evidence": chart.pk, "title": said(found.name)}] if chart else []
    return Result("\n".join(parts), data, [one for one in (own, chart) if one], blocks)


ALERTS = Tool(
    "alerts",
    "List alerts by state, severity, resource, words and time; the worst first. Without arguments: what fires now and is not silenced.",
    base.takes(
        state=base.one_of("default firing", "firing", "pending", "resolved", "any"),
        severity=base.one_of("only this severity", *Severity.values),
        resource=base.text("only of the resource of this name", 255),
        words=base.text("words in name, labels or annotations", 200),
        suppressed=base.yes_or_no("also those that are silenced or in maintenance"),
        start=base.START,
        end=base.END,
        limit=base.LIMIT,
    ),
    "monitoring:read",
    alerts,
)
ALERT = Tool(
    "alert",
    "All about one alert: labels, annotations, its rule's query over its time, owner, what became of it, the incident it is part of.",
    base.takes(id=base.text("its number; default: the one the page shows", 40)),
    "monitoring:read",
    alert,
)
