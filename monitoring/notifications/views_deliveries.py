"""What was told: the list, one delivery with its attempts, one more attempt; and the fragment for the page of an alert."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts import audit
from accounts.authentication import person
from accounts.permissions import can, permission_required
from monitoring.alerts.models import Alert
from monitoring.notifications import history, notice, send, tasks
from monitoring.notifications.deliveries import SINCE, Listing
from monitoring.notifications.models import Delivery

READ, WRITE = "monitoring:read", "notifications:write"
OF_ALERT = 30
Status = Delivery.Status


def listed(request: HttpRequest) -> dict[str, Any]:
    found = Listing(request.GET)
    return {"listing": found, "page": found.page(), "facets": found.facets(), "since": SINCE, "live": True, "live_topics": "alerts"}


@require_GET
@permission_required(READ)
def delivery(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Delivery.objects.select_related("message__group", "channel", "user"), pk=pk)
    context = {
        "delivery": found,
        "notice": notice.from_json(found.message.content),
        "attempts": found.attempts.order_by("-id"),
        "thread": Delivery.objects.filter(thread=found.thread).exclude(pk=pk).select_related("message").order_by("-pk")[:20],
        "may_write": can(request.user, WRITE),
        "may_retry": found.status in (Status.DEAD, Status.SKIPPED, Status.FAILED) and found.channel is not None,
    }
    return render(request, "monitoring/notifications/delivery.html", context)


@require_POST
@permission_required(WRITE)
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """At once; also one that would be tried again later."""
    found = get_object_or_404(Delivery.objects.select_related("channel"), pk=pk)
    if send.retry(found, person(request)) or _hurry(found, request):
        transaction.on_commit(lambda: tasks.tend_notifications.delay())
        messages.success(request, f"{found.channel_name} is tried again now.")
    else:
        messages.warning(request, "There is nothing to try again: it was sent, or its channel is gone.")
    return redirect("notification-delivery", pk)


def _hurry(found: Delivery, request: HttpRequest) -> bool:
    waiting = Delivery.objects.filter(pk=found.pk, status=Status.FAILED, channel__isnull=False)
    if not waiting.update(next_attempt_at=timezone.now()):
        return False
    audit.record("notification.retried", target=found, after={"channel": found.channel_name}, actor=person(request))
    return True


@require_GET
@permission_required(READ)
def of_alert(request: HttpRequest, pk: int) -> HttpResponse:
    """A fragment."""
    found = get_object_or_404(Alert.objects.only("id"), pk=pk)
    rows = list(history.of_alert(found.pk).select_related("channel")[: OF_ALERT + 1])
    context = {"deliveries": rows[:OF_ALERT], "more": len(rows) > OF_ALERT, "alert": found}
    return render(request, "monitoring/notifications/_of_alert.html", context)
