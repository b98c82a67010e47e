"""Sources for programs: see, add, change, poll now."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from aiops.plugins import PluginError
from aiops.refusals import REFUSALS
from monitoring.ingest.models import Sender
from monitoring.sources import doors, editing, push, tasks
from monitoring.sources.models import Source, Target
from monitoring.sources.pollers.base import POLLERS, poller_class

READ, WRITE = "monitoring:read", "monitoring:write"
STATUSES = ["ok", "failing", "broken", "stale", "waiting", "disabled"]
STATE = (
    "status",
    "last_attempt",
    "last_success",
    "last_error",
    "last_error_at",
    "failures",
    "broken_until",
    "last_samples",
    "last_duration_ms",
)


class Busy(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "The source is disabled or being polled at this moment."


class SourceSerializer(serializers.ModelSerializer):
    interval = serializers.IntegerField(min_value=1, max_value=editing.LONGEST_INTERVAL, required=False)
    timeout = serializers.IntegerField(min_value=1, max_value=editing.LONGEST_TIMEOUT, required=False)
    config = serializers.DictField(required=False, help_text="The fields that the kind declares, without secrets.")
    secrets = serializers.DictField(
        child=serializers.CharField(), required=False, write_only=True, help_text="Never shown again; what is left out is kept."
    )
    status = serializers.ChoiceField(STATUSES, read_only=True)
    next_due = serializers.DateTimeField(read_only=True, allow_null=True)

    class Meta:
        model = Source
        fields = ("id", "name", "kind", "enabled", "interval", "timeout", "config", "secrets", "next_due", *STATE)
        read_only_fields = ("id", "next_due", *STATE)

    def get_fields(self) -> dict[str, serializers.Field]:
        """The kinds are asked for now, not when this module was imported: another app may add one at its start."""
        fields = super().get_fields()
        fields["kind"] = serializers.ChoiceField([*sorted(POLLERS), *(f"{doors.PUSHED}{door}" for door in doors.DOORS)])
        return fields

    def validate_kind(self, kind: str) -> str:
        if self.instance and kind != self.instance.kind:
            raise serializers.ValidationError("The kind of a source cannot be changed; add another source.")
        if not self.instance and kind.startswith(doors.PUSHED):
            raise serializers.ValidationError("A sender's source is made by its first request; it cannot be added.")
        return kind

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """Config and secrets by the form that the kind declares."""
        if self.instance and not {"config", "secrets"} & given.keys():
            return given
        kind = self.instance.kind if self.instance else given["kind"]
        config = given.get("config", dict(self.instance.config) if self.instance else {})
        try:
            form = editing.config_form(kind, self.instance, {**config, **given.get("secrets", {})}, prefix=None)
            self._refuse_unknown(form, config, given.get("secrets", {}))
            given["config"], given["secrets"] = editing.split(poller_class(kind), form, self.instance)
        except PluginError as fault:
            raise serializers.ValidationError({"kind": fault.message}) from None
        return given

    def _refuse_unknown(self, form: Any, config: dict[str, Any], secrets: dict[str, Any]) -> None:
        if unknown := sorted({*config, *secrets} - form.fields.keys()):
            raise serializers.ValidationError(
                {"config": f"{unknown[0]} is not a field of this kind; known are {', '.join(form.fields) or 'none'}."}
            )
        if not form.is_valid():
            raise serializers.ValidationError({"config": [f"{name}: {errors[0]}" for name, errors in form.errors.items()]})

    def create(self, given: dict[str, Any]) -> Source:
        poller = poller_class(given["kind"])
        usual = {"interval": poller.usual_interval, "timeout": poller.usual_timeout}
        with transaction.atomic():
            return editing.save(Source(**{**usual, **given}), None)

    def update(self, source: Source, given: dict[str, Any]) -> Source:
        before, stored = editing.snapshot(source), dict(source.secrets)
        for name, value in given.items():
            setattr(source, name, value)
        with transaction.atomic():
            editing.save(source, before, secrets_changed=source.secrets != stored)
        source.refresh_from_db()
        return source


class TargetSerializer(serializers.ModelSerializer):
    labels = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = Target
        fields = ("address", "labels", "up", "error", "asked_at", "changed_at", "duration_ms", "samples")
        read_only_fields = fields


class SenderSerializer(serializers.ModelSerializer):
    refused = serializers.DictField(child=serializers.IntegerField(), help_text="By reason.")
    examples = serializers.ListField(child=serializers.DictField(), help_text="What was refused last, oldest first.")
    samples_per_second = serializers.FloatField(allow_null=True, required=False, help_text="Over the last minutes.")

    class Meta:
        model = Sender
        fields = ("door", "name", "first_seen", "last_seen", "samples", "refused", "examples", "samples_per_second")
        read_only_fields = fields


_answers = {200: SourceSerializer, **REFUSALS}


@extend_schema_view(
    list=extend_schema(summary="Sources", responses={200: SourceSerializer(many=True), **REFUSALS}),
    retrieve=extend_schema(summary="One source", responses=_answers),
    create=extend_schema(summary="Add a source", responses={**_answers, 201: SourceSerializer}),
    partial_update=extend_schema(summary="Change a source", responses=_answers),
)
class Sources(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, mixins.UpdateModelMixin, viewsets.GenericViewSet[Source]
):
    permission = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": WRITE, "PATCH": WRITE}
    http_method_names = ["get", "post", "patch", "head", "options"]
    serializer_class = SourceSerializer
    queryset = Source.objects.order_by("name")

    @extend_schema(summary="Poll a source now", request=None, responses={202: SourceSerializer, **REFUSALS, 409: REFUSALS[400]})
    @action(detail=True, methods=["post"])
    def poll(self, request: Request, pk: str) -> Response:
        source = self.get_object()
        if source.pushed:
            raise Busy("The source sends of its own accord and is never polled.")
        with transaction.atomic():
            lease = editing.poll_now(source)
            if not lease:
                raise Busy
            transaction.on_commit(lambda: tasks.hand_over([source.pk], lease))
        return Response(self.get_serializer(source).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        summary="The targets of a source that has several, and how each did last", responses={200: TargetSerializer(many=True), **REFUSALS}
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def targets(self, request: Request, pk: str) -> Response:
        return Response(TargetSerializer(self.get_object().targets.order_by("address"), many=True).data)

    @extend_schema(summary="What a source that pushes has sent, and what of it was refused", responses={200: SenderSerializer, **REFUSALS})
    @action(detail=True, methods=["get"])
    def sender(self, request: Request, pk: str) -> Response:
        source = self.get_object()
        found = push.delivered(source) if source.pushed else None
        if found is None:
            raise NotFound("This source is polled, or its sender is gone.")
        return Response({**SenderSerializer(found.sender).data, "samples_per_second": found.rate})

    @extend_schema(summary="Close a source's circuit; it is due at once", request=None, responses=_answers)
    @action(detail=True, methods=["post"])
    def reset(self, request: Request, pk: str) -> Response:
        source = self.get_object()
        with transaction.atomic():
            editing.reset(source)
        source.refresh_from_db()
        return Response(self.get_serializer(source).data)
