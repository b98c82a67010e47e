"""Alerts that somebody ticked become part of an incident, one that is open or a new one: what the list of alerts asks for by address."""

from typing import Any

from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import permission_required
from monitoring.alerts import filters
from monitoring.alerts.models import RANKS, Alert
from monitoring.alerts.transitions import Who
from monitoring.alerts.views_alerts import given, ids_of
from monitoring.incidents import arrange, lifecycle
from monitoring.incidents.lifecycle import Refused
from monitoring.incidents.models import Incident

WRITE = "incidents:write"
OFFERED = 100  # open incidents, the latest first


@require_GET
@permission_required(WRITE)
def choose(request: HttpRequest) -> HttpResponse:
    """A fragment: which incident. ?alert= lends a new one its title and severity."""
    pk = filters.as_id(request.GET.get("alert", ""))
    like = Alert.objects.filter(pk=pk).first() if pk else None
    others = Incident.counted().exclude(status=Incident.Status.RESOLVED).order_by("-detected_at").only("id", "title")
    context = {
        "others": others[:OFFERED], "severities": list(RANKS), "title": like.summary[:300] if like else "",
        "severity": like.severity if like else "medium",
    }  # fmt: skip
    return render(request, "monitoring/incidents/_choose.html", context)


@require_POST
@permission_required(WRITE)
def gather(request: HttpRequest) -> JsonResponse:
    """{"alerts": [ids], "incident": id} or {"alerts": [ids], "title", "severity"} → the incident, and how many alerts are new to it."""
    asked, person = given(request), request.user
    ids, actor = ids_of(asked.get("alerts"), arrange.MOST_AT_ONCE), _who(person)
    try:
        with transaction.atomic():
            incident = _existing(asked["incident"]) if asked.get("incident") is not None else _new(asked, actor)
            added = arrange.add(incident.pk, ids, actor)
            if not added and asked.get("incident") is None:
                raise Refused("None of these alerts has fired yet.")
    except Refused as refused:
        raise BadRequest(str(refused)) from None
    told = {"incident": incident.pk, "number": incident.number, "url": reverse("incident", args=[incident.pk]), "added": len(added)}
    return JsonResponse(told)


def _who(person: Any) -> Who:
    found: Who = person
    return found


def _existing(pk: Any) -> Incident:
    if type(pk) is not int or not 0 < pk <= filters.LARGEST_ID:
        raise BadRequest("incident is an id.")
    try:
        return lifecycle.get(pk)
    except Incident.DoesNotExist:
        raise Http404("There is no such incident.") from None


def _new(asked: dict[str, Any], actor: Who) -> Incident:
    title, severity = asked.get("title"), asked.get("severity")
    if not isinstance(title, str) or not isinstance(severity, str):
        raise BadRequest("A new incident has a title and a severity.")
    return lifecycle.open_by_hand(title, severity, actor)
