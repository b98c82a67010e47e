"""The kill switches: nothing new begins while one is on."""

import re

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.authentication import person
from accounts.permissions import permission_required
from remediation import switches
from remediation.models import Provider

_SCOPE = re.compile(r"provider:([1-9][0-9]{0,17})")


def provider_of(scope: str) -> Provider | None:
    """Whose switch it is; None for everything. BadRequest for what is no scope, 404 for a provider that is not there."""
    if scope == switches.ALL:
        return None
    match = _SCOPE.fullmatch(scope)
    if match is None:
        raise BadRequest("scope is all, or provider: and its id.")
    found = Provider.objects.filter(pk=int(match[1])).first()
    if found is None:
        raise Http404("There is no such provider.")
    return found


@require_POST
@permission_required("remediation:approve")
def switch(request: HttpRequest) -> HttpResponse:
    scope, verb, reason = request.POST.get("scope", ""), request.POST.get("verb", ""), request.POST.get("reason", "").strip()
    provider = provider_of(scope)
    if verb not in ("stop", "release"):
        raise BadRequest("verb is stop or release.")
    what = str(provider) if provider else "Remediation"
    if verb == "stop" and not reason:
        messages.error(request, "Say why, in a few words.")
    elif (switches.stop if verb == "stop" else switches.release)(scope, person(request), reason.replace("\x00", "")[:300]):
        messages.success(request, f"{what} is {'stopped: nothing new begins' if verb == 'stop' else 'released: what waited goes on'}.")
    else:
        messages.warning(request, "Nothing to change: it was so already.")
    return redirect("provider", provider.pk) if provider else redirect("approvals")
