"""The audit trail as pages: filters in the address, a permalink for each entry, CSV, the state of the chain."""

import csv
from collections.abc import Iterator

from django.contrib import messages
from django.core.cache import cache
from django.core.paginator import Paginator
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import audit, audit_guard, trail
from accounts.models import AuditEntry
from accounts.permissions import permission_required
from aiops import timerange

PAGE, NEWEST = 50, 500
DEFAULT_RANGE = "now-30d"
WHOLE_CHAIN = "audit:whole-chain"  # the result of the last walk over all of it


@require_safe
@permission_required("audit:read")
def index(request: HttpRequest) -> HttpResponse:
    period = timerange.from_request(request, DEFAULT_RANGE)
    filters = trail.read(request.GET, period.start, None if period.live else period.end)
    page = Paginator(filters.entries(), PAGE).get_page(request.GET.get("page"))
    context = {
        "timerange": period,
        "filters": filters,
        "facets": filters.facets(),
        "page": page,
        "newest": audit.verify(newest=NEWEST),
        "whole": cache.get(WHOLE_CHAIN),
        "unprotected": audit_guard.missing(connection),
    }
    return render(request, "accounts/audit.html", context)


@require_POST
@permission_required("audit:read")
def verify(request: HttpRequest) -> HttpResponse:
    verdict = audit.verify()
    cache.set(
        WHOLE_CHAIN, {"at": timezone.now(), "entries": verdict.entries, "broken": verdict.broken, "reason": verdict.reason}, 7 * 86_400
    )
    if verdict.broken:
        messages.error(request, f"The chain is broken at entry {verdict.broken.pk}: {verdict.reason}.")
    else:
        messages.success(request, f"The chain is unbroken: {verdict.entries:,} entries.")
    return redirect("audit")


@require_safe
@permission_required("audit:read")
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(AuditEntry, pk=pk)
    before = AuditEntry.objects.filter(hash=found.previous).first() if found.previous else None
    after = AuditEntry.objects.filter(previous=found.hash).first()
    context = {
        "entry": found,
        "changes": trail.differences(found.before, found.after),
        "earlier": before,
        "later": after,
        "intact": found.content_hash() == found.hash and (not found.previous or before is not None),
    }
    return render(request, "accounts/audit_entry.html", context)


class _Line:
    """What csv writes into, so that each row can be sent as it is made."""

    def write(self, text: str) -> str:
        return text


@require_safe
@permission_required("audit:read")
def export(request: HttpRequest) -> StreamingHttpResponse:
    period = timerange.from_request(request, DEFAULT_RANGE)
    filters = trail.read(request.GET, period.start, period.end)
    audit.record("audit.exported", target="CSV", after={"period": period.label, "filters": {**filters.chosen, "text": filters.text}})
    write = csv.writer(_Line()).writerow
    lines: Iterator[str] = (write(row) for row in trail.rows(filters.entries().iterator(chunk_size=1000)))
    name = f"audit-{period.start:%Y%m%d}-{period.end:%Y%m%d}.csv"
    return StreamingHttpResponse(
        lines, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
