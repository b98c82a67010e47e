"""The bell in the top bar: how many notices wait, the latest of them, and having read them. Everybody sees their own only."""

from typing import Any

from django.db.models import Case, IntegerField, Value, When
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.authentication import person
from accounts.permissions import permission_required
from monitoring.live.publish import publish_on_commit
from monitoring.notifications import inbox
from monitoring.notifications.inbox import InAppNotice

READ = "monitoring:read"
SHOWN = 20
MOST_COUNTED = 100


def waiting(user: Any) -> int:
    """Unread ones, up to 100: more is not told apart."""
    return len(inbox.unread(user).values_list("pk", flat=True)[:MOST_COUNTED])


@never_cache
@require_GET
@permission_required(READ)
def bell(request: HttpRequest) -> HttpResponse:
    """The list, unread ones first; with ?part=count only the number, which each page asks for once."""
    if request.GET.get("part") == "count":
        return JsonResponse({"unread": waiting(request.user)})
    unread_first = Case(When(read_at=None, then=Value(0)), default=Value(1), output_field=IntegerField())
    rows = InAppNotice.objects.filter(user=person(request)).order_by(unread_first, "-created_at", "-pk")[:SHOWN]
    return render(request, "monitoring/notifications/_bell.html", {"notices": rows, "unread": waiting(request.user)})


@never_cache
@require_GET
@permission_required(READ)
def open_notice(request: HttpRequest, pk: int) -> HttpResponse:
    """To what it is about; it is read by that."""
    found = get_object_or_404(InAppNotice, pk=pk, user=person(request))
    if inbox.mark_read(request.user, [found.pk]):
        _tell(request)
    return redirect(found.url if found.url.startswith("/") and not found.url.startswith("//") else "notifications")


@require_POST
@permission_required(READ)
def read_all(request: HttpRequest) -> HttpResponse:
    if inbox.mark_read(request.user):
        _tell(request)
    if request.headers.get("HX-Request") == "true":
        rows = InAppNotice.objects.filter(user=person(request)).order_by("-created_at", "-pk")[:SHOWN]
        return render(request, "monitoring/notifications/_bell.html", {"notices": rows, "unread": 0})
    return redirect("notifications")


def _tell(request: HttpRequest) -> None:
    """The person's other pages."""
    publish_on_commit(f"inbox:{request.user.pk}", {"unread": waiting(request.user)})
