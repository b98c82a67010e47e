"""In public: how well predictions held, by metric and by model; what is muted and why; the ledger; models that failed."""

from typing import Any

from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.permissions import permission_required
from forecasting import forecast_board, track_record, words
from forecasting.models import ForecastModel, Foresight, Watch

READ = "monitoring:read"
PER_PAGE, FAULTS = 50, 20


@require_GET
@permission_required(READ)
def models(request: HttpRequest) -> HttpResponse:
    outcomes = request.GET.getlist("outcome")
    if unknown := set(outcomes) - set(Foresight.Outcome.values):
        raise BadRequest(f"outcome is one of {', '.join(Foresight.Outcome.values)}, not {min(unknown)[:40]!r}.")
    rows = track_record.since().select_related("track__watch", "track__resource", "alert").order_by("-opened_at", "-pk")
    for name, lookup in (("metric", "track__metric"), ("model", "kind")):
        if wanted := request.GET.get(name, ""):
            rows = rows.filter(**{lookup: wanted[:200]})
    page = Paginator(rows.filter(outcome__in=outcomes) if outcomes else rows, PER_PAGE).get_page(request.GET.get("page"))
    shown: Any = [(one, words.OUTCOMES[one.outcome], forecast_board.what(one.track)) for one in page.object_list]
    page.object_list = shown
    context = {
        "page": page, "outcomes": [(key, sign, key in outcomes) for key, sign in words.OUTCOMES.items()], "days": track_record.DAYS,
        "by_metric": track_record.by("metric"), "by_model": track_record.by("model"), "record": track_record.overall(),
        "muted": Watch.objects.filter(enabled=True, forecast=True).exclude(muted_because="", muting__in=("auto", "never")),
        "faults": ForecastModel.objects.exclude(fault="").select_related("track__watch").defer("state").order_by("-made_at")[:FAULTS],
        "filtered": bool(outcomes or request.GET.get("metric") or request.GET.get("model")),
    }  # fmt: skip
    return render(request, "forecasting/models.html", context)
