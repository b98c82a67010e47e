"""The page of analysis."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.permissions import permission_required
from aiops import timerange
from forecasting import analysis_board
from forecasting.models import Watch
from monitoring.dashboards import charts

READ = "monitoring:read"
DEFAULT_RANGE = "now-7d"


@require_GET
@permission_required(READ)
def page(request: HttpRequest) -> HttpResponse:
    span = timerange.from_request(request, DEFAULT_RANGE)
    tracks, matched = analysis_board.chosen(request.GET)
    hits, fired = analysis_board.hits(span)
    counted, anomalies, bars = analysis_board.counted(span)
    gaps, silent, series = analysis_board.silent()
    zone = timezone.get_current_timezone_name()
    context = {
        "timerange": span, "live": True, "hits": hits, "fired": fired, "counted": counted, "anomalies": anomalies,
        "bars": charts.script(bars), "gaps": gaps, "silent": silent, "series": series, "tracks": tracks, "matched": matched,
        "most": analysis_board.MOST, "text": request.GET.get("q", ""), "watch": request.GET.get("watch", ""),
        "watches": Watch.objects.filter(enabled=True).order_by("name").values_list("pk", "name"), "weekdays": analysis_board.WEEKDAYS,
        **analysis_board.compared(tracks, span, zone, request.GET.get("of", "")),
    }  # fmt: skip
    return render(request, "forecasting/analysis.html", context)
