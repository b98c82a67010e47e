"""Texts as parts of other rooms' pages. A page asks for them after it is drawn: nobody waits for a model."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.authentication import person
from accounts.permissions import can, permission_required
from genai import complete
from genai.evidence import render as evidence
from genai.summaries import making, rating, review
from genai.summaries.anomaly import VERDICTS
from genai.summaries.kinds import KINDS, Kind
from genai.summaries.models import Summary
from genai.summaries.states import UNDER_WAY
from monitoring.incidents import lifecycle
from monitoring.incidents.models import Incident

READ, USE, WRITE = "monitoring:read", "genai:use", "incidents:write"
TEMPLATES = {"review": "_review.html", "risk": "_risk.html", "runbook-alert": "_runbook.html", "runbook-incident": "_runbook.html"}


def known(key: str) -> Kind:
    if key not in KINDS:
        raise Http404("There is no such kind of summary.")
    return KINDS[key]


@require_GET
@permission_required(READ)
def fragment(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """As it is now. For people who may use the assistant a model is asked to word it; the part asks again until that is done, and is
    told that nothing changed where it has `seen` the same."""
    found = known(kind)
    row = _row(found, pk)
    if can(request.user, USE):
        making.ask_for_words(found, row, request.user)
    return HttpResponse(status=204) if request.GET.get("seen") == seen(row) else _shown(request, found, pk, row)


def seen(row: Summary) -> str:
    return f"{row.pk}-{row.state}-{row.rating or 0}"


@require_POST
@permission_required(USE)
def word(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """A person wants a model to word it."""
    found = known(kind)
    row = _row(found, pk)
    making.ask_for_words(found, row, request.user, by_hand=True)
    return _shown(request, found, pk, row)


def _row(kind: Kind, pk: int) -> Summary:
    row = making.current(kind, pk)
    if row is None:
        raise Http404("There is no such thing to sum up.")
    return row


def _shown(request: HttpRequest, kind: Kind, pk: int, row: Summary) -> HttpResponse:
    may_use = can(request.user, USE)
    sources = evidence.sources(row.text, request.user)
    context: dict[str, Any] = {
        "kind": kind, "pk": pk, "row": row, "seen": seen(row), "html": evidence.html(row.text, request.user), "sources": sources,
        "may_use": may_use,
        "under_way": row.state in UNDER_WAY, "available": complete.available(), "why_not": complete.why_not(),
        "verdict": VERDICTS.get(str(row.data.get("verdict", "")), ""), "runbooks": row.data.get("runbooks", []),
        "picked": row.data.get("picked", ""), "may_execute": can(request.user, "remediation:execute"),
    }  # fmt: skip
    if kind.key == "review":
        notes = Incident.objects.filter(pk=pk).values_list("notes_md", flat=True).first() or ""
        context["may_take"] = can(request.user, WRITE) and not notes.strip()
    answer = render(request, f"genai/summaries/{TEMPLATES.get(kind.key, '_text.html')}", context)
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@permission_required(READ)
def rate(request: HttpRequest, pk: int) -> HttpResponse:
    row = Summary.objects.filter(pk=pk).first()
    if row is None or row.kind not in KINDS:
        raise Http404("There is no such summary; it may have been made anew.")
    given = request.POST.get("rating", "")
    if given not in ("1", "-1", "0"):
        raise BadRequest("rating is 1, -1, or 0 to take it back.")
    rating.rate(row, int(given), person(request))
    subject = int(row.subject.rpartition(":")[2])
    return _shown(request, KINDS[row.kind], subject, row)


@require_POST
@permission_required(WRITE)
def take_review(request: HttpRequest, pk: int) -> HttpResponse:
    """The draft becomes the incident's review, which the person then edits; one that is there is never replaced."""
    incident = Incident.objects.filter(pk=pk).first()
    row = making.current(KINDS["review"], pk) if incident else None
    if incident is None or row is None:
        raise Http404("There is no such incident.")
    if incident.notes_md.strip():
        raise BadRequest("The incident has a review already; it is not replaced.")
    lifecycle.edit(pk, person(request), notes_md=review.as_notes(row.text))
    messages.success(request, "The draft is the review now. Read it, correct it, and save it.")
    return redirect(f"{reverse('incident', args=[pk])}?tab=review&edit")
