"""What the API of cases takes and gives."""

import re
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from monitoring.alerts.models import Alert
from monitoring.incidents.models import Incident
from monitoring.inventory.models import Resource
from remediation import lines as output
from remediation.models import Approval, Execution, KillSwitch, LogLine, Provider, Runbook, Step, Transition, Vote
from remediation.switches import ALL

MOST_TEXT = 2000
_SCOPE = re.compile(r"provider:([1-9][0-9]{0,17})")


class ExecutionSerializer(serializers.ModelSerializer):
    number = serializers.CharField(read_only=True)
    checks = serializers.ListField(child=serializers.DictField())

    class Meta:
        model = Execution
        fields = (
            "id", "number", "case", "title", "state", "dry_run", "runbook", "version", "rule", "alert", "incident", "resource", "target",
            "cause", "requested_by", "requester", "risk", "score", "verification", "checks", "outcome", "parameters", "created_at",
            "approved_at", "started_at", "verifying_at", "finished_at", "escalated_at", "cancel_asked_at", "undo_asked_at",
        )  # fmt: skip
        read_only_fields = fields


class CaseTransitionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Transition
        fields = ("time", "before", "after", "reason", "actor")
        read_only_fields = fields


class CaseStepSerializer(serializers.ModelSerializer):
    class Meta:
        model = Step
        fields = (
            "id", "phase", "position", "name", "title", "kind", "provider", "state", "attempts", "detail", "started_at", "finished_at",
            "deadline",
        )  # fmt: skip
        read_only_fields = fields


class CaseLineSerializer(serializers.ModelSerializer):
    level = serializers.ChoiceField(output.LEVELS)

    class Meta:
        model = LogLine
        fields = ("id", "step", "time", "level", "text")
        read_only_fields = fields


class CaseVoteShownSerializer(serializers.ModelSerializer):
    class Meta:
        model = Vote
        fields = ("user", "name", "granted", "comment", "time", "via")
        read_only_fields = fields


class ApprovalSerializer(serializers.ModelSerializer):
    title = serializers.CharField(source="execution.title", read_only=True)
    votes = CaseVoteShownSerializer(many=True, read_only=True)

    class Meta:
        model = Approval
        fields = ("id", "execution", "step", "title", "state", "needed", "asked_at", "expires_at", "closed_at", "digest", "votes")
        read_only_fields = fields


class ExecutionDetailSerializer(ExecutionSerializer):
    plan = serializers.DictField()
    decision = serializers.DictField()
    preview = serializers.DictField()
    evidence = serializers.DictField()
    steps = serializers.SerializerMethodField()
    transitions = serializers.SerializerMethodField()
    approvals = serializers.SerializerMethodField()

    class Meta:
        model = Execution
        fields = (*ExecutionSerializer.Meta.fields, "plan", "decision", "preview", "evidence", "steps", "transitions", "approvals")
        read_only_fields = fields

    @extend_schema_field(CaseStepSerializer(many=True))
    def get_steps(self, execution: Execution) -> list[dict[str, Any]]:
        return list(CaseStepSerializer(execution.steps.order_by("id"), many=True).data)

    @extend_schema_field(CaseTransitionSerializer(many=True))
    def get_transitions(self, execution: Execution) -> list[dict[str, Any]]:
        return list(CaseTransitionSerializer(execution.transitions.order_by("id"), many=True).data)

    @extend_schema_field(ApprovalSerializer(many=True))
    def get_approvals(self, execution: Execution) -> list[dict[str, Any]]:
        rows = execution.approvals.select_related("execution").prefetch_related("votes").order_by("id")
        return list(ApprovalSerializer(rows, many=True).data)


# -- what is asked for ---------------------------------------------------------------------------------------------------
class ProposedActionSerializer(serializers.Serializer):
    provider = serializers.CharField(max_length=150, help_text="name of a provider, or a kind that there is one of")
    verb = serializers.CharField(max_length=64)
    params = serializers.DictField(required=False, default=dict)


class ProposalSerializer(serializers.Serializer):
    runbook = serializers.CharField(max_length=100, required=False, help_text="its id or its key")
    action = ProposedActionSerializer(required=False, help_text="one action of a provider, instead of a runbook")
    parameters = serializers.DictField(required=False, default=dict)
    alert = serializers.PrimaryKeyRelatedField(queryset=Alert.objects.all(), required=False, allow_null=True)
    incident = serializers.PrimaryKeyRelatedField(queryset=Incident.objects.all(), required=False, allow_null=True)
    resource = serializers.PrimaryKeyRelatedField(queryset=Resource.objects.all(), required=False, allow_null=True)
    target = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)
    dry_run = serializers.BooleanField(required=False, default=False)

    def validate_runbook(self, given: str) -> Runbook:
        by_id = given.isdecimal() and given.isascii() and len(given) < 19
        found = Runbook.objects.filter(**({"pk": int(given)} if by_id else {"key": given})).first()
        if found is None:
            raise ValidationError("There is no such runbook.")
        return found

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("runbook" in given) == ("action" in given):
            raise ValidationError("Give a runbook or an action, one of them.")
        return given


class CaseReasonSerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=300)


class CaseCommentSerializer(serializers.Serializer):
    comment = serializers.CharField(max_length=MOST_TEXT, required=False, default="", allow_blank=True)


class CaseVoteSerializer(CaseCommentSerializer):
    granted = serializers.BooleanField()


class CaseSwitchSerializer(serializers.ModelSerializer):
    class Meta:
        model = KillSwitch
        fields = ("scope", "on", "reason", "actor", "changed_at")
        read_only_fields = fields


class CaseTurnSerializer(serializers.Serializer):
    scope = serializers.CharField(max_length=40, help_text="all, or provider: and its id")
    on = serializers.BooleanField(help_text="true: nothing new begins")
    reason = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)

    def validate_scope(self, given: str) -> str:
        match = _SCOPE.fullmatch(given)
        if given != ALL and not (match and Provider.objects.filter(pk=int(match[1])).exists()):
            raise ValidationError("Write all, or provider: and the id of a provider.")
        return given

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["on"] and not given["reason"].strip():
            raise ValidationError({"reason": "Say why, in a few words."})
        return given
