"""Likely causes: parts of an alert's, an incident's, a resource's page and of the explorer, and a page of their own that can be shared."""

from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.permissions import permission_required
from aiops import timerange
from genai.causes import asking, scene
from genai.causes.models import Analysis
from monitoring.alerts.models import Alert
from monitoring.incidents import causes as of_alerts
from monitoring.incidents.models import Incident
from monitoring.inventory.models import Resource

READ = "monitoring:read"
LOOK_AGAIN = 1500  # ms
ABOUT = {"alert": "alert", "incident": "incident", "window": "resource"}


@require_GET
@permission_required(READ)
def of_alert(request: HttpRequest, pk: int) -> HttpResponse:
    return _part(request, f"alert:{pk}", {})


@require_GET
@permission_required(READ)
def of_incident(request: HttpRequest, pk: int) -> HttpResponse:
    """Until there is one, the ranking by the incident's alerts alone."""
    incident = get_object_or_404(Incident, pk=pk)
    return _part(request, f"incident:{pk}", {"fallback": incident, "incident": incident})


def _part(request: HttpRequest, subject: str, more: dict[str, Any]) -> HttpResponse:
    try:
        found = asking.standing(subject)
    except scene.Unknown as gone:
        raise Http404(str(gone)) from gone
    row = found.row
    if row is not None and found.pending is None and not found.failed and request.GET.get("have") == str(row.pk):
        return HttpResponse(status=204)  # the page shows it already
    if (row is None or not row.hypotheses) and "fallback" in more:
        more = more | {"ranked": of_alerts.causes(more["fallback"])}
    url = reverse(f"causes-of-{subject.partition(':')[0]}", args=[subject.partition(":")[2]])
    context = {"found": found, "row": row, "cards": asking.cards(row) if row else [], "url": url, "wait": LOOK_AGAIN, "subject": subject}
    return render(request, "genai/causes/_part.html", context | _again(subject) | more)


def _again(subject: str) -> dict[str, str]:
    kind, _, pk = subject.partition(":")
    return {"again": reverse("causes-again", args=[kind, pk])} if kind in ("alert", "incident") else {}


@require_POST
@permission_required(READ)
def again(request: HttpRequest, kind: str, pk: int) -> HttpResponseBase:
    """Looks anew; answers the part of the page."""
    subject = f"{kind}:{pk}"
    try:
        asking.ask(scene.of(subject))
    except scene.Unknown as gone:
        raise Http404(str(gone)) from gone
    return of_alert(request_of(request), pk) if kind == "alert" else of_incident(request_of(request), pk)


def request_of(request: HttpRequest) -> HttpRequest:
    """The same, asked for with GET."""
    request.method = "GET"
    return request


@require_POST
@permission_required(READ)
def of_window(request: HttpRequest) -> HttpResponse:
    """?range= or ?from=&to=, and ?resource=: an analysis of that time, as a part of the page."""
    span, resource = timerange.from_request(request), request.GET.get("resource", "")
    if resource and not (resource.isdecimal() and resource.isascii() and len(resource) < 19):
        raise BadRequest(f"resource is the number of one, not {resource[:40]!r}.")
    assert isinstance(request.user, User)
    try:
        row = asking.ask(scene.of(f"window:{resource}", span.start, span.end), request.user)
    except scene.Unknown as gone:
        raise Http404(str(gone)) from gone
    except ValueError as fault:
        raise BadRequest(str(fault)) from fault
    return _card(request, row)


@require_GET
@permission_required(READ)
def card(request: HttpRequest, pk: int) -> HttpResponse:
    """One analysis, as a part of a page: while it is being made, it asks for itself again."""
    return _card(request, get_object_or_404(Analysis, pk=pk))


def _card(request: HttpRequest, row: Analysis) -> HttpResponse:
    done = row.state == "done"
    found = asking.Standing(row if done else None, pending=row if row.state == "asked" else None, failed=row.error)
    context = {"found": found, "row": found.row, "cards": asking.cards(row) if done else [], "url": reverse("causes-card", args=[row.pk])}
    return render(request, "genai/causes/_part.html", context | {"wait": LOOK_AGAIN, "subject": row.subject})


@require_GET
@permission_required(READ)
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """An analysis as it was made."""
    row = get_object_or_404(Analysis, pk=pk)
    return render(request, "genai/causes/causes.html", {"analysis": row, "about": about(row), "url": reverse("causes-card", args=[pk])})


def about(row: Analysis) -> dict[str, str]:
    """What it explains, as a link."""
    kind, _, pk = row.subject.partition(":")
    if kind == "incident":
        incident = Incident.objects.filter(pk=pk).first()
        return {"label": "Incident", "name": str(incident or row.subject), "url": reverse("incident", args=[pk]) if incident else ""}
    if kind == "alert":
        alert = Alert.objects.filter(pk=pk).first()
        return {"label": "Alert", "name": alert.summary if alert else row.subject, "url": reverse("alert", args=[pk]) if alert else ""}
    span = timerange.absolute(int(row.start.timestamp() * 1000), int(row.end.timestamp() * 1000))
    resource = Resource.objects.filter(pk=pk).first() if pk else None
    where = reverse("resource", args=[pk]) if resource else reverse("explorer")
    return {"label": "Window", "name": f"{resource or 'Everything'}, {span.label}", "url": f"{where}?{span.query}"}
