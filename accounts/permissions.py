"""The one permission table. Pages, the API, Django admin and websockets all ask `can`."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.signals import permission_refused

VIEWER, OPERATOR, APPROVER, ADMIN = "viewer", "operator", "approver", "admin"
_EVERYBODY = frozenset({VIEWER, OPERATOR, APPROVER, ADMIN})
_WORKING = _EVERYBODY - {VIEWER}
_APPROVING = frozenset({APPROVER, ADMIN})

# permission -> (what it allows, roles that have it)
PERMISSIONS: dict[str, tuple[str, frozenset[str]]] = {
    "monitoring:read": ("See resources, metrics, sources and the platform's own health", _EVERYBODY),
    "monitoring:write": ("Change sources and resources", _WORKING),
    "metrics:write": ("Send samples in (ingest tokens)", _WORKING),
    "remediation:execute": ("Propose remediation, run what policy allows, change runbooks and automation rules", _WORKING),
    "remediation:approve": ("Approve remediation of others, stop and release all of it", _APPROVING),
    "remediation:configure": ("Change remediation policy and the systems it acts through", frozenset({ADMIN})),
    "genai:use": ("Ask the assistant", _WORKING),
    "genai:configure": ("Change models, prompts and budgets of the assistant, see what everybody asked", frozenset({ADMIN})),
    "documents:write": ("Upload and remove documents that the assistant may cite", _WORKING),
    "alerts:write": ("Acknowledge, assign and resolve alerts; silence them", _WORKING),
    "incidents:write": ("Open, merge and resolve incidents; write in their timelines", _WORKING),
    "rules:write": ("Add and change alert rules", _WORKING),
    "forecasts:write": ("Rate anomalies, change watches, ask for a model trained anew, store predictions", _WORKING),
    "notifications:write": ("Change channels, routes, escalation and on-call schedules; send tests", _WORKING),
    "tokens:write": ("Create, rotate and revoke one's own API tokens", _EVERYBODY),
    "audit:read": ("Read and export the audit trail", frozenset({ADMIN})),
    "users:manage": ("Manage people, roles and everyone's tokens; Django admin", frozenset({ADMIN})),
}


def can(actor: Any, permission: str) -> bool:
    """Whether a user or a token's bearer may do it. KeyError for a permission that is not in the table.

    An actor has `role` and `is_active`; a token's bearer also has `scopes`, which only ever narrow the role.
    """
    roles = PERMISSIONS[permission][1]
    if not getattr(actor, "is_active", False) or getattr(actor, "role", None) not in roles:
        return False
    scopes = getattr(actor, "scopes", None)
    return scopes is None or permission in scopes


def permission_required(permission: str) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """For pages: a stranger is sent to sign in, a person without the permission gets the 403 page."""
    PERMISSIONS[permission]

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                from django.contrib.auth.views import redirect_to_login  # needs the user model, which needs this module

                return redirect_to_login(request.get_full_path())
            if not can(request.user, permission):
                raise PermissionDenied(f"This needs the permission {permission}, which your role does not have.")
            return view(request, *args, **kwargs)

        return guarded

    return decorate


class HasPermission(BasePermission):
    """For DRF: the view states `permission`, one name or {method: name}; a view that states none is refused."""

    def has_permission(self, request: Request, view: Any) -> bool:
        wanted = getattr(view, "permission", None)
        actor = request.auth or request.user
        if isinstance(wanted, dict):
            if request.method not in wanted and request.user and request.user.is_authenticated:
                raise MethodNotAllowed(str(request.method))
            wanted = wanted.get(request.method)
        self.message = f"This needs the permission {wanted}."
        allowed = wanted is not None and can(actor, wanted)
        if not allowed and request.auth:
            permission_refused.send(sender=type(view), bearer=request.auth, permission=wanted)
        return allowed
