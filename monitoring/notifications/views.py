"""The page of notifications: its tabs, each made by a module of its own."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.permissions import can, permission_required
from monitoring.notifications import views_channels, views_deliveries, views_policies, views_routes, views_schedules, views_you
from monitoring.notifications.models import Channel, Delivery, EscalationPolicy, Route, Schedule

READ, WRITE = "monitoring:read", "notifications:write"
Tab = Callable[[HttpRequest], dict[str, Any]]
TABS: dict[str, tuple[str, Tab]] = {
    "channels": ("Channels", views_channels.listed),
    "routes": ("Routes", views_routes.listed),
    "deliveries": ("Deliveries", views_deliveries.listed),
    "escalations": ("Escalations", views_policies.listed),
    "schedule": ("On call", views_schedules.listed),
    "you": ("You", views_you.shown),
}


@require_http_methods(["GET", "POST"])
@permission_required(READ)
def notifications(request: HttpRequest) -> HttpResponse:
    """One page, its tab in the address. Only the last tab, a person's own, is also posted to."""
    tab = request.GET.get("tab", "channels")
    if tab not in TABS:
        raise BadRequest(f"tab must be one of {', '.join(TABS)}, not {tab[:20]!r}.")
    if request.method == "POST":
        if tab != "you":
            raise BadRequest("Only your own preferences are saved here.")
        answer = views_you.saved(request)
        if isinstance(answer, HttpResponse):
            return answer
        return _page(request, tab, answer, 422)
    return _page(request, tab, TABS[tab][1](request))


def _page(request: HttpRequest, tab: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    counts = _counts()
    tabs = [{"key": key, "label": label, "count": counts.get(key, 0)} for key, (label, _) in TABS.items()]
    shared = {"tab": tab, "tabs": tabs, "dead": counts["dead"], "may_write": can(request.user, WRITE)}
    part = request.headers.get("HX-Request") == "true" and tab == "deliveries"
    template = "monitoring/notifications/_deliveries.html" if part else f"monitoring/notifications/{tab}.html"
    return render(request, template, {**shared, **context}, status=status)


def _counts() -> dict[str, int]:
    """How many there are of what people set up; of deliveries, how many were given up."""
    return {
        "channels": Channel.objects.count(),
        "routes": Route.objects.count(),
        "escalations": EscalationPolicy.objects.count(),
        "schedule": Schedule.objects.count(),
        "dead": Delivery.objects.filter(status=Delivery.Status.DEAD).count(),
    }
