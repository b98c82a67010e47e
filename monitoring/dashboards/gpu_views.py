"""The page of the GPUs, and the data of its charts."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.permissions import permission_required
from aiops import timerange
from monitoring.dashboards import charts, gpu_consumers, gpus
from monitoring.dashboards.explorer_views import control


@require_GET
@permission_required("monitoring:read")
def page(request: HttpRequest) -> HttpResponse:
    span = timerange.from_request(request, "now-3h")
    found = gpus.fleet(span)
    context = {
        "timerange": span, "live": True, "live_topics": "fleet", "fleet": found, "sums": found.sums, "hot": gpus.HOT,
        "consumers": gpu_consumers.consumers(found.gpus, span.end_ms),
        "charts": found.charts, "data": "" if found.charts.empty else charts.script(found.charts.as_json(span)),
    }  # fmt: skip
    return render(request, "monitoring/dashboards/gpus.html", context)


@require_GET
@permission_required("monitoring:read")
def data(request: HttpRequest) -> HttpResponse:
    """charts.json: as a resource's, by node."""
    span = timerange.from_request(request, "now-3h")
    answer = gpus.fleet(span).charts.as_json(span) | {"control": control(request, span), "marks": ""}
    return HttpResponse(charts.dumps(answer), content_type="application/json")
