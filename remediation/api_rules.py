"""Automation rules and the policy for programs: the same form as in a file, every rule's word on an alert, and trying the policy."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from aiops.refusals import REFUSALS
from monitoring.alerts.api_alerts import actor_of
from monitoring.alerts.models import Alert
from remediation import decisions, policy, policy_table, rule_editing, rule_files
from remediation.models import AutomationRule, PolicyRow, RuleDecision, Runbook
from remediation.rule_files import RuleError
from remediation.runbook_files import UnreadableFile

READ, WRITE = "monitoring:read", "remediation:execute"
LONGEST_FILE = rule_files.LARGEST


class AutomationRuleSerializer(serializers.ModelSerializer):
    """As in a file: `id` there is `key` here."""

    key = serializers.RegexField(r"\A[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}\Z", max_length=100, help_text="Its id in files. It stays.")
    match = serializers.DictField(help_text="alertname, labels, severity, kind, failure_type, min_confidence, time …; others are labels.")
    guards = serializers.DictField(
        required=False, help_text="cooldown, max_per_hour, blast_radius, breaker, maintenance, silenced, expires."
    )
    runbook = serializers.SlugRelatedField(slug_field="key", queryset=Runbook.objects.all(), allow_null=True, required=False)
    parameters = serializers.DictField(required=False, help_text="Of the runbook: values or templates.")
    action = serializers.DictField(required=False, help_text="provider, verb, params: instead of a runbook.")
    position = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    description = serializers.CharField(max_length=5_000, required=False, allow_blank=True)

    class Meta:
        model = AutomationRule
        fields = (
            "id", "key", "name", "description", "enabled", "dry_run", "position", "match", "guards", "runbook", "parameters", "action",
            "origin", "breaker_reset_at", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "origin", "breaker_reset_at", "created_at", "updated_at")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """As a file would have it, so that both are checked alike."""
        shown = rule_files.shown(self.instance) if self.instance else {}
        raw = {**shown, **{("id" if name == "key" else name): value for name, value in given.items()}}
        if "runbook" in given:
            raw["runbook"] = given["runbook"].key if given["runbook"] else None
        if self.instance and raw["id"] != self.instance.key:
            raise ValidationError({"key": ["The id of a rule stays."]})
        if raw.get("runbook") and "action" not in given:
            raw.pop("action", None)
        if raw.get("action") and "runbook" not in given:
            raw.pop("runbook", None)
            raw.pop("parameters", None)
        try:
            return {"spec": rule_files.parse({name: value for name, value in raw.items() if value not in (None, {})})}
        except RuleError as fault:
            raise _refused(fault) from fault

    def create(self, given: dict[str, Any]) -> AutomationRule:
        return self._save(given, new=True)

    def update(self, instance: AutomationRule, given: dict[str, Any]) -> AutomationRule:
        return self._save(given, new=False)

    def _save(self, given: dict[str, Any], new: bool) -> AutomationRule:
        try:
            return rule_editing.save(given["spec"], self.context["actor"], new=new)
        except RuleError as fault:
            raise _refused(fault) from fault


def _refused(fault: RuleError) -> ValidationError:
    field = fault.place.partition(".")[0] or "non_field_errors"
    return ValidationError({"key" if field == "id" else field: [fault.sentence]})


class RuleDecisionSerializer(serializers.ModelSerializer):
    rule: Any = serializers.SlugRelatedField(slug_field="key", read_only=True)

    class Meta:
        model = RuleDecision
        fields = ("id", "rule", "alert", "firing", "time", "outcome", "step", "reason", "facts", "execution")
        read_only_fields = fields


class RuleWhySerializer(serializers.Serializer):
    rule = serializers.CharField(source="rule.key")
    outcome = serializers.ChoiceField(RuleDecision.Outcome.values)
    step = serializers.CharField()
    reason = serializers.CharField()
    time = serializers.DateTimeField(allow_null=True, help_text="null: worked out now; the rule is about other alerts.")
    execution = serializers.IntegerField(source="stored.execution_id", default=None, allow_null=True)


class RuleFileSerializer(serializers.Serializer):
    text = serializers.CharField(max_length=LONGEST_FILE, trim_whitespace=False, help_text="YAML.")
    check = serializers.BooleanField(default=False, help_text="Only say what would be done.")


class RuleRefusedSerializer(serializers.Serializer):
    line = serializers.IntegerField()
    rule = serializers.CharField(source="runbook")
    place = serializers.CharField()
    text = serializers.CharField()


class RuleImportSerializer(serializers.Serializer):
    added = serializers.ListField(child=serializers.CharField())
    changed = serializers.ListField(child=serializers.CharField())
    same = serializers.ListField(child=serializers.CharField())
    refused = RuleRefusedSerializer(many=True)


_answers = {200: AutomationRuleSerializer, **REFUSALS}


@extend_schema_view(
    list=extend_schema(
        summary="Automation rules, in the order in which they are asked", responses={200: AutomationRuleSerializer(many=True), **REFUSALS}
    ),
    retrieve=extend_schema(summary="One automation rule", responses=_answers),
    create=extend_schema(summary="Add an automation rule", responses={201: AutomationRuleSerializer, **REFUSALS}),
    partial_update=extend_schema(summary="Change an automation rule", responses=_answers),
    destroy=extend_schema(summary="Delete an automation rule; its cases stay", responses={204: None, **REFUSALS}),
)
class AutomationRules(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin,
    viewsets.GenericViewSet[AutomationRule],
):  # fmt: skip
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": WRITE, "PATCH": WRITE, "DELETE": WRITE}
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = AutomationRuleSerializer
    queryset = AutomationRule.objects.select_related("runbook").order_by("position", "id")

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "actor": actor_of(self.request)}

    def perform_destroy(self, instance: AutomationRule) -> None:
        rule_editing.delete(instance, actor_of(self.request))

    @extend_schema(
        summary="Why it did or did not act, the newest first", responses={200: RuleDecisionSerializer(many=True), **REFUSALS},
        parameters=[OpenApiParameter("outcome", enum=list(RuleDecision.Outcome.values))],
    )  # fmt: skip
    @action(detail=True, methods=["get"])
    def decisions(self, request: Request, pk: str) -> Response:
        outcome = request.query_params.get("outcome", "")
        if outcome and outcome not in RuleDecision.Outcome.values:
            raise ValidationError({"outcome": [f"Choose one of {', '.join(RuleDecision.Outcome.values)}."]})
        rows: Any = decisions.history(self.get_object(), outcome)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(RuleDecisionSerializer(page, many=True).data)

    @extend_schema(summary="Close its circuit breaker: failures until now do not count any more", request=None, responses=_answers)
    @action(detail=True, methods=["post"])
    def reset(self, request: Request, pk: str) -> Response:
        rule = self.get_object()
        rule_editing.reset_breaker(rule, actor_of(request))
        return Response(self.get_serializer(rule).data)

    @extend_schema(
        summary="Import automation rules from YAML", request=RuleFileSerializer, responses={200: RuleImportSerializer, **REFUSALS}
    )
    @action(detail=False, methods=["post"], url_path="import")
    def import_rules(self, request: Request) -> Response:
        given = RuleFileSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            report = rule_editing.import_text(given.validated_data["text"], actor_of(request), given.validated_data["check"])
        except UnreadableFile as fault:
            raise ValidationError({"text": [str(fault)]}) from fault
        return Response(RuleImportSerializer(report).data)

    @extend_schema(
        summary="Every rule's word on one alert", responses={200: RuleWhySerializer(many=True), **REFUSALS},
        parameters=[OpenApiParameter("alert", int, OpenApiParameter.PATH)], filters=False,
    )  # fmt: skip
    @action(detail=False, methods=["get"], url_path=r"why/(?P<alert>\d{1,18})", pagination_class=None)
    def why(self, request: Request, alert: str) -> Response:
        found = get_object_or_404(Alert.objects.select_related("resource"), pk=int(alert))
        return Response(RuleWhySerializer(decisions.why(found), many=True).data)


# -- policy --------------------------------------------------------------------------------------------------------------
class PolicyRowSerializer(serializers.ModelSerializer):
    words = serializers.SerializerMethodField()

    class Meta:
        model = PolicyRow
        fields = ("id", "position", "name", "conditions", "words", "verdict", "enabled")
        read_only_fields = fields

    def get_words(self, row: PolicyRow) -> list[str]:
        return policy_table.words(row.conditions)


class PolicyInputsSerializer(serializers.Serializer):
    action = serializers.ChoiceField(policy.CLASSES)
    reversible = serializers.ChoiceField(["all", "some", "none"], default="none")
    reach = serializers.IntegerField(min_value=0, max_value=100_000, default=0, help_text="Resources that hang on the target.")
    verified = serializers.IntegerField(min_value=0, max_value=100_000, default=0)
    unverified = serializers.IntegerField(min_value=0, max_value=100_000, default=0)
    failed = serializers.IntegerField(min_value=0, max_value=100_000, default=0)
    maintenance = serializers.BooleanField(default=False)
    environment = serializers.CharField(max_length=100, default="", allow_blank=True)
    by = serializers.ChoiceField(policy_table.WORDS["by"], default="rule")
    kind = serializers.ChoiceField(policy_table.WORDS["kind"], default="manual")
    confidence = serializers.FloatField(min_value=0, max_value=1, allow_null=True, default=None)
    at = serializers.DateTimeField(required=False, help_text="Now, unless given.")


class PolicyFactorSerializer(serializers.Serializer):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field here, not DRF's attribute
    step = serializers.IntegerField()
    weight = serializers.FloatField()
    words = serializers.CharField()


class PolicyDecisionSerializer(serializers.Serializer):
    verdict = serializers.ChoiceField(PolicyRow.Verdict.values)
    needed = serializers.IntegerField(help_text="Approvers.")
    score = serializers.IntegerField()
    risk = serializers.ChoiceField(policy.CLASSES)
    row = serializers.CharField()
    words = serializers.CharField()
    factors = PolicyFactorSerializer(many=True)


class PolicyTable(mixins.ListModelMixin, viewsets.GenericViewSet[PolicyRow]):
    """The lines are changed in Django admin."""

    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": READ}
    serializer_class = PolicyRowSerializer
    queryset = PolicyRow.objects.order_by("position", "id")

    @extend_schema(summary="The policy table, in its order", responses={200: PolicyRowSerializer(many=True), **REFUSALS})
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(
        summary="What the policy would say; nothing is stored",
        request=PolicyInputsSerializer,
        responses={200: PolicyDecisionSerializer, **REFUSALS},
    )
    @action(detail=False, methods=["post"], url_path="try")
    def try_it(self, request: Request) -> Response:
        given = PolicyInputsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        facts = dict(given.validated_data)
        at = timezone.localtime(facts.pop("at", None) or timezone.now())
        decision = policy.decide(policy.Inputs(at=at, record_of="here", **facts), policy_table.rows())
        return Response(PolicyDecisionSerializer(decision).data, status=status.HTTP_200_OK)
