"""Metrics as such: the list of all, and one with its unit, help, labels and how many series they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Count, Max, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.permissions import permission_required
from aiops import timerange
from aiops.facets import order_of
from monitoring.dashboards import kinds, query_units, vocabulary
from monitoring.inventory.models import Resource
from monitoring.store import metadata
from monitoring.store.models import Series

READ = "monitoring:read"
PER_PAGE = 100
SORTS = ("name", "series")
TOP_VALUES, TOP_RESOURCES = 8, 10
FEW = 8  # series that are drawn one by one
COUNTERS = ("_total", "_bucket", "_count", "_sum")


@dataclass(frozen=True)
class Metric:
    name: str
    series: int
    type: str
    unit: str
    help: str


@require_GET
@permission_required(READ)
def listing(request: HttpRequest) -> HttpResponse:
    text, kind = request.GET.get("q", "").strip()[:200], request.GET.get("type", "")
    column, descending = order_of(request.GET.get("sort", "name"), SORTS)
    counts = vocabulary.metrics()
    everything = _described(counts)
    found = [metric for metric in everything if (not kind or metric.type == kind) and _matches(metric, text)]
    found.sort(key=lambda metric: metric.series if column == "series" else metric.name, reverse=descending)
    types = sorted({metric.type for metric in everything if metric.type})
    context = {
        "page": Paginator(found, PER_PAGE).get_page(request.GET.get("page")), "text": text, "types": types, "type": kind,
        "column": column, "descending": descending, "total": len(counts), "series": sum(counts.values()),
    }  # fmt: skip
    return render(request, "monitoring/dashboards/metrics.html", context)


def _described(counts: Mapping[str, int]) -> list[Metric]:
    said = vocabulary.describe(list(counts))
    return [_metric(name, series, said[name]) for name, series in counts.items()]


def _metric(name: str, series: int, said: vocabulary.Described) -> Metric:
    kind = "" if said.type == metadata.UNKNOWN else said.type
    return Metric(name, series, kind, query_units.of_metric(name, said.unit), said.help)


def _matches(metric: Metric, text: str) -> bool:
    return all(word in metric.name.lower() or word in metric.help.lower() for word in text.lower().split())


# -- one metric ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Label:
    name: str
    values: int
    top: list[tuple[str, int]]
    whole: int  # series of the value that has most

    @property
    def others(self) -> int:
        return self.values - len(self.top)


@require_GET
@permission_required(READ)
def page(request: HttpRequest, name: str) -> HttpResponse:
    span = timerange.from_request(request)
    counts = vocabulary.metrics()
    if name not in counts:
        raise Http404("The store has no metric of this name; its series may have expired.")
    metric = _metric(name, counts[name], vocabulary.describe([name])[name])
    labels = _labels(vocabulary.labels(name))
    rows = Series.objects.filter(metric=name)
    context = {
        "timerange": span, "live": True, "metric": metric, "labels": labels, "queries": _queries(metric, labels), **_drawn(metric),
        **_reporters(rows), "times": rows.aggregate(first=Min("created"), seen=Max("seen")), "selector": selector(name),
    }  # fmt: skip
    return render(request, "monitoring/dashboards/metric.html", context)


def _labels(found: Mapping[str, Mapping[str, int]]) -> list[Label]:
    out = []
    for name, counts in found.items():
        top = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP_VALUES]
        out.append(Label(name, len(counts), top, top[0][1]))
    return sorted(out, key=lambda label: (-label.values, label.name))


def _reporters(rows: Any) -> dict[str, Any]:
    """Resources with most series first; the sources that brought them; how many series belong to none."""
    by_resource = rows.exclude(resource=None).values_list("resource").annotate(n=Count("id")).order_by("-n", "resource")
    top = dict(by_resource[:TOP_RESOURCES])
    found = {one.pk: one for one in Resource.objects.filter(pk__in=top).only("name", "kind", "state", "health")}
    sources = rows.exclude(resource__source=None).values_list("resource__source", "resource__source__name").annotate(n=Count("id"))
    return {
        "resources": [(found[pk], kinds.STATUSES[found[pk].status], kinds.kind(found[pk].kind), n) for pk, n in top.items() if pk in found],
        "resource_count": by_resource.count(), "sources": list(sources.order_by("-n")[:10]), "homeless": rows.filter(resource=None).count(),
    }  # fmt: skip


def selector(name: str) -> str:
    """The metric as a query writes it; a name with other letters than usual stands in braces."""
    plain = name.replace("_", "a").replace(":", "a")
    quoted = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return name if plain.isascii() and plain.isalnum() and not name[0].isdigit() else f'{{__name__="{quoted}"}}'


def is_counter(metric: Metric) -> bool:
    return metric.type == "counter" or (metric.type in {"", "histogram", "summary"} and metric.name.endswith(COUNTERS))


def _drawn(metric: Metric) -> dict[str, str]:
    """The queries of the sample chart, as an address: each series, or of many the highest, the mean and the lowest."""
    counter = is_counter(metric)
    each = f"rate({selector(metric.name)}[5m])" if counter else selector(metric.name)
    few, what = metric.series <= FEW, "growth per second" if counter else "value"
    texts = [each] if few else [f"{how}({each})" for how in ("max", "avg", "min")]
    title = f"Each series, {what}" if few else f"Highest, mean and lowest {what} of {metric.series:,} series"
    labels = "" if few else "Highest,Mean,Lowest"
    return {"drawn": urlencode([("q", text) for text in texts]), "drawn_title": title, "drawn_labels": labels}


def _queries(metric: Metric, labels: Sequence[Label]) -> list[tuple[str, str, str]]:
    """(what, query, address): ways to go on in the explorer."""
    name = selector(metric.name)
    each = f"rate({name}[5m])" if is_counter(metric) else name
    found = [("Each series" + (", growth per second" if each != name else ""), each)]
    found += [("The ten highest", f"topk(10, {each})")] if metric.series > 10 else []
    if metric.name.endswith("_bucket"):
        found.append(("95th percentile of what was observed", f"histogram_quantile(0.95, sum by (le) ({each}))"))
    how = "sum" if is_counter(metric) else "avg"
    by = [label.name for label in labels if 1 < label.values <= 50 and label.name != "le"][:3]
    found += [(f"{'Sum' if how == 'sum' else 'Mean'} by {label}", f"{how} by ({label}) ({each})") for label in by]
    return [(what, text, urlencode({"q": text})) for what, text in found]
