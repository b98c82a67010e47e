"""Rules for programs: see, add, change, check, try over history, import and export."""

from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from aiops.refusals import REFUSALS
from monitoring.alerts import editing, rule_files, rule_import
from monitoring.alerts.api_alerts import actor_of
from monitoring.alerts.backtest import backtest
from monitoring.alerts.checks import LABEL_NAME, LONGEST_WAIT, check_rule
from monitoring.alerts.models import AlertRule, RuleGroup, Severity
from monitoring.query.errors import QueryError

READ, WRITE = "monitoring:read", "rules:write"
LONGEST_BACK = timedelta(days=366)
TOLD = 500  # firings that an answer tells one by one
STATE = ("last_evaluated", "last_duration_ms", "last_lag_ms", "last_error", "last_series")


class Kept(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = editing.Locked.message


class _Texts(serializers.DictField):
    child = serializers.CharField(allow_blank=True, max_length=5000, trim_whitespace=False)

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        if wrong := next((name for name in found if not LABEL_NAME.fullmatch(name)), None):
            raise ValidationError(f"{wrong[:40]} cannot be the name of a label.")
        return found


class RuleSerializer(serializers.ModelSerializer):
    group = serializers.CharField(max_length=200, required=False, default=editing.USUAL_GROUP)
    interval = serializers.IntegerField(
        min_value=1, max_value=editing.LONGEST_INTERVAL, required=False, help_text="Seconds; of the whole group."
    )
    expr = serializers.CharField(max_length=10_000, help_text="PromQL; each series it answers is an alert.")
    for_seconds = serializers.IntegerField(min_value=0, max_value=LONGEST_WAIT, required=False)
    keep_firing_for = serializers.IntegerField(min_value=0, max_value=LONGEST_WAIT, required=False)
    clears_at = serializers.FloatField(
        allow_null=True, required=False, help_text="A fired alert goes on until its value is back beyond this one; null: beyond the limit."
    )
    without_data = serializers.ChoiceField(
        AlertRule.WithoutData.choices, required=False, help_text="What becomes of an alert whose series has no value any more."
    )
    labels = _Texts(required=False)
    annotations = _Texts(required=False)
    health = serializers.ChoiceField(["ok", "err", "unknown"], read_only=True)
    pending = serializers.IntegerField(read_only=True, default=0)
    firing = serializers.IntegerField(read_only=True, default=0)

    class Meta:
        model = AlertRule
        fields: tuple[str, ...] = (
            "id", "group", "interval", "name", "kind", "expr", "for_seconds", "keep_firing_for", "clears_at", "without_data", "severity",
            "labels", "annotations", "runbook_url", "enabled", "immediate", "locked", "health", *STATE, "pending", "firing",
        )  # fmt: skip
        read_only_fields = ("id", "locked", "health", *STATE)

    def to_representation(self, rule: AlertRule) -> dict[str, Any]:
        return {**super().to_representation(rule), "interval": rule.group.interval, "group": rule.group.name}

    def create(self, given: dict[str, Any]) -> AlertRule:
        group, interval = given.pop("group"), given.pop("interval", 15)
        try:
            return editing.add(given, group, interval, self.context["actor"])
        except editing.Wrong as fault:
            _refuse(fault)

    def update(self, rule: AlertRule, given: dict[str, Any]) -> AlertRule:
        if given.pop("group", rule.group.name) != rule.group.name:
            raise ValidationError({"group": "A rule stays in its group; add it to the other one."})
        try:
            return editing.change(rule, given, self.context["actor"], given.pop("interval", None))
        except editing.Wrong as fault:
            _refuse(fault)
        except editing.Locked as fault:
            raise Kept from fault


def _refuse(fault: editing.Wrong) -> NoReturn:
    places = {one.field: one.message + (f" (character {one.position + 1})" if one.position is not None else "") for one in fault.faults}
    raise ValidationError(places)


class FaultSerializer(serializers.Serializer):
    field = serializers.CharField()
    message = serializers.CharField()
    position = serializers.IntegerField(allow_null=True, help_text="Characters from the beginning of the field.")


class CheckedSerializer(serializers.Serializer):
    faults = FaultSerializer(many=True)


class TrialSerializer(RuleSerializer):
    """A rule as it would be stored, and the time to try it over."""

    name = serializers.CharField(max_length=200, required=False, default="Trial")
    start = serializers.DateTimeField(required=False, help_text="a day ago unless said otherwise")
    end = serializers.DateTimeField(required=False, help_text="now unless said otherwise")
    time_zone = serializers.CharField(required=False, default="UTC", max_length=64)

    class Meta(RuleSerializer.Meta):
        fields = (*RuleSerializer.Meta.fields, "start", "end", "time_zone")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        from accounts.models import known_time_zone

        try:
            known_time_zone(given["time_zone"])
        except Exception as fault:
            raise ValidationError({"time_zone": getattr(fault, "messages", ["not known"])[0]}) from None
        end = given.setdefault("end", timezone.now())
        start = given.setdefault("start", end - timedelta(days=1))
        if not timedelta(seconds=1) <= end - start <= LONGEST_BACK:
            raise ValidationError({"start": "It lies before the end, at most a year."})
        return given


class FiringSerializer(serializers.Serializer):
    labels = serializers.DictField(child=serializers.CharField())
    started_at = serializers.DateTimeField()
    fired_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    value = serializers.FloatField(allow_null=True, help_text="null where it fires because there is no value any more")


class TroubleSerializer(serializers.Serializer):
    name = serializers.CharField()
    link = serializers.CharField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField(allow_null=True)


class BacktestSerializer(serializers.Serializer):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    step = serializers.IntegerField()
    interval = serializers.IntegerField()
    series = serializers.IntegerField()
    count = serializers.IntegerField()
    per_day = serializers.FloatField()
    at_night = serializers.IntegerField(help_text="fired between 22:00 and 06:00 in the time zone asked for")
    by_hour = serializers.ListField(child=serializers.IntegerField())
    median_seconds = serializers.FloatField(allow_null=True)
    longest_seconds = serializers.FloatField(allow_null=True)
    firing_share = serializers.FloatField()
    firings = FiringSerializer(many=True, help_text=f"the latest {TOLD}")
    caught = TroubleSerializer(many=True)
    missed = TroubleSerializer(many=True)
    warnings = serializers.ListField(child=serializers.CharField())


class FileSerializer(serializers.Serializer):
    file = serializers.CharField(max_length=200, help_text="A name: importing it again replaces what it brought.")
    text = serializers.CharField(max_length=rule_files.LARGEST, trim_whitespace=False, help_text="YAML")

    def validate_file(self, name: str) -> str:
        if name.startswith(rule_import.OWN):
            raise ValidationError(f"A file's name does not begin with {rule_import.OWN}.")
        return name


class NoteSerializer(serializers.Serializer):
    line = serializers.IntegerField()
    group = serializers.CharField()
    rule = serializers.CharField()
    text = serializers.CharField()


class ReportSerializer(serializers.Serializer):
    file = serializers.CharField()
    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    same = serializers.IntegerField()
    removed = serializers.IntegerField()
    refused = NoteSerializer(many=True)
    notes = NoteSerializer(many=True)


_answers = {200: RuleSerializer, **REFUSALS}
_filters = [
    OpenApiParameter("kind", OpenApiTypes.STR, enum=AlertRule.Kind.values),
    OpenApiParameter("severity", OpenApiTypes.STR, enum=Severity.values),
    OpenApiParameter("search", OpenApiTypes.STR, description="words in name or expression"),
]
Conflict = {409: REFUSALS[400]}


@extend_schema_view(
    list=extend_schema(summary="Rules", parameters=_filters, responses={200: RuleSerializer(many=True), **REFUSALS}),
    retrieve=extend_schema(summary="One rule", responses=_answers),
    create=extend_schema(summary="Add a rule", responses={**REFUSALS, 201: RuleSerializer}),
    partial_update=extend_schema(summary="Change a rule; a shipped one can only be switched", responses={**_answers, **Conflict}),
    destroy=extend_schema(summary="Remove a rule", responses={**REFUSALS, **Conflict, 204: None}),
)
class Rules(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.CreateModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[AlertRule],
):
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": WRITE, "PATCH": WRITE, "DELETE": WRITE}
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = RuleSerializer
    queryset = AlertRule.objects.select_related("group").annotate(
        pending=Count("alerts", filter=Q(alerts__state="pending")), firing=Count("alerts", filter=Q(alerts__state="firing"))
    )

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "actor": actor_of(self.request)}

    def get_queryset(self) -> QuerySet[AlertRule]:
        rows, given = super().get_queryset().order_by("group__file", "group__name", "position", "id"), self.request.GET
        for name, known in (("kind", AlertRule.Kind.values), ("severity", Severity.values)):
            if text := given.get(name):
                if text not in known:
                    raise ValidationError({name: f"There are {', '.join(known)}."})
                rows = rows.filter(**{name: text})
        if text := given.get("search", "").strip():
            if "\0" in text:
                raise ValidationError({"search": "A NUL character cannot be searched for."})
            rows = rows.filter(Q(name__icontains=text) | Q(expr__icontains=text))
        return rows

    def perform_destroy(self, rule: AlertRule) -> None:
        try:
            editing.remove(rule, actor_of(self.request))
        except editing.Locked as fault:
            raise Kept from fault

    @extend_schema(
        summary="Whether a rule could be stored, and where not", request=RuleSerializer, responses={200: CheckedSerializer, **REFUSALS}
    )
    @action(detail=False, methods=["post"], permission=READ)
    def check(self, request: Request) -> Response:
        asked = RuleSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response({"faults": [one._asdict() for one in check_rule(_unsaved(asked.validated_data))]})

    @extend_schema(summary="What a rule would have done", request=TrialSerializer, responses={200: BacktestSerializer, **REFUSALS})
    @action(detail=False, methods=["post"], permission=READ)
    def backtest(self, request: Request) -> Response:
        asked = TrialSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = dict(asked.validated_data)
        start, end, zone = given.pop("start"), given.pop("end"), given.pop("time_zone")
        return Response(_tried(_unsaved(given), start, end, zone))

    @extend_schema(
        operation_id="rules_import",
        summary="Import a Prometheus rule file",
        request=FileSerializer,
        responses={200: ReportSerializer, **REFUSALS},
    )
    @action(detail=False, methods=["post"], url_path="import")
    def import_file(self, request: Request) -> Response:
        asked = FileSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            report = rule_import.import_text(asked.validated_data["text"], asked.validated_data["file"], actor_of(request))
        except rule_files.UnreadableFile as fault:
            raise ValidationError({"text": str(fault)}) from None
        return Response(ReportSerializer(report).data)

    @extend_schema(
        summary="All rules as a Prometheus rule file", responses={(200, "text/plain"): OpenApiTypes.STR, **REFUSALS}, filters=False
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def export(self, request: Request) -> HttpResponse:
        groups = RuleGroup.objects.prefetch_related("rules").order_by("file", "name")
        text = rule_files.written((group, group.rules.all()) for group in groups if group.rules.all())
        return HttpResponse(text, "text/plain; charset=utf-8", headers={"Content-Disposition": 'attachment; filename="aiops-rules.yml"'})


def _unsaved(given: dict[str, Any]) -> AlertRule:
    given = dict(given)
    group = RuleGroup(name=given.pop("group", editing.USUAL_GROUP), interval=given.pop("interval", 15))
    return AlertRule(group=group, **given)


def _tried(rule: AlertRule, start: datetime, end: datetime, zone: str) -> Any:
    faults = [one for one in check_rule(rule) if one.field != "name"]
    if faults:
        _refuse(editing.Wrong(faults))
    try:
        found = backtest(rule, start, end, zone)
    except QueryError as fault:
        raise ValidationError({"expr": fault.message}) from None
    found.firings = found.firings[-TOLD:]
    return BacktestSerializer(found).data
