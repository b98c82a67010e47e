"""Forecasts on request, and predictions as rows: made here or elsewhere, to come, and against what came."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aiops import timerange
from aiops.refusals import ERROR, REFUSALS
from forecasting import api_shapes as shapes
from forecasting import forecast_chart, foretelling, predictions
from forecasting.cleaning import Unpredictable
from forecasting.models import Prediction
from monitoring.alerts.api_alerts import actor_of

READ, WRITE = "monitoring:read", "forecasts:write"
UNANSWERED = {422: OpenApiResponse(ERROR, "There is no honest answer; one sentence says why.")}
MOST_COMPARED = 5000
_text = OpenApiTypes.STR
_which = [OpenApiParameter("vm", _text, required=True), OpenApiParameter("metric", _text, required=True)]
_span = [
    OpenApiParameter("from", _text, description="milliseconds, ISO 8601 or now-7d"),
    OpenApiParameter("to", _text, description="as from; now unless said otherwise"),
]


class Unanswerable(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT


def checked(shape: type, request: Request) -> dict[str, Any]:
    asked = shape(data=request.data)
    asked.is_valid(raise_exception=True)
    given: dict[str, Any] = asked.validated_data
    return given


def moments(request: Request, default: str = "now-7d") -> tuple[datetime, datetime]:
    try:
        span = timerange.from_request(request._request, default)
    except BadRequest as fault:
        raise ValidationError(str(fault)) from None
    return span.start, span.end


class Predict(APIView):
    permission = {"POST": READ}  # it computes and changes nothing

    @extend_schema(
        summary="A forecast of one series now",
        request=shapes.PredictSerializer,
        responses={200: shapes.ForetoldSerializer, **REFUSALS, **UNANSWERED},
    )
    def post(self, request: Request) -> Response:
        given = checked(shapes.PredictSerializer, request)
        try:
            found = foretelling.foretell(given["vm"], given["metric"], given["horizon"], given["labels"])
        except Unpredictable as fault:
            raise Unanswerable(fault.sentence) from fault
        except foretelling.NoSuchSeries as fault:
            raise NotFound(str(fault)) from fault
        return Response(shapes.ForetoldSerializer({**vars(found), "points": found.points()}).data)


@extend_schema_view(retrieve=extend_schema(summary="One prediction", responses={200: shapes.PredictionSerializer, **REFUSALS}))
class Predictions(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Prediction]):
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": WRITE}
    http_method_names = ["get", "post", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = shapes.PredictionSerializer
    queryset = Prediction.objects.order_by("timestamp", "id")

    def get_queryset(self) -> QuerySet[Prediction]:
        rows, asked = super().get_queryset(), self.request.GET
        if self.action == "retrieve":
            return rows
        for name in ("vm", "metric"):
            if text := asked.get(name, ""):
                rows = rows.filter(**{name: _plain(name, text)})
        if asked.get("from") or asked.get("to") or asked.get("range"):
            start, end = moments(self.request)
            rows = rows.filter(timestamp__gte=start, timestamp__lt=end)
        return rows

    @extend_schema(
        summary="Predictions",
        parameters=[OpenApiParameter("vm", _text), OpenApiParameter("metric", _text), *_span],
        responses={200: shapes.PredictionSerializer(many=True), **REFUSALS},
    )
    def list(self, request: Request, *args: Any, **more: Any) -> Response:
        return super().list(request, *args, **more)

    @extend_schema(
        summary="Keep one that was made elsewhere; one of the same vm, metric and time is replaced",
        request=shapes.PredictionSerializer,
        responses={**REFUSALS, 201: shapes.PredictionSerializer, 409: OpenApiResponse(ERROR, "The series is forecast here.")},
    )
    def create(self, request: Request) -> Response:
        given = checked(shapes.PredictionSerializer, request)
        self._store([given])
        row = Prediction.objects.get(vm=given["vm"], metric=given["metric"], timestamp=given["timestamp"])
        return Response(shapes.PredictionSerializer(row).data, status=201)

    @extend_schema(
        summary="Keep up to a thousand",
        request=shapes.BatchSerializer,
        responses={**REFUSALS, 201: shapes.StoredSerializer, 409: OpenApiResponse(ERROR, "A series is forecast here.")},
    )
    @action(detail=False, methods=["post"])
    def batch(self, request: Request) -> Response:
        return Response({"stored": self._store(checked(shapes.BatchSerializer, request)["predictions"])}, status=201)

    def _store(self, rows: Sequence[dict[str, Any]]) -> int:
        try:
            return len(predictions.store(rows, actor_of(self.request)))
        except predictions.Ours as fault:
            raise Conflict(str(fault)) from fault

    @extend_schema(
        summary="Predictions of times to come",
        parameters=[OpenApiParameter("vm", _text), OpenApiParameter("metric", _text)],
        responses={200: shapes.PredictionSerializer(many=True), **REFUSALS},
    )
    @action(detail=False, methods=["get"])
    def future(self, request: Request) -> Response:
        rows = self.get_queryset().filter(timestamp__gt=timezone.now())
        return self.get_paginated_response(shapes.PredictionSerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(
        summary="Predictions against what came, with error figures",
        parameters=[*_which, *_span],
        responses={200: shapes.ComparedSerializer, **REFUSALS},
    )
    @action(detail=False, methods=["get"])
    def compare(self, request: Request) -> Response:
        vm, metric = (_needed(request, name) for name in ("vm", "metric"))
        start, end = moments(request)
        if end - start > timedelta(days=92):
            raise ValidationError({"from": "At most 92 days are compared at once."})
        rows = predictions.came(vm, metric, start, end)[-MOST_COMPARED:]
        told = forecast_chart.errors([(one.timestamp, one.mean, one.lower, one.upper, one.actual or 0.0) for one in rows])
        return Response(shapes.ComparedSerializer({"vm": vm, "metric": metric, "points": rows, **told}).data)


def _needed(request: Request, name: str) -> str:
    if not request.GET.get(name):
        raise ValidationError({name: "Say which."})
    return _plain(name, request.GET[name])


def _plain(name: str, text: str) -> str:
    if "\0" in text:
        raise ValidationError({name: "A NUL character cannot be searched for."})
    return text
