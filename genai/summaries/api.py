"""Summaries and digests for programs."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aiops.refusals import REFUSALS
from genai.evidence import render
from genai.summaries import making, rating
from genai.summaries.kinds import KINDS
from genai.summaries.models import Digest, Summary
from genai.summaries.states import UNDER_WAY
from monitoring.alerts.api_alerts import actor_of

READ = "monitoring:read"


class SummarySourceSerializer(serializers.Serializer):
    evidence = serializers.IntegerField()
    title = serializers.CharField()
    kind = serializers.CharField()
    url = serializers.CharField()


class TextSummarySerializer(serializers.Serializer):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    subject = serializers.CharField()
    text = serializers.CharField(help_text="Markdown; evidence as [E12], guesses as [guess].")
    model = serializers.CharField(help_text="Empty: computed without one.")
    under_way = serializers.BooleanField(help_text="A model is wording it; ask again.")
    error = serializers.CharField()
    rating = serializers.IntegerField(allow_null=True)
    sources = SummarySourceSerializer(many=True)
    created_at = serializers.DateTimeField()


class SummaryRatingSerializer(serializers.Serializer):
    rating = serializers.ChoiceField([1, -1, 0], help_text="0 takes it back.")


def _told(row: Summary, actor: Any) -> dict[str, Any]:
    sources = [
        {"evidence": one.evidence.pk, "title": one.evidence.title, "kind": one.evidence.kind, "url": one.url}
        for one in render.sources(row.text, actor)
    ]
    return {
        "id": row.pk, "kind": row.kind, "subject": row.subject, "text": row.text, "model": row.model, "under_way": row.state in UNDER_WAY,
        "error": row.error, "rating": row.rating, "sources": sources, "created_at": row.created_at,
    }  # fmt: skip


class SummaryView(APIView):
    permission: Any = READ

    @extend_schema(
        summary="What there is to say about something, as it is now",
        parameters=[OpenApiParameter("kind", OpenApiTypes.STR, OpenApiParameter.PATH, enum=list(KINDS))],
        responses={200: TextSummarySerializer, **REFUSALS},
    )
    def get(self, request: Request, kind: str, pk: int) -> Response:
        """Composed of facts; where a model worded it before, its words. Asking here asks no model."""
        row = making.current(KINDS[kind], pk) if kind in KINDS else None
        if row is None:
            raise Http404("There is no such thing to sum up.")
        return Response(TextSummarySerializer(_told(row, request.auth or request.user)).data)


class SummaryRatingView(APIView):
    permission: Any = READ

    @extend_schema(summary="Rate a summary", request=SummaryRatingSerializer, responses={200: TextSummarySerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        row = Summary.objects.filter(pk=pk).first()
        if row is None:
            raise Http404("There is no such summary; it may have been made anew.")
        given = SummaryRatingSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        rating.rate(row, int(given.validated_data["rating"]), actor_of(request))
        return Response(TextSummarySerializer(_told(row, request.auth or request.user)).data)


class DigestSerializer(serializers.ModelSerializer):
    figures = serializers.DictField()

    class Meta:
        model = Digest
        fields = ("id", "kind", "start", "end", "figures", "text", "model", "created_at")
        read_only_fields = fields


@extend_schema_view(
    list=extend_schema(
        summary="Digests of shifts and weeks, newest first",
        parameters=[OpenApiParameter("kind", OpenApiTypes.STR, enum=Digest.Kind.values)],
        responses={200: DigestSerializer(many=True), **REFUSALS},
    ),
    retrieve=extend_schema(summary="One digest", responses={200: DigestSerializer, **REFUSALS}),
)
class Digests(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Digest]):
    permission: Any = READ
    http_method_names = ["get", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = DigestSerializer
    queryset = Digest.objects.order_by("-end", "-pk")

    def get_queryset(self) -> QuerySet[Digest]:
        kind = self.request.GET.get("kind", "")
        if kind and kind not in Digest.Kind.values:
            raise ValidationError({"kind": f"Choose one of {', '.join(Digest.Kind.values)}."})
        return super().get_queryset().filter(kind=kind) if kind else super().get_queryset()
