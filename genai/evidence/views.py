"""A piece of evidence: its permalink leads to the very chart, alert, change …; `?about=1` says what was found and whether it holds."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import can, permission_required
from genai.evidence import check, drawing, kinds
from genai.evidence.models import Evidence
from monitoring.dashboards import charts

READ = "monitoring:read"


def get(request: HttpRequest, pk: int) -> Evidence:
    found = Evidence.objects.filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such evidence; what nothing cites any more expires.")
    if not can(request.user, found.permission):
        raise PermissionDenied(f"This needs the permission {found.permission}, which your role does not have.")
    return found


@require_GET
@permission_required(READ)
def evidence(request: HttpRequest, pk: int) -> HttpResponseBase:
    found = get(request, pk)
    url = kinds.kind(found.kind).url(found.reference)
    if url and "about" not in request.GET and not _gone(found):
        return redirect(url)
    return render(request, "genai/evidence/evidence.html", about(found, url))


def _gone(found: Evidence) -> bool:
    """Only rows can be: the store is not asked for a redirect."""
    return found.kind != Evidence.Kind.SERIES and kinds.kind(found.kind).look(found.reference) is None


def about(found: Evidence, url: str) -> dict[str, Any]:
    if found.checked_at is None:
        check.check(found)
    series = found.kind == Evidence.Kind.SERIES
    return {
        "evidence": found, "url": url, "icon": kinds.kind(found.kind).icon, "gone": _gone(found), "series": series, "live": False,
        "figures": drawing.told(found) if series else drawing.facts(found), "query": found.reference.get("query", ""),
    }  # fmt: skip


@require_POST
@permission_required(READ)
def check_again(request: HttpRequest, pk: int) -> HttpResponse:
    check.check(get(request, pk))
    return redirect(f"{reverse('evidence', args=[pk])}?about=1")


@require_GET
@permission_required(READ)
def chart(request: HttpRequest, pk: int) -> HttpResponse:
    """What static/js/evidence.js draws; StoreUnavailable is a 503."""
    found = get(request, pk)
    if found.kind != Evidence.Kind.SERIES:
        raise Http404("Only series are drawn.")
    return HttpResponse(charts.dumps(drawing.spec(found)), content_type="application/json")
