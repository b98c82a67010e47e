"""The explorer: its page, the answers to its queries as JSON and CSV, what may be written at the caret, what changed."""

from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.permissions import can, permission_required
from aiops import timerange
from aiops.turnstile import gone
from monitoring.dashboards import (
    charts,
    completion,
    explorer,
    explorer_csv,
    foretold,
    query_errors,
    query_examples,
    saved_views,
    vocabulary,
    what_changed,
)
from monitoring.query import evaluate
from monitoring.query.errors import QueryError
from monitoring.query.source import MemorySource

READ, WRITE = "monitoring:read", "monitoring:write"
VIEWS = (("lines", "Lines"), ("stacked", "Stacked"), ("table", "Table"))
COMPARISONS = (("", "nothing"), ("1d", "yesterday"), ("7d", "last week"))
MOST_FORETOLD = 8  # series
BLANK = explorer.Query("", "")


@require_GET
@permission_required(READ)
def page(request: HttpRequest) -> HttpResponse:
    state, span = explorer.state_of(request.GET), timerange.from_request(request)
    known = vocabulary.metrics()
    context = {
        "timerange": span, "live": True, "state": state, "rows": state.queries or (explorer.Query("A", ""),), "blank": BLANK,
        "letters": explorer.LETTERS, "views": VIEWS, "comparisons": COMPARISONS, "may_share": can(request.user, WRITE),
        "may_rule": can(request.user, "rules:write"),
        "metric_count": len(known), "examples": [] if state.running else query_examples.fitting(known),
        "changed_most": what_changed.Windows.of(span).most, "among": request.GET.get("among", "")[: explorer.LONGEST],
        **saved_views.listed(request.user),
    }  # fmt: skip
    return render(request, "monitoring/dashboards/explorer.html", context)


@require_GET
@permission_required(READ)
def data(request: HttpRequest) -> HttpResponse:
    """data.json: every query that is on, over one grid; an error of one stands in its place. With the time control of the range."""
    state, span = explorer.state_of(request.GET), timerange.from_request(request)
    steps, found = explorer.answers(state, span, gone(request))
    answer = explorer.as_json(state, span, steps, found) | {"control": control(request, span)}
    if "foresee" in request.GET:
        _lay_over(answer, steps)
    return HttpResponse(charts.dumps(answer), content_type="application/json")


def control(request: HttpRequest, span: timerange.TimeRange) -> str:
    """The time control; its links keep the page's parameters, not ours."""
    query = request.GET.copy()
    query.pop("points", None)
    request.GET = query  # type: ignore[assignment]
    return render_to_string("ui/_range.html", {"timerange": span}, request)


def _lay_over(answer: dict[str, Any], steps: explorer.Steps) -> None:
    """What was foretold of the first few series, and how unusual they were; the page draws it for a series that stands alone."""
    series = [one for query in answer["queries"] for one in query["series"]]
    for one in series[:MOST_FORETOLD]:
        if (laid := foretold.of_series(one["labels"], steps.start, steps.end, steps.step)) is not None:
            one["foretold"] = {name: charts.compact(line) if name in foretold.BANDS else line for name, line in laid.items()}


@require_GET
@permission_required(READ)
def download(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """data.csv: a row per step, a column per series, of all queries that are on."""
    state, span = explorer.state_of(request.GET), timerange.from_request(request)
    if not state.running:
        raise BadRequest("There is no query to download; write one as ?q=.")
    steps, found = explorer.answers(state, span, gone(request))
    wrong = next((answer for answer in found if answer.error), None)
    if wrong and wrong.error:
        raise BadRequest(f"Query {wrong.query.letter}: {wrong.error.message}")
    response = StreamingHttpResponse(explorer_csv.lines(steps, found), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="explorer-{timezone.localtime():%Y%m%d-%H%M}.csv"'
    return response


@require_GET
@permission_required(READ)
def complete(request: HttpRequest) -> HttpResponse:
    text = _text(request)
    at = request.GET.get("at", "")
    if len(at) > 5 or not at.isdecimal() or int(at) > len(text):
        raise BadRequest(f"at must be a place in the query, 0 to {len(text)}, not {at[:20]!r}.")
    return HttpResponse(charts.dumps(completion.complete(text, int(at))), content_type="application/json")


@require_GET
@permission_required(READ)
def check(request: HttpRequest) -> HttpResponse:
    """{"error": null, or what is wrong and where}; nothing is read from the store."""
    error = wrong(_text(request))
    return HttpResponse(charts.dumps({"error": explorer.error_json(error) if error else None}), content_type="application/json")


def wrong(text: str) -> query_errors.Mistake | None:
    """What is wrong with a query, found by asking it of no series at all."""
    try:
        evaluate.range_query(text, MemorySource(), 0, 0, 1000)
    except QueryError as fault:
        return explorer.wrong_in(text, fault)
    return None


def _text(request: HttpRequest) -> str:
    text = request.GET.get("q", "")
    if len(text) > explorer.LONGEST:
        raise BadRequest(f"A query has at most {explorer.LONGEST:,} characters.")
    return text


@require_GET
@permission_required(READ)
def changed(request: HttpRequest) -> HttpResponse:
    """The list of what changed in the range, as a part of the page."""
    span, among = timerange.from_request(request), request.GET.get("among", "").strip()
    if len(among) > 1000:
        raise BadRequest("The selector has at most 1,000 characters.")
    context: dict[str, Any] = {"timerange": span, "among": among, "found": what_changed.in_window(span, among)}
    return render(request, "monitoring/dashboards/_changed.html", context)
