"""One rule: its editor, how it reads now, what it would have done, who changed it, what it does."""

import math
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods, require_POST

from accounts.authentication import person
from accounts.models import AuditEntry
from accounts.permissions import can, permission_required
from monitoring.alerts import editing, rule_backtest, rule_noise
from monitoring.alerts.models import Alert, AlertRule, RuleGroup
from monitoring.alerts.rule_form import RuleForm, place_of
from monitoring.alerts.rule_list import OWNERS, STATES, open_alerts, state_of
from monitoring.alerts.rule_trial import trial
from monitoring.alerts.thresholds import Limit, limit_of
from monitoring.alerts.views_rules import READ, WRITE
from monitoring.query.errors import QueryError

SEVERITIES = (("critical", "act now"), ("high", "act today"), ("medium", "look at it"), ("low", "for the record"))
OPERATORS = ((">", "is above"), (">=", "is at least"), ("<", "is below"), ("<=", "is at most"), ("==", "equals"), ("!=", "differs from"))
FIRING_SHOWN, CHANGES_SHOWN = 20, 10
Context = dict[str, Any]


@require_http_methods(["GET", "POST"])
@permission_required(READ)
def rule(request: HttpRequest, pk: int) -> HttpResponseBase:
    found = get_object_or_404(AlertRule.objects.select_related("group"), pk=pk)
    if request.method == "POST":
        return _change(request, found)
    return _page(request, RuleForm.of(found), found)


@permission_required(WRITE)
def _change(request: HttpRequest, found: AlertRule) -> HttpResponseBase:
    if found.locked:
        raise BadRequest(editing.Locked.message)
    form = RuleForm.typed(request.POST)
    form.group, form.enabled = found.group.name, found.enabled  # switched by a button of their own
    fields, interval = form.read()
    if not form.faults:
        try:
            editing.change(found, fields, person(request), interval)
        except editing.Wrong as fault:
            form.faults = fault.faults
        else:
            messages.success(request, f"{found.name} is saved.")
            return redirect("rule", found.pk)
    return _page(request, form, AlertRule.objects.select_related("group").get(pk=found.pk), status=422)


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def new(request: HttpRequest) -> HttpResponseBase:
    if request.method == "GET":
        return _page(request, _blank(request), None)
    form = RuleForm.typed(request.POST)
    fields, interval = form.read()
    if not form.faults:
        try:
            added = editing.add(fields, form.group, interval, person(request))
        except editing.Wrong as fault:
            form.faults = fault.faults
        else:
            messages.success(request, f"{added.name} is added and evaluated each {added.group.interval} s.")
            return redirect("rule", added.pk)
    return _page(request, form, None, status=422)


def _blank(request: HttpRequest) -> RuleForm:
    copied = request.GET.get("copy", "")
    if not copied:
        return RuleForm.asked(request.GET)
    if not copied.isdecimal() or len(copied) > 18:
        raise BadRequest("copy is the number of a rule.")
    source = get_object_or_404(AlertRule.objects.select_related("group"), pk=int(copied))
    form = RuleForm.of(source)
    form.name = f"{source.name[:190]}Copy"
    form.group = source.group.name if source.group.source == RuleGroup.Origin.UI else editing.USUAL_GROUP
    return form


@require_POST
@permission_required(WRITE)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(AlertRule.objects.select_related("group"), pk=pk)
    try:
        editing.remove(found, person(request))
    except editing.Locked as fault:
        raise BadRequest(fault.message) from None
    messages.success(request, f"{found.name} is deleted; its open alerts end within seconds.")
    return redirect("rules")


# -- the page --------------------------------------------------------------------------------------------------------------
def _page(request: HttpRequest, form: RuleForm, found: AlertRule | None, status: int = 200) -> HttpResponse:
    may_write = can(request.user, WRITE)
    may_edit = may_write and not (found and found.locked)
    context = {
        "form": form, "faults": form.by_field(), "rule": found, "may_write": may_write,
        "may_edit": may_edit, "locked_fields": not may_edit, "severities": SEVERITIES, "operators": OPERATORS,
        "without_data": AlertRule.WithoutData.choices,
        "limit": limit_of(form.expr) if form.expr else None, "days": rule_backtest.USUAL_DAYS, "all_days": rule_backtest.DAYS,
        "group_names": [] if found else list(RuleGroup.objects.filter(file="").order_by("name").values_list("name", flat=True)),
        **(_about(request, found) if found else {}),
    }  # fmt: skip
    return render(request, "monitoring/alerts/rule.html", context, status=status)


def _about(request: HttpRequest, found: AlertRule) -> Context:
    counts = open_alerts([found.pk])
    firing, pending = counts.get((found.pk, "firing"), 0), counts.get((found.pk, "pending"), 0)
    changes = [told(entry) for entry in history(found)[: CHANGES_SHOWN + 1]]
    return {
        "firing": firing, "pending": pending, "state": STATES[state_of(found, firing, pending)], "owner": OWNERS[found.group.source],
        "open": _open(found), "changes": changes[:CHANGES_SHOWN], "more_changes": len(changes) > CHANGES_SHOWN,
        "may_audit": can(request.user, "audit:read"), "mates": found.group.rules.count() - 1, "live": True, "live_topics": "alerts",
        **_noise(found),
    }  # fmt: skip


