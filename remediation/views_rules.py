"""Automation rules: as a list, one with its history, written in a form or as YAML, switched; and every rule's word on one alert."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.authentication import person
from accounts.permissions import can, permission_required
from monitoring.alerts.models import Alert
from monitoring.alerts.views_rules import ids_of
from remediation import decisions, rule_editing, rule_files, rule_form, rule_list, rulebook, track_record
from remediation.models import AutomationRule, RuleDecision, Runbook
from remediation.rule_files import RuleError
from remediation.rule_form import RuleForm
from remediation.rule_list import Listing
from remediation.runbook_files import UnreadableFile

READ, WRITE = "monitoring:read", "remediation:execute"
HISTORY = 50
SWITCHES = {
    "on": ({"enabled": True}, "on"), "off": ({"enabled": False}, "off"), "rehearse": ({"dry_run": True}, "to dry run"),
    "act": ({"dry_run": False}, "to act"),
}  # fmt: skip
STARTER = """\
id: clean-full-disks
name: Clean full disks
match:
  alertname: FilesystemAlmostFull
  severity: [high, critical]
guards:
  cooldown: 30m
  max_per_hour: 5
runbook: disk-clean-up
"""


@require_GET
@permission_required(READ)
def rules(request: HttpRequest) -> HttpResponse:
    found = Listing(request.GET)
    everything = found.everything
    context = {
        "listing": found, "page": found.page(), "facets": found.facets(), "chips": found.chips(), "total": len(everything),
        "states": {name: sum(row.state == name for row in everything) for name in rule_list.STATES}, "signs": rule_list.STATES,
        "may_execute": can(request.user, WRITE), "live": True, "live_topics": "executions",
    }  # fmt: skip
    return render(request, "remediation/rules/rules.html", context)


@require_GET
@permission_required(READ)
def rule(request: HttpRequest, pk: int) -> HttpResponse:
    found = _found(pk)
    outcome = request.GET.get("outcome", "")
    if outcome and outcome not in RuleDecision.Outcome.values:
        raise BadRequest(f"outcome is one of {', '.join(RuleDecision.Outcome.values)}, not {outcome[:40]!r}.")
    ready = rulebook.ready(found)
    (row,) = rule_list.rows([ready])
    context = {
        "row": row, "rule": found, "page": Paginator(decisions.history(found, outcome), HISTORY).get_page(request.GET.get("page")),
        "outcome": outcome, "outcomes": rule_list.OUTCOMES, "text": rule_files.dump_one(found), "guards": ready.guards,
        "targets": track_record.by("target", rule=found)[:10], "may_execute": can(request.user, WRITE), "live": True,
        "live_topics": "executions",
    }  # fmt: skip
    return render(request, "remediation/rules/rule.html", context)


def _found(pk: int) -> AutomationRule:
    return get_object_or_404(AutomationRule.objects.select_related("runbook"), pk=pk)


@require_GET
@permission_required(READ)
def why(request: HttpRequest, pk: int) -> HttpResponse:
    """Every rule's word on one alert."""
    alert = get_object_or_404(Alert.objects.select_related("resource"), pk=pk)
    told = sorted(decisions.why(alert), key=lambda one: one.stored is None)
    return render(request, "remediation/rules/why.html", {"alert": alert, "told": told, "outcomes": rule_list.OUTCOMES})


# -- writing -------------------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def new(request: HttpRequest) -> HttpResponseBase:
    """?runbook= and ?alertname= are filled in."""
    if request.GET.get("as") == "yaml":
        return _as_text(request, None)
    given = {name: request.GET[name][:200] for name in ("runbook", "alertname") if name in request.GET}
    return _as_form(request, None, {"enabled": True, "dry_run": True, **given})


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    found = _found(pk)
    return _as_text(request, found) if request.GET.get("as") == "yaml" else _as_form(request, found, rule_form.initial(found))


def _as_form(request: HttpRequest, found: AutomationRule | None, initial: dict[str, Any]) -> HttpResponseBase:
    form = RuleForm(request.POST if request.method == "POST" else None, initial=initial)
    if found:
        form.fields["id"].disabled = True
    if form.is_bound and form.is_valid():
        try:
            return _saved(request, rule_form.spec_of(form, found.key if found else ""), found)
        except RuleError as fault:
            form.say(fault)
            rule_form.plugin_forms.dress(form)
    context = {"form": form, "rule": found, "as": "form"}
    return render(request, "remediation/rules/form.html", context, status=422 if form.is_bound else 200)


