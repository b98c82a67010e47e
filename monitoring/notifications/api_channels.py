"""Channels for programs: see, add, change, test. Secrets come in and never go out."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError as Invalid
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from aiops.refusals import REFUSALS
from monitoring.alerts.api_alerts import actor_of
from monitoring.notifications import editing, send
from monitoring.notifications.channels.base import CHANNELS, known_kinds
from monitoring.notifications.models import Channel
from monitoring.notifications.notice import NotSent

READ, WRITE = "monitoring:read", "notifications:write"
PERMISSION = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": WRITE, "PATCH": WRITE, "DELETE": WRITE}
METHODS = ["get", "post", "patch", "delete", "head", "options"]
STATUSES = ["ok", "failing", "dead", "waiting", "disabled"]
Answers = Mapping[int, Any]  # by status: a serializer, or None
STATE = ("status", "last_attempt", "last_success", "last_answer", "failures", "dead_since")


class InUse(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "It is in use."


class Refused(APIException):
    """The channel's receiver did not take it: not the caller's fault, and not ours."""

    status_code = status.HTTP_502_BAD_GATEWAY
    default_detail = "The channel did not take it."


class Days(serializers.ListField):
    child = serializers.IntegerField()

    def __init__(self, **fields: Any) -> None:
        super().__init__(**{"required": False, "max_length": 7, "help_text": "0 = Monday; none = every day", **fields})


def cleaned(row: Any) -> None:
    """What the model itself refuses, as the API says it."""
    try:
        row.clean()
    except Invalid as fault:
        raise ValidationError({field: messages[0] for field, messages in fault.message_dict.items()}) from None


class ChannelSerializer(serializers.ModelSerializer):
    config = serializers.DictField(required=False, help_text="The fields that the kind declares, without secrets: see kinds/.")
    secrets = serializers.DictField(
        child=serializers.CharField(), required=False, write_only=True, help_text="Never shown again; what is left out is kept."
    )
    stored_secrets = serializers.SerializerMethodField()
    quiet_days = Days()
    status = serializers.ChoiceField(STATUSES, read_only=True)

    class Meta:
        model = Channel
        fields = (
            "id", "name", "kind", "enabled", "config", "secrets", "stored_secrets", "quiet_from", "quiet_to", "quiet_days", "quiet_except",
            "time_zone", *STATE,
        )  # fmt: skip
        read_only_fields = ("id", *STATE)

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        fields["kind"] = serializers.ChoiceField(sorted(CHANNELS))
        return fields

    def get_stored_secrets(self, channel: Channel) -> list[str]:
        """Names only."""
        return sorted(name for name, value in channel.secrets.items() if value)

    def validate_kind(self, kind: str) -> str:
        if self.instance and kind != self.instance.kind:
            raise ValidationError("The kind of a channel cannot be changed; add another channel.")
        return kind

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """`row` is what is stored afterwards; what it was before stays with `self.instance`."""
        row = Channel.objects.get(pk=self.instance.pk) if self.instance else Channel(kind=given["kind"])
        config, secrets = given.pop("config", None), given.pop("secrets", {})
        for name, value in given.items():
            setattr(row, name, value)
        if self.instance is None or config is not None or secrets:
            faults = editing.configure(row, dict(row.config) if config is None else config, secrets)
            if faults:
                raise ValidationError({"config": [f"{name}: {messages[0]}" for name, messages in faults.items()]})
        cleaned(row)
        return {"row": row}

    def create(self, given: dict[str, Any]) -> Channel:
        return editing.save_channel(given["row"], self.context["actor"])

    def update(self, channel: Channel, given: dict[str, Any]) -> Channel:
        row = given["row"]
        changed = dict(channel.secrets) != dict(row.secrets)
        return editing.save_channel(row, self.context["actor"], editing.snapshot(channel), changed)


class AnswerSerializer(serializers.Serializer):
    status = serializers.IntegerField(help_text="HTTP or SMTP code, 0 where there is none")
    detail = serializers.CharField()
    external_id = serializers.CharField()


class FieldSerializer(serializers.Serializer):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field here, not DRF's attribute
    secret = serializers.BooleanField()
    required = serializers.BooleanField()  # type: ignore[assignment]
    help_text = serializers.CharField()  # type: ignore[assignment]


class KindSerializer(serializers.Serializer):
    kind = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    about = serializers.CharField()
    fields = FieldSerializer(many=True)  # type: ignore[assignment]


class Editable(viewsets.GenericViewSet):
    """What notifications are made of: by whoever may change them, with an audit entry."""

    permission: Any = PERMISSION
    http_method_names = METHODS
    lookup_value_regex = r"\d{1,18}"

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "actor": actor_of(self.request)}

    def perform_destroy(self, row: Any) -> None:
        try:
            editing.delete(row, actor_of(self.request))
        except editing.InUse as fault:
            raise InUse(fault.message) from None


class Whole(
    Editable, mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin
):
    """List, one, add, change, delete."""


IN_USE = {204: None, **REFUSALS, 409: REFUSALS[400]}


def described(
    shown: type[serializers.BaseSerializer[Any]], many: str, one: str, change: str = "", delete: str = "", gone: Answers = IN_USE
) -> Callable[[type[Whole]], type[Whole]]:
    """What the documentation says of a whole API: `one` with its article; `change` and `delete` add to the usual sentence."""
    answers: Answers = {200: shown, **REFUSALS}
    return extend_schema_view(
        list=extend_schema(summary=many, responses={200: shown(many=True), **REFUSALS}),
        retrieve=extend_schema(summary=f"One {one.partition(' ')[2]}", responses=answers),
        create=extend_schema(summary=f"Add {one}", responses={**REFUSALS, 201: shown}),
        partial_update=extend_schema(summary=f"Change {one}{change}", responses=answers),
        destroy=extend_schema(summary=f"Delete {one}{delete}", responses=gone),
    )


@described(ChannelSerializer, "Channels", "a channel", delete="; its history stays")
class Channels(Whole):
    serializer_class = ChannelSerializer
    queryset = Channel.objects.order_by("name")

    @extend_schema(
        summary="Send a test over a channel, at once", request=None, responses={200: AnswerSerializer, **REFUSALS, 502: REFUSALS[400]}
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        try:
            answer = send.send_test(self.get_object(), actor_of(request))
        except NotSent as fault:
            raise Refused(fault.message) from None
        return Response({"status": answer.status, "detail": answer.detail, "external_id": answer.external_id})

    @extend_schema(summary="The kinds of channels and what each is configured by", responses={200: KindSerializer(many=True), **REFUSALS})
    @action(detail=False, methods=["get"], pagination_class=None)
    def kinds(self, request: Request) -> Response:
        return Response([_kind(kind, plugin) for kind, plugin in known_kinds()])


def _kind(kind: str, plugin: Any) -> dict[str, Any]:
    fields = [
        {
            "name": name, "label": str(field.label or name), "secret": name in plugin.secret_fields, "required": field.required,
            "help_text": str(field.help_text),
        }
        for name, field in plugin.Config().fields.items()
    ]  # fmt: skip
    return {"kind": kind, "label": plugin.label, "about": plugin.about, "fields": fields}
