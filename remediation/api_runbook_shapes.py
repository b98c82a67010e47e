"""Shapes of runbooks in the API: what is read and what is sent."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from remediation import runbook_files
from remediation.models import Runbook, RunbookVersion
from remediation.spec import Spec, SpecError, parse
from remediation.track_record import Record


class RecordSerializer(serializers.Serializer):
    verified = serializers.IntegerField(help_text="Runs that were seen to help, of half a year.")
    unverified = serializers.IntegerField(help_text="Runs that nobody could judge.")
    failed = serializers.IntegerField()
    rate = serializers.FloatField(allow_null=True, help_text="Verified of those that could be judged, 0 to 1.")


class RunbookSerializer(serializers.ModelSerializer):
    version = serializers.IntegerField(source="current.number", default=None, allow_null=True, help_text="The current one's number.")
    risk = serializers.SerializerMethodField(help_text="As it says itself; that of its actions counts when it is higher.")
    record = serializers.SerializerMethodField()

    class Meta:
        model = Runbook
        fields: tuple[str, ...] = (
            "id", "key", "name", "description", "enabled", "origin", "version", "risk", "record", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_risk(self, runbook: Runbook) -> str:
        return str(runbook.current.spec.get("risk", "medium")) if runbook.current else ""

    @extend_schema_field(RecordSerializer)
    def get_record(self, runbook: Runbook) -> dict[str, Any]:
        found = self.context.get("records", {}).get(runbook.pk, Record())
        return {"verified": found.verified, "unverified": found.unverified, "failed": found.failed, "rate": found.rate}


class RunbookDetailSerializer(RunbookSerializer):
    spec = serializers.JSONField(source="current.spec", default=None, help_text="What its YAML says.")

    class Meta(RunbookSerializer.Meta):
        fields = (*RunbookSerializer.Meta.fields, "spec")
        read_only_fields = fields


class VersionSerializer(serializers.ModelSerializer):
    spec = serializers.JSONField()

    class Meta:
        model = RunbookVersion
        fields = ("number", "comment", "actor", "created_at", "spec")
        read_only_fields = fields


class WrittenSerializer(serializers.Serializer):
    """A runbook as an object or as YAML."""

    spec = serializers.JSONField(required=False, help_text="What its YAML says, as an object.")
    text = serializers.CharField(required=False, max_length=100_000, trim_whitespace=False, help_text="YAML; instead of spec.")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("spec" in given) == ("text" in given):
            raise serializers.ValidationError("Send either spec or text.")
        return {**given, "read": _from_text(given["text"]) if "text" in given else _from_object(given["spec"])}


def _from_object(raw: Any) -> Spec:
    try:
        return parse(raw)
    except SpecError as fault:
        raise serializers.ValidationError({"spec": str(fault)}) from None


def _from_text(text: str) -> Spec:
    try:
        read = runbook_files.load(text)
    except runbook_files.UnreadableFile as fault:
        raise serializers.ValidationError({"text": str(fault)}) from None
    if read.refused:
        one = read.refused[0]
        raise serializers.ValidationError(
            {"text": f"Line {one.line}: {one.place}: {one.text}" if one.place else f"Line {one.line}: {one.text}"}
        )
    if len(read.specs) != 1:
        raise serializers.ValidationError({"text": "One runbook is sent at a time; import takes several."})
    return read.specs[0]


class SavedSerializer(WrittenSerializer):
    comment = serializers.CharField(required=False, default="", allow_blank=True, max_length=300, help_text="What changes, and why.")


class TriedSerializer(WrittenSerializer):
    alert = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=2**63 - 1, help_text="id: what it is filled in with"
    )
    parameters = serializers.DictField(required=False, default=dict, help_text="{name: value}; the others have their defaults")


class FindingSerializer(serializers.Serializer):
    level = serializers.ChoiceField(["error", "warning", "note"])
    place = serializers.CharField(help_text="steps[2].action.verb")
    text = serializers.CharField()


class FindingsSerializer(serializers.Serializer):
    findings = FindingSerializer(many=True)


class PlanSerializer(serializers.Serializer):
    plan = serializers.JSONField(help_text="Everything filled in.")


class RestoredSerializer(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class RunbookFileSerializer(serializers.Serializer):
    file = serializers.CharField(max_length=200, required=False, default="api.yml")
    text = serializers.CharField(max_length=runbook_files.LARGEST, trim_whitespace=False, help_text="YAML of one or several runbooks.")
    check = serializers.BooleanField(required=False, default=False, help_text="Only say what would be done.")


class RunbookNoteSerializer(serializers.Serializer):
    line = serializers.IntegerField()
    runbook = serializers.CharField()
    place = serializers.CharField()
    text = serializers.CharField()


class RunbookReportSerializer(serializers.Serializer):
    file = serializers.CharField()
    added = serializers.ListField(child=serializers.CharField())
    changed = serializers.ListField(child=serializers.CharField())
    same = serializers.ListField(child=serializers.CharField())
    refused = RunbookNoteSerializer(many=True)


class ChangeSerializer(serializers.Serializer):
    place = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class DiffSerializer(serializers.Serializer):
    changes = ChangeSerializer(many=True)
    diff = serializers.CharField(help_text="Of the two as YAML, line by line.")
