"""Rule files: read, shown what would become of them, imported; rules written as a file."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.authentication import person
from accounts.permissions import permission_required
from monitoring.alerts import rule_files, rule_import
from monitoring.alerts.models import AlertRule, RuleGroup
from monitoring.alerts.rule_list import Listing
from monitoring.alerts.views_rules import READ, WRITE, ids_of

NOTES_SHOWN = 500
Context = dict[str, Any]


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def import_rules(request: HttpRequest) -> HttpResponseBase:
    """POST shows what would become of the text; with `apply` it does it."""
    if request.method == "GET":
        return _page(request, {"file": "", "text": ""})
    file, text, fault = _given(request)
    context: Context = {"file": file, "text": text, "fault": fault}
    if fault:
        return _page(request, context, status=422)
    try:
        if request.POST.get("apply"):
            return _applied(request, file, text)
        plan = rule_import.plan(text, file)
    except rule_files.UnreadableFile as wrong:
        return _page(request, context | {"fault": str(wrong)}, status=422)
    return _page(request, context | {"plan": plan, **_notes(plan.report)})


def _applied(request: HttpRequest, file: str, text: str) -> HttpResponse:
    report = rule_import.import_text(text, file, person(request))
    used, refused = report.used, len(report.refused)
    messages.success(request, f"{file}: {used:,} rules in use, {report.removed:,} removed, {refused:,} not used.")
    if report.refused or report.notes:
        return _page(request, {"file": file, "text": text, **_notes(report)})
    return redirect("rules")


def _notes(report: rule_import.Report) -> Context:
    lines = [(note, True) for note in report.refused] + [(note, False) for note in report.notes]
    lines.sort(key=lambda one: (not one[1], one[0].line))
    return {"told": report, "lines": lines[:NOTES_SHOWN], "cut": max(0, len(lines) - NOTES_SHOWN)}


def _given(request: HttpRequest) -> tuple[str, str, str]:
    """Name, text and what is wrong with them. An uploaded file goes before pasted text."""
    upload, file, text = request.FILES.get("upload"), request.POST.get("file", "").strip(), request.POST.get("text", "")
    fault = ""
    if upload is not None:
        file = file or (upload.name or "")
        try:
            text = upload.read(rule_files.LARGEST + 1).decode("utf-8-sig")
        except UnicodeDecodeError:
            fault = "The file is not text in UTF-8."
    if not fault and not text.strip():
        fault = "Choose a file, or paste its text."
    elif not fault and (not file or len(file) > 200 or "\0" in file + text or file.startswith(rule_import.OWN)):
        fault = f"A file has a name of 1 to 200 characters, which does not begin with {rule_import.OWN}; importing it again replaces it."
    return file[:200], text, fault


def _page(request: HttpRequest, context: Context, status: int = 200) -> HttpResponse:
    files = RuleGroup.objects.filter(source=RuleGroup.Origin.FILE).order_by("file").values_list("file", flat=True).distinct()
    return render(request, "monitoring/alerts/rule_import.html", {"files": list(files), **context}, status=status)


@require_http_methods(["GET", "POST"])
@permission_required(READ)
def export(request: HttpRequest) -> HttpResponse:
    """A rule file of the rules named (`rule`, many), else of those that the list's filters leave."""
    given = request.POST if request.method == "POST" else request.GET
    named = given.getlist("rule")
    wanted = ids_of(named) if named or request.method == "POST" else [row.rule.pk for row in Listing(request.GET).found]
    text = rule_files.written(_groups(wanted))
    if not wanted or text == rule_files.written([]):
        raise BadRequest("There is no such rule to export.")
    name = f'attachment; filename="aiops-rules-{timezone.localtime():%Y%m%d-%H%M}.yml"'
    return HttpResponse(text, "application/yaml; charset=utf-8", headers={"Content-Disposition": name})


def _groups(wanted: list[int]) -> list[tuple[RuleGroup, list[AlertRule]]]:
    """Groups of one name in several files are numbered: a file has each name once."""
    keep = set(wanted)
    groups = RuleGroup.objects.prefetch_related(Prefetch("rules", AlertRule.objects.order_by("position", "id"))).order_by("name", "file")
    found, names = [], dict[str, int]()
    for group in groups:
        rules = [rule for rule in group.rules.all() if rule.pk in keep]
        if not rules:
            continue
        names[group.name] = names.get(group.name, 0) + 1
        if names[group.name] > 1:
            group.name = f"{group.name} ({names[group.name]})"
        found.append((group, rules))
    return found
