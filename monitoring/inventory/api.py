"""The inventory for programs: what is watched, how it is, what changed."""

from typing import Any

from django.db.models import Q, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError

from aiops.refusals import REFUSALS
from monitoring.inventory.models import Resource, ResourceChange

ORDERS = ("name", "-name", "kind", "health", "-health", "last_seen", "-last_seen", "first_seen", "-first_seen")


class ReasonSerializer(serializers.Serializer):
    severity = serializers.ChoiceField(["critical", "high", "medium", "low"])
    text = serializers.CharField()
    metric = serializers.CharField()
    value = serializers.FloatField()
    limit = serializers.FloatField()
    points = serializers.IntegerField()


class ResourceSerializer(serializers.ModelSerializer):
    labels = serializers.DictField(child=serializers.CharField())
    reasons = ReasonSerializer(many=True)
    status = serializers.ChoiceField(["healthy", "degraded", "down", "unknown", "stale", "gone"])

    class Meta:
        model = Resource
        fields = (
            "id", "kind", "name", "state", "status", "health", "reasons", "labels", "parent", "source", "ephemeral",
            "report_interval", "first_seen", "last_seen", "health_since",
        )  # fmt: skip
        read_only_fields = fields


class ChangeSerializer(serializers.ModelSerializer):
    class Meta:
        model = ResourceChange
        fields = ("time", "kind", "text", "before", "after")
        read_only_fields = fields


class ResourceDetailSerializer(ResourceSerializer):
    facts = serializers.DictField()
    changes = serializers.SerializerMethodField()

    class Meta:
        model = Resource
        fields = (*ResourceSerializer.Meta.fields, "facts", "changes")
        read_only_fields = fields

    def get_changes(self, resource: Resource) -> list[dict[str, Any]]:
        return list(ChangeSerializer(resource.changes.order_by("-time")[:50], many=True).data)


def filtered(rows: QuerySet[Resource], given: Any) -> QuerySet[Resource]:
    """By kind, state, status of its parents, label and words. ValidationError for a filter that cannot be."""
    if kinds := given.getlist("kind"):
        rows = rows.filter(kind__in=kinds)
    if states := given.getlist("state"):
        if unknown := set(states) - set(Resource.State.values):
            raise ValidationError({"state": f"{sorted(unknown)[0][:40]} is not a state; known are {', '.join(Resource.State.values)}."})
        rows = rows.filter(state__in=states)
    for place, label in enumerate(given.getlist("label")):
        rows = _labelled(rows, label, f"label_{place}")
    if text := given.get("search", "").strip():
        rows = rows.filter(Q(name__icontains=text) | Q(kind__icontains=text) | Q(labels__icontains=text))
    return rows


def _labelled(rows: QuerySet[Resource], label: str, alias: str) -> QuerySet[Resource]:
    name, equals, value = label.partition("=")
    if not name or not equals or "\0" in label:
        raise ValidationError({"label": "Write a label as name=value."})
    found = Cast(KeyTextTransform(name, "labels"), TextField())  # compared as text, not as JSON
    return rows.alias(**{alias: found}).filter(**{alias: value})


_text = OpenApiTypes.STR
_filters = [
    OpenApiParameter("kind", _text, many=True, description="host, vm, gpu, …; may be repeated"),
    OpenApiParameter("state", _text, many=True, enum=Resource.State.values),
    OpenApiParameter("label", _text, many=True, description="name=value; may be repeated, all must match"),
    OpenApiParameter("search", _text, description="words in name, kind or labels"),
    OpenApiParameter("order", _text, enum=ORDERS),
]


@extend_schema_view(get=extend_schema(summary="Resources", parameters=_filters, responses={200: ResourceSerializer(many=True), **REFUSALS}))
class ResourceList(generics.ListAPIView[Resource]):
    permission = "monitoring:read"
    serializer_class = ResourceSerializer
    queryset = Resource.objects.defer("facts", "said")

    def get_queryset(self) -> QuerySet[Resource]:
        order = self.request.GET.get("order", "name")
        if order not in ORDERS:
            raise ValidationError({"order": f"Choose one of {', '.join(ORDERS)}."})
        if "\0" in self.request.GET.get("search", ""):
            raise ValidationError({"search": "A NUL character cannot be searched for."})
        return filtered(super().get_queryset(), self.request.GET).order_by(order, "id")


@extend_schema_view(
    get=extend_schema(summary="One resource with its facts and latest changes", responses={200: ResourceDetailSerializer, **REFUSALS})
)
class ResourceDetail(generics.RetrieveAPIView[Resource]):
    permission = "monitoring:read"
    serializer_class = ResourceDetailSerializer
    queryset = Resource.objects.all()
