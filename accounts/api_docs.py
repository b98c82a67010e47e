"""The API's documentation as a page: Swagger UI over /api/schema/."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.authentication import TokenRefused, bearer_for, token_from_headers
from accounts.permissions import permission_required

PERMISSION = "monitoring:read"


@require_safe
def api_docs(request: HttpRequest) -> HttpResponseBase:
    """For who is signed in, and for a token as everything below /api/ is."""
    if token_from_headers(request.headers) is None:
        return _for_people(request)
    try:
        bearer_for(request, PERMISSION)
    except TokenRefused as refusal:
        return refusal.response()
    return _page(request)


def _page(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/api_docs.html")


_for_people = permission_required(PERMISSION)(_page)
