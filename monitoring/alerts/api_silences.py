"""Silences and maintenance windows for programs."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from aiops.refusals import REFUSALS
from monitoring.alerts import silences, silencing
from monitoring.alerts.api_alerts import actor_of
from monitoring.alerts.checks import OPERATORS, check_matchers, check_silence
from monitoring.alerts.models import Silence
from monitoring.query.source import Matcher

READ, WRITE = "monitoring:read", "alerts:write"
STATES = ("active", "pending", "expired")


class Over(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "It is over already."


class MatcherSerializer(serializers.Serializer):
    name = serializers.CharField(max_length=200, help_text="A label, or alertname, severity, source.")
    op = serializers.ChoiceField(OPERATORS, required=False, default="=")
    value = serializers.CharField(max_length=1000, allow_blank=True, trim_whitespace=False)


class SilenceSerializer(serializers.ModelSerializer):
    matchers = MatcherSerializer(many=True)
    starts_at = serializers.DateTimeField(required=False, help_text="now unless said otherwise")
    rrule = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="FREQ=WEEKLY;BYDAY=SU for example; repeats by the time zone's clock"
    )
    time_zone = serializers.CharField(required=False, max_length=64)
    reason = serializers.CharField(max_length=2000)
    state = serializers.SerializerMethodField()
    next_start = serializers.SerializerMethodField()

    class Meta:
        model = Silence
        fields = (
            "id", "kind", "matchers", "reason", "starts_at", "ends_at", "rrule", "time_zone", "state", "next_start", "created_by",
            "created_at", "ended_at", "ended_by",
        )  # fmt: skip
        read_only_fields = ("id", "created_by", "created_at", "ended_at", "ended_by")

    @extend_schema_field(serializers.ChoiceField(STATES))
    def get_state(self, silence: Silence) -> str:
        now = timezone.now()
        if silences.current(silence, now):
            return "active"
        return "pending" if silences.next_occurrence(silence, now) else "expired"

    def get_next_start(self, silence: Silence) -> str | None:
        """Of the window that holds now or comes next."""
        found = silences.next_occurrence(silence, timezone.now())
        return found.start.isoformat() if found else None

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        given.setdefault("starts_at", timezone.now())
        given["matchers"] = [dict(one) for one in given["matchers"]]
        faults = check_silence(Silence(**given))
        if faults:
            raise ValidationError({one.field: one.message for one in faults})
        return given

    def create(self, given: dict[str, Any]) -> Silence:
        return silencing.create(Silence(**given), self.context["actor"])


class PreviewRequestSerializer(serializers.Serializer):
    matchers = MatcherSerializer(many=True)

    def validate_matchers(self, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        faults = check_matchers(given)
        if faults:
            raise ValidationError(faults[0].message)
        return given


class PreviewSerializer(serializers.Serializer):
    firing = serializers.IntegerField(help_text="Alerts that it would hide now.")
    suppressed = serializers.IntegerField(help_text="Of these, hidden already.")
    alert_ids = serializers.ListField(child=serializers.IntegerField())


_answers = {200: SilenceSerializer, **REFUSALS}


@extend_schema_view(
    list=extend_schema(
        summary="Silences and maintenance windows",
        parameters=[OpenApiParameter("state", OpenApiTypes.STR, enum=("open", "over"), description="open: active or still to come")],
        responses={200: SilenceSerializer(many=True), **REFUSALS},
    ),
    retrieve=extend_schema(summary="One silence", responses=_answers),
    create=extend_schema(summary="Silence alerts", responses={**REFUSALS, 201: SilenceSerializer}),
)
class Silences(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, viewsets.GenericViewSet[Silence]):
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": WRITE}
    http_method_names = ["get", "post", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = SilenceSerializer
    queryset = Silence.objects.order_by("-id")

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "actor": actor_of(self.request)}

    def get_queryset(self) -> QuerySet[Silence]:
        rows, state = super().get_queryset(), self.request.GET.get("state", "")
        if self.action != "list" or not state:
            return rows
        if state not in ("open", "over"):
            raise ValidationError({"state": "There are open and over."})
        now = timezone.now()
        going_on = (Q(ended_at=None) | Q(ended_at__gt=now)) & (Q(ends_at__gt=now) | ~Q(rrule=""))
        return rows.filter(going_on) if state == "open" else rows.exclude(going_on)

    @extend_schema(summary="End a silence now", request=None, responses={**_answers, 409: REFUSALS[400]})
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        silence = self.get_object()
        if not silencing.end(silence, actor_of(request)):
            raise Over
        return Response(self.get_serializer(silence).data)

    @extend_schema(
        summary="What a silence would hide now", request=PreviewRequestSerializer, responses={200: PreviewSerializer, **REFUSALS}
    )
    @action(detail=False, methods=["post"], permission=READ)
    def preview(self, request: Request) -> Response:
        asked = PreviewRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        found = silences.preview([Matcher(one["name"], one["op"], one["value"]) for one in asked.validated_data["matchers"]])
        return Response(found._asdict())
