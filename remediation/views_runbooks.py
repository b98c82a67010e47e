"""Runbooks: all of them, one of them with its versions and runs, and what becomes of it as a whole."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.authentication import person
from accounts.permissions import can, permission_required
from monitoring.alerts.models import Alert
from remediation import case_rows, runbook_form, runbook_list, runbook_packs, runbook_words, track_record, versions
from remediation.diff import changes, diff
from remediation.drafts import Asked, ProposalError
from remediation.models import Runbook, RunbookVersion
from remediation.propose import propose
from remediation.runbook_files import dump, dump_one
from remediation.spec import Spec, SpecError
from remediation.versions import Refused

READ, WRITE = "monitoring:read", "remediation:execute"
TABS = {"steps": "What it does", "versions": "Versions", "runs": "Cases", "yaml": "YAML"}
MOST_RUNS, MOST_VERSIONS = 20, 100
Context = dict[str, Any]


@require_GET
@permission_required(READ)
def runbooks(request: HttpRequest) -> HttpResponse:
    listing = runbook_list.Listing(request.GET)
    column, descending = listing.sort
    context = {
        "listing": listing, "page": listing.page(), "facets": listing.facets(), "chips": listing.chips(), "column": column,
        "descending": descending, "total": len(listing.everything), "off": sum(row.state == "off" for row in listing.everything),
        "unreadable": sum(row.state == "unreadable" for row in listing.everything), "may_write": can(request.user, WRITE),
        "live": True, "live_topics": "executions",
    }  # fmt: skip
    return render(request, "remediation/runbooks/runbooks.html", context)


def found(pk: int) -> Runbook:
    return get_object_or_404(Runbook.objects.select_related("current"), pk=pk)


@require_GET
@permission_required(READ)
def runbook(request: HttpRequest, pk: int) -> HttpResponse:
    one = found(pk)
    tab = request.GET.get("tab", "steps")
    if tab not in TABS:
        raise BadRequest(f"tab must be one of {', '.join(TABS)}, not {tab[:20]!r}.")
    spec = runbook_list.read(one)
    record = track_record.of_runbooks([one.pk]).get(one.pk, track_record.Record())
    context = {
        "runbook": one, "spec": spec, "tab": tab, "tabs": TABS, "record": record,
        "origin": runbook_list.ORIGINS[one.origin], "edited": one.origin == Runbook.Origin.PACK and runbook_packs.edited(one.current),
        "may_write": can(request.user, WRITE), **_TAB[tab](request, one, spec),
    }  # fmt: skip
    return render(request, "remediation/runbooks/runbook.html", context)


def _steps(request: HttpRequest, one: Runbook, spec: Spec | None) -> Context:
    if spec is None:
        return {"why_not": why_unreadable(one)}
    known = runbook_form.providers()
    return {
        "steps": runbook_words.steps(spec.steps, known), "rollback": runbook_words.steps(spec.rollback, known),
        "prechecks": runbook_words.checks(spec.prechecks, at_once=True), "success": runbook_words.checks(spec.success),
        "parameters": runbook_words.parameters(spec.parameters), "fits": runbook_words.fits(spec),
        "if_it_fails": runbook_words.if_it_fails(spec, known), "findings": runbook_form.findings(spec),
        "rules": one.rules.order_by("position"),
        "alerts": runbook_form.alerts_for(spec) if can(request.user, WRITE) else [],
    }  # fmt: skip


def why_unreadable(one: Runbook) -> str:
    try:
        versions.spec_of(one)
    except SpecError as fault:
        return str(fault)
    return ""


def _versions(request: HttpRequest, one: Runbook, spec: Spec | None) -> Context:
    rows = list(one.versions.all()[:MOST_VERSIONS])
    by_number = {row.number: row for row in rows}
    new = _asked_version(request, "to", by_number, rows[0] if rows else None)
    old = _asked_version(request, "from", by_number, next((row for row in rows if new and row.number < new.number), None))
    return {"versions": rows, "old": old, "new": new, **(_compared(old, new) if old and new else {})}


def _asked_version(
    request: HttpRequest, name: str, by_number: dict[int, RunbookVersion], usual: RunbookVersion | None
) -> RunbookVersion | None:
    text = request.GET.get(name, "")
    if not text:
        return usual
    if not (text.isdecimal() and text.isascii() and len(text) < 10):
        raise BadRequest(f"{name} is the number of a version.")
    if int(text) not in by_number:
        raise Http404(f"There is no version {text}.")
    return by_number[int(text)]


def _compared(old: RunbookVersion, new: RunbookVersion) -> Context:
    return {"changes": changes(old.spec, new.spec), "diff": diff(old.spec, new.spec)}


def _runs(request: HttpRequest, one: Runbook, spec: Spec | None) -> Context:
    cases = case_rows.listed().filter(runbook=one).order_by("-created_at", "-id")
    return {
        "rows": case_rows.rows(cases[:MOST_RUNS]), "count": cases.count(), "by_target": track_record.by("target", runbook=one)[:10],
        "by_cause": track_record.by("cause", runbook=one)[:10],
    }  # fmt: skip


def _yaml(request: HttpRequest, one: Runbook, spec: Spec | None) -> Context:
    return {"text": dump_one(one.current.spec) if one.current else ""}


_TAB = {"steps": _steps, "versions": _versions, "runs": _runs, "yaml": _yaml}


# -- what becomes of it ------------------------------------------------------------------------------------------------
@require_POST
@permission_required(WRITE)
def switch(request: HttpRequest, pk: int, on: bool) -> HttpResponse:
    one = found(pk)
    versions.switch(one, on, person(request))
    messages.success(request, f"{one.name} is switched {'on' if on else 'off: nobody proposes it'}.")
    return redirect("runbook", one.pk)


@require_POST
@permission_required(WRITE)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    one = found(pk)
    try:
        versions.delete(one, person(request))
    except Refused as fault:
        messages.error(request, str(fault))
        return redirect("runbook", one.pk)
    messages.success(request, f"{one.name} is deleted.")
    return redirect("runbooks")


@require_POST
@permission_required(WRITE)
def restore(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    version = get_object_or_404(RunbookVersion.objects.select_related("runbook"), runbook=pk, number=number)
    try:
        made = versions.restore(version, person(request))
    except (Refused, SpecError) as fault:
        messages.error(request, f"Version {number} cannot be restored: {fault}")
    else:
        messages.success(request, f"Version {number} is the current one again, as version {made.number}.")
    return redirect("runbook", pk)


@require_POST
@permission_required(WRITE)
def rehearse(request: HttpRequest, pk: int) -> HttpResponse:
    """A dry run for an alert: a case that asks each system what it would do, and changes nothing."""
    one = found(pk)
    alert = alert_of(request.POST.get("alert", ""))
    if alert is None:
        raise BadRequest("alert is the id of the alert to rehearse it with.")
    try:
        made = propose(Asked(runbook=one, alert=alert, dry_run=True), person(request))
    except ProposalError as fault:
        messages.error(request, f"It cannot be rehearsed with {alert.name}: {fault.sentence}")
        return redirect("runbook", one.pk)
    return redirect("execution", made.pk)


def alert_of(text: str) -> Alert | None:
    """BadRequest for what is no id, 404 for what is not there, None for nothing."""
    if not text:
        return None
    if not (text.isdecimal() and text.isascii() and len(text) < 19):
        raise BadRequest("alert is the id of an alert.")
    return get_object_or_404(Alert.objects.select_related("resource"), pk=int(text))


# -- export ------------------------------------------------------------------------------------------------------------
@require_GET
@permission_required(READ)
def export(request: HttpRequest) -> HttpResponse:
    """What the list shows, with its filters."""
    listing = runbook_list.Listing(request.GET)
    return _file(dump(row.runbook.current.spec for row in listing.found if row.runbook.current), "runbooks.yml")


@require_GET
@permission_required(READ)
def export_one(request: HttpRequest, pk: int) -> HttpResponse:
    one = found(pk)
    return _file(dump_one(one.current.spec) if one.current else "", f"{one.key}.yml")


def _file(text: str, name: str) -> HttpResponse:
    return HttpResponse(text, "application/yaml; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'})
