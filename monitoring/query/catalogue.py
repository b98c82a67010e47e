"""Which series, labels and metrics there are, by Prometheus' HTTP API."""

import re
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse

from monitoring.query.answering import endpoint, success_of
from monitoring.query.parameters import FURTHEST, TRUNCATED, Parameters, limited, wrong
from monitoring.query.views import elsewhere
from monitoring.store import matching, metadata
from monitoring.store.labels import Selection, names, values

MOST_SERIES = 100_000  # of one answer; a client that wants more has to ask more narrowly
MOST_COUNTED = 10  # rows of each list of the statistics, unless `limit` asks for another number
_ESCAPED = re.compile(r"__|_([0-9A-Fa-f]{1,6})_")


def _selected(form: Parameters) -> Iterator[Selection]:
    """Series that one of the selectors chooses, some of them twice; all, where no selector is given."""
    since = max(0, form.time("start", -FURTHEST))
    form.time("end", FURTHEST)
    for matchers in form.selectors() or [()]:
        yield from matching.select(matchers, since)


@endpoint
@elsewhere
def series(request: HttpRequest) -> HttpResponse:
    form = Parameters(request)
    if not form.all("match[]"):
        raise wrong("match[]", "no selector is given; send for example match[]=up")
    limit, found, seen = min(form.limit() or MOST_SERIES, MOST_SERIES), [], set[int]()
    for selection in _selected(form):
        for sid, labels in zip(selection.sids(), selection.labels(named=True), strict=True):
            if sid not in seen:
                seen.add(sid)
                found.append(labels)
        if len(found) > limit:
            return success_of(found[:limit], [TRUNCATED])
    return success_of(found)


@endpoint
@elsewhere
def labels(request: HttpRequest) -> HttpResponse:
    form = Parameters(request)
    return success_of(*limited(sorted(names(_selected(form))), form.limit()))


@endpoint
@elsewhere
def label_values(request: HttpRequest, name: str) -> HttpResponse:
    form = Parameters(request)
    return success_of(*limited(sorted(values(_selected(form), _unescaped(name))), form.limit()))


def _unescaped(name: str) -> str:
    """U__ begins a name whose characters beyond letters, digits and _ are written as _hex_, and _ as __."""
    if not name.startswith("U__"):
        return name
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else "_", name[3:])


@endpoint
def metric_metadata(request: HttpRequest) -> HttpResponse:
    form = Parameters(request)
    limit, metric = form.limit(), form.text("metric")
    found = metadata.of([metric] if metric else None)
    kept = sorted(found)[: limit or None]
    return success_of({name: [found[name]._asdict()] for name in kept})


@endpoint
def statistics(request: HttpRequest) -> HttpResponse:
    """What the series are made of."""
    most = Parameters(request).limit() or MOST_COUNTED
    counts, cardinality = matching.counts(), matching.cardinality()
    data = {
        "headStats": {"numSeries": sum(counts.values()), "numLabelPairs": sum(cardinality.values())},
        "seriesCountByMetricName": _largest(counts, most),
        "labelValueCountByLabelName": _largest(cardinality, most),
    }
    return success_of(data)


def _largest(counts: dict[str, int], most: int) -> list[dict[str, str | int]]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": name, "value": count} for name, count in ranked[:most]]
