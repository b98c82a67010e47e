"""What was told, for programs: every delivery with its attempts, and one more attempt for what was given up."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from aiops.refusals import REFUSALS
from monitoring.alerts.api_alerts import actor_of
from monitoring.notifications import send
from monitoring.notifications.api_channels import READ, WRITE
from monitoring.notifications.history import of_alert
from monitoring.notifications.models import Delivery, DeliveryAttempt
from monitoring.notifications.notice import KINDS


class Under(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "It was not given up."


class AttemptSerializer(serializers.ModelSerializer):
    class Meta:
        model = DeliveryAttempt
        fields = ("number", "at", "took_ms", "ok", "status", "answer")
        read_only_fields = fields


class DeliverySerializer(serializers.ModelSerializer):
    kind = serializers.ChoiceField(KINDS, source="message.kind", read_only=True)
    severity = serializers.CharField(source="message.severity", read_only=True)
    title = serializers.CharField(source="message.title", read_only=True)
    group = serializers.IntegerField(source="message.group_id", read_only=True, allow_null=True)

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = (
            "id", "key", "kind", "severity", "title", "group", "channel", "channel_name", "user", "recipient", "why", "status",
            "attempts_count", "created_at", "next_attempt_at", "held_until", "ended_at", "last_answer", "external_id",
        )  # fmt: skip
        read_only_fields = fields


class DeliveryDetailSerializer(DeliverySerializer):
    attempts = AttemptSerializer(many=True, read_only=True)
    content = serializers.SerializerMethodField()

    class Meta(DeliverySerializer.Meta):
        fields = (*DeliverySerializer.Meta.fields, "attempts", "content")
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(help_text="What was said."))
    def get_content(self, delivery: Delivery) -> dict[str, Any]:
        return dict(delivery.message.content)


_filters = [
    OpenApiParameter("status", OpenApiTypes.STR, enum=Delivery.Status.values),
    OpenApiParameter("kind", OpenApiTypes.STR, enum=KINDS),
    *(OpenApiParameter(name, OpenApiTypes.INT, description="id") for name in ("channel", "user", "group", "alert")),
]


@extend_schema_view(
    list=extend_schema(
        summary="Deliveries, the newest first", parameters=_filters, responses={200: DeliverySerializer(many=True), **REFUSALS}
    ),
    retrieve=extend_schema(summary="One delivery with its attempts", responses={200: DeliveryDetailSerializer, **REFUSALS}),
)
class Deliveries(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Delivery]):
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": WRITE}
    http_method_names = ["get", "post", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = DeliverySerializer
    queryset = Delivery.objects.select_related("message").order_by("-id")

    def get_serializer_class(self) -> type[DeliverySerializer]:
        return DeliverySerializer if self.action == "list" else DeliveryDetailSerializer

    def get_queryset(self) -> QuerySet[Delivery]:
        rows, given = super().get_queryset(), self.request.GET
        if self.action != "list":
            return rows.prefetch_related("attempts")
        for name, known in (("status", Delivery.Status.values), ("kind", KINDS)):
            if wanted := given.get(name):
                if wanted not in known:
                    raise ValidationError({name: f"Choose one of {', '.join(known)}."})
                rows = rows.filter(**{"message__kind" if name == "kind" else name: wanted})
        for name, column in (("channel", "channel"), ("user", "user"), ("group", "message__group")):
            if given.get(name):
                rows = rows.filter(**{column: _id(given[name], name)})
        return rows.filter(pk__in=of_alert(_id(given["alert"], "alert")).order_by().values("pk")) if given.get("alert") else rows

    @extend_schema(
        summary="Try what was given up once more", request=None, responses={200: DeliveryDetailSerializer, **REFUSALS, 409: REFUSALS[400]}
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        delivery = self.get_object()
        if not send.retry(delivery, actor_of(request)):
            raise Under
        delivery.refresh_from_db()
        return Response(self.get_serializer(delivery).data)


def _id(text: str, name: str) -> int:
    if not (text.isdecimal() and text.isascii() and len(text) < 19):
        raise ValidationError({name: "Write an id."})
    return int(text)
