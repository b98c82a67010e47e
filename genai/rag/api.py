"""Documents for programs: what there is, search, upload, removal."""

from typing import Any

from django.db.models import Count, QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken
from aiops.refusals import ERROR, REFUSALS
from genai.rag import board, documents, upload
from genai.rag.find import LONGEST_QUERY, Found, find, permitted
from genai.rag.models import Document
from monitoring.alerts.api_alerts import actor_of

READ, WRITE = "monitoring:read", "documents:write"
MOST_FOUND = 50
_kind = OpenApiParameter("kind", OpenApiTypes.STR, many=True, enum=documents.Kind.values)


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT


class DocumentSerializer(serializers.ModelSerializer):
    pieces = serializers.IntegerField(read_only=True, help_text="How many it was cut into; each can be cited.")
    state = serializers.ChoiceField(list(board.STATES), read_only=True)

    class Meta:
        model = Document
        fields: tuple[str, ...] = (
            "id", "kind", "key", "title", "file_name", "media_type", "size", "permission", "state", "error", "pieces", "created_at",
            "updated_at",
        )  # fmt: skip
        read_only_fields: tuple[str, ...] = fields


class DocumentDetailSerializer(DocumentSerializer):
    class Meta(DocumentSerializer.Meta):
        fields = (*DocumentSerializer.Meta.fields, "content")
        read_only_fields = fields


class DocumentUploadSerializer(serializers.Serializer):
    file = serializers.FileField(help_text="Markdown or PDF, 10 MB and 500 pages at most.")
    title = serializers.CharField(required=False, default="", allow_blank=True, max_length=300)
    permission = serializers.CharField(required=False, default=documents.READ, max_length=60, help_text="Who may see it.")


class DocumentFoundSerializer(serializers.Serializer):
    document = serializers.IntegerField()
    title = serializers.CharField()
    kind = serializers.CharField()
    piece = serializers.IntegerField()
    place = serializers.CharField()
    text = serializers.CharField()
    score = serializers.FloatField(help_text="0–1, the best about 1.")
    url = serializers.CharField()


def _told(one: Found) -> dict[str, Any]:
    return {
        "document": one.document.pk, "title": one.document.title, "kind": one.document.kind, "piece": one.chunk.number, "place": one.place,
        "text": one.chunk.text, "score": round(one.score, 4), "url": board.address(one.document.pk, one.chunk.number),
    }  # fmt: skip


@extend_schema_view(
    list=extend_schema(summary="Documents", parameters=[_kind], responses={200: DocumentSerializer(many=True), **REFUSALS}),
    retrieve=extend_schema(summary="One document with its text", responses={200: DocumentDetailSerializer, **REFUSALS}),
    destroy=extend_schema(
        summary="Remove an uploaded document",
        responses={204: None, **REFUSALS, 409: OpenApiResponse(ERROR, "It follows what the platform has.")},
    ),
)
class Documents(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[Document]):
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": WRITE, "DELETE": WRITE}
    http_method_names = ["get", "post", "delete", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = DocumentSerializer
    queryset = Document.objects.none()

    @property
    def actor(self) -> Any:
        """What counts are the token's scopes, where there is one."""
        return self.request.auth or self.request.user

    def get_serializer_class(self) -> type[DocumentSerializer]:
        return DocumentDetailSerializer if self.action == "retrieve" else DocumentSerializer

    def get_queryset(self) -> QuerySet[Document]:
        rows = board.visible(self.actor).annotate(pieces=Count("chunks")).order_by("-updated_at", "-pk")
        kinds = self._kinds() if self.action == "list" else []
        return rows.filter(kind__in=kinds) if kinds else rows

    def _kinds(self) -> list[str]:
        kinds = self.request.GET.getlist("kind")
        if unknown := sorted(set(kinds) - set(documents.Kind.values)):
            raise ValidationError({"kind": f"{unknown[0][:40]} is not known; there are {', '.join(documents.Kind.values)}."})
        return kinds

    @extend_schema(
        summary="Upload Markdown or PDF; it is read afterwards, see state",
        request={"multipart/form-data": DocumentUploadSerializer},
        responses={**REFUSALS, 201: DocumentSerializer},
    )
    def create(self, request: Request) -> Response:
        asked = DocumentUploadSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        if given["permission"] not in permitted(self.actor):
            raise PermissionDenied("A document can only be shown to people with a permission that you have yourself.")
        actor = actor_of(request)
        try:
            file = given["file"]
            if file.size > upload.MOST_BYTES:
                raise upload.Refused(f"At most {upload.MOST_BYTES // 2**20} MB are read.")
            user = actor.user if isinstance(actor, ApiToken) else actor
            row = upload.take(file.name, file.read(), actor, title=given["title"], permission=given["permission"], user=user)
        except upload.Refused as fault:
            raise ValidationError({"file": str(fault)}) from None
        return Response(DocumentSerializer(self.get_queryset().get(pk=row.pk)).data, status=201)

    def get_parsers(self) -> list[Any]:
        return [MultiPartParser()] if self.request is not None and self.request.method == "POST" else super().get_parsers()

    def perform_destroy(self, row: Document) -> None:
        if row.kind != documents.Kind.UPLOAD:
            raise Conflict("It follows what the platform has: change the runbook or the incident itself.")
        documents.remove(row, actor_of(self.request))

    @extend_schema(
        summary="Search by words, and by meaning where a model of sentences is installed",
        parameters=[
            OpenApiParameter("q", OpenApiTypes.STR, required=True),
            OpenApiParameter("limit", OpenApiTypes.INT, description=f"1 to {MOST_FOUND}, 8 unless said"),
            _kind,
        ],
        responses={200: DocumentFoundSerializer(many=True), **REFUSALS},
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def search(self, request: Request) -> Response:
        text, limit = request.GET.get("q", "").strip(), request.GET.get("limit", "8")
        if not text or len(text) > LONGEST_QUERY:
            raise ValidationError({"q": f"Write what to look for, {LONGEST_QUERY:,} characters at most."})
        if not (limit.isdecimal() and limit.isascii() and 1 <= int(limit[:4]) <= MOST_FOUND):
            raise ValidationError({"limit": f"Write a number from 1 to {MOST_FOUND}."})
        found = find(text, self.actor, limit=int(limit), kinds=self._kinds() or None)
        return Response([_told(one) for one in found])
