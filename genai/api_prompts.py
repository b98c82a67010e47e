"""Prompts for programs: versions with what came of them, a new one, who gets which share."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from aiops.refusals import REFUSALS
from genai import prompt_quality, prompt_versions, prompting
from genai.models import Prompt, PromptVersion
from genai.prompt_quality import Quality
from monitoring.alerts.api_alerts import actor_of

READ, CONFIGURE = "monitoring:read", "genai:configure"


class PromptQualitySerializer(serializers.Serializer):
    calls = serializers.IntegerField()
    cached = serializers.IntegerField()
    failed = serializers.IntegerField()
    invalid = serializers.IntegerField(help_text="did not fit the schema, also when asked again")
    repaired = serializers.IntegerField()
    liked = serializers.IntegerField()
    disliked = serializers.IntegerField()
    evidence = serializers.FloatField(allow_null=True, help_text="share of the claims with evidence that holds")
    latency_median = serializers.FloatField(allow_null=True, help_text="milliseconds")
    latency_p95 = serializers.FloatField(allow_null=True, help_text="milliseconds")
    cost = serializers.DecimalField(max_digits=20, decimal_places=10, allow_null=True, help_text="US dollars a call")


class PromptVersionSerializer(serializers.ModelSerializer):
    quality = serializers.SerializerMethodField()

    class Meta:
        model = PromptVersion
        fields = (
            "number", "text", "digest", "weight", "origin", "comment", "actor", "created_at", "promoted_at", "quality",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(PromptQualitySerializer)
    def get_quality(self, version: PromptVersion) -> Any:
        return PromptQualitySerializer(self.context.get("qualities", {}).get(version.pk, Quality())).data


class PromptSerializer(serializers.ModelSerializer):
    class Meta:
        model = Prompt
        fields = ("purpose", "description")
        read_only_fields = fields


class PromptDetailSerializer(PromptSerializer):
    versions = PromptVersionSerializer(many=True, read_only=True)

    class Meta:
        model = Prompt
        fields = ("purpose", "description", "versions")
        read_only_fields = fields


class PromptTextSerializer(serializers.Serializer):
    text = serializers.CharField(max_length=prompt_versions.LONGEST, trim_whitespace=False)
    comment = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class PromptSharesSerializer(serializers.Serializer):
    shares = serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=100), help_text="{number of a version: per cent}; together 100"
    )

    def validate_shares(self, given: dict[str, int]) -> dict[int, int]:
        if not all(number.isdecimal() and number.isascii() and len(number) < 10 for number in given):
            raise ValidationError("Name versions by their numbers.")
        return {int(number): weight for number, weight in given.items()}


_one = {200: PromptDetailSerializer, **REFUSALS}


@extend_schema_view(
    list=extend_schema(summary="Purposes that there are prompts for", responses={200: PromptSerializer(many=True), **REFUSALS}),
)
class Prompts(mixins.ListModelMixin, viewsets.GenericViewSet[Prompt]):
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": CONFIGURE, "PUT": CONFIGURE}
    http_method_names = ["get", "post", "put", "head", "options"]
    lookup_field = "purpose"
    lookup_value_regex = r"[a-z][a-z0-9_-]{0,59}"
    serializer_class = PromptSerializer
    queryset = Prompt.objects.all()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        prompting.ensure_all()
        return super().list(request, *args, **kwargs)

    @extend_schema(summary="One purpose: its versions, and what came of them in 30 days", responses=_one)
    def retrieve(self, request: Request, purpose: str) -> Response:
        return self._answer(purpose)

    def _answer(self, purpose: str, code: int = 200) -> Response:
        found = self.get_object()
        qualities = prompt_quality.of([one.pk for one in found.versions.all()])
        return Response(PromptDetailSerializer(found, context={"qualities": qualities}).data, status=code)

    def get_object(self) -> Prompt:
        found = prompting.prompt_of(self.kwargs["purpose"])
        if found is None:
            raise Http404
        return found

    @extend_schema(
        summary="Write a version; it is not in use yet", request=PromptTextSerializer, responses={201: PromptDetailSerializer, **REFUSALS}
    )
    @action(detail=True, methods=["post"])
    def versions(self, request: Request, purpose: str) -> Response:
        given = _checked(PromptTextSerializer, request)
        actor: Any = actor_of(request)
        try:
            prompt_versions.add(self.get_object(), given["text"], actor, given["comment"])
        except prompt_versions.Refused as fault:
            raise ValidationError({"text": str(fault)}) from fault
        return self._answer(purpose, 201)

    @extend_schema(
        summary="Give versions their shares of the calls; 100 for one promotes it", request=PromptSharesSerializer, responses=_one
    )
    @action(detail=True, methods=["put"])
    def shares(self, request: Request, purpose: str) -> Response:
        given = _checked(PromptSharesSerializer, request)
        actor: Any = actor_of(request)
        try:
            prompt_versions.share(self.get_object(), given["shares"], actor)
        except prompt_versions.Refused as fault:
            raise ValidationError({"shares": str(fault)}) from fault
        return self._answer(purpose)


def _checked(shape: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    asked = shape(data=request.data)
    asked.is_valid(raise_exception=True)
    given: dict[str, Any] = asked.validated_data
    return given
