"""The Executive page. Its address carries range, filters and the figure whose rows are open."""

from typing import Any, NamedTuple

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.permissions import permission_required
from monitoring.inventory.models import Resource
from monitoring.kpis import asking, charts, export, rows
from monitoring.kpis.asking import DAYS, Asked, asked
from monitoring.kpis.compute import Period, share
from monitoring.kpis.report import KINDS, Kpi, Report, kpis
from monitoring.kpis.words import Shown, change, shown

PER_PAGE, TOP, SERVICES = 10, 8, 12
WORDS = {"quiet": "suppressed", "acknowledged": "acted on"}
PRESETS = [(days, f"now-{days}d") for days in DAYS]


class Card(NamedTuple):
    """A figure as its card shows it."""

    kpi: Kpi
    shown: Shown
    change: str
    note: str
    how: str
    before: str


@require_GET
@permission_required("monitoring:read")
def executive(request: HttpRequest) -> HttpResponse:
    ask = asked(request)
    report = ask.report
    data = report.data
    context = {
        "timerange": ask.span, "ask": ask, "presets": PRESETS, "basis": report.basis, "cards": [_card(kpi, report) for kpi in kpis(report)],
        "services": report.services[:SERVICES], "service_count": len(report.services), "choices": _choices(ask),
        "names": _names(report), "resources": _resources(report), "charts": charts.of(report), **_opened(request, ask),
        "empty": not (len(data.alerts) or len(data.incidents)), "before": _label(report.period.before),
    }  # fmt: skip
    return render(request, "monitoring/kpis/executive.html", context)


def _label(period: Period) -> str:
    days = period.seconds / 86_400
    return f"{days:.0f} days" if days >= 2 else f"{period.seconds / 3600:.0f} hours"


def _opened(request: HttpRequest, ask: Asked) -> dict[str, Any]:
    found = asking.found(ask)
    if found is None or ask.wanted is None:
        return {}
    page: Any = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))  # type: ignore[arg-type]  # counted and sliced, as it needs
    column = found.sort.removeprefix("-")
    return {
        "open": KINDS[ask.wanted.key], "found": found, "page": page, "column": column, "descending": found.sort.startswith("-"),
        "narrower": [(only, WORDS.get(only, only), count) for only, count in rows.narrower(ask.report, ask.wanted)],
    }  # fmt: skip


def _choices(ask: Asked) -> dict[str, list[str]]:
    from monitoring.kpis.services import teams

    everything = ask.report.data.everything
    return {"service": [one.name for one in everything], "team": teams(everything)}


# -- cards ---------------------------------------------------------------------------------------------------------------
def _card(kpi: Kpi, report: Report) -> Card:
    name = f"{kpi.short}: {kpi.formula[0].lower()}{kpi.formula[1:]}" if kpi.short else kpi.formula
    how = f"{name}, n = {kpi.n:,} {kpi.counts}" if kpi.shape != "count" else f"{name}, n = {kpi.n:,}"
    before = f"Before: {shown(kpi.before, kpi.shape)}, n = {kpi.before_n:,}"
    return Card(kpi, shown(kpi.value, kpi.shape), change(kpi), _note(kpi, report), how, before)


def _note(kpi: Kpi, report: Report) -> str:
    if kpi.spread and kpi.spread.n:
        return f"median {shown(kpi.spread.median, 'seconds')}, p90 {shown(kpi.spread.p90, 'seconds')}"
    return {"availability": _in_objective, "time-between-failures": _failures, "noise": _noise}.get(kpi.key, _severe)(kpi, report)


def _in_objective(kpi: Kpi, report: Report) -> str:
    kept = sum(row.percent is not None and row.percent >= row.service.objective for row in report.services)
    return f"{kept} of {len(report.services)} services in objective" if report.services else ""


def _failures(kpi: Kpi, report: Report) -> str:
    return f"{kpi.n:,} failure{'' if kpi.n == 1 else 's'}, {shown(report.uptime.down, 'seconds')} down"


def _noise(kpi: Kpi, report: Report) -> str:
    alerts = report.alerts
    return f"{shown(share(alerts.quiet), 'percent')} suppressed, {shown(share(alerts.flapped), 'percent')} flapping" if len(alerts) else ""


def _severe(kpi: Kpi, report: Report) -> str:
    troubles = report.incidents if kpi.key == "incidents" else report.alerts if kpi.key == "alerts" else None
    return f"{troubles.count('critical'):,} critical, {troubles.count('high'):,} high" if troubles is not None and len(troubles) else ""


# -- what there is most of -----------------------------------------------------------------------------------------------
class Issue(NamedTuple):
    key: str | int
    label: str
    alerts: int
    share: float  # per cent of the time that alerts were open


def _names(report: Report) -> list[Issue]:
    total = _open_time(report)
    names = report.alerts.names
    return [Issue(names[top.key], names[top.key], top.rows, 100 * top.seconds / total) for top in report.top_names(TOP)]


def _resources(report: Report) -> list[Issue]:
    found, total = report.top_resources(TOP), _open_time(report)
    names = dict(Resource.objects.filter(pk__in=[top.key for top in found]).values_list("pk", "name"))
    return [Issue(top.key, names[top.key], top.rows, 100 * top.seconds / total) for top in found if top.key in names]


def _open_time(report: Report) -> float:
    return max(report.open_seconds, 1)


@require_GET
@permission_required("monitoring:read")
def download(request: HttpRequest) -> HttpResponse:
    """The eight, or with `open` the rows of one."""
    ask = asked(request)
    return export.response(ask, asking.found(ask))  # type: ignore[return-value]  # a streaming response is one


@require_GET
@permission_required("monitoring:read")
def trends(request: HttpRequest) -> HttpResponse:
    """A fragment: the eight over 7, 30 and 90 days, each against as long before."""
    ask = asked(request)
    wide = asking.of_days(ask, max(DAYS))
    reports = [Report(wide.data, Period(wide.period.end - days * 86_400, wide.period.end), wide.basis) for days in DAYS]
    columns = [[_card(kpi, report) for kpi in kpis(report)] for report in reports]
    return render(
        request,
        "monitoring/kpis/_trends.html",
        {"presets": PRESETS, "rows": [list(zip(PRESETS, cards, strict=True)) for cards in zip(*columns, strict=True)]},
    )