def _as_text(request: HttpRequest, found: AutomationRule | None) -> HttpResponseBase:
    text, fault = rule_files.dump_one(found) if found else STARTER, ""
    if request.method == "POST":
        text = request.POST.get("text", "")
        try:
            return _saved(request, _only(text), found)
        except UnreadableFile as wrong:
            fault = str(wrong)
        except RuleError as wrong:
            fault = f"{wrong.place}: {wrong.sentence}" if wrong.place else wrong.sentence
    context = {"text": text, "fault": fault, "rule": found, "as": "yaml"}
    return render(request, "remediation/rules/form.html", context, status=422 if fault else 200)


def _only(text: str) -> rule_files.RuleSpec:
    read = rule_files.load(text)
    if read.refused:
        one = read.refused[0]
        raise RuleError(f"Line {one.line}: {one.text}", one.place)
    if len(read.found) != 1:
        raise RuleError("Write one rule here; several are imported as a file.")
    return read.found[0].spec


def _saved(request: HttpRequest, given: rule_files.RuleSpec, found: AutomationRule | None) -> HttpResponseBase:
    if found and given.key != found.key:
        raise RuleError(f"The id of a rule stays: this one is {found.key}.", "id")
    saved = rule_editing.save(given, person(request), Runbook.Origin.UI, new=found is None)
    messages.success(request, f"{saved} is {'saved' if found else 'added'}.")
    return redirect("automation-rule", saved.pk)


@require_POST
@permission_required(WRITE)
def switch(request: HttpRequest) -> HttpResponse:
    """`rule` once or many times and `to` = on, off, rehearse or act; or `one` = 12:off, of a row's own button."""
    given, to = request.POST.getlist("rule"), request.POST.get("to", "")
    if one := request.POST.get("one", ""):
        number, _, to = one.partition(":")
        given = [number]
    if to not in SWITCHES:
        raise BadRequest(f"to is one of {', '.join(SWITCHES)}.")
    columns, word = SWITCHES[to]
    changed = rule_editing.switch(ids_of(given), person(request), **columns)
    messages.success(request, f"{len(changed)} rule{'' if len(changed) == 1 else 's'} switched {word}.")
    back = request.POST.get("next", "")
    return redirect(back if back.startswith("/remediation/rules/") else "automation-rules")


@require_POST
@permission_required(WRITE)
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """up, down, reset (its breaker) or delete."""
    found, verb = _found(pk), request.POST.get("verb", "")
    if verb in ("up", "down"):
        rule_editing.move(found, verb == "up", person(request))
        return redirect("automation-rules")
    if verb == "reset":
        rule_editing.reset_breaker(found, person(request))
        messages.success(request, f"The breaker of {found} is reset: failures until now do not count any more.")
        return redirect("automation-rule", pk)
    if verb != "delete":
        raise BadRequest("verb is one of up, down, reset, delete.")
    rule_editing.delete(found, person(request))
    messages.success(request, f"{found} is deleted; its cases stay.")
    return redirect("automation-rules")


# -- files ---------------------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def import_rules(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return render(request, "remediation/rules/import.html", {"text": "", "report": None, "fault": ""})
    text, only_say = _given(request), request.POST.get("verb") == "check"
    report, fault = None, ""
    try:
        report = rule_editing.import_text(text, person(request), only_say)
    except UnreadableFile as wrong:
        fault = str(wrong)
    context = {"text": text, "report": report, "fault": fault, "only_say": only_say}
    return render(request, "remediation/rules/import.html", context, status=422 if fault else 200)


def _given(request: HttpRequest) -> str:
    file = request.FILES.get("file")
    if file is None:
        return request.POST.get("text", "")
    if (file.size or 0) > rule_files.LARGEST:
        raise BadRequest("The file is larger than 300 KB.")
    return file.read().decode("utf-8-sig", errors="replace")


@require_GET
@permission_required(READ)
def export(request: HttpRequest) -> HttpResponse:
    rules_ = AutomationRule.objects.select_related("runbook").order_by("position", "id")
    answer = HttpResponse(rule_files.dump(rules_), content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="automation-rules.yml"'
    return answer
