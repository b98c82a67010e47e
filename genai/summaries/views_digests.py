"""Digests: the list, one of them, and the span that goes on."""

from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.permissions import permission_required
from genai import complete
from genai.evidence import render as evidence
from genai.summaries import digests, figures
from genai.summaries.models import Digest

READ = "monitoring:read"
PER_PAGE = 50
TABS = {"all": "All", "shift": "Shifts", "week": "Weeks"}


@require_GET
@permission_required(READ)
def listing(request: HttpRequest) -> HttpResponse:
    tab = request.GET.get("tab", "all")
    if tab not in TABS:
        raise BadRequest(f"tab is one of {', '.join(TABS)}, not {tab[:40]!r}.")
    rows = Digest.objects.all() if tab == "all" else Digest.objects.filter(kind=tab)
    page = Paginator(rows.order_by("-end", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    tabs = [{"key": key, "label": label} for key, label in TABS.items()]
    return render(request, "genai/summaries/digests.html", {"page": page, "tab": tab, "tabs": tabs, "hours": settings.SHIFT_HOURS})


@require_GET
@permission_required(READ)
def one(request: HttpRequest, pk: int) -> HttpResponse:
    found = Digest.objects.filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such digest.")
    return _page(request, found, digests.neighbours(found))


@require_GET
@permission_required(READ)
def now(request: HttpRequest) -> HttpResponse:
    """Of the shift or week that goes on, as far as it is. Nothing of it is kept."""
    kind = request.GET.get("kind", "shift")
    if kind not in Digest.Kind.values:
        raise BadRequest(f"kind is one of {', '.join(Digest.Kind.values)}, not {kind[:40]!r}.")
    span = digests.going_on(kind, timezone.now())
    found = Digest(kind=kind, start=span.start, end=span.end, figures=figures.gather(span.start, span.end))
    found.text = digests.composed(found).written().text
    return _page(request, found, {})


def _page(request: HttpRequest, found: Digest, neighbours: dict[str, Digest]) -> HttpResponse:
    context: dict[str, Any] = {
        "digest": found, "figures": found.figures, "html": evidence.html(found.text, request.user),
        "sources": evidence.sources(found.text, request.user), "neighbours": neighbours, "why_not": complete.why_not(),
    }  # fmt: skip
    return render(request, "genai/summaries/digest.html", context)
