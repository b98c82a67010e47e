"""Forecasts, capacity, anomalies, models and watches for programs."""

from datetime import timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aiops.refusals import ERROR, REFUSALS
from forecasting import api_shapes as shapes
from forecasting import asking_what_if, feedback, foretelling, training_requests, watches
from forecasting.api_predictions import READ, UNANSWERED, WRITE, Conflict, Unanswerable, checked, moments
from forecasting.cleaning import Unpredictable
from forecasting.models import Anomaly, Forecast, ForecastModel, Track, Watch
from monitoring.alerts.api_alerts import actor_of

_text, _int = OpenApiTypes.STR, OpenApiTypes.INT
READING: dict[str, str] = {"GET": READ, "HEAD": READ, "OPTIONS": READ}
UNCHANGED = {409: OpenApiResponse(ERROR, "It cannot be so; one sentence says why.")}
OF_TRACK = [OpenApiParameter("vm", _text), OpenApiParameter("metric", _text, description="a metric, or a series as the list names it")]


def of_track(rows: Any, given: Any, to: str = "track__") -> Any:
    """By vm and metric. ValidationError for what cannot be searched for."""
    if "\0" in f"{given.get('vm', '')}{given.get('metric', '')}":
        raise ValidationError("A NUL character cannot be searched for.")
    if vm := given.get("vm", ""):
        rows = rows.filter(**{f"{to}vm": vm})
    if metric := given.get("metric", ""):
        rows = rows.filter(Q(**{f"{to}metric": metric}) | Q(**{f"{to}series": metric}))
    return rows


def one_of(given: Any, name: str, known: tuple[str, ...]) -> str:
    asked: str = given.get(name, "")
    if asked and asked not in known:
        raise ValidationError({name: f"Choose one of {', '.join(known)}."})
    return asked


_forecast_filters = [*OF_TRACK, OpenApiParameter("state", _text, enum=Track.State.values), OpenApiParameter("within_hours", _int)]


