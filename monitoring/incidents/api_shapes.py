"""What the API of incidents takes and gives."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.models import User
from monitoring.alerts.api_alerts import ChangedSerializer as ChangedSerializer
from monitoring.alerts.models import Severity
from monitoring.incidents.lifecycle import MOST_NOTES, VERBS
from monitoring.incidents.models import Incident, IncidentAlert, StatusChange, TimelineEntry

LARGEST_ID = 2**62
MOST_AT_ONCE = 10_000


def _ids(minimum: int = 1, **rest: Any) -> serializers.ListField:
    one = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    return serializers.ListField(child=one, min_length=minimum, max_length=MOST_AT_ONCE, help_text="ids", **rest)


def _note() -> serializers.CharField:
    return serializers.CharField(required=False, default="", allow_blank=True, max_length=5000)


class IncidentSerializer(serializers.ModelSerializer):
    number = serializers.CharField(read_only=True)
    services = serializers.ListField(child=serializers.CharField())
    resolution = serializers.CharField(help_text="recovered, manual or merged; empty while it goes on")

    class Meta:
        model = Incident
        fields = (
            "id", "number", "title", "severity", "status", "commander", "manual", "root_alert", "services", "alert_count", "started_at",
            "detected_at", "opened_at", "last_alert_at", "acknowledged_at", "mitigated_at", "resolved_at", "resolution", "merged_into",
        )  # fmt: skip
        read_only_fields = fields


class IncidentStepSerializer(serializers.ModelSerializer):
    class Meta:
        model = StatusChange
        fields = ("time", "before", "after", "reason", "actor")
        read_only_fields = fields


class IncidentDetailSerializer(IncidentSerializer):
    status_changes = serializers.SerializerMethodField()

    class Meta:
        model = Incident
        fields = (*IncidentSerializer.Meta.fields, "notes_md", "status_changes")
        read_only_fields = fields

    @extend_schema_field(IncidentStepSerializer(many=True))
    def get_status_changes(self, incident: Incident) -> list[dict[str, Any]]:
        return list(IncidentStepSerializer(incident.status_changes.order_by("-id")[:200], many=True).data)


class IncidentMemberSerializer(serializers.ModelSerializer):
    name = serializers.CharField(source="alert.name")
    severity = serializers.ChoiceField(Severity.values, source="alert.severity")
    state = serializers.CharField(source="alert.state")
    resource = serializers.IntegerField(source="alert.resource_id", allow_null=True)
    fired_at = serializers.DateTimeField(source="alert.fired_at", allow_null=True)
    resolved_at = serializers.DateTimeField(source="alert.resolved_at", allow_null=True)

    class Meta:
        model = IncidentAlert
        fields = (
            "alert", "name", "severity", "state", "resource", "fired_at", "resolved_at", "role", "relation", "reason", "joined_at", "actor",
        )  # fmt: skip
        read_only_fields = fields


class TimelineEntrySerializer(serializers.ModelSerializer):
    data = serializers.DictField()  # type: ignore[assignment]  # a field here, not DRF's attribute

    class Meta:
        model = TimelineEntry
        fields = ("id", "time", "kind", "text", "actor", "url", "data")
        read_only_fields = fields


class _Led(serializers.Serializer):
    commander = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=LARGEST_ID, help_text="a person's id")
    started_at = serializers.DateTimeField(required=False, help_text="when the impact began; of incidents opened by hand")

    def validate_commander(self, given: int | None) -> User | None:
        if given is None:
            return None
        found = User.objects.filter(pk=given, is_active=True).first()
        if found is None:
            raise ValidationError("There is no such person.")
        return found

    def validate_started_at(self, given: Any) -> Any:
        if given > timezone.now():
            raise ValidationError("The impact cannot begin in the future.")
        return given


class IncidentNewSerializer(_Led):
    title = serializers.CharField(max_length=300)
    severity = serializers.ChoiceField(Severity.values)
    alerts = _ids(0, required=False, default=list)


class IncidentEditSerializer(_Led):
    title = serializers.CharField(required=False, max_length=300)
    severity = serializers.ChoiceField(Severity.values, required=False)
    notes_md = serializers.CharField(
        required=False, allow_blank=True, max_length=MOST_NOTES, trim_whitespace=False, help_text="Markdown: what was learned"
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if not given:
            raise ValidationError("Say what to change: title, severity, commander, started_at or notes_md.")
        return given


class IncidentActionSerializer(serializers.Serializer):
    action = serializers.ChoiceField(tuple(VERBS))
    incidents = _ids()
    note = _note()
    with_alerts = serializers.BooleanField(required=False, default=False, help_text="resolve the alerts with it")


class IncidentMergeSerializer(serializers.Serializer):
    incidents = _ids()
    note = _note()


class IncidentSplitSerializer(serializers.Serializer):
    alerts = _ids()
    title = serializers.CharField(required=False, default="", allow_blank=True, max_length=300)


class IncidentMembersSerializer(serializers.Serializer):
    action = serializers.ChoiceField(("add", "take_out"))
    alerts = _ids()


class TimelineNoteSerializer(serializers.Serializer):
    text = serializers.CharField(max_length=5000)
