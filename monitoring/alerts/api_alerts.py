"""Alerts for programs: what there is, what happened to it, and the verbs of the lifecycle."""

from typing import Any

from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from aiops.refusals import REFUSALS
from monitoring.alerts import actions, filters
from monitoring.alerts.actions import MOST_AT_ONCE, VERBS
from monitoring.alerts.filters import CHOICES, LARGEST_ID
from monitoring.alerts.models import Alert, AlertTransition, Severity
from monitoring.alerts.transitions import Who

READ, WRITE = "monitoring:read", "alerts:write"
ORDERS = ("-fired_at", "fired_at", "-started_at", "started_at", "name", "-name", "-id")


class SuppressionSerializer(serializers.Serializer):
    silence = serializers.IntegerField()
    kind = serializers.CharField()
    reason = serializers.CharField()
    by = serializers.CharField()
    until = serializers.DateTimeField()


class AlertSerializer(serializers.ModelSerializer):
    labels = serializers.DictField(child=serializers.CharField())
    annotations = serializers.DictField(child=serializers.CharField())
    suppressed_by = SuppressionSerializer(many=True)

    class Meta:
        model = Alert
        fields = (
            "id", "fingerprint", "name", "severity", "state", "ownership", "assignee", "suppressed", "suppressed_by", "flapping", "source",
            "rule", "resource", "kind", "labels", "annotations", "value", "started_at", "fired_at", "acknowledged_at", "resolved_at",
            "resolution", "reopened",
        )  # fmt: skip
        read_only_fields = fields


class TransitionSerializer(serializers.ModelSerializer):
    class Meta:
        model = AlertTransition
        fields = ("id", "time", "axis", "before", "after", "reason", "actor")
        read_only_fields = fields


class AlertDetailSerializer(AlertSerializer):
    evidence = serializers.DictField(help_text="What was to be seen when it fired, or what its sender said.")
    transitions = serializers.SerializerMethodField()

    class Meta:
        model = Alert
        fields = (*AlertSerializer.Meta.fields, "evidence", "transitions")
        read_only_fields = fields

    @extend_schema_field(TransitionSerializer(many=True))
    def get_transitions(self, alert: Alert) -> list[dict[str, Any]]:
        return list(TransitionSerializer(alert.transitions.order_by("-id")[:200], many=True).data)


class ActionSerializer(serializers.Serializer):
    action = serializers.ChoiceField(VERBS)
    alerts = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_ID), min_length=1, max_length=MOST_AT_ONCE, help_text="ids"
    )
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=5000)
    assignee = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=LARGEST_ID, help_text="id; with assign")
    severity = serializers.ChoiceField(Severity.values, required=False, help_text="with rate")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        verb = given["action"]
        if verb == "comment" and not given["note"].strip():
            raise ValidationError({"note": "A comment says something."})
        if verb == "rate" and "severity" not in given:
            raise ValidationError({"severity": "Say which."})
        if verb == "assign" and given.get("assignee") is not None:
            given["to"] = User.objects.filter(pk=given["assignee"], is_active=True).first()
            if given["to"] is None:
                raise ValidationError({"assignee": "There is no such person."})
        return given


class ChangedSerializer(serializers.Serializer):
    changed = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of those that the action fitted.")
    count = serializers.IntegerField()


class CountsSerializer(serializers.Serializer):
    """Of open alerts."""

    state = serializers.DictField(child=serializers.IntegerField())
    severity = serializers.DictField(child=serializers.IntegerField())
    ownership = serializers.DictField(child=serializers.IntegerField())
    source = serializers.DictField(child=serializers.IntegerField())  # type: ignore[assignment]  # a field here, not DRF's attribute
    suppressed = serializers.IntegerField()
    flapping = serializers.IntegerField()


def actor_of(request: Request) -> Who:
    bearer: Any = request.auth
    person: Any = request.user
    who: Who = bearer.token if bearer is not None else person
    return who


def filtered(rows: QuerySet[Alert], given: Any) -> QuerySet[Alert]:
    """By what the address says. ValidationError for a filter that cannot be."""
    for name in CHOICES:
        if wanted := given.getlist(name):
            if sentence := filters.unknown(name, set(wanted)):
                raise ValidationError({name: sentence})
            rows = rows.filter(**{f"{name}__in": wanted})
    for name in ("suppressed", "flapping"):
        if text := given.get(name):
            if text not in ("true", "false"):
                raise ValidationError({name: "Write true or false."})
            rows = rows.filter(**{name: text == "true"})
    for name in ("rule", "resource", "assignee"):
        if text := given.get(name):
            number = filters.as_id(text)
            if number is None:
                raise ValidationError({name: "Write an id."})
            rows = rows.filter(**{f"{name}_id": number})
    return _worded(rows, given)


