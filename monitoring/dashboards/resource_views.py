"""One resource: its page, the data of its charts, its CSV."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from accounts.permissions import permission_required
from aiops import timerange
from monitoring.alerts import rows as alert_rows
from monitoring.dashboards import charts, facts, fleet, kinds, troubles
from monitoring.dashboards.panels import BY_KEY, PANELS, panel_of
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.store.models import Series

TABS = {"charts": "Charts", "processes": "Processes", "alerts": "Alerts", "facts": "Facts", "changes": "Changes", "series": "Series"}
PER_PAGE, FIRST = 100, 6
FRAGMENTS = {"control": "ui/_range.html", "marks": "monitoring/dashboards/_events.html"}


def _found(pk: int) -> Resource:
    try:
        return Resource.objects.select_related("source", "parent").get(pk=pk)
    except Resource.DoesNotExist:
        raise Http404("This resource is not in the inventory; it may have been removed.") from None


def _span(request: HttpRequest, found: Resource) -> timerange.TimeRange:
    return timerange.from_request(request, timerange.covering(found.first_seen))


@require_GET
@permission_required("monitoring:read")
def resource(request: HttpRequest, pk: int) -> HttpResponse:
    found, tab = _found(pk), request.GET.get("tab", "charts")
    if tab not in TABS:
        raise BadRequest(f"tab must be one of {', '.join(TABS)}, not {tab[:40]!r}.")
    span = _span(request, found)
    context = {
        "timerange": span,
        "live": True,
        "live_topics": f"resource:{pk} alerts",
        "tab": tab,
        **_head(found),
        **_tab(request, found, tab, span),
    }
    return render(request, "monitoring/dashboards/resource.html", context)


def _head(found: Resource) -> dict[str, Any]:
    processes = facts.processes(found.facts)
    counts = {
        "processes": len(processes),
        "alerts": troubles.firing_of(found),
        "changes": found.changes.count(),
        "series": found.series.count(),
    }
    tabs = [{"key": key, "label": label, "count": counts.get(key)} for key, label in TABS.items() if key != "processes" or processes]
    return {
        "resource": found, "kind": kinds.kind(found.kind), "status": kinds.STATUSES[found.status], "headline": facts.headline(found.facts),
        "reasons": [{**reason, "panel": panel_of(str(reason.get("metric", "")))} for reason in found.reasons], "tabs": tabs,
        "processes": processes, "children": list(found.children.order_by("kind", "name")[:50]),
    }  # fmt: skip


def _tab(request: HttpRequest, found: Resource, tab: str, span: timerange.TimeRange) -> dict[str, Any]:
    if "X-Fragment" in request.headers:
        return {}  # refresh.js takes the head and the processes; charts have their own data
    if tab == "charts":
        drawn = charts.of_resource(found, span, foresee=request.GET.getlist("foresee"))
        firing = alert_rows.firing([found.pk], FIRST, suppressed=True)
        return {"charts": drawn, "data": charts.script(drawn.as_json(span)) if not drawn.empty else "", "firing": firing}
    if tab == "alerts":
        return {"alerts": alert_rows.of_resource(found.pk, PER_PAGE)}
    if tab == "facts":
        return {"fact_groups": facts.grouped(found.facts)}
    if tab == "changes":
        page = _page(request, ResourceChange.objects.filter(resource=found).order_by("-time"))
        return {"page": page, "events": fleet.timeline(page.object_list, named=False)}
    if tab == "series":
        return {"page": _page(request, Series.objects.filter(resource=found).order_by("metric", "id"))}
    return {}


def _page(request: HttpRequest, rows: Any) -> Any:
    return Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))


@require_GET
@permission_required("monitoring:read")
def data(request: HttpRequest, pk: int) -> HttpResponse:
    """charts.json: what the page draws, and the time control that belongs to the range."""
    found = _found(pk)
    span = _span(request, found)
    drawn = charts.of_resource(found, span, _points(request.GET), foresee=request.GET.getlist("foresee"))
    answer = drawn.as_json(span) | _fragments(request, {"timerange": span, "events": drawn.events})
    return HttpResponse(charts.dumps(answer), content_type="application/json")


def _fragments(request: HttpRequest, context: dict[str, Any]) -> dict[str, str]:
    """The time control and the marks; their links keep the page's parameters, not ours."""
    page = request.GET.copy()
    page.pop("points", None)
    request.GET = page  # type: ignore[assignment]
    return {name: render_to_string(template, context, request) for name, template in FRAGMENTS.items()}


def _points(query: Mapping[str, str]) -> int:
    text = query.get("points", str(charts.POINTS))
    if len(text) > 4 or not text.isdecimal() or not 10 <= int(text) <= 2000:
        raise BadRequest(f"points must be a whole number from 10 to 2000, not {text[:20]!r}.")
    return int(text)


@require_GET
@permission_required("monitoring:read")
def download(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """charts.csv: the numbers of one chart (?panel=) or of all."""
    found, key = _found(pk), request.GET.get("panel", "")
    span = _span(request, found)
    if key and key not in BY_KEY:
        raise BadRequest(f"There is no chart {key[:40]!r}.")
    drawn = charts.of_resource(found, span, panels=[BY_KEY[key]] if key else PANELS)
    response = StreamingHttpResponse(charts.as_csv(drawn), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{charts.csv_name(found, key)}"'
    return response
