"""The queue of what waits for a person: cards, what runs now, how the latest ended, what holds automation back."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.authentication import person
from accounts.permissions import can, permission_required
from remediation import case_acting, case_card, case_rails, case_rows
from remediation.models import Approval, Execution
from remediation.views_execution import attempt

READ, EXECUTE, APPROVE = "monitoring:read", "remediation:execute", "remediation:approve"
PER_PAGE, UNFOLDED, RECENT, RUNNING = 30, 2, 6, 5
LONGEST_COMMENT = 2000


@require_GET
@permission_required(READ)
def approvals(request: HttpRequest) -> HttpResponse:
    page: Page[Any] = Paginator(case_card.waiting(), PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = case_card.cards(page.object_list, person(request))
    context = {
        "page": page, "unfolded": UNFOLDED, "opened": request.GET.get("open", ""), "today": today(), "rails": case_rails.rails(),
        "may_approve": can(request.user, APPROVE), "may_execute": can(request.user, EXECUTE), "live": True, "live_topics": "executions",
        "running": case_rows.rows(case_rows.listed().filter(state__in=Execution.ACTIVE).order_by("-started_at")[:RUNNING]),
        "recent": case_rows.rows(case_rows.listed().filter(state__in=case_rows.RAN).order_by("-finished_at")[:RECENT]),
    }  # fmt: skip
    return render(request, "remediation/approvals/approvals.html", context)


def today() -> dict[str, int]:
    """Of the last 24 hours: what ran without being asked for, and what of it was seen to help."""
    ran = Execution.objects.filter(started_at__gte=timezone.now() - timedelta(hours=24), dry_run=False, approvals=None)
    return {"ran": ran.count(), "verified": ran.filter(verification=Execution.Verification.HELD).count()}


def _get(pk: int) -> Approval:
    found = Approval.objects.select_related("execution", "step").filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such approval.")
    return found


@require_POST
@permission_required(APPROVE)
def vote(request: HttpRequest, pk: int) -> HttpResponse:
    """verb: approve or deny."""
    found, verb = _get(pk), request.POST.get("verb", "")
    if verb not in ("approve", "deny"):
        raise BadRequest("verb is approve or deny.")
    comment = request.POST.get("comment", "").strip()[:LONGEST_COMMENT]
    return attempt(request, found.execution_id, lambda: case_acting.vote(found, person(request), verb == "approve", comment))


@require_POST
@permission_required(EXECUTE)
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    found = _get(pk)
    reason = request.POST.get("comment", "")
    return attempt(request, found.execution_id, lambda: case_acting.withdraw(found, person(request), reason))
