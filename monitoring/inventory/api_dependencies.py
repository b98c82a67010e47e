"""What needs what, for programs: read, said by people and tracing systems, taken back."""

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import audit
from aiops.refusals import REFUSALS
from monitoring.inventory import topology
from monitoring.inventory.models import Dependency, Resource

READ, WRITE = "monitoring:read", "monitoring:write"
LARGEST_ID = 2**62


class DependencySerializer(serializers.ModelSerializer):
    from_resource = serializers.IntegerField(source="from_resource_id", min_value=1, max_value=LARGEST_ID, help_text="id: this one needs …")
    to_resource = serializers.IntegerField(source="to_resource_id", min_value=1, max_value=LARGEST_ID, help_text="id: … that one")
    kind = serializers.CharField(required=False, default="needs", max_length=32)
    source = serializers.CharField(required=False, default="", allow_blank=True, max_length=100, help_text="who says so")  # type: ignore[assignment]  # a field here

    class Meta:
        model = Dependency
        fields = ("id", "from_resource", "to_resource", "kind", "source", "seen_at")
        read_only_fields = ("id", "seen_at")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        pair = given["from_resource_id"], given["to_resource_id"]
        if pair[0] == pair[1]:
            raise ValidationError("Nothing needs itself.")
        if Resource.objects.filter(pk__in=pair).count() < 2:
            raise ValidationError("There is no such resource.")
        return given


@extend_schema_view(
    list=extend_schema(
        summary="What needs what",
        parameters=[OpenApiParameter("resource", OpenApiTypes.INT, description="id: what it needs and what needs it")],
        responses={200: DependencySerializer(many=True), **REFUSALS},
    ),
    create=extend_schema(
        summary="Say that one resource needs another",
        description="Again is no fault.",
        responses={**REFUSALS, 201: DependencySerializer, 415: REFUSALS[400]},
    ),
    destroy=extend_schema(summary="Take a dependency back", responses={**REFUSALS, 204: None}),
)
class Dependencies(mixins.ListModelMixin, mixins.CreateModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[Dependency]):
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": WRITE, "DELETE": WRITE}
    http_method_names = ["get", "post", "delete", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = DependencySerializer
    queryset = Dependency.objects.order_by("id")

    def get_queryset(self) -> QuerySet[Dependency]:
        rows, text = super().get_queryset(), self.request.GET.get("resource", "")
        if self.action != "list" or not text:
            return rows
        if not (text.isdecimal() and text.isascii() and len(text) < 19):
            raise ValidationError({"resource": "Write an id."})
        return rows.filter(Q(from_resource_id=int(text)) | Q(to_resource_id=int(text)))

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        pair = given["from_resource_id"], given["to_resource_id"]
        topology.note([pair], given["kind"], given["source"])
        row = Dependency.objects.get(from_resource_id=pair[0], to_resource_id=pair[1], kind=given["kind"])
        audit.record("dependencies.said", target=row, after=dict(DependencySerializer(row).data))
        return Response(DependencySerializer(row).data, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: Dependency) -> None:
        before = dict(DependencySerializer(instance).data)
        instance.delete()
        audit.record("dependencies.taken_back", target=str(instance), before=before)
