"""Facts for programs, reading. Hot: arrays from the store to orjson, no serializers."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from aiops.views import AnyAccept
from monitoring.measurements import answers, facts, gaps, parameters, read
from monitoring.measurements import schemas as told
from monitoring.measurements.models import FactSeries
from monitoring.measurements.read import Page, Span, Wanted

READ = "monitoring:read"
EMPTY = "There are no facts in this range."


class Reading(APIView):
    permission: Any = READ
    content_negotiation_class = AnyAccept  # there is one form of answer


def _some(page: Page) -> Page:
    if not page.rows:
        raise NotFound(EMPTY)
    return page


class VMs(Reading):
    @extend_schema(
        summary="VMs that have facts",
        operation_id="list_vms",
        tags=told.TAGS,
        parameters=[told.METRIC, told.LIMIT, told.CURSOR, told.MATCH],
        responses={200: told.Names, 304: told.UNCHANGED, **told.REFUSED},
    )
    def get(self, request: Request) -> HttpResponse:
        metric, limit, after = (
            parameters.name(request.GET, parameters.METRIC),
            parameters.limit(request.GET),
            parameters.cursor(request.GET),
        )
        parameters.known(None, metric)
        names = FactSeries.objects.order_by("vm").values_list("vm", flat=True).distinct()
        if metric is not None:
            names = names.filter(metric=metric)
        found = list((names.filter(vm__gt=after.pair.vm) if after else names)[: limit + 1])
        following = read.Cursor(facts.Pair(found[limit - 1], ""), 0) if len(found) > limit else None
        return answers.paged(request, Page(found[:limit], following))


class VMMetrics(Reading):
    @extend_schema(
        summary="Metrics of one VM",
        operation_id="list_vm_metrics",
        tags=told.TAGS,
        parameters=[told.MATCH],
        responses={200: told.Names, 304: told.UNCHANGED, **told.REFUSED},
    )
    def get(self, request: Request, vm: str) -> HttpResponse:
        name = parameters.checked_name("vm", vm)
        parameters.known(name, None)
        return answers.listed(request, list(FactSeries.objects.filter(vm=name).order_by("metric").values_list("metric", flat=True)))


def _page(request: Request) -> Page:
    query = request.GET
    limit, after, span = parameters.limit(query), parameters.cursor(query), parameters.span(query)
    remembered = parameters.remembered(query)
    if remembered and (page := read.page(remembered, span, limit, after)).rows:
        return page
    return _some(read.page(parameters.wanted(query, after), span, limit, after))


def _latest(request: Request) -> Page:
    query = request.GET
    since, limit, after = parameters.since(query), parameters.limit(query), parameters.cursor(query)
    return _some(read.latest(parameters.wanted(query, after), since, limit, after))


class Fact(Reading):
    @extend_schema(
        summary="One fact",
        operation_id="read_fact",
        tags=told.TAGS,
        parameters=[told.MATCH],
        responses={200: told.Fact, 304: told.UNCHANGED, **told.REFUSED},
    )
    def get(self, request: Request, fact_id: str) -> HttpResponse:
        key = facts.parse_id(fact_id)
        found = read.one(*key) if key else None
        if found is None:
            raise NotFound("There is no such fact.")
        return answers.cached(request, found)


class Latest(Reading):
    @extend_schema(
        summary="The latest fact of every VM and metric",
        operation_id="latest_facts",
        tags=told.TAGS,
        parameters=[told.VM, told.METRIC, told.HOURS, told.LIMIT, told.CURSOR, told.MATCH],
        responses={200: told.Facts, 304: told.UNCHANGED, **told.REFUSED},
    )
    def get(self, request: Request) -> HttpResponse:
        return answers.paged(request, _latest(request))


class LegacyMetrics(Reading):
    @extend_schema(
        summary="Facts as a bare list",
        operation_id="legacy_metrics",
        tags=told.TAGS,
        description="As GET /api/v1/facts, for clients that know this address; the next page is named in the Link header.",
        parameters=[*told.ONE_OR_ALL, told.LIMIT, told.CURSOR, told.MATCH],
        responses={200: told.FactList, 304: told.UNCHANGED, **told.REFUSED},
        deprecated=True,
    )
    def get(self, request: Request) -> HttpResponse:
        return answers.bare(request, _page(request))


class LegacyLatestMetrics(Reading):
    @extend_schema(
        summary="The latest facts as a bare list",
        operation_id="legacy_latest_metrics",
        tags=told.TAGS,
        description="As GET /api/v1/facts/latest, for clients that know this address.",
        parameters=[told.VM, told.METRIC, told.HOURS, told.LIMIT, told.CURSOR, told.MATCH],
        responses={200: told.FactList, 304: told.UNCHANGED, **told.REFUSED},
        deprecated=True,
    )
    def get(self, request: Request) -> HttpResponse:
        return answers.bare(request, _latest(request))


def _about(wanted: Wanted, span: Span) -> dict[str, Any]:
    return {"vm": wanted.vm, "metric": wanted.metric, "start": read.moment(span.a), "end": read.moment(span.b)}


class Statistics(Reading):
    @extend_schema(
        summary="Statistics of facts",
        operation_id="fact_statistics",
        tags=told.TAGS,
        description="Of all facts that match, together; the whole of what is kept where no start is given.",
        parameters=[*told.ONE_OR_ALL, told.MATCH],
        responses={200: told.Statistics, 304: told.UNCHANGED, **told.REFUSED},
    )
    def get(self, request: Request) -> HttpResponse:
        wanted = parameters.wanted(request.GET)
        span = parameters.span(request.GET)
        try:
            found = read.statistics(wanted, span)
        except read.TooMuch as fault:
            raise ValidationError({"start": str(fault)}) from None
        if found is None:
            raise NotFound(EMPTY)
        about = _about(wanted, Span(span.a, span.b - 1)) | found
        return answers.cached(request, about if parameters.given(request.GET, parameters.START) else about | {"start": found["first"]})


class Totals(Reading):
    @extend_schema(
        summary="What there is of facts as a whole",
        operation_id="fact_totals",
        tags=told.TAGS,
        parameters=[told.MATCH],
        responses={200: told.Totals, 304: told.UNCHANGED, **told.REFUSED},
    )
    def get(self, request: Request) -> HttpResponse:
        return answers.cached(request, read.totals())


class Spaced(Reading):
    """What is asked of facts that should come at an interval."""

    def asked(self, request: Request) -> tuple[Wanted, Span, int]:
        minutes = parameters.whole(request.GET, parameters.MINUTES, parameters.USUAL_MINUTES, parameters.MOST_MINUTES)
        wanted = parameters.wanted(request.GET)
        span = parameters.spaced(request.GET, minutes)
        if not wanted.series:
            raise NotFound(EMPTY)
        return wanted, span, minutes

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, (gaps.TooFine, read.TooMuch)):
            exc = ValidationError({"interval": str(exc)})
        return super().handle_exception(exc)


class Completeness(Spaced):
    @extend_schema(
        summary="How complete facts are",
        operation_id="fact_completeness",
        tags=told.TAGS,
        description="Counts the intervals of the range, a day unless it says otherwise, that have at least one fact.",
        parameters=[*told.ONE_OR_ALL, told.INTERVAL, told.MATCH],
        responses={200: told.Completeness, 304: told.UNCHANGED, **told.REFUSED},
    )
    def get(self, request: Request) -> HttpResponse:
        wanted, span, minutes = self.asked(request)
        rows = gaps.completeness(wanted, span, minutes)
        return answers.cached(
            request, {**_about(wanted, span), "interval_minutes": minutes, **gaps.together(rows), "results": rows[: parameters.MOST_ROWS]}
        )


class MissingData(Spaced):
    @extend_schema(
        summary="Where facts are missing",
        operation_id="missing_facts",
        tags=told.TAGS,
        description="Stretches of intervals without a fact, by VM, metric and time.",
        parameters=[*told.ONE_OR_ALL, told.INTERVAL, told.LIMIT, told.MATCH],
        responses={200: told.MissingData, 304: told.UNCHANGED, **told.REFUSED},
    )
    def get(self, request: Request) -> HttpResponse:
        limit = parameters.limit(request.GET)
        wanted, span, minutes = self.asked(request)
        found = gaps.missing(wanted, span, minutes)
        rows = [gaps.shown(gap) for gap in found[:limit]]
        totals = {"missing": sum(gap.missing for gap in found), "count": len(rows), "gaps": len(found)}
        return answers.cached(request, {**_about(wanted, span), "interval_minutes": minutes, **totals, "results": rows})
