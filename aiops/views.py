"""The platform's own endpoints: /api/health and /metrics. /healthz and /readyz are answered by middleware.Probes."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiTypes, extend_schema
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aiops import health, metrics
from aiops.refusals import refusals


class HealthView(APIView):
    """Every part of the platform with its status, one sentence and the age of its last sign of life."""

    permission = "monitoring:read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT, **refusals(401, 403, 429)})
    def get(self, request: Request) -> Response:
        results = health.run()
        checks = {name: result.as_dict() for name, result in results.items()}
        return Response({"status": health.worst(results.values()), "checks": checks})


class AnyAccept(BaseContentNegotiation):
    """A scraper asks for OpenMetrics first; it gets the classic text form, which it takes as well."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class MetricsView(APIView):
    """The self-metrics of all processes in Prometheus text form."""

    permission = "monitoring:read"
    content_negotiation_class = AnyAccept

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR, **refusals(401, 403, 429)})
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)
