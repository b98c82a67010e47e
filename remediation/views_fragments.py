"""Parts of other rooms' pages, loaded by name: the cases of an alert, an incident or a resource, and what could be done."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.permissions import can, permission_required
from monitoring.alerts.models import Alert
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.inventory.models import Resource
from remediation import case_manual, case_rows
from remediation.models import RuleDecision

READ, EXECUTE = "monitoring:read", "remediation:execute"
SHOWN, OFFERED, WHYS = 5, 3, 5


@require_GET
@permission_required(READ)
def of_alert(request: HttpRequest, pk: int) -> HttpResponse:
    """Also why rules did or did not act on it."""
    if not Alert.objects.filter(pk=pk).exists():
        raise Http404("There is no such alert.")
    outcomes = RuleDecision.Outcome
    whys = RuleDecision.objects.filter(alert=pk).exclude(outcome=outcomes.NOT_MATCHED).select_related("rule").order_by("-time")[:WHYS]
    return _fragment(request, "alert", pk, Q(alert=pk), {"whys": whys})


@require_GET
@permission_required(READ)
def of_incident(request: HttpRequest, pk: int) -> HttpResponse:
    if not Incident.objects.filter(pk=pk).exists():
        raise Http404("There is no such incident.")
    alerts = IncidentAlert.objects.filter(incident=pk).values("alert")
    return _fragment(request, "incident", pk, Q(incident=pk) | Q(alert__in=alerts))


@require_GET
@permission_required(READ)
def of_resource(request: HttpRequest, pk: int) -> HttpResponse:
    if not Resource.objects.filter(pk=pk).exists():
        raise Http404("There is no such resource.")
    return _fragment(request, "resource", pk, Q(resource=pk))


def _fragment(request: HttpRequest, name: str, pk: int, which: Q, more: dict[str, Any] | None = None) -> HttpResponse:
    found = case_rows.listed().filter(which).order_by("-created_at", "-pk")
    may_execute = can(request.user, EXECUTE)
    context = {
        "rows": case_rows.rows(found[:SHOWN]), "count": found.count(), "of": name, "pk": pk, "may_execute": may_execute,
        "fitting": _fitting(name, pk) if may_execute else [], "all_url": f"{reverse('executions')}?{name}={pk}", **(more or {}),
    }  # fmt: skip
    return render(request, "remediation/fragments/_cases.html", context)


def _fitting(name: str, pk: int) -> Sequence[case_manual.Choice]:
    about = case_manual.subject(QueryDict(f"{name}={pk}"))
    return case_manual.choices(about, only_fitting=True)[:OFFERED]
