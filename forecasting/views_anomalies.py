"""The list of anomalies with the drawer of one, its chart, and what people say of it."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import can, permission_required
from aiops import timerange
from aiops.errors import wants_json
from forecasting import anomaly_board, anomaly_detail, feedback, words
from forecasting.models import Anomaly
from monitoring.dashboards import charts

READ, WRITE = "monitoring:read", "forecasts:write"
DEFAULT_RANGE = "now-24h"


@require_GET
@permission_required(READ)
def anomalies(request: HttpRequest) -> HttpResponse:
    span = timerange.from_request(request, DEFAULT_RANGE)
    board = anomaly_board.Board(request.GET, span)
    context = {
        "board": board, "page": board.page, "facets": board.facets(), "chips": board.chips(), "standing": anomaly_board.standing(),
        "timerange": span, "live": True, "live_topics": "alerts", "feedbacks": words.FEEDBACK,
        "may_write": can(request.user, WRITE), **_opened(request, board),
    }  # fmt: skip
    return render(request, "forecasting/anomalies.html", context)


def _opened(request: HttpRequest, board: anomaly_board.Board) -> dict[str, Any]:
    """The drawer, where the address names one."""
    asked = request.GET.get("open", "")
    if not asked:
        return {}
    found = get(int(asked) if asked.isdecimal() and asked.isascii() and len(asked) < 19 else 0)
    span = anomaly_detail.window(found)
    order = [row.anomaly.pk for row in board.page.object_list]
    place = order.index(found.pk) if found.pk in order else None
    return {
        "opened": anomaly_board.Row(found, None), "channels": anomaly_detail.channels(found), "moved": anomaly_detail.moved(found),
        "alerts": anomaly_detail.alerts(found), "window": urlencode({"from": span.start_ms, "to": span.end_ms}),
        "earlier": order[place - 1] if place else None, "later": order[place + 1] if place is not None and place + 1 < len(order) else None,
    }  # fmt: skip


def get(pk: int) -> Anomaly:
    found = Anomaly.objects.select_related("track__watch", "track__resource", "feedback_by").filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such anomaly; it may have expired.")
    return found


@require_GET
@permission_required(READ)
def anomaly(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Its own address: the list around its time, with it open."""
    found = get(pk)
    span = anomaly_detail.window(found)
    query = urlencode({"from": span.start_ms, "to": span.end_ms, "least": 0, "open": pk})
    return redirect(f"{reverse('anomalies')}?{query}")


@require_GET
@permission_required(READ)
def chart(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(charts.dumps(anomaly_detail.chart(get(pk))), content_type="application/json")


@require_POST
@permission_required(WRITE)
def rate(request: HttpRequest, pk: int) -> HttpResponseBase:
    """useful, expected or noise; an empty one takes it back."""
    said = request.POST.get("feedback", "")
    try:
        feedback.give(get(pk), said, request.user)  # type: ignore[arg-type]  # signed in: permission_required
    except feedback.NotAdjustable as fault:
        raise BadRequest(str(fault)) from None
    if wants_json(request):
        return HttpResponse(status=204)
    back = urlencode(parse_qsl(request.POST.get("back", "")[:2000]))
    return redirect(f"{reverse('anomalies')}?{back}")
