"""The list of incidents and the page of one."""

from typing import Any
from urllib.parse import urlencode

import orjson
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.permissions import can, permission_required
from monitoring.alerts import rows
from monitoring.alerts.models import RANKS, Alert
from monitoring.incidents import board, causes, impact, review, similar, story, surroundings, words
from monitoring.incidents.models import ROOT_FIRST, Incident, IncidentAlert

READ, WRITE = "monitoring:read", "incidents:write"
TABS = {"summary": "Summary", "alerts": "Alerts", "timeline": "Timeline", "topology": "Topology", "similar": "Similar", "review": "Review"}
SUMMED, PER_PAGE, TOLD = 8, 100, 12  # alerts of the summary, of a page; lines of the summary's timeline


@require_GET
@permission_required(READ)
def incidents(request: HttpRequest) -> HttpResponse:
    found = board.Board(request.GET)
    page, facets = found.page(), found.facets()
    column, descending = found.sort
    may_write = can(request.user, WRITE)
    context = {
        "board": found, "page": page, "facets": facets, "chips": found.chips(), "counts": board.counts(), "views": board.VIEWS,
        "column": column, "descending": descending, "any": Incident.counted().exists(), "may_write": may_write, "severities": list(RANKS),
        "statuses": words.STATUSES, "live": True, "live_topics": "incidents",
    }  # fmt: skip
    return render(request, "monitoring/incidents/incidents.html", context)


def get(pk: int) -> Incident:
    found = Incident.objects.select_related("commander", "root_alert__resource", "merged_into", "created_by").filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such incident.")
    return found


@require_GET
@permission_required(READ)
def incident(request: HttpRequest, pk: int) -> HttpResponse:
    found, tab = get(pk), request.GET.get("tab", "summary")
    if tab not in TABS:
        raise BadRequest(f"tab is one of {', '.join(TABS)}, not {tab[:40]!r}.")
    alike = similar.similar(found)
    counts = {"alerts": found.alert_count, "similar": len(alike)}
    may_write = can(request.user, WRITE) and not found.merged_into_id
    context = {
        "incident": found, "shown": board.shown([found])[0], "tab": tab, "similar": alike, "may_write": may_write, "live": True,
        "live_topics": "incidents", "tabs": [{"key": key, "label": label, "count": counts.get(key, 0)} for key, label in TABS.items()],
        "detected_after": found.detected_at - found.started_at,
        "acknowledged_after": found.acknowledged_at and found.acknowledged_at - found.detected_at,
        "severities": list(RANKS), "verbs": words.NEXT[words.Status(found.status)], **PARTS[tab](request, found),
        **(_choices(found) if may_write else {}),
    }  # fmt: skip
    return render(request, "monitoring/incidents/incident.html", context)


def _choices(found: Incident) -> dict[str, Any]:
    """What the dialogs offer."""
    others = Incident.counted().exclude(pk=found.pk).exclude(status=Incident.Status.RESOLVED) if found.is_open else Incident.counted()
    return {
        "people": User.objects.filter(is_active=True).order_by("name"),
        "others": others.exclude(pk=found.pk).order_by("-detected_at").only("id", "title", "status")[:100],
    }


def _summary(request: HttpRequest, found: Incident) -> dict[str, Any]:
    events = story.story(found, most=TOLD)
    start, end = impact.window(found)
    window = urlencode({"from": int(start.timestamp() * 1000), "to": int(end.timestamp() * 1000)})
    return {
        "ranked": causes.causes(found), "members": members(_members(found)[:SUMMED]), "events": events,
        "charted": found.alert_count > 0, "window": window,
    }  # fmt: skip


def _alerts(request: HttpRequest, found: Incident) -> dict[str, Any]:
    page = Paginator(_members(found), PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = members(list(page.object_list))
    return {"page": page}


def _timeline(request: HttpRequest, found: Incident) -> dict[str, Any]:
    show = request.GET.get("show", "all")
    if show not in story.SHOWS:
        raise BadRequest(f"show is one of {', '.join(story.SHOWS)}, not {show[:40]!r}.")
    return {"events": story.story(found, show, 500), "show": show, "shows": story.SHOWS}


def _review(request: HttpRequest, found: Incident) -> dict[str, Any]:
    return {
        "html": review.html(found.notes_md), "draft": review.draft(found), "edit": "edit" in request.GET, "events": story.story(found),
        "ranked": causes.causes(found),
    }  # fmt: skip


PARTS = {
    "summary": _summary, "alerts": _alerts, "timeline": _timeline, "review": _review,
    "topology": lambda request, found: {"around": surroundings.surroundings(found)}, "similar": lambda request, found: {},
}  # fmt: skip


def _members(found: Incident) -> Any:
    return IncidentAlert.objects.filter(incident=found).order_by(ROOT_FIRST, "alert__fired_at", "pk")


def members(listed: Any) -> list[dict[str, Any]]:
    """Memberships with their alerts as every list of alerts shows them."""
    by_alert = {one.alert_id: one for one in listed}
    return [
        {"row": row, "member": by_alert[row.alert.pk], "role": words.ROLES[by_alert[row.alert.pk].role]}
        for row in rows.by_ids(list(by_alert))
    ]


@require_GET
@permission_required(READ)
def impact_data(request: HttpRequest, pk: int) -> HttpResponse:
    """What static/js/incident.js draws."""
    return HttpResponse(orjson.dumps(impact.chart(get(pk))), content_type="application/json")


# -- fragments of other rooms' pages --------------------------------------------------------------------------------------
@require_GET
@permission_required(READ)
def of_alert(request: HttpRequest, pk: int) -> HttpResponse:
    """The incident that an alert belongs to, or how to open one."""
    member = IncidentAlert.objects.filter(alert=pk).select_related("incident__commander").first()
    if member is None and not Alert.objects.filter(pk=pk).exists():
        raise Http404("There is no such alert.")
    shown = board.shown([member.incident])[0] if member else None
    context: dict[str, Any] = {
        "member": member,
        "shown": shown,
        "role": words.ROLES[member.role] if member else "",
        "alert_id": pk,
        "may_write": can(request.user, WRITE),
    }
    if context["may_write"] and member is None:
        context["others"] = Incident.counted().exclude(status=Incident.Status.RESOLVED).order_by("-detected_at").only("id", "title")[:50]
    return render(request, "monitoring/incidents/_of_alert.html", context)


@require_GET
@permission_required(READ)
def open_ones(request: HttpRequest) -> HttpResponse:
    """For the overview: what is open, the worst first."""
    found = Incident.counted().exclude(status=Incident.Status.RESOLVED)
    worst = found.order_by(rows.BY_SEVERITY.desc(), "-detected_at").select_related("commander").defer("notes_md")
    return render(request, "monitoring/incidents/_open.html", {"listed": board.shown(list(worst[:6])), "total": found.count()})


@require_GET
@permission_required(READ)
def by_number(request: HttpRequest, pk: int) -> HttpResponse:
    """/incidents/INC-12/, as people write it."""
    return redirect("incident", pk)
