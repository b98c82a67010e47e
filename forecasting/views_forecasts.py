"""The list of forecasts and the page of one."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import can, permission_required
from aiops.timerange import now_ms
from forecasting import asking_what_if, forecast_board, forecast_chart, track_record, training_requests, words
from forecasting.cleaning import Unpredictable
from forecasting.models import Forecast, ForecastModel, Foresight, Track
from monitoring.dashboards import charts

READ, WRITE = "monitoring:read", "forecasts:write"
BACK = {"3": "3 d", "10": "10 d", "30": "30 d"}  # days of history that a chart shows
USUAL_BACK = "10"
COMPARED_DAYS, VERSIONS, CASES = 14, 12, 20


@require_GET
@permission_required(READ)
def forecasts(request: HttpRequest) -> HttpResponse:
    board = forecast_board.Board(request.GET)
    page, column, descending = board.page, *board.sort
    context = {
        "board": board, "page": page, "facets": board.facets(), "chips": board.chips(), "column": column, "descending": descending,
        "standing": forecast_board.standing(), "horizons": forecast_board.HORIZONS, "live": True, "live_topics": "alerts",
        "tabs": [{"key": key, "label": label} for key, label in forecast_board.TABS.items()], "tab": board.tab,
        "breaches": forecast_board.breaches(board.now), "record": track_record.overall(), "days": track_record.DAYS,
        **_picked(request, page.object_list, board),
    }  # fmt: skip
    return render(request, "forecasting/forecasts.html", context)


def _picked(request: HttpRequest, rows: Any, board: forecast_board.Board) -> dict[str, Any]:
    """The row whose chart stands above the list: the one asked for, else the first."""
    if board.tab == "not" or not rows:
        return {}
    asked = request.GET.get("row", "")
    row = next((one for one in rows if str(one.track.pk) == asked), rows[0])
    return {"picked": row, "outlook": outlook(row.track, row.forecast), "back": USUAL_BACK}


def outlook(track: Track, forecast: Forecast | None) -> dict[str, Any]:
    """What happens if nothing changes, in figures and links."""
    model = forecast.model if forecast else None
    alert = Foresight.objects.filter(track=track, outcome=Foresight.Outcome.OPEN).values_list("alert", flat=True).first()
    return {
        "growth": growth(track, forecast), "ratio": model.ratio if model else None, "model": words.model(model.kind) if model else "–",
        "limit": words.figure(forecast.limit if forecast else None, track.watch.unit), "alert": alert, "forecast": forecast,
    }  # fmt: skip


def growth(track: Track, forecast: Forecast | None) -> str:
    """Of the forecast, a day."""
    mean = forecast.points.get("mean", []) if forecast else []
    if forecast is None or len(mean) < 2:
        return words.NONE
    value = (mean[-1] - mean[0]) / ((len(mean) - 1) * forecast.step) * 86_400
    return f"{'+' if value > 0 else ''}{words.figure(value, track.watch.unit)} a day"


# -- one -------------------------------------------------------------------------------------------------------------------
def get(pk: int) -> Track:
    found = Track.objects.select_related("watch", "resource").filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such forecast; its series may have ended.")
    return found


def latest(track: Track) -> Forecast | None:
    return Forecast.objects.filter(track=track, latest=True).select_related("model").first()


@require_GET
@permission_required(READ)
def forecast(request: HttpRequest, pk: int) -> HttpResponse:
    track = get(pk)
    found, now = latest(track), timezone.now()
    row = forecast_board.Row(track, found, track_record.of_tracks([track.pk]).get(track.pk, track_record.Record()), now)
    models = list(ForecastModel.objects.filter(track=track).defer("state").order_by("-version")[:VERSIONS])
    active = next((one for one in models if one.active), None)
    cases = Foresight.objects.filter(track=track).select_related("alert").order_by("-opened_at")[:CASES]
    context = {
        "track": track, "row": row, "forecast": found, "outlook": outlook(track, found), "models": models, "active": active,
        "rivals": rivals(active), "cases": [(one, words.OUTCOMES[one.outcome]) for one in cases], "back": _back(request), "backs": BACK,
        "compared": forecast_chart.errors(forecast_chart.compared(track, now - timedelta(days=COMPARED_DAYS))), "days": COMPARED_DAYS,
        "unit": words.unit_of(track.watch.unit), "may_write": can(request.user, WRITE),
        "live": True, "live_topics": "alerts", "ask": asking_what_if.asked(request.GET),
        **_what_if(request, track),
    }  # fmt: skip
    return render(request, "forecasting/forecast.html", context)


def _back(request: HttpRequest) -> str:
    asked = request.GET.get("back", USUAL_BACK)
    if asked not in BACK:
        raise BadRequest(f"back is one of {', '.join(BACK)} days, not {asked[:40]!r}.")
    return asked


def _what_if(request: HttpRequest, track: Track) -> dict[str, Any]:
    """Recomputed from the address; a sentence where there is no answer."""
    ask = asking_what_if.asked(request.GET)
    if ask.error or not ask.given:
        return {"what_if_error": ask.error}
    now = timezone.now()
    try:
        return {"what_if": asking_what_if.shown(asking_what_if.answer(track, ask, now), track.watch.unit, now)}
    except Unpredictable as fault:
        return {"what_if_error": fault.sentence}


def rivals(model: ForecastModel | None) -> list[dict[str, Any]]:
    """Errors of all that were tested against each other, the best first."""
    if model is None:
        return []
    rows = [
        {
            "name": words.model(kind),
            "mae": told.get("mae"),
            "mase": told.get("mase"),
            "weight": model.weights.get(kind),
            "mine": kind == model.kind,
        }
        for kind, told in model.errors.items()
    ]
    best = max((row["mase"] or 0 for row in rows), default=0) or 1
    for row in rows:
        row["share"] = 100 * (row["mase"] or 0) / best
    return sorted(rows, key=lambda row: row["mase"] if row["mase"] is not None else float("inf"))


@require_GET
@permission_required(READ)
def chart(request: HttpRequest, pk: int) -> HttpResponse:
    """chart.json, for static/js/forecasts.js: the forecast, or with ?part=compared what was foretold and what came."""
    track = get(pk)
    if request.GET.get("part") == "compared":
        rows = forecast_chart.compared(track, timezone.now() - timedelta(days=COMPARED_DAYS))
        spec = forecast_chart.backtested(track, rows)
    else:
        spec = forecast_chart.drawn(track, latest(track), now_ms(), int(_back(request)))
    return HttpResponse(charts.dumps(spec), content_type="application/json")


@require_POST
@permission_required(WRITE)
def retrain(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks for a model trained anew; the next run does it."""
    training_requests.ask(get(pk), request.user)
    return redirect("forecast", pk)