def _worded(rows: QuerySet[Alert], given: Any) -> QuerySet[Alert]:
    texts = [given.get(name, "") for name in ("source", "fingerprint", "search")] + given.getlist("label")
    if any("\0" in text for text in texts):
        raise ValidationError({"search": "A NUL character cannot be searched for."})
    for name in ("source", "fingerprint"):
        if given.get(name):
            rows = rows.filter(**{name: given[name]})
    for place, label in enumerate(given.getlist("label")):
        name, equals, value = label.partition("=")
        if not name or not equals:
            raise ValidationError({"label": "Write a label as name=value."})
        alias = f"label_{place}"
        rows = rows.alias(**{alias: Cast(KeyTextTransform(name, "labels"), TextField())}).filter(**{alias: value})
    if text := given.get("search", "").strip():
        rows = rows.filter(Q(name__icontains=text) | Q(labels__icontains=text) | Q(annotations__icontains=text))
    return rows


_text = OpenApiTypes.STR
_filters = [
    *(OpenApiParameter(name, _text, many=True, enum=known) for name, known in CHOICES.items()),
    *(OpenApiParameter(name, OpenApiTypes.BOOL) for name in ("suppressed", "flapping")),
    *(OpenApiParameter(name, OpenApiTypes.INT, description="id") for name in ("rule", "resource", "assignee")),
    OpenApiParameter("source", _text, description="rule, alertmanager, grafana, generic, …"),
    OpenApiParameter("fingerprint", _text, description="the history of one"),
    OpenApiParameter("label", _text, many=True, description="name=value; may be repeated, all must match"),
    OpenApiParameter("search", _text, description="words in name, labels or annotations"),
    OpenApiParameter("order", _text, enum=ORDERS),
]


@extend_schema_view(
    list=extend_schema(summary="Alerts", parameters=_filters, responses={200: AlertSerializer(many=True), **REFUSALS}),
    retrieve=extend_schema(summary="One alert with its evidence and history", responses={200: AlertDetailSerializer, **REFUSALS}),
)
class Alerts(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Alert]):
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": WRITE}
    http_method_names = ["get", "post", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = AlertSerializer
    queryset = Alert.objects.all()

    def get_serializer_class(self) -> type[AlertSerializer]:
        return AlertDetailSerializer if self.action == "retrieve" else AlertSerializer

    def get_queryset(self) -> QuerySet[Alert]:
        rows = super().get_queryset()
        if self.action != "list":
            return rows
        order = self.request.GET.get("order", "-fired_at")
        if order not in ORDERS:
            raise ValidationError({"order": f"Choose one of {', '.join(ORDERS)}."})
        return filtered(rows.defer("evidence"), self.request.GET).order_by(order, "-id")

    @extend_schema(
        summary="Acknowledge, assign, resolve … one or many alerts",
        request=ActionSerializer,
        responses={200: ChangedSerializer, **REFUSALS},
    )
    @action(detail=False, methods=["post"])
    def actions(self, request: Request) -> Response:
        asked = ActionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        who = actor_of(request)
        changed = actions.perform(given["action"], given["alerts"], who, given["note"], given.get("to"), given.get("severity", ""))
        return Response({"changed": changed, "count": len(changed)})

    @extend_schema(summary="How many open alerts there are, by what", responses={200: CountsSerializer, **REFUSALS})
    @action(detail=False, methods=["get"], pagination_class=None)
    def counts(self, request: Request) -> Response:
        return Response(counts())


def counts() -> dict[str, Any]:
    """Of open alerts; one statement."""
    names = ("state", "severity", "ownership", "source", "suppressed", "flapping")
    rows = Alert.objects.exclude(state=Alert.State.RESOLVED).order_by().values_list(*names).annotate(Count("pk"))
    found: dict[str, Any] = {"state": {}, "severity": {}, "ownership": {}, "source": {}, "suppressed": 0, "flapping": 0}
    for *values, count in rows:
        for name, value in zip(names, values, strict=True):
            if isinstance(value, bool):
                found[name] += count if value else 0
            else:
                found[name][value] = found[name].get(value, 0) + count
    return found
