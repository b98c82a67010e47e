"""Overview, resources, palette. Every address carries its page's whole state."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.permissions import can, permission_required
from aiops import navigation, timerange
from monitoring import store
from monitoring.dashboards import charts, fleet, kinds, listing, palette, servers, system, troubles, utilisation
from monitoring.dashboards.members import members

LABEL_LENGTH = 64


@require_GET
@permission_required("monitoring:read")
def overview(request: HttpRequest) -> HttpResponse:
    span = timerange.from_request(request)
    group = request.GET.get("group", "kind")[:LABEL_LENGTH]
    context = {
        "timerange": span,
        "live": True,
        "live_topics": "fleet alerts incidents",
        "group": group,
        **_fleet(group, span),
        **_happenings(span),
    }
    return render(request, "monitoring/dashboards/overview.html", context)


def _fleet(group: str, span: timerange.TimeRange) -> dict[str, Any]:
    everything = members()
    counts = dict.fromkeys(kinds.STATUSES, 0)
    for member in everything:
        counts[member.status] += 1
    use = utilisation.of_fleet(timerange.now_ms())
    return {
        "total": len(everything), "counts": counts, "troubled": counts["degraded"] + counts["down"],
        "last_sample": max((member.last_seen for member in everything), default=None),
        "silent": [member for member in everything if member.status in {"stale", "gone"}],
        "demo": sum(member.labels.get("demo") == "true" for member in everything),
        "groups": fleet.grouped(everything, group), "groupings": fleet.groupings(everything, group),
        "attention": fleet.attention(fleet.MORE_ATTENTION if len(everything) > fleet.LARGE else fleet.ATTENTION),
        "use": fleet.use_by_kind(everything, use),
        "cards": fleet.cards(everything, use, span) if len(everything) <= fleet.SMALL else [],
    }  # fmt: skip


def _happenings(span: timerange.TimeRange) -> dict[str, Any]:
    events, count, activity = fleet.changes(span)
    fired = troubles.activity(span)
    sources = fleet.sources()
    return {
        "changes": events, "change_count": count, "activity": charts.script(activity), "troubles": troubles.now(),
        "fired": charts.script(fired), "fired_count": fired["total"] if fired else 0,
        "sources": sources, "troubled_sources": [row for row in sources if row.trouble], "store": store.stats(),
    }  # fmt: skip


@require_GET
@permission_required("monitoring:read")
def resources(request: HttpRequest) -> HttpResponse:
    found = listing.listing(request.GET)
    column, descending = found.sort
    page = found.page()
    context = {
        "listing": found, "page": page, "facets": found.facets(), "chips": found.chips(), "view": found.view,
        "column": column, "descending": descending, "total": len(found.everything), "sources": found.sources,
        **(_cards(request, found, page) if found.view == "servers" else {}),
    }  # fmt: skip
    return render(request, "monitoring/dashboards/resources.html", context)


def _cards(request: HttpRequest, found: listing.Listing, page: Any) -> dict[str, Any]:
    by = request.GET.get("by", servers.ROLE)[:LABEL_LENGTH] or servers.ROLE
    return {"by": by, "groupings": servers.groupings(found.found, by), "groups": servers.grouped(page.object_list, by)}


@require_GET
@permission_required("monitoring:read")
def find(request: HttpRequest) -> HttpResponse:
    groups = palette.search(request.user, request.GET.get("q", "")[:100], can(request.user, "monitoring:read"))
    return JsonResponse({"groups": groups})


@require_GET
@permission_required("monitoring:read")
def platform_line(request: HttpRequest) -> HttpResponse:
    """The foot of the rail, and with it the numbers beside its entries."""
    return render(request, "ui/_platform.html", {"platform_line": system.platform_line(), "badges": navigation.badges(request.user)})


@require_GET
@permission_required("monitoring:read")
def platform(request: HttpRequest) -> HttpResponse:
    span = timerange.from_request(request)
    history = system.history(span)
    context = {
        "timerange": span, "live": True, "live_topics": "system fleet", "checks": system.checks(), "processes": system.process_rows(),
        "faults": system.faults(), "refusals": system.refusals(), "store": store.stats(), "rates": system.latest_rates(),
        "charts": history, "data": charts.script(history.as_json(span)) if not history.empty else "",
    }  # fmt: skip
    return render(request, "monitoring/dashboards/system.html", context)
