"""Routes and escalation policies for programs, and who would hear of an alert."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from aiops.refusals import REFUSALS
from monitoring.alerts.api_silences import MatcherSerializer
from monitoring.alerts.models import Severity
from monitoring.notifications import checks, editing
from monitoring.notifications.api_channels import READ, Days, Whole, cleaned, described
from monitoring.notifications.heard import who_would_hear
from monitoring.notifications.models import Channel, EscalationPolicy, EscalationStep, Route, Schedule

MOST_STEPS = 50


def seconds(**more: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=checks.LONGEST, required=False, **more)


class RouteSerializer(serializers.ModelSerializer):
    matchers = MatcherSerializer(many=True, required=False, help_text="All must match; none: every alert.")
    group_by = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=checks.MOST_GROUP_BY,
        help_text='Labels. ["..."]: each alert by itself; none: all together.',
    )  # fmt: skip
    group_wait, group_interval = seconds(), seconds()
    repeat_interval = seconds(help_text="0: never")
    channels = serializers.PrimaryKeyRelatedField(many=True, queryset=Channel.objects.all(), required=False)
    policy = serializers.PrimaryKeyRelatedField(queryset=EscalationPolicy.objects.all(), required=False, allow_null=True)
    active_days = Days()
    position = serializers.IntegerField(min_value=0, max_value=1_000_000, required=False)

    class Meta:
        model = Route
        fields = (
            "id", "name", "position", "enabled", "matchers", "goes_on", "group_by", "group_wait", "group_interval", "repeat_interval",
            "channels", "policy", "tells_resolved", "active_from", "active_to", "active_days", "time_zone",
        )  # fmt: skip
        read_only_fields = ("id",)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        row = Route.objects.get(pk=self.instance.pk) if self.instance else Route()
        if "matchers" in given:
            given["matchers"] = [dict(one) for one in given["matchers"]]
        parts = {"channels": given.pop("channels")} if "channels" in given else {}
        for name, value in given.items():
            setattr(row, name, value)
        cleaned(row)
        return {"row": row, "parts": parts}

    def create(self, given: dict[str, Any]) -> Route:
        return editing.save(given["row"], self.context["actor"], **given["parts"])

    def update(self, route: Route, given: dict[str, Any]) -> Route:
        return editing.save(given["row"], self.context["actor"], editing.snapshot(route), **given["parts"])


class StepSerializer(serializers.ModelSerializer):
    wait = seconds(default=300, help_text="Seconds after the step before it, or after the first notice.")
    user = serializers.PrimaryKeyRelatedField(queryset=User.objects.filter(is_active=True), required=False, allow_null=True)
    schedule = serializers.PrimaryKeyRelatedField(queryset=Schedule.objects.all(), required=False, allow_null=True)
    channel = serializers.PrimaryKeyRelatedField(queryset=Channel.objects.all(), required=False, allow_null=True)
    whom = serializers.CharField(read_only=True)

    class Meta:
        model = EscalationStep
        fields = ("wait", "target", "user", "role", "schedule", "channel", "whom")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        cleaned(EscalationStep(**given))
        return given


class PolicySerializer(serializers.ModelSerializer):
    steps = StepSerializer(many=True, allow_empty=False, max_length=MOST_STEPS)  # type: ignore[call-arg]
    repeat = serializers.IntegerField(
        min_value=0, max_value=100, required=False, help_text="How often it begins again after its last step."
    )

    class Meta:
        model = EscalationPolicy
        fields = ("id", "name", "description", "repeat", "steps")
        read_only_fields = ("id",)

    def create(self, given: dict[str, Any]) -> EscalationPolicy:
        steps = [EscalationStep(**one) for one in given.pop("steps")]
        return editing.save(EscalationPolicy(**given), self.context["actor"], steps=steps)

    def update(self, policy: EscalationPolicy, given: dict[str, Any]) -> EscalationPolicy:
        before = editing.snapshot(policy)
        parts = {"steps": [EscalationStep(**one) for one in given.pop("steps")]} if "steps" in given else {}
        for name, value in given.items():
            setattr(policy, name, value)
        editing.save(policy, self.context["actor"], before, **parts)
        return EscalationPolicy.objects.prefetch_related(*STEPS).get(pk=policy.pk)


STEPS = ("steps__user", "steps__schedule", "steps__channel")


class AskedSerializer(serializers.Serializer):
    labels = serializers.DictField(
        child=serializers.CharField(max_length=1000, allow_blank=True), required=False, help_text="also alertname, source, kind"
    )
    severity = serializers.ChoiceField(Severity.values, required=False, default="high")
    at = serializers.DateTimeField(required=False, help_text="now unless said otherwise")

    def validate_at(self, at: Any) -> Any:
        if not checks.EARLIEST <= at.year < checks.LATEST:
            raise ValidationError(f"Between {checks.EARLIEST} and {checks.LATEST}.")
        return at


class HeardSerializer(serializers.Serializer):
    delay = serializers.FloatField(help_text="Seconds from when the alert fires.")
    who = serializers.CharField(help_text="A person, or the channel.")
    way = serializers.CharField(help_text="The channel; empty where nobody is on call.")
    route = serializers.CharField()
    kind = serializers.CharField(help_text="Of the channel.")
    step = serializers.CharField(help_text="Of the escalation; empty: by the route itself.")
    held = serializers.BooleanField(help_text="Quiet hours are part of the delay.")
    channel_id = serializers.IntegerField(allow_null=True)
    user_id = serializers.IntegerField(allow_null=True)
    route_id = serializers.IntegerField(allow_null=True)


@described(
    RouteSerializer,
    "Notification routes, in their order",
    "a route",
    delete="; its groups end without a word",
    gone={204: None, **REFUSALS},
)
class Routes(Whole):
    serializer_class = RouteSerializer
    queryset = Route.objects.order_by("position", "id").prefetch_related("channels")

    @extend_schema(
        summary="Who would hear of an alert, how soon and how",
        request=AskedSerializer,
        responses={200: HeardSerializer(many=True), **REFUSALS},
    )
    @action(detail=False, methods=["post"], permission=READ, pagination_class=None, url_path="who-would-hear")
    def who_would_hear(self, request: Request) -> Response:
        asked = AskedSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        found = who_would_hear(given.get("labels", {}), given["severity"], given.get("at") or timezone.now())
        return Response([one._asdict() for one in found])


@described(PolicySerializer, "Escalation policies", "an escalation policy", change="; steps are replaced as a whole")
class Policies(Whole):
    serializer_class = PolicySerializer
    queryset = EscalationPolicy.objects.order_by("name").prefetch_related(*STEPS)
