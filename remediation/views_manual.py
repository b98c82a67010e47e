"""Proposing by hand: for an alert, an incident, a resource or a target that is written; choose a runbook, fill it in, look, propose."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.authentication import person
from accounts.permissions import permission_required
from remediation import case_manual, previews, propose, spec
from remediation.case_manual import Fields, Subject
from remediation.drafts import ProposalError
from remediation.models import Execution, Runbook

EXECUTE = "remediation:execute"


@require_GET
@permission_required(EXECUTE)
def choose(request: HttpRequest) -> HttpResponse:
    about = case_manual.subject(request.GET)
    found = case_manual.choices(about)
    context = {
        "about": about, "query": urlencode(about.query), "fitting": [one for one in found if one.fits],
        "others": [one for one in found if not one.fits],
    }  # fmt: skip
    return render(request, "remediation/manual/choose.html", context)


@require_http_methods(["GET", "POST"])
@permission_required(EXECUTE)
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """POST with verb=preview answers what would come of it, in place; verb=propose makes it a case."""
    runbook = Runbook.objects.select_related("current").filter(pk=pk, enabled=True).exclude(current=None).first()
    if runbook is None or runbook.current is None:
        raise Http404("There is no such runbook, or it is switched off.")
    try:
        read = spec.parse(runbook.current.spec)
    except spec.SpecError as fault:
        raise Http404(f"The runbook cannot be read: {fault}.") from fault
    sent = request.POST if request.method == "POST" else None
    about = case_manual.subject(request.POST if sent is not None else request.GET)
    given = case_manual.fields(read, about, sent)
    context = {"about": about, "runbook": runbook, "spec": read, "fields": given, "dry_run": bool(sent and sent.get("dry_run"))}
    if sent is None:
        return render(request, "remediation/manual/ask.html", context)
    if sent.get("verb") == "preview":
        return _preview(request, runbook, about, given, context)
    return _propose(request, runbook, about, given, context)


def _preview(request: HttpRequest, runbook: Runbook, about: Subject, given: Fields, context: dict[str, Any]) -> HttpResponse:
    try:
        made = propose.draft(case_manual.asked(runbook, about, given, context["dry_run"]), person(request))
        preview, _ = previews.of(made.doings, None, made.plan.target)
    except ProposalError as fault:
        given.blame(fault.field, fault.sentence)
        return _again(request, context)
    except previews.Planned as fault:
        given.general = fault.sentence
        return _again(request, context)
    shown = {**context, "card": case_manual.card(made, preview, person(request)), "decision": made.decision}
    return render(request, "remediation/manual/" + ("_preview.html" if _in_place(request) else "ask.html"), shown)


def _propose(request: HttpRequest, runbook: Runbook, about: Subject, given: Fields, context: dict[str, Any]) -> HttpResponse:
    try:
        made = propose.propose(case_manual.asked(runbook, about, given, context["dry_run"]), person(request))
    except ProposalError as fault:
        given.blame(fault.field, fault.sentence)
        return _again(request, context)
    messages.success(request, f"{made.number} {_said(made)}.")
    return redirect("execution", made.pk)


def _said(made: Execution) -> str:
    if made.state == Execution.State.DENIED:
        return "was not allowed by policy"
    return "is proposed" if made.state == Execution.State.PROPOSED else "is on its way"


def _again(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """What is wrong, beside its field; in place only the sentences."""
    if _in_place(request):
        return render(request, "remediation/manual/_wrong.html", context)
    return render(request, "remediation/manual/ask.html", context, status=422)


def _in_place(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"
