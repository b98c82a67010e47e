"""Incidents for programs: what there is, what belongs to it, what happened, and what people do with it."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from aiops.refusals import ERROR, REFUSALS
from monitoring.alerts.api_alerts import actor_of
from monitoring.incidents import api_shapes as shapes
from monitoring.incidents import arrange, filters, lifecycle
from monitoring.incidents.lifecycle import Refused
from monitoring.incidents.models import ROOT_FIRST, Incident, IncidentAlert, TimelineEntry

READ, WRITE = "monitoring:read", "incidents:write"
_text = OpenApiTypes.STR
_filters = [
    *(OpenApiParameter(name, _text, many=True, enum=known) for name, known in filters.CHOICES.items()),
    OpenApiParameter("open", OpenApiTypes.BOOL, description="true: not resolved yet"),
    OpenApiParameter("manual", OpenApiTypes.BOOL, description="true: opened by a person"),
    OpenApiParameter("commander", _text, many=True, description="id, or none"),
    OpenApiParameter("service", _text, many=True),
    OpenApiParameter("alert", OpenApiTypes.INT, description="id: the incident that it belongs to"),
    OpenApiParameter("resource", OpenApiTypes.INT, description="id: incidents with alerts about it"),
    OpenApiParameter("since", _text, enum=tuple(filters.SPANS), description="open, or resolved within this time"),
    OpenApiParameter("search", _text, description="words in title, services or review, or a number"),
    OpenApiParameter("order", _text, enum=filters.ORDERS),
]
UNREAD = {415: OpenApiResponse(ERROR, "The body is of a kind that is not read.")}
CONFLICT = {409: OpenApiResponse(ERROR, "It cannot be done; one sentence says why."), **UNREAD}


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT


def attempt(work: Callable[[], Any]) -> Any:
    """409 with the sentence where it cannot be done, 404 where there is no such incident."""
    try:
        return work()
    except Refused as refused:
        raise Conflict(str(refused)) from refused
    except Incident.DoesNotExist as gone:
        raise Http404 from gone


def checked(shape: type, request: Request) -> dict[str, Any]:
    asked = shape(data=request.data)
    asked.is_valid(raise_exception=True)
    given: dict[str, Any] = asked.validated_data
    return given


_one = {200: shapes.IncidentDetailSerializer, **REFUSALS, **CONFLICT}


@extend_schema_view(
    list=extend_schema(summary="Incidents", parameters=_filters, responses={200: shapes.IncidentSerializer(many=True), **REFUSALS}),
    retrieve=extend_schema(summary="One incident with its status changes", responses={200: shapes.IncidentDetailSerializer, **REFUSALS}),
)
class Incidents(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Incident]):
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": WRITE, "PATCH": WRITE}
    http_method_names = ["get", "post", "patch", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = shapes.IncidentSerializer
    queryset = Incident.objects.all()

    def get_serializer_class(self) -> type[shapes.IncidentSerializer]:
        return shapes.IncidentSerializer if self.action == "list" else shapes.IncidentDetailSerializer

    def get_queryset(self) -> QuerySet[Incident]:
        if self.action != "list":
            return super().get_queryset()
        order = self.request.GET.get("order", "-detected_at")
        if order not in filters.ORDERS:
            raise ValidationError({"order": f"Choose one of {', '.join(filters.ORDERS)}."})
        try:
            return filters.filtered(Incident.counted().defer("notes_md"), self.request.GET).order_by(order, "-id")
        except filters.Unclear as unclear:
            raise ValidationError({unclear.name: str(unclear)}) from unclear

    def answer(self, pk: int, code: int = 200) -> Response:
        return Response(shapes.IncidentDetailSerializer(Incident.objects.get(pk=pk)).data, status=code)

    @extend_schema(
        summary="Open an incident by hand",
        request=shapes.IncidentNewSerializer,
        responses={**REFUSALS, **CONFLICT, 201: shapes.IncidentDetailSerializer},
    )
    def create(self, request: Request) -> Response:
        given, actor = checked(shapes.IncidentNewSerializer, request), actor_of(request)
        ids = given.pop("alerts")
        made = attempt(lambda: lifecycle.open_by_hand(given.pop("title"), given.pop("severity"), actor, **given))
        if ids:
            attempt(lambda: arrange.add(made.pk, ids, actor))
        return self.answer(made.pk, 201)

    @extend_schema(summary="Change title, severity, commander or review", request=shapes.IncidentEditSerializer, responses=_one)
    def partial_update(self, request: Request, pk: str) -> Response:
        given = checked(shapes.IncidentEditSerializer, request)
        attempt(lambda: lifecycle.edit(int(pk), actor_of(request), **given))
        return self.answer(int(pk))

    @extend_schema(
        summary="Acknowledge, investigate, mitigate, resolve or reopen one or many",
        request=shapes.IncidentActionSerializer,
        responses={200: shapes.ChangedSerializer, **REFUSALS, **UNREAD},
    )
    @action(detail=False, methods=["post"])
    def actions(self, request: Request) -> Response:
        given = checked(shapes.IncidentActionSerializer, request)
        changed = lifecycle.move(given["incidents"], given["action"], actor_of(request), given["note"], given["with_alerts"])
        return Response({"changed": changed, "count": len(changed)})

    @extend_schema(summary="Merge others into this one", request=shapes.IncidentMergeSerializer, responses=_one)
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: str) -> Response:
        given = checked(shapes.IncidentMergeSerializer, request)
        attempt(lambda: arrange.merge(int(pk), given["incidents"], actor_of(request), given["note"]))
        return self.answer(int(pk))

    @extend_schema(
        summary="Split alerts off into an incident of their own",
        request=shapes.IncidentSplitSerializer,
        responses={**REFUSALS, **CONFLICT, 201: shapes.IncidentDetailSerializer},
    )
    @action(detail=True, methods=["post"])
    def split(self, request: Request, pk: str) -> Response:
        given = checked(shapes.IncidentSplitSerializer, request)
        made = attempt(lambda: arrange.split(int(pk), given["alerts"], actor_of(request), given["title"]))
        return self.answer(made.pk, 201)

    @extend_schema(
        methods=["get"],
        summary="Its alerts, each with why it belongs",
        responses={200: shapes.IncidentMemberSerializer(many=True), **REFUSALS},
    )
    @extend_schema(
        methods=["post"],
        summary="Add alerts, or take them out",
        request=shapes.IncidentMembersSerializer,
        responses={200: shapes.ChangedSerializer, **REFUSALS, **CONFLICT},
    )
    @action(detail=True, methods=["get", "post"])
    def alerts(self, request: Request, pk: str) -> Response:
        if request.method == "GET":
            incident = self.get_object()
            rows: Any = (
                IncidentAlert.objects.filter(incident=incident).select_related("alert").order_by(ROOT_FIRST, "alert__fired_at", "id")
            )
            return self.get_paginated_response(
                shapes.IncidentMemberSerializer(self.paginate_queryset(rows.defer("alert__evidence")), many=True).data
            )
        given, actor = checked(shapes.IncidentMembersSerializer, request), actor_of(request)
        verb = arrange.add if given["action"] == "add" else arrange.take_out
        changed = attempt(lambda: verb(int(pk), given["alerts"], actor))
        return Response({"changed": changed, "count": len(changed)})

    @extend_schema(
        methods=["get"], summary="What happened, newest first", responses={200: shapes.TimelineEntrySerializer(many=True), **REFUSALS}
    )
    @extend_schema(
        methods=["post"],
        summary="Write a note",
        request=shapes.TimelineNoteSerializer,
        responses={**REFUSALS, **CONFLICT, 201: shapes.TimelineEntrySerializer},
    )
    @action(detail=True, methods=["get", "post"])
    def timeline(self, request: Request, pk: str) -> Response:
        rows: Any = TimelineEntry.objects.filter(incident_id=int(pk)).order_by("-time", "-id")
        if request.method == "GET":
            self.get_object()
            return self.get_paginated_response(shapes.TimelineEntrySerializer(self.paginate_queryset(rows), many=True).data)
        given, begun = checked(shapes.TimelineNoteSerializer, request), timezone.now()
        attempt(lambda: lifecycle.note(int(pk), actor_of(request), given["text"]))
        written = rows.filter(kind="note", time__gte=begun).first()
        return Response(shapes.TimelineEntrySerializer(written).data, status=201)
