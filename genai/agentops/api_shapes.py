"""What the API of agents gives and takes."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from genai.agentops.dismissing import LONGEST
from genai.tracing.models import Agent, AgentRun, AgentStep, Evaluation, SecurityFinding


class AgentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Agent
        fields = ("id", "key", "name", "own", "resource", "first_seen", "last_seen")
        read_only_fields = fields


class AgentExecutionSerializer(serializers.ModelSerializer):
    agent = serializers.CharField(source="agent.key", read_only=True)

    class Meta:
        model = AgentRun
        fields = (
            "id", "agent", "external_id", "title", "state", "reason", "user", "subject", "started_at", "ended_at", "latency_ms",
            "steps_count", "tool_calls", "tokens_in", "tokens_out", "cost", "findings_count", "score",
        )  # fmt: skip
        read_only_fields = fields


class AgentStepSerializer(serializers.ModelSerializer):
    arguments = serializers.DictField(read_only=True)

    class Meta:
        model = AgentStep
        fields = (
            "id", "number", "parent", "kind", "name", "detail", "state", "started_at", "latency_ms", "tokens_in", "tokens_out", "cost",
            "arguments", "result",
        )  # fmt: skip
        read_only_fields = fields


class AgentEvaluationSerializer(serializers.ModelSerializer):
    execution = serializers.IntegerField(source="run_id", read_only=True)
    agent = serializers.CharField(source="run.agent.key", read_only=True)

    class Meta:
        model = Evaluation
        fields = ("id", "execution", "agent", "name", "score", "comment", "judged_by", "time")
        read_only_fields = fields


class AgentFindingSerializer(serializers.ModelSerializer):
    execution = serializers.IntegerField(source="run_id", read_only=True, allow_null=True)

    class Meta:
        model = SecurityFinding
        fields = (
            "id", "execution", "step", "kind", "severity", "where", "excerpt", "action", "state", "state_reason", "state_actor", "time",
        )  # fmt: skip
        read_only_fields = fields


class AgentExecutionDetailSerializer(AgentExecutionSerializer):
    steps = serializers.SerializerMethodField()
    evaluations = serializers.SerializerMethodField()
    findings = serializers.SerializerMethodField()

    class Meta:
        model = AgentRun
        fields = (*AgentExecutionSerializer.Meta.fields, "steps", "evaluations", "findings")
        read_only_fields = fields

    @extend_schema_field(AgentStepSerializer(many=True))
    def get_steps(self, run: AgentRun) -> list[dict[str, Any]]:
        return list(AgentStepSerializer(run.steps.order_by("number")[:500], many=True).data)

    @extend_schema_field(AgentEvaluationSerializer(many=True))
    def get_evaluations(self, run: AgentRun) -> list[dict[str, Any]]:
        return list(AgentEvaluationSerializer(run.evaluations.select_related("run__agent").order_by("id"), many=True).data)

    @extend_schema_field(AgentFindingSerializer(many=True))
    def get_findings(self, run: AgentRun) -> list[dict[str, Any]]:
        return list(AgentFindingSerializer(run.findings.order_by("id"), many=True).data)


class FindingDismissalSerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=LONGEST)
    alike = serializers.BooleanField(default=False, help_text="also open ones with the same text in the same place")
