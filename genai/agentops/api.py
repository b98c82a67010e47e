"""Agents for programs: who they are, what they did, how good it was, what looked like an attack."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from aiops.refusals import REFUSALS
from genai.agentops import api_shapes as shapes
from genai.agentops import dismissing, listing, seeing
from genai.tracing.models import Agent, AgentRun, Evaluation, SecurityFinding
from monitoring.alerts.api_alerts import actor_of

READ, CONFIGURE = "monitoring:read", "genai:configure"
ORDERS = ("-started_at", "started_at", "-cost", "-latency_ms", "score", "-score", "-id", "id")
LOCKED = r"\d{1,18}"
READING: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ}
METHODS = ["get", "head", "options"]
_text, _number = OpenApiTypes.STR, OpenApiTypes.INT


def asked(request: Request) -> Any:
    """Whose rights count."""
    return request.auth or request.user


@extend_schema_view(
    list=extend_schema(summary="Agents", responses={200: shapes.AgentSerializer(many=True), **REFUSALS}),
    retrieve=extend_schema(summary="One agent", responses={200: shapes.AgentSerializer, **REFUSALS}),
)
class Agents(viewsets.ReadOnlyModelViewSet[Agent]):
    permission = READING
    http_method_names = METHODS
    lookup_value_regex = LOCKED
    serializer_class = shapes.AgentSerializer
    queryset = Agent.objects.order_by("name", "id")


@extend_schema_view(
    list=extend_schema(
        summary="What agents did: one's own executions and the platform's; all of them with genai:configure",
        parameters=[
            OpenApiParameter("agent", _text, many=True, description="its key"),
            OpenApiParameter("state", _text, many=True, enum=AgentRun.State.values),
            OpenApiParameter("subject", _text, description="for example incident:7"),
            OpenApiParameter("search", _text, description="words in title, reason or subject"),
            OpenApiParameter("order", _text, enum=ORDERS),
        ],
        responses={200: shapes.AgentExecutionSerializer(many=True), **REFUSALS},
    ),
    retrieve=extend_schema(
        summary="One execution: steps, evaluations, findings", responses={200: shapes.AgentExecutionDetailSerializer, **REFUSALS}
    ),
)
class AgentExecutions(viewsets.ReadOnlyModelViewSet[AgentRun]):
    permission = READING
    http_method_names = METHODS
    lookup_value_regex = LOCKED
    queryset = AgentRun.objects.none()

    def get_serializer_class(self) -> Any:
        return shapes.AgentExecutionSerializer if self.action == "list" else shapes.AgentExecutionDetailSerializer

    def get_queryset(self) -> QuerySet[AgentRun]:
        rows = seeing.runs(asked(self.request)).select_related("agent")
        if self.action != "list":
            return rows
        order = self.request.GET.get("order", "-started_at")
        if order not in ORDERS:
            raise ValidationError({"order": f"Choose one of {', '.join(ORDERS)}."})
        try:
            return listing.filtered(rows, self.request.GET).order_by(order, "-id")
        except listing.Unclear as unclear:
            raise ValidationError({unclear.name: str(unclear)}) from unclear


@extend_schema_view(
    list=extend_schema(
        summary="How good executions were",
        parameters=[OpenApiParameter("execution", _number), OpenApiParameter("name", _text, description="evidence, schema, rating …")],
        responses={200: shapes.AgentEvaluationSerializer(many=True), **REFUSALS},
    )
)
class AgentEvaluations(mixins.ListModelMixin, viewsets.GenericViewSet[Evaluation]):
    permission = READING
    http_method_names = METHODS
    serializer_class = shapes.AgentEvaluationSerializer
    queryset = Evaluation.objects.none()

    def get_queryset(self) -> QuerySet[Evaluation]:
        rows = seeing.evaluations(asked(self.request)).select_related("run__agent").order_by("-id")
        rows = rows.filter(run=_id(self.request, "execution")) if self.request.GET.get("execution") else rows
        name = self.request.GET.get("name", "")
        if "\0" in name:
            raise ValidationError({"name": "A NUL character cannot be searched for."})
        return rows.filter(name=name) if name else rows


@extend_schema_view(
    list=extend_schema(
        summary="What looked like an attack or a leak",
        parameters=[
            OpenApiParameter("state", _text, many=True, enum=SecurityFinding.State.values),
            OpenApiParameter("kind", _text, many=True, enum=SecurityFinding.Kind.values),
            OpenApiParameter("execution", _number),
        ],
        responses={200: shapes.AgentFindingSerializer(many=True), **REFUSALS},
    ),
    retrieve=extend_schema(summary="One finding", responses={200: shapes.AgentFindingSerializer, **REFUSALS}),
)
class AgentFindings(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[SecurityFinding]):
    permission: Any = {**READING, "POST": CONFIGURE}
    http_method_names = ["get", "post", "head", "options"]
    lookup_value_regex = LOCKED
    serializer_class = shapes.AgentFindingSerializer
    queryset = SecurityFinding.objects.none()

    def get_queryset(self) -> QuerySet[SecurityFinding]:
        rows = seeing.findings(asked(self.request)).order_by("-id")
        for name, known in (("state", SecurityFinding.State.values), ("kind", SecurityFinding.Kind.values)):
            wanted = [one for one in self.request.GET.getlist(name) if one]
            if unknown := sorted(set(wanted) - set(known)):
                raise ValidationError({name: f"{unknown[0][:40]} is not known; there are {', '.join(known)}."})
            rows = rows.filter(**{f"{name}__in": wanted}) if wanted else rows
        return rows.filter(run=_id(self.request, "execution")) if self.request.GET.get("execution") else rows

    @extend_schema(
        summary="It is harmless: dismiss it with a reason",
        request=shapes.FindingDismissalSerializer,
        responses={200: shapes.AgentFindingSerializer, **REFUSALS},
    )
    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: str) -> Response:
        found, given = self.get_object(), shapes.FindingDismissalSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        actor: Any = actor_of(request)
        try:
            dismissing.dismiss(found, actor, given.validated_data["reason"], given.validated_data["alike"])
        except dismissing.Refused as fault:
            raise ValidationError({"reason": str(fault)}) from fault
        found.refresh_from_db()
        return Response(self.get_serializer(found).data)


def _id(request: Request, name: str) -> int:
    text = request.GET.get(name, "")
    if not (text.isdecimal() and text.isascii() and len(text) < 19):
        raise ValidationError({name: "Write an id."})
    return int(text)
