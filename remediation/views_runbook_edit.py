"""Writing a runbook: what is wrong with it as it is typed, what it would do, its next version; and files of several."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.authentication import person
from accounts.permissions import permission_required
from remediation import runbook_form, runbook_importing, runbook_words, versions
from remediation.diff import diff
from remediation.models import Runbook
from remediation.plan import Plan
from remediation.runbook_files import LARGEST, UnreadableFile, dump_one
from remediation.runbook_form import STARTER, Typed
from remediation.versions import Refused
from remediation.views_runbooks import READ, WRITE, alert_of, found

MOST_SHOWN = 200  # notes of a file
Context = dict[str, Any]


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def new(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return _page(request, runbook_form.typed(_blank(request)), None)
    typed = runbook_form.typed(request.POST.get("text", ""))
    if typed.spec is None or (typed.errors and not request.POST.get("anyway")):
        return _page(request, typed, None, status=422)
    try:
        added = versions.add(typed.spec, person(request), comment=request.POST.get("comment", "").strip())
    except Refused as fault:
        return _page(request, typed, None, status=422, refused=str(fault))
    messages.success(request, f"{added.name} is added.")
    return redirect("runbook", added.pk)


def _blank(request: HttpRequest) -> str:
    """An example, or with ?copy= another runbook under a name of its own."""
    copied = request.GET.get("copy", "")
    source = Runbook.objects.select_related("current").filter(key=copied).first() if copied and "\0" not in copied else None
    if source is None or source.current is None:
        return STARTER
    return dump_one({**source.current.spec, "id": f"{source.key[:95]}-copy", "name": f"{source.name[:190]} (copy)"})


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    one = found(pk)
    if request.method == "GET":
        return _page(request, runbook_form.typed(dump_one(one.current.spec) if one.current else STARTER, one.key), one)
    typed = runbook_form.typed(request.POST.get("text", ""), one.key)
    based_on = request.POST.get("version", "")
    if one.current and based_on and based_on != str(one.current.number):
        said = f"{one.current.actor} saved version {one.current.number} meanwhile. Compare, and save again to replace it."
        return _page(request, typed, one, status=409, refused=said)
    if typed.spec is None or (typed.errors and not request.POST.get("anyway")):
        return _page(request, typed, one, status=422)
    before = one.current_id
    version = versions.save(one, typed.spec, person(request), request.POST.get("comment", "").strip())
    changed = one.current_id != before
    messages.success(request, f"{one.name} is saved as version {version.number}." if changed else "Nothing was changed.")
    return redirect("runbook", one.pk)


def _page(request: HttpRequest, typed: Typed, one: Runbook | None, status: int = 200, refused: str = "") -> HttpResponse:
    context = {
        "typed": typed, "runbook": one, "refused": refused, "comment": request.POST.get("comment", ""),
        "alerts": runbook_form.alerts_for(typed.spec) if typed.spec else [], "unsaved": request.method == "POST",
        "diff": diff(one.current.spec, typed.spec.raw) if one and one.current and typed.spec and request.method == "POST" else [],
    }  # fmt: skip
    return render(request, "remediation/runbooks/edit.html", context, status=status)


@require_POST
@permission_required(READ)
def check(request: HttpRequest) -> JsonResponse:
    """What is wrong with the text as typed, by line. Nothing is stored."""
    typed = runbook_form.typed(request.POST.get("text", ""), request.POST.get("key", ""))
    marks = [{"line": one.line, "level": one.level, "place": one.place, "text": one.text} for one in typed.marks]
    return JsonResponse({"marks": marks, "readable": typed.spec is not None, "name": typed.spec.name if typed.spec else ""})


@require_POST
@permission_required(READ)
def preview(request: HttpRequest) -> HttpResponse:
    """The plan that the text makes for an alert. Nothing is stored, and no system is asked."""
    typed = runbook_form.typed(request.POST.get("text", ""), request.POST.get("key", ""))
    alert = alert_of(request.POST.get("alert", ""))
    context: Context = {"alert": alert, "marks": typed.errors}
    if typed.spec is not None:
        plan, context["why_not"] = runbook_form.plan_or_why(typed.spec, alert)
        context |= planned(plan) if plan else {}
    return render(request, "remediation/runbooks/_plan.html", context)


def planned(plan: Plan) -> Context:
    known = runbook_form.providers()
    return {
        "plan": plan, "steps": runbook_words.steps(plan.steps, known), "rollback": runbook_words.steps(plan.rollback, known),
        "prechecks": runbook_words.checks(plan.prechecks, at_once=True), "success": runbook_words.checks(plan.success),
        "if_it_fails": runbook_words.if_it_fails(plan, known),
    }  # fmt: skip


# -- files -------------------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def import_file(request: HttpRequest) -> HttpResponse:
    """First what would happen, then it happens."""
    if request.method == "GET":
        return render(request, "remediation/runbooks/import.html", {})
    text, file = _sent(request)
    context: Context = {"text": text, "file": file, "applied": bool(request.POST.get("apply"))}
    try:
        if context["applied"]:
            context["told"] = runbook_importing.import_text(text, file, person(request))
        else:
            context["told"] = runbook_importing.plan(text, file)
    except UnreadableFile as fault:
        return render(request, "remediation/runbooks/import.html", {**context, "fault": str(fault)}, status=422)
    if context["applied"] and not context["told"].refused:
        messages.success(request, f"{context['told'].used} runbooks of {file} are imported.")
        return redirect("runbooks")
    return render(request, "remediation/runbooks/import.html", {**context, "notes": context["told"].refused[:MOST_SHOWN]})


def _sent(request: HttpRequest) -> tuple[str, str]:
    """(text, name): of the upload, else of the field."""
    upload = request.FILES.get("upload")
    name = request.POST.get("file", "").strip()[:200]
    if upload is None:
        return request.POST.get("text", "").replace("\r\n", "\n"), name or "pasted.yml"
    raw = upload.read(LARGEST + 1)
    return raw.decode("utf-8-sig", "replace"), name or (upload.name or "upload.yml")[:200]
