"""Rules, alerts, targets and the state of this installation, by Prometheus' HTTP API."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from monitoring.query import providers
from monitoring.query.answering import endpoint, success_of
from monitoring.query.parameters import Parameters, wrong
from monitoring.query.source import accepts
from monitoring.query.views import elsewhere
from monitoring.store import matching
from monitoring.store.models import Series

SPOKEN = "3.1.0"  # the release of Prometheus whose API and PromQL these are: clients go by it
_KINDS = {"alert": "alerting", "record": "recording"}
_STARTED = timezone.now()
Rule = Mapping[str, Any]


@endpoint
def rules(request: HttpRequest) -> HttpResponse:
    form = Parameters(request)
    wanted = _rule_filter(form)
    names, files = set(form.all("rule_group[]")), set(form.all("file[]"))
    bare = form.text("exclude_alerts").lower() in ("true", "1", "t")
    groups = []
    for group in providers.rule_groups.rows():
        if (names and group["name"] not in names) or (files and group.get("file") not in files):
            continue
        kept = [{**rule, "alerts": []} if bare and "alerts" in rule else rule for rule in group["rules"] if wanted(rule)]
        if kept or not group["rules"]:
            groups.append({**group, "rules": kept})
    return success_of({"groups": groups})


def _rule_filter(form: Parameters) -> Callable[[Rule], bool]:
    kind, names = form.text("type"), set(form.all("rule_name[]"))
    if kind and kind not in _KINDS:
        raise wrong("type", "there are alert and record")
    selectors = [accepts(matchers) for matchers in form.selectors()]

    def wanted(rule: Rule) -> bool:
        fits = not selectors or any(accepted(rule.get("labels", {})) for accepted in selectors)
        return fits and (not kind or rule["type"] == _KINDS[kind]) and (not names or rule["name"] in names)

    return wanted


@endpoint
def alerts(request: HttpRequest) -> HttpResponse:
    return success_of({"alerts": providers.alerts.rows()})


@endpoint
def targets(request: HttpRequest) -> HttpResponse:
    form = Parameters(request)
    state, pool = form.text("state").lower(), form.text("scrapePool")
    rows = providers.targets.rows() if state in ("", "any", "active") else []
    active = [row for row in rows if not pool or row.get("scrapePool") == pool]
    return success_of({"activeTargets": active, "droppedTargets": [], "droppedTargetCounts": {}})


@endpoint
@elsewhere
def build(request: HttpRequest) -> HttpResponse:
    return success_of(
        {"version": SPOKEN, "application": "AIOps", "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""}
    )


@endpoint
def flags(request: HttpRequest) -> HttpResponse:
    """The limits that hold here, under the names by which clients know them."""
    found = {
        "query.lookback-delta": "5m",
        "query.max-samples": str(settings.QUERY_SAMPLES),
        "query.timeout": f"{settings.QUERY_SECONDS:g}s",
        "storage.tsdb.retention.time": f"{settings.RAW_RETENTION_DAYS:g}d",
    }
    return success_of(found)


@endpoint
def runtime(request: HttpRequest) -> HttpResponse:
    return success_of(
        {"startTime": _STARTED.isoformat(), "timeSeriesCount": matching.count(), "storageRetention": f"{settings.RAW_RETENTION_DAYS:g}d"}
    )


@endpoint
def healthy(request: HttpRequest) -> HttpResponse:
    return HttpResponse("AIOps is healthy.\n", "text/plain; charset=utf-8")


@endpoint
def ready(request: HttpRequest) -> HttpResponse:
    Series.objects.exists()  # raises when the database does not answer
    return HttpResponse("AIOps is ready.\n", "text/plain; charset=utf-8")
