"""The list of cases, live, with filters and how often each runbook helped."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.permissions import can, permission_required
from remediation import case_list, case_words
from remediation.models import Execution


@require_GET
@permission_required("monitoring:read")
def executions(request: HttpRequest) -> HttpResponse:
    found = case_list.Board(request.GET)
    page, facets = found.page(), found.facets()
    column, descending = found.sort
    context = {
        "board": found, "page": page, "facets": facets, "chips": found.chips(), "counts": case_list.counts(), "column": column,
        "descending": descending, "rates": case_list.rates(), "states": case_words.STATES, "any": Execution.objects.exists(),
        "views": {key: label for key, (label, _) in case_list.VIEWS.items()}, "may_execute": can(request.user, "remediation:execute"),
        "live": True, "live_topics": "executions",
    }  # fmt: skip
    return render(request, "remediation/executions/executions.html", context)
