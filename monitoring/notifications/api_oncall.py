"""On-call schedules for programs: layers, overrides, who is on call now, who will be, and the gaps."""

from datetime import datetime, timedelta
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from aiops.refusals import REFUSALS
from monitoring.alerts.api_alerts import actor_of
from monitoring.alerts.transitions import Actor
from monitoring.notifications import checks, editing
from monitoring.notifications import schedule as duty
from monitoring.notifications.api_channels import Days, Whole, cleaned, described
from monitoring.notifications.models import Schedule, ScheduleLayer, ScheduleOverride

MOST_LAYERS = 20
LONGEST_LOOK = timedelta(days=366)
LARGEST_ID = 2**63 - 1
SHOWN = ("layers", "overrides")


class LayerSerializer(serializers.ModelSerializer):
    participants = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_ID),
        min_length=1,
        max_length=checks.MOST_PARTICIPANTS,
        help_text="User ids, in turns.",
    )
    shift_hours = serializers.IntegerField(min_value=0, max_value=24 * 366, required=False)
    rrule = serializers.CharField(required=False, allow_blank=True, max_length=500, help_text="When shifts begin; FREQ=WEEKLY;BYDAY=MO …")
    active_days = Days()

    class Meta:
        model = ScheduleLayer
        fields = ("name", "starts_at", "ends_at", "shift_hours", "rrule", "participants", "active_from", "active_to", "active_days")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        cleaned(ScheduleLayer(**given))
        return given


class ScheduleSerializer(serializers.ModelSerializer):
    layers = LayerSerializer(many=True, required=False, max_length=MOST_LAYERS, help_text="The last is on top.")  # type: ignore[call-arg]

    class Meta:
        model = Schedule
        fields = ("id", "name", "time_zone", "description", "layers")
        read_only_fields = ("id",)

    def validate_layers(self, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        wanted = {pk for one in given for pk in one["participants"]}
        unknown = wanted - set(User.objects.filter(pk__in=wanted, is_active=True).values_list("pk", flat=True))
        if unknown:
            raise ValidationError(f"There is no active user {min(unknown)}.")
        return given

    def create(self, given: dict[str, Any]) -> Schedule:
        layers = [ScheduleLayer(**one) for one in given.pop("layers", [])]
        return editing.save(Schedule(**given), self.context["actor"], layers=layers)

    def update(self, row: Schedule, given: dict[str, Any]) -> Schedule:
        before = editing.snapshot(row)
        parts = {"layers": [ScheduleLayer(**one) for one in given.pop("layers")]} if "layers" in given else {}
        for name, value in given.items():
            setattr(row, name, value)
        editing.save(row, self.context["actor"], before, **parts)
        return Schedule.objects.get(pk=row.pk)


class OverrideSerializer(serializers.ModelSerializer):
    user = serializers.PrimaryKeyRelatedField(queryset=User.objects.filter(is_active=True))

    class Meta:
        model = ScheduleOverride
        fields = ("id", "user", "starts_at", "ends_at", "reason", "created_by", "created_at")
        read_only_fields = ("id", "created_by", "created_at")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        cleaned(ScheduleOverride(**given))
        return given


class SpanSerializer(serializers.Serializer):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    user = serializers.IntegerField(allow_null=True, help_text="null: a gap")
    why = serializers.CharField(help_text="The layer, or the override.")


class OnCallSerializer(serializers.Serializer):
    schedule = serializers.IntegerField()
    name = serializers.CharField()
    user = serializers.IntegerField(allow_null=True, help_text="null: nobody is on call")
    user_name = serializers.CharField(allow_blank=True)
    until = serializers.DateTimeField()
    next_user = serializers.IntegerField(allow_null=True)
    next_user_name = serializers.CharField(allow_blank=True)
    why = serializers.CharField()


_window = [OpenApiParameter(name, OpenApiTypes.DATETIME, description=words) for name, words in (("start", "now"), ("end", "two weeks on"))]


@described(ScheduleSerializer, "On-call schedules", "an on-call schedule", change="; layers are replaced as a whole")
class Schedules(Whole):
    serializer_class = ScheduleSerializer
    queryset = Schedule.objects.order_by("name").prefetch_related(*SHOWN)

    @extend_schema(
        summary="Who is on call over a time; gaps have no user",
        parameters=_window,
        responses={200: SpanSerializer(many=True), **REFUSALS},
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def timeline(self, request: Request, pk: str) -> Response:
        start, end = _asked(request)
        found = duty.spans(self.get_object(), start, end)
        return Response(SpanSerializer([one._asdict() for one in found], many=True).data)

    @extend_schema(summary="Who is on call now, in every schedule", responses={200: OnCallSerializer(many=True), **REFUSALS})
    @action(detail=False, methods=["get"], pagination_class=None, url_path="on-call")
    def on_call(self, request: Request) -> Response:
        now = timezone.now()
        return Response(OnCallSerializer([_now(one, now) for one in self.get_queryset()], many=True).data)

    @extend_schema(methods=["GET"], summary="Overrides that are not over", responses={200: OverrideSerializer(many=True), **REFUSALS})
    @extend_schema(
        methods=["POST"], summary="Let somebody stand in", request=OverrideSerializer, responses={**REFUSALS, 201: OverrideSerializer}
    )
    @action(detail=True, methods=["get", "post"], pagination_class=None)
    def overrides(self, request: Request, pk: str) -> Response:
        row = self.get_object()
        if request.method != "POST":
            current = ScheduleOverride.objects.filter(schedule=row, ends_at__gt=timezone.now()).order_by("starts_at")
            return Response(OverrideSerializer(current, many=True).data)
        asked = OverrideSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        actor = actor_of(request)
        made = editing.save(ScheduleOverride(schedule=row, created_by=Actor.of(actor).name, **asked.validated_data), actor)
        return Response(OverrideSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(summary="Take an override away", request=None, responses={204: None, **REFUSALS})
    @action(detail=True, methods=["delete"], url_path=r"overrides/(?P<override>\d{1,18})")
    def override(self, request: Request, pk: str, override: str) -> Response:
        editing.delete(get_object_or_404(ScheduleOverride, schedule=self.get_object(), pk=override), actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _asked(request: Request) -> tuple[datetime, datetime]:
    start = _moment(request, "start") or timezone.now()
    end = _moment(request, "end") or start + timedelta(days=14)
    if not timedelta(0) < end - start <= LONGEST_LOOK:
        raise ValidationError({"end": "After the start, at most a year."})
    return start, end


def _moment(request: Request, name: str) -> datetime | None:
    text = request.GET.get(name)
    if not text:
        return None
    found: datetime = serializers.DateTimeField().run_validation(text)
    if not checks.EARLIEST <= found.year < checks.LATEST:
        raise ValidationError({name: f"Between {checks.EARLIEST} and {checks.LATEST}."})
    return found


def _now(one: Schedule, now: datetime) -> dict[str, Any]:
    found = duty.now_and_next(one, now)
    return {
        "schedule": one.pk, "name": one.name, "user": found.user and found.user.pk, "user_name": found.user.name if found.user else "",
        "until": found.until, "next_user": found.next_user and found.next_user.pk,
        "next_user_name": found.next_user.name if found.next_user else "", "why": found.why,
    }  # fmt: skip
