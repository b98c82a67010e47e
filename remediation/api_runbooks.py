"""Runbooks for programs: see, write, compare, try, import and export."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from aiops.refusals import REFUSALS
from monitoring.alerts.api_alerts import actor_of
from monitoring.alerts.models import Alert
from remediation import api_runbook_shapes as shapes
from remediation import parameters, render, runbook_form, runbook_importing, track_record, versions
from remediation.api_cases import CONFLICT, Conflict, checked
from remediation.diff import changes, diff
from remediation.models import Runbook, RunbookVersion
from remediation.parameters import ParameterError
from remediation.render import RenderError
from remediation.runbook_files import UnreadableFile, dump
from remediation.spec import SpecError
from remediation.versions import Refused

READ, WRITE = "monitoring:read", "remediation:execute"
ORDERS = ("name", "-name", "-updated_at", "updated_at", "id", "-id")
_text, _number = OpenApiTypes.STR, OpenApiTypes.INT
_filters = [
    OpenApiParameter("search", _text, description="within key, name or description"),
    OpenApiParameter("enabled", OpenApiTypes.BOOL),
    OpenApiParameter("origin", _text, enum=Runbook.Origin.values),
    OpenApiParameter("order", _text, enum=ORDERS),
]
_saved = {200: shapes.RunbookDetailSerializer, **REFUSALS, **CONFLICT}
NONE = "# no runbooks\n"


@extend_schema_view(
    list=extend_schema(summary="Runbooks", parameters=_filters, responses={200: shapes.RunbookSerializer(many=True), **REFUSALS}),
    retrieve=extend_schema(summary="One runbook, with what it says", responses={200: shapes.RunbookDetailSerializer, **REFUSALS}),
    destroy=extend_schema(
        summary="Delete a runbook that no case and no rule speaks of, and that was not shipped",
        responses={204: None, **REFUSALS, **CONFLICT},
    ),
)
class Runbooks(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[Runbook]):
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": WRITE, "PATCH": WRITE, "DELETE": WRITE}
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = shapes.RunbookSerializer
    queryset = Runbook.objects.select_related("current")

    def get_serializer_class(self) -> type[shapes.RunbookSerializer]:
        return shapes.RunbookSerializer if self.action == "list" else shapes.RunbookDetailSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "records": track_record.of_runbooks()}

    def get_queryset(self) -> QuerySet[Runbook]:
        rows = super().get_queryset()
        return _filtered(rows, self.request.GET) if self.action == "list" else rows

    def answer(self, runbook: Runbook, code: int = 200) -> Response:
        found = self.queryset.all().get(pk=runbook.pk)
        return Response(shapes.RunbookDetailSerializer(found, context=self.get_serializer_context()).data, status=code)

    @extend_schema(
        summary="Add a runbook", request=shapes.SavedSerializer, responses={201: shapes.RunbookDetailSerializer, **REFUSALS, **CONFLICT}
    )
    def create(self, request: Request) -> Response:
        given = checked(shapes.SavedSerializer, request)
        try:
            return self.answer(versions.add(given["read"], actor_of(request), comment=given["comment"]), 201)
        except Refused as fault:
            raise Conflict(str(fault)) from None

    @extend_schema(summary="Its next version", request=shapes.SavedSerializer, responses=_saved)
    def partial_update(self, request: Request, pk: str) -> Response:
        found, given = self.get_object(), checked(shapes.SavedSerializer, request)
        try:
            versions.save(found, given["read"], actor_of(request), given["comment"])
        except Refused as fault:
            raise Conflict(str(fault)) from None
        return self.answer(found)

    def perform_destroy(self, runbook: Runbook) -> None:
        try:
            versions.delete(runbook, actor_of(self.request))
        except Refused as fault:
            raise Conflict(str(fault)) from None

    @extend_schema(summary="Switch it on", request=None, responses=_saved)
    @action(detail=True, methods=["post"])
    def enable(self, request: Request, pk: str) -> Response:
        found = self.get_object()
        versions.switch(found, True, actor_of(request))
        return self.answer(found)

    @extend_schema(summary="Switch it off: nobody proposes it", request=None, responses=_saved)
    @action(detail=True, methods=["post"])
    def disable(self, request: Request, pk: str) -> Response:
        found = self.get_object()
        versions.switch(found, False, actor_of(request))
        return self.answer(found)

    @extend_schema(summary="All of its versions, newest first", responses={200: shapes.VersionSerializer(many=True), **REFUSALS})
    @action(detail=True, methods=["get"])
    def versions(self, request: Request, pk: str) -> Response:
        found: QuerySet[Any] = self.get_object().versions.all()
        rows = self.paginate_queryset(found)
        return self.get_paginated_response(shapes.VersionSerializer(rows, many=True).data)

    @extend_schema(summary="An old version as the next one", request=shapes.RestoredSerializer, responses=_saved)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        found, given = self.get_object(), checked(shapes.RestoredSerializer, request)
        try:
            versions.restore(_version(found, given["version"]), actor_of(request))
        except (Refused, SpecError) as fault:
            raise Conflict(str(fault)) from None
        return self.answer(found)

    @extend_schema(
        summary="What differs between two versions",
        parameters=[OpenApiParameter("from", _number, required=True), OpenApiParameter("to", _number, required=True)],
        responses={200: shapes.DiffSerializer, **REFUSALS},
    )
    @action(detail=True, methods=["get"])
    def diff(self, request: Request, pk: str) -> Response:
        found = self.get_object()
        old, new = (_version(found, _whole(request, name)).spec for name in ("from", "to"))
        lines = "\n".join(f"{one.kind} {one.text}" for one in diff(old, new))
        return Response({"changes": [one._asdict() for one in changes(old, new)], "diff": lines})

    @extend_schema(
        summary="What is wrong or unwise with a runbook, as things are set up here",
        request=shapes.WrittenSerializer,
        responses={200: shapes.FindingsSerializer, **REFUSALS},
    )
    @action(detail=False, methods=["post"], permission={"POST": READ})
    def lint(self, request: Request) -> Response:
        found = runbook_form.findings(checked(shapes.WrittenSerializer, request)["read"])
        return Response({"findings": shapes.FindingSerializer(found, many=True).data})

    @extend_schema(
        summary="The plan that a runbook makes: nothing is stored, no system is asked",
        request=shapes.TriedSerializer,
        responses={200: shapes.PlanSerializer, **REFUSALS},
    )
    @action(detail=False, methods=["post"], permission={"POST": READ})
    def preview(self, request: Request) -> Response:
        given = checked(shapes.TriedSerializer, request)
        return Response({"plan": _planned(given)})

    @extend_schema(
        operation_id="remediation_runbooks_import",
        summary="Import a file of runbooks",
        request=shapes.RunbookFileSerializer,
        responses={200: shapes.RunbookReportSerializer, **REFUSALS},
    )
    @action(detail=False, methods=["post"], url_path="import")
    def import_file(self, request: Request) -> Response:
        given = checked(shapes.RunbookFileSerializer, request)
        try:
            if given["check"]:
                report = runbook_importing.plan(given["text"], given["file"])
            else:
                report = runbook_importing.import_text(given["text"], given["file"], actor_of(request))
        except UnreadableFile as fault:
            raise ValidationError({"text": str(fault)}) from None
        return Response(shapes.RunbookReportSerializer(report).data)

    @extend_schema(
        summary="Runbooks as YAML that import takes",
        parameters=_filters[:3],
        responses={(200, "application/yaml"): OpenApiTypes.ANY, **REFUSALS},
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def export(self, request: Request) -> HttpResponse:
        rows = _filtered(self.queryset.all(), request.GET).order_by("key")
        text = dump(one.current.spec for one in rows if one.current) or NONE
        headers = {"Content-Disposition": 'attachment; filename="runbooks.yml"'}
        return HttpResponse(text, "application/yaml; charset=utf-8", headers=headers)


def _filtered(rows: QuerySet[Runbook], given: Any) -> QuerySet[Runbook]:
    if text := given.get("search", "").strip():
        if "\0" in text:
            raise ValidationError({"search": "A NUL character cannot be searched for."})
        rows = rows.filter(Q(key__icontains=text) | Q(name__icontains=text) | Q(description__icontains=text))
    if flag := given.get("enabled", ""):
        if flag not in ("true", "false"):
            raise ValidationError({"enabled": "Choose true or false."})
        rows = rows.filter(enabled=flag == "true")
    if origin := given.get("origin", ""):
        if origin not in Runbook.Origin.values:
            raise ValidationError({"origin": f"Choose one of {', '.join(Runbook.Origin.values)}."})
        rows = rows.filter(origin=origin)
    order = given.get("order", "name")
    if order not in ORDERS:
        raise ValidationError({"order": f"Choose one of {', '.join(ORDERS)}."})
    return rows.order_by(order, "id")


def _whole(request: Request, name: str) -> int:
    text = request.GET.get(name, "")
    if not (text.isdecimal() and text.isascii() and len(text) < 10):
        raise ValidationError({name: "The number of a version is needed."})
    return int(text)


def _version(runbook: Runbook, number: int) -> RunbookVersion:
    found = runbook.versions.select_related("runbook").filter(number=number).first()
    if found is None:
        raise NotFound(f"There is no version {number}.")
    return found


def _planned(given: dict[str, Any]) -> dict[str, Any]:
    pk, spec = given.get("alert"), given["read"]
    alert = Alert.objects.select_related("resource").filter(pk=pk).first() if pk else None
    if pk and alert is None:
        raise ValidationError({"alert": "There is no such alert."})
    known = render.context(alert, alert.resource if alert else None)
    try:
        found = parameters.validate(spec.parameters, given["parameters"], known)
        return render.fill(spec, found, known).to_json()
    except ParameterError as fault:
        raise ValidationError({f"parameters.{fault.field}": fault.sentence}) from None
    except RenderError as fault:
        raise ValidationError({"spec": str(fault)}) from None
