"""The log of calls for programs. Texts are as they left: masked."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from aiops.refusals import REFUSALS
from genai import call_list
from genai.models import Completion

CONFIGURE = "genai:configure"


class CompletionSerializer(serializers.ModelSerializer):
    person = serializers.CharField(source="user.name", default="", help_text="Who asked; empty: nobody did.")
    prompt_version = serializers.CharField(default="", help_text="Purpose and number.")

    class Meta:
        model = Completion
        fields = (
            "id", "purpose", "prompt_version", "provider_name", "model", "person", "run", "started_at", "latency_ms", "first_token_ms",
            "tokens_in", "tokens_out", "estimated", "cost", "outcome", "error", "attempts", "repaired", "masked", "rating",
            "evidence_share",
        )  # fmt: skip
        read_only_fields = fields


class CompletionDetailSerializer(CompletionSerializer):
    class Meta(CompletionSerializer.Meta):
        fields = (*CompletionSerializer.Meta.fields, "prompt", "answer")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]


class CallFiguresSerializer(serializers.Serializer):
    calls = serializers.IntegerField()
    asked = serializers.IntegerField(help_text="Of them those that a model was asked for.")
    cached = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Failed, cut off or not of the shape that was wanted.")
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    cost = serializers.DecimalField(20, 8, help_text="US dollars.")
    median_ms = serializers.IntegerField(allow_null=True)
    p95_ms = serializers.IntegerField(allow_null=True)
    first_ms = serializers.IntegerField(allow_null=True, help_text="Median until the first word.")


FILTERS = [
    OpenApiParameter("since", str, enum=list(call_list.SPANS), default="24h"),
    OpenApiParameter("purpose", str, many=True),
    OpenApiParameter("outcome", str, many=True, enum=[str(one) for one in Completion.Outcome.values]),
    OpenApiParameter("model", str, many=True),
    OpenApiParameter("provider", str, many=True, description="Its name."),
    OpenApiParameter("person", str, many=True, description="An id, or none."),
    OpenApiParameter("run", int, description="Of one execution."),
    OpenApiParameter("q", str, description="Words of the prompt, the answer or the fault."),
]


@extend_schema_view(
    list=extend_schema(
        summary="Calls to language models, newest first", parameters=FILTERS, responses={200: CompletionSerializer(many=True), **REFUSALS}
    ),
    retrieve=extend_schema(summary="One call with what was said, masked", responses={200: CompletionDetailSerializer, **REFUSALS}),
)
class Completions(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Completion]):
    permission = CONFIGURE
    http_method_names = ["get", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    queryset = Completion.objects.select_related("user", "prompt_version__prompt").order_by("-pk")

    def get_serializer_class(self) -> Any:
        return CompletionDetailSerializer if self.action == "retrieve" else CompletionSerializer

    def get_queryset(self) -> QuerySet[Completion]:
        rows = super().get_queryset()
        return rows if self.action == "retrieve" else self._filtered(rows.defer("prompt", "answer"))

    def _filtered(self, rows: QuerySet[Completion]) -> QuerySet[Completion]:
        try:
            return call_list.filtered(rows, self.request.query_params)
        except call_list.Unclear as unclear:
            raise ValidationError(str(unclear)) from None

    @extend_schema(summary="What calls took and cost", parameters=FILTERS, responses={200: CallFiguresSerializer, **REFUSALS})
    @action(detail=False, methods=["get"], pagination_class=None)
    def figures(self, request: Request) -> Response:
        found = call_list.figures(self._filtered(Completion.objects.all()))
        return Response(CallFiguresSerializer(found).data)
