"""Key figures for programs: the eight, the services, the rows behind each figure, all as CSV too."""

from typing import Any

from django.core.exceptions import BadRequest
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aiops.pagination import Pages
from aiops.refusals import REFUSALS
from monitoring.kpis import asking, export
from monitoring.kpis.asking import Asked
from monitoring.kpis.report import BASES, KINDS, Kpi, kpis
from monitoring.kpis.report import Row as ServiceRow
from monitoring.kpis.rows import ONLY, SORTS, Row
from monitoring.kpis.views import TOP

READ = {"GET": "monitoring:read", "HEAD": "monitoring:read", "OPTIONS": "monitoring:read"}


class BeforeSerializer(serializers.Serializer):
    value = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()


class KpiSerializer(serializers.Serializer):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field here, not DRF's attribute
    short = serializers.CharField(help_text="MTTD, MTTA, MTTR, MTBF; empty for the others")
    unit = serializers.ChoiceField(["%", "s", ""])
    value = serializers.FloatField(allow_null=True, help_text="null where n is 0")
    n = serializers.IntegerField()
    counts = serializers.CharField(help_text="what n counts")
    formula = serializers.CharField()
    better = serializers.ChoiceField(["less", "more"])
    mean = serializers.FloatField(allow_null=True)
    median = serializers.FloatField(allow_null=True)
    p90 = serializers.FloatField(allow_null=True)
    change = serializers.FloatField(allow_null=True, help_text="against the period before")
    before = BeforeSerializer()
    rows = serializers.CharField(help_text="address of the rows it counts")


class ServiceSerializer(serializers.Serializer):
    service = serializers.CharField()
    resources = serializers.IntegerField()
    availability = serializers.FloatField(allow_null=True, help_text="per cent")
    before = serializers.FloatField(allow_null=True)
    objective = serializers.FloatField()
    budget_left = serializers.FloatField(allow_null=True, help_text="per cent; below 0 it is overdrawn")
    watched_seconds = serializers.IntegerField()
    down_seconds = serializers.IntegerField()
    failures = serializers.IntegerField()


class TopSerializer(serializers.Serializer):
    name = serializers.CharField()
    alerts = serializers.IntegerField()
    open_seconds = serializers.IntegerField()


class SummarySerializer(serializers.Serializer):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    of = serializers.ChoiceField(BASES, help_text="what times are means over")
    service = serializers.CharField(allow_blank=True)
    team = serializers.CharField(allow_blank=True)
    kpis = KpiSerializer(many=True)
    services = ServiceSerializer(many=True)
    top_issues = TopSerializer(many=True)


class RowSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    severity = serializers.CharField()
    title = serializers.CharField()
    about = serializers.CharField(help_text="service or resource")
    by = serializers.CharField(help_text="who ended it, or has it")
    acknowledged_after = serializers.FloatField(source="acknowledged", allow_null=True, help_text="seconds")
    length = serializers.FloatField(allow_null=True, help_text="seconds: what the figure measures of it; null while it goes on")
    opened = serializers.DateTimeField()
    ended = serializers.DateTimeField(allow_null=True)


class RowPageSerializer(serializers.Serializer):
    count = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = RowSerializer(many=True)


_text = OpenApiTypes.STR
_period = [
    OpenApiParameter("range", _text, description="now-30d; or give from and to"),
    OpenApiParameter("from", _text, description="milliseconds or ISO 8601"),
    OpenApiParameter("to", _text, description="milliseconds or ISO 8601"),
    OpenApiParameter("service", _text),
    OpenApiParameter("team", _text),
    OpenApiParameter("of", _text, enum=BASES, description="what times are means over; incidents where there are some"),
]
_rows = [
    OpenApiParameter("sort", _text, enum=SORTS),
    OpenApiParameter("only", _text, enum=ONLY),
    OpenApiParameter("name", _text, description="of the alert"),
    OpenApiParameter("resource", OpenApiTypes.INT, description="id"),
]
_paged = [OpenApiParameter("page", OpenApiTypes.INT), OpenApiParameter("page_size", OpenApiTypes.INT, description="500 at most")]
_csv: dict[Any, Any] = {(200, "text/csv"): OpenApiResponse(_text, "A heading and a line per row."), **REFUSALS}


def _asked(request: Request, key: str = "") -> Asked:
    try:
        return asking.asked(request._request, key)
    except BadRequest as fault:
        raise ValidationError(str(fault)) from None


def _known(key: str) -> str:
    if key not in KINDS:
        raise NotFound(f"There is no figure {key[:40]!r}; there are {', '.join(KINDS)}.")
    return key


class Summary(APIView):
    permission = READ

    @extend_schema(
        summary="The eight key figures, services, top issues", parameters=_period, responses={200: SummarySerializer, **REFUSALS}
    )
    def get(self, request: Request) -> Response:
        ask = _asked(request)
        return Response(SummarySerializer(_summary(ask)).data)


def _summary(ask: Asked) -> dict[str, Any]:
    report = ask.report
    names = report.alerts.names
    return {
        "start": ask.span.start, "end": ask.span.end, "of": report.basis, "service": ask.scope.service, "team": ask.scope.team,
        "kpis": [_kpi(kpi, ask) for kpi in kpis(report)], "services": [_service(row) for row in report.services],
        "top_issues": [{"name": names[top.key], "alerts": top.rows, "open_seconds": top.seconds} for top in report.top_names(TOP)],
    }  # fmt: skip


def _kpi(kpi: Kpi, ask: Asked) -> dict[str, Any]:
    spread = kpi.spread
    return {
        "key": kpi.key, "label": kpi.label, "short": kpi.short, "unit": export.UNIT[kpi.shape], "value": kpi.value, "n": kpi.n,
        "counts": kpi.counts, "formula": kpi.formula, "better": kpi.better, "mean": spread and spread.mean,
        "median": spread and spread.median, "p90": spread and spread.p90, "change": kpi.change,
        "before": {"value": kpi.before, "n": kpi.before_n}, "rows": f"/api/v1/kpis/{kpi.key}/?{ask.query}",
    }  # fmt: skip


def _service(row: ServiceRow) -> dict[str, Any]:
    return {
        "service": row.service.name, "resources": row.uptime.resources, "availability": row.percent, "before": row.before,
        "objective": row.service.objective, "budget_left": row.budget, "watched_seconds": row.uptime.observed,
        "down_seconds": row.uptime.down, "failures": row.uptime.failures,
    }  # fmt: skip


class Rows(APIView):
    permission = READ

    @extend_schema(
        operation_id="v1_kpis_rows",
        summary="The rows that a figure counts",
        parameters=[*_period, *_rows, *_paged],
        responses={200: RowPageSerializer, **REFUSALS},
    )
    def get(self, request: Request, key: str) -> Response:
        ask = _asked(request, _known(key))
        pages = Pages()
        found: Any = asking.found(ask)
        rows: list[Row] = pages.paginate_queryset(found, request, self) or []
        return pages.get_paginated_response(RowSerializer(rows, many=True).data)


class SummaryCsv(APIView):
    permission = READ

    @extend_schema(summary="The key figures as CSV", parameters=_period, responses=_csv)
    def get(self, request: Request) -> StreamingHttpResponse:
        return export.response(_asked(request), None)


class RowsCsv(APIView):
    permission = READ

    @extend_schema(summary="The rows of a figure as CSV", parameters=[*_period, *_rows], responses=_csv)
    def get(self, request: Request, key: str) -> StreamingHttpResponse:
        ask = _asked(request, _known(key))
        return export.response(ask, asking.found(ask))
