"""One alert: what it is, why it fired, what happened to it, what is like it, and what can be done about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.permissions import can, permission_required
from aiops import timerange
from aiops.templatetags.ui import as_moment
from monitoring.alerts import rows, words
from monitoring.alerts.models import RANKS, Alert
from monitoring.alerts.rows import BY_SEVERITY, Row
from monitoring.alerts.thresholds import threshold

READ, WRITE = "monitoring:read", "alerts:write"
TOLD, PAST, ALIKE = 100, 10, 8  # lines of the timeline, of the history, of each list of similar ones
BEFORE, AFTER = timedelta(minutes=30), timedelta(minutes=15)  # of firing: the window in which something else may have changed


@dataclass(frozen=True)
class Snapshot:
    """What was to be seen when it fired."""

    expr: str
    at: datetime | None
    value: float | None
    op: str
    threshold: float | None
    samples: list[float | None]

    @classmethod
    def of(cls, evidence: dict[str, Any]) -> "Snapshot | None":
        if not evidence.get("expr"):
            return None
        limit = evidence.get("threshold")
        return cls(
            str(evidence["expr"]), _moment(evidence.get("at")), _number(evidence.get("value")),
            rows.OPERATORS.get(str(evidence.get("op", "")), str(evidence.get("op", ""))), _number(limit),
            [_number(value) for _, value in evidence.get("samples") or []],
        )  # fmt: skip


def _moment(value: Any) -> datetime | None:
    """Milliseconds, or ISO 8601; other systems' notices may hold anything."""
    try:
        return as_moment(value) if isinstance(value, int | float) else parse_datetime(str(value or ""))
    except (ValueError, OverflowError, OSError):
        return None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


@require_GET
@permission_required(READ)
def alert(request: HttpRequest, pk: int) -> HttpResponse:
    found = Alert.objects.select_related("resource", "assignee", "rule__group").filter(pk=pk).first()
    if found is None:
        raise Http404("This alert is not there; resolved ones are kept for a limited time.")
    span = span_of(request, found)
    events = list(found.transitions.order_by("-pk")[: TOLD + 1])
    may_write = can(request.user, WRITE)
    context = {
        "alert": found, "row": Row(found), "timerange": span, "live": True, "may_write": may_write, "severities": list(RANKS),
        "snapshot": Snapshot.of(found.evidence), "events": words.timeline(events[:TOLD]), "told_all": len(events) <= TOLD,
        "people": User.objects.filter(is_active=True).order_by("name") if may_write else [], "expr": _expr(found),
        "charted": threshold(_expr(found)) is not None or bool(found.rule_id), "runbook": _runbook(found),
        **_past(found), **_alike(found), **_elsewhere(found),
    }  # fmt: skip
    return render(request, "monitoring/alerts/alert.html", context)


def span_of(request: HttpRequest, found: Alert) -> timerange.TimeRange:
    """Without a word in the address: from before it began until now, or until after it ended."""
    if found.resolved_at and not any(request.GET.get(name) for name in ("range", "from", "to")):
        length = max(found.resolved_at - found.started_at, timedelta(minutes=30))
        start, end = found.started_at - min(length, timedelta(days=2)), min(found.resolved_at + length / 4, timezone.now())
        return timerange.absolute(int(start.timestamp() * 1000), int(end.timestamp() * 1000))
    return timerange.from_request(request, _covering(found))


def _covering(found: Alert) -> str:
    hours = (timezone.now() - found.started_at).total_seconds() / 3600
    return next(
        (f"now-{name}" for name, most in (("1h", 0.5), ("3h", 2), ("12h", 9), ("24h", 20), ("7d", 150)) if hours <= most), "now-30d"
    )


def _expr(found: Alert) -> str:
    return found.rule.expr if found.rule else str(found.evidence.get("expr", ""))


def _runbook(found: Alert) -> str:
    """Only an address that a browser may open: annotations of other systems are anybody's text."""
    text = (found.rule.runbook_url if found.rule else "") or found.runbook_url
    return text if text.startswith(("https://", "http://", "/")) else ""


def _past(found: Alert) -> dict[str, Any]:
    """Earlier and later alerts of the same fingerprint."""
    others = Alert.objects.filter(fingerprint=found.fingerprint).exclude(pk=found.pk).select_related("assignee")
    return {"past": list(others.defer("evidence", "fires").order_by("-started_at")[:PAST]), "past_count": others.count()}


def _alike(found: Alert) -> dict[str, Any]:
    """What else fires on its resource, and where else the same fires."""
    fire = rows.with_neighbours(Alert.objects.filter(state=Alert.State.FIRING).exclude(pk=found.pk))
    here = Q(resource=found.resource_id) if found.resource_id else Q(pk=None)
    same = Q(rule=found.rule_id) if found.rule_id else Q(name=found.name, source=found.source)
    order = (BY_SEVERITY.desc(), "-fired_at", "-pk")
    listed = rows.of([*fire.filter(here).order_by(*order)[:ALIKE], *fire.filter(same & ~here).order_by(*order)[:ALIKE]])
    on_it = [row for row in listed if found.resource_id and row.alert.resource_id == found.resource_id]
    return {"here": on_it, "same": [row for row in listed if row not in on_it]}


def _elsewhere(found: Alert) -> dict[str, str]:
    """The window around its firing, for the explorer: its expression, and what else changed."""
    at = found.fired_at or found.started_at
    window = {"from": int((at - BEFORE).timestamp() * 1000), "to": int(min(at + AFTER, timezone.now()).timestamp() * 1000)}
    among = next(
        (f'{{{name}="{_quoted(found.labels[name])}"}}' for name in ("instance", "host", "node", "pod") if found.labels.get(name)), ""
    )
    return {
        "explore": urlencode({"q": _expr(found), **window}) if _expr(found) else "",
        "changed": urlencode({**window, **({"among": among} if among else {})}),
    }


def _quoted(value: Any) -> str:
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