@extend_schema_view(
    list=extend_schema(
        summary="The last forecast of every series, most urgent first",
        parameters=_forecast_filters,
        responses={200: shapes.ForecastSerializer(many=True), **REFUSALS},
    ),
    retrieve=extend_schema(summary="One forecast", responses={200: shapes.ForecastSerializer, **REFUSALS}),
)
class Forecasts(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Forecast]):
    permission: Any = {**READING, "POST": WRITE}
    http_method_names = ["get", "post", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = shapes.ForecastSerializer
    queryset = Forecast.objects.select_related("track").order_by(F("eta").asc(nulls_last=True), "id")

    def get_queryset(self) -> QuerySet[Forecast]:
        rows, given = super().get_queryset(), self.request.GET
        if self.action != "list":
            return rows
        rows = of_track(rows.filter(latest=True), given)
        if state := one_of(given, "state", tuple(Track.State.values)):
            rows = rows.filter(track__state=state)
        if hours := given.get("within_hours", ""):
            if not (hours.isdecimal() and hours.isascii() and int(hours) <= 24 * 400):
                raise ValidationError({"within_hours": "Write a whole number of hours, 9600 at most."})
            rows = rows.filter(eta__lte=timezone.now() + timedelta(hours=int(hours)))
        found: QuerySet[Forecast] = rows
        return found

    @extend_schema(
        summary="Ask for its model trained anew; the next run does it",
        request=None,
        responses={**REFUSALS, 202: OpenApiResponse(description="Asked for.")},
    )
    @action(detail=True, methods=["post"])
    def retrain(self, request: Request, pk: str) -> Response:
        training_requests.ask(self.get_object().track, actor_of(request))
        return Response(status=202)


class Capacity(APIView):
    permission = {"POST": READ}  # it computes and changes nothing

    @extend_schema(
        summary="Time to a limit, as it is and under a changed load or limit, or with nodes removed",
        request=shapes.CapacityRequestSerializer,
        responses={200: shapes.CapacitySerializer, **REFUSALS, **UNANSWERED},
    )
    def post(self, request: Request) -> Response:
        given = checked(shapes.CapacityRequestSerializer, request)
        try:
            track = foretelling.track_of(given["vm"], given["metric"], {})
            if track is None:
                raise NotFound(f"No watch forecasts {given['metric'][:80]} of {given['vm'][:80]}.")
            asked = asking_what_if.asked({name: given.get(name) for name in asking_what_if.NAMES})
            if asked.error:
                raise Unpredictable(asked.error)
            told = asking_what_if.answer(track, asked, timezone.now())
        except Unpredictable as fault:
            raise Unanswerable(fault.sentence) from fault
        return Response(shapes.CapacitySerializer(_told(track, told)).data)


def _told(track: Track, told: asking_what_if.Told) -> dict[str, Any]:
    return {
        "vm": track.vm, "metric": track.series, "limit": told.limit, "level": told.level,
        "now": {"eta": told.now, "lo": told.now_lo, "hi": told.now_hi, "reason": told.reason_now},
        "then": {"eta": told.then, "lo": told.lo, "hi": told.hi, "reason": told.reason},
    }  # fmt: skip


SAID = ("none", *Anomaly.Feedback.values)
ORDERS = ("-score", "score", "-started_at", "started_at")
_anomaly_filters = [
    *OF_TRACK, OpenApiParameter("state", _text, enum=("open", "ended")), OpenApiParameter("feedback", _text, enum=SAID),
    OpenApiParameter("least", OpenApiTypes.FLOAT, description="score from 0 to 1"), OpenApiParameter("from", _text),
    OpenApiParameter("to", _text), OpenApiParameter("order", _text, enum=ORDERS),
]  # fmt: skip


@extend_schema_view(
    list=extend_schema(summary="Anomalies", parameters=_anomaly_filters, responses={200: shapes.AnomalySerializer(many=True), **REFUSALS}),
    retrieve=extend_schema(summary="One anomaly", responses={200: shapes.AnomalySerializer, **REFUSALS}),
)
class Anomalies(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Anomaly]):
    permission: Any = {**READING, "POST": WRITE}
    http_method_names = ["get", "post", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = shapes.AnomalySerializer
    queryset = Anomaly.objects.select_related("track")

    def get_queryset(self) -> QuerySet[Anomaly]:
        rows, given = super().get_queryset(), self.request.GET
        if self.action != "list":
            return rows
        rows = of_track(rows, given)
        if state := one_of(given, "state", ("open", "ended")):
            rows = rows.filter(ended_at__isnull=state == "open")
        if said := one_of(given, "feedback", SAID):
            rows = rows.filter(feedback="" if said == "none" else said)
        if given.get("least"):
            rows = rows.filter(score__gte=_least(given["least"]))
        if given.get("from") or given.get("to"):
            start, end = moments(self.request)
            rows = rows.filter(started_at__lt=end).filter(Q(ended_at=None) | Q(ended_at__gte=start))
        found: QuerySet[Anomaly] = rows.order_by(one_of(given, "order", ORDERS) or "-score", "-started_at", "-id")
        return found

    @extend_schema(
        summary="Say whether it was worth knowing; it moves its watch's sensitivity a little",
        request=shapes.FeedbackSerializer,
        responses={200: shapes.AnomalySerializer, **REFUSALS},
    )
    @action(detail=True, methods=["post"])
    def feedback(self, request: Request, pk: str) -> Response:
        found = self.get_object()
        who: Any = actor_of(request)
        feedback.give(found, checked(shapes.FeedbackSerializer, request)["feedback"], who)
        return Response(shapes.AnomalySerializer(self.get_object()).data)


def _least(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValidationError({"least": "Write a score from 0 to 1."})
    return value


@extend_schema_view(
    list=extend_schema(
        summary="Versions of models with their backtest errors, newest first",
        parameters=[*OF_TRACK, OpenApiParameter("active", OpenApiTypes.BOOL)],
        responses={200: shapes.ModelSerializer(many=True), **REFUSALS},
    ),
    retrieve=extend_schema(summary="One version of a model", responses={200: shapes.ModelSerializer, **REFUSALS}),
)
class Models(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ForecastModel]):
    permission: Any = READING
    http_method_names = ["get", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = shapes.ModelSerializer
    queryset = ForecastModel.objects.select_related("track").defer("state").order_by("-made_at", "-id")

    def get_queryset(self) -> QuerySet[ForecastModel]:
        rows, given = super().get_queryset(), self.request.GET
        if self.action != "list":
            return rows
        if active := one_of(given, "active", ("true", "false")):
            rows = rows.filter(active=active == "true")
        found: QuerySet[ForecastModel] = of_track(rows, given)
        return found


_watch = {200: shapes.WatchSerializer, **REFUSALS, **UNCHANGED}


@extend_schema_view(
    list=extend_schema(summary="Watches", responses={200: shapes.WatchSerializer(many=True), **REFUSALS}),
    retrieve=extend_schema(summary="One watch", responses={200: shapes.WatchSerializer, **REFUSALS}),
)
class Watches(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Watch]):
    permission: Any = {**READING, "POST": WRITE, "PATCH": WRITE, "DELETE": WRITE}
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = shapes.WatchSerializer
    queryset = Watch.objects.order_by("name", "id")

    @extend_schema(summary="Watch an expression", responses={**REFUSALS, **UNCHANGED, 201: shapes.WatchSerializer})
    def create(self, request: Request) -> Response:
        return Response(self._saved(request, Watch()), status=201)

    @extend_schema(summary="Change a watch; of a shipped one limits, sensitivity, muting and the switch", responses=_watch)
    def partial_update(self, request: Request, pk: str) -> Response:
        return Response(self._saved(request, self.get_object()))

    @extend_schema(summary="Delete a watch with all that was learned and seen", responses={**REFUSALS, **UNCHANGED, 204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        try:
            watches.remove(self.get_object(), actor_of(request))
        except watches.NotChangeable as fault:
            raise Conflict(str(fault)) from fault
        return Response(status=204)

    def _saved(self, request: Request, watch: Watch) -> Any:
        asked = shapes.WatchSerializer(watch if watch.pk else None, data=request.data, partial=bool(watch.pk))
        asked.is_valid(raise_exception=True)
        if not asked.validated_data:
            raise ValidationError("There is nothing to change.")
        try:
            saved = watches.save(watch, dict(asked.validated_data), actor_of(request))
        except watches.NotChangeable as fault:
            raise Conflict(str(fault)) from fault
        return shapes.WatchSerializer(saved).data
