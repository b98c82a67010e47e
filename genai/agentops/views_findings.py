"""What somebody found harmless after looking at it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts.authentication import person
from accounts.permissions import permission_required
from genai.agentops import dismissing
from genai.agentops.views_execution import CONFIGURE, finding_of


@require_POST
@permission_required(CONFIGURE)
def dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    found = finding_of(request, pk)
    try:
        count = dismissing.dismiss(found, person(request), request.POST.get("reason", ""), bool(request.POST.get("alike")))
    except dismissing.Refused as fault:
        messages.error(request, str(fault))
    else:
        messages.success(request, f"{count} finding{'s are' if count > 1 else ' is'} dismissed." if count else "It was dismissed already.")
    return _back(request)


@require_POST
@permission_required(CONFIGURE)
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    changed = dismissing.reopen(finding_of(request, pk), person(request))
    messages.success(request, "The finding is open again." if changed else "It was open already.")
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """To the page it was done on."""
    given = request.POST.get("next", "")
    fine = given.startswith("/") and url_has_allowed_host_and_scheme(given, {request.get_host()}, request.is_secure())
    return redirect(given if fine else f"{reverse('agents')}?tab=security")