def _open(found: AlertRule) -> list[Alert]:
    rows = Alert.objects.filter(rule=found).exclude(state=Alert.State.RESOLVED).select_related("resource", "assignee").defer("evidence")
    return list(rows.order_by("-state", "-fired_at", "id")[:FIRING_SHOWN])  # firing comes after pending by letter


def history(found: AlertRule) -> QuerySet[AuditEntry]:
    """What persons did to the rule, newest first."""
    return AuditEntry.objects.filter(object_type="monitoring.alertrule", object_id=str(found.pk)).order_by("-id")


def told(entry: AuditEntry) -> Context:
    """A change in words."""
    before: Context = cast(Context, entry.before or {})
    after: Context = cast(Context, entry.after or {})
    words = {"rule.added": "added it", "rules.enabled": "switched it on", "rules.disabled": "switched it off"}
    said = words.get(entry.action) or "changed " + ", ".join(_difference(name, before.get(name), after.get(name)) for name in after)
    return {"pk": entry.pk, "actor": entry.actor, "time": entry.time, "said": said}


def _difference(name: str, before: Any, after: Any) -> str:
    short = all(isinstance(one, str | int | bool) and len(str(one)) < 30 for one in (before, after))
    return f"{name.replace('_', ' ')} {before} → {after}" if short else name.replace("_", " ")


def _noise(found: AlertRule) -> Context:
    by_days = {days: rule_noise.of_rules(days, found.pk).get(found.pk, rule_noise.NONE) for days in rule_noise.DAYS}
    rows = [(name, measure, [(days, getattr(one, name)) for days, one in by_days.items()]) for name, measure in rule_noise.MEASURES.items()]
    return {"noise": rows, "noise_days": rule_noise.DAYS, "noisy": any(one.noisy for one in by_days.values())}


# -- while it is edited ----------------------------------------------------------------------------------------------------
@require_POST
@permission_required(READ)
def preview(request: HttpRequest) -> HttpResponse:
    """What is wrong with the rule as it is typed, and how it reads now. Nothing is stored."""
    form = RuleForm.typed(request.POST)
    typed = form.rule()
    faults = [{"field": place_of(one), "name": one.field, "message": one.message, "position": one.position} for one in form.faults]
    wrong_expr = any(one.field == "expr" for one in form.faults)
    blocked = form.recording or any(one.field not in ("name", "runbook_url", "group") for one in form.faults)
    found = None if blocked else trial(typed)
    told = {
        "faults": faults, "limit": None if wrong_expr else _limit(limit_of(typed.expr)),
        "clears_at": None if wrong_expr or any(one.field == "clears_at" for one in form.faults) else typed.clears_at,
        "answered": found.answered if found else None, "compared": found.compared if found else None,
        "html": render_to_string("monitoring/alerts/_rule_reading.html", {"trial": found, "faults": form.faults, "form": form}, request),
        "labels": found.readings[0].labels if found and found.readings else _labels(typed),
    }  # fmt: skip
    return JsonResponse(told)


def _labels(typed: AlertRule) -> dict[str, str]:
    return {**typed.labels, "alertname": typed.name, "severity": typed.severity}


def _limit(found: Limit | None) -> Context | None:
    return found._asdict() if found and math.isfinite(found.value) else None


@require_POST
@permission_required(READ)
def backtest(request: HttpRequest) -> HttpResponse:
    """The panel of what the rule as typed would have done, beside its saved version."""
    days = request.POST.get("days", str(rule_backtest.USUAL_DAYS))
    if days not in map(str, rule_backtest.DAYS):
        raise BadRequest(f"days must be one of {', '.join(map(str, rule_backtest.DAYS))}, not {days[:20]!r}.")
    form = RuleForm.typed(request.POST)
    typed = form.rule()
    faults = [
        one
        for one in form.faults
        if one.field in ("expr", "for", "keep_firing_for", "interval", "for_seconds", "clears_at", "without_data")
    ]
    context: Context = {"days": int(days), "all_days": rule_backtest.DAYS, "faults": faults, "recording": form.recording}
    if not faults and not form.recording:
        try:
            context["panel"] = rule_backtest.panel(typed, _saved(request), int(days), person(request).time_zone)
        except QueryError as fault:
            context["error"] = fault.message
    return render(request, "monitoring/alerts/_rule_backtest.html", context)


def _saved(request: HttpRequest) -> AlertRule | None:
    pk = request.POST.get("rule", "")
    if not pk.isdecimal() or len(pk) > 18:
        return None
    return AlertRule.objects.select_related("group").filter(pk=int(pk)).first()
