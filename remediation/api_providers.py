"""Providers for programs: see, add, change, check. Secrets come in and never go out."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from aiops.refusals import ERROR, REFUSALS
from monitoring.alerts.api_alerts import actor_of
from remediation import case_words, provider_editing
from remediation.models import Provider
from remediation.providers.base import PROVIDERS, known_kinds

READ, EXECUTE, CONFIGURE = "monitoring:read", "remediation:execute", "remediation:configure"
KINDS, HEALTH = sorted(PROVIDERS), list(case_words.HEALTH)
STATE = ("health", "checked_at", "check_error", "check_detail", "last_used")


class InUse(APIException):
    status_code = status.HTTP_409_CONFLICT


class ProviderSerializer(serializers.ModelSerializer):
    config = serializers.DictField(required=False, help_text="The fields that the kind declares, without secrets: see kinds/.")
    secrets = serializers.DictField(
        child=serializers.CharField(), required=False, write_only=True, help_text="Never shown again; what is left out is kept."
    )
    stored_secrets = serializers.SerializerMethodField()
    health = serializers.ChoiceField(HEALTH, read_only=True)

    class Meta:
        model = Provider
        fields = ("id", "name", "kind", "enabled", "config", "secrets", "stored_secrets", *STATE)
        read_only_fields = ("id", *STATE)

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        fields["kind"] = serializers.ChoiceField(sorted(PROVIDERS))
        return fields

    def get_stored_secrets(self, provider: Provider) -> list[str]:
        """Names only."""
        return sorted(name for name, value in provider.secrets.items() if value)

    def validate_kind(self, kind: str) -> str:
        if self.instance and kind != self.instance.kind:
            raise ValidationError("The kind of a provider cannot be changed; add another provider.")
        return kind

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """`row` is what is stored afterwards; what it was before stays with `self.instance`."""
        row = Provider.objects.get(pk=self.instance.pk) if self.instance else Provider(kind=given["kind"])
        config, secrets = given.pop("config", None), given.pop("secrets", {})
        for name, value in given.items():
            setattr(row, name, value)
        if self.instance is None or config is not None or secrets:
            faults = provider_editing.configure(row, dict(row.config) if config is None else config, secrets)
            if faults:
                raise ValidationError({"config": [f"{name}: {messages[0]}" for name, messages in faults.items()]})
        return {"row": row}

    def create(self, given: dict[str, Any]) -> Provider:
        return provider_editing.save(given["row"], self.context["actor"])

    def update(self, provider: Provider, given: dict[str, Any]) -> Provider:
        row = given["row"]
        changed = dict(provider.secrets) != dict(row.secrets)
        return provider_editing.save(row, self.context["actor"], provider_editing.snapshot(provider), changed)


class ProviderCheckedSerializer(serializers.Serializer):
    worked = serializers.BooleanField()
    said = serializers.CharField()


class ProviderParameterSerializer(serializers.Serializer):
    name = serializers.CharField()
    type = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field here, not DRF's attribute
    about = serializers.CharField()
    required = serializers.BooleanField()  # type: ignore[assignment]


class ProviderVerbSerializer(serializers.Serializer):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    risk = serializers.CharField()
    reversible = serializers.BooleanField()
    rehearsable = serializers.BooleanField()
    parameters = ProviderParameterSerializer(many=True)


class ProviderFieldSerializer(serializers.Serializer):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    secret = serializers.BooleanField()
    required = serializers.BooleanField()  # type: ignore[assignment]
    help_text = serializers.CharField()  # type: ignore[assignment]


class ProviderKindSerializer(serializers.Serializer):
    kind = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    about = serializers.CharField()
    fields = ProviderFieldSerializer(many=True)  # type: ignore[assignment]
    verbs = ProviderVerbSerializer(many=True)


_answers = {200: ProviderSerializer, **REFUSALS}


@extend_schema_view(
    list=extend_schema(summary="Providers", responses={200: ProviderSerializer(many=True), **REFUSALS}),
    retrieve=extend_schema(summary="One provider", responses=_answers),
    create=extend_schema(summary="Add a provider", responses={**REFUSALS, 201: ProviderSerializer}),
    partial_update=extend_schema(summary="Change a provider; it has to be checked anew", responses=_answers),
    destroy=extend_schema(
        summary="Delete a provider; its cases stay",
        responses={204: None, **REFUSALS, 409: OpenApiResponse(ERROR, "Something is under way through it.")},
    ),
)
class Providers(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Provider],
):  # fmt: skip
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": CONFIGURE, "PATCH": CONFIGURE, "DELETE": CONFIGURE}
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = ProviderSerializer
    queryset = Provider.objects.order_by("name")

    def get_permissions(self) -> Any:
        """Whoever acts through it may see whether it works."""
        if self.action == "check":
            self.permission = EXECUTE
        return super().get_permissions()

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "actor": actor_of(self.request)}

    def perform_destroy(self, row: Provider) -> None:
        try:
            provider_editing.delete(row, actor_of(self.request))
        except provider_editing.InUse as fault:
            raise InUse(str(fault)) from None

    @extend_schema(
        summary="Ask the system whether it lets us in, at once", request=None, responses={200: ProviderCheckedSerializer, **REFUSALS}
    )
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: str) -> Response:
        worked, said = provider_editing.check(self.get_object(), actor_of(request))
        return Response({"worked": worked, "said": said})

    @extend_schema(
        summary="The kinds of providers, what configures each and what it can do",
        responses={200: ProviderKindSerializer(many=True), **REFUSALS},
    )
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
    return {
        "kind": kind,
        "label": plugin.label,
        "about": plugin.about,
        "fields": fields,
        "verbs": ProviderVerbSerializer(plugin.verbs.values(), many=True).data,
    }
