"""Cases and approvals for programs: what there is, what it said, proposing, saying yes or no, stopping and taking back; the switches."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from aiops.refusals import ERROR, REFUSALS
from monitoring.alerts.api_alerts import actor_of
from remediation import api_case_shapes as shapes
from remediation import case_acting, case_list, propose, switches
from remediation.case_acting import NotDone
from remediation.drafts import Asked, ProposalError
from remediation.models import Approval, Execution, KillSwitch, LogLine

READ, EXECUTE, APPROVE = "monitoring:read", "remediation:execute", "remediation:approve"
ORDERS = ("-created_at", "created_at", "-finished_at", "finished_at", "title", "-title", "-id", "id")
_text, _number = OpenApiTypes.STR, OpenApiTypes.INT
_filters = [
    *(OpenApiParameter(name, _text, many=True, enum=known) for name, known in case_list.ORDERS.items()),
    OpenApiParameter("runbook", _number, many=True, description="id"),
    OpenApiParameter("cause", _text, many=True, description="name of the alert, or manual"),
    OpenApiParameter("target", _text, many=True),
    *(OpenApiParameter(name, _number, description="id") for name in ("alert", "incident", "resource", "rule")),
    OpenApiParameter("dry_run", OpenApiTypes.BOOL),
    OpenApiParameter("since", _text, enum=tuple(case_list.SPANS), description="proposed within this time"),
    OpenApiParameter("search", _text, description="words in title, target, cause or requester, or a number"),
    OpenApiParameter("order", _text, enum=ORDERS),
]
CONFLICT = {409: OpenApiResponse(ERROR, "It cannot be done; one sentence says why.")}
LOCKED = r"\d{1,18}"


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT


def attempt(work: Callable[[], Any]) -> Any:
    """403, 409 or 400 with the sentence where it cannot be done."""
    try:
        return work()
    except NotDone as fault:
        kinds: dict[int, type[APIException]] = {403: PermissionDenied, 400: ValidationError}
        raise kinds.get(fault.status, Conflict)(str(fault)) from fault


def checked(shape: type, request: Request) -> dict[str, Any]:
    asked = shape(data=request.data)
    asked.is_valid(raise_exception=True)
    given: dict[str, Any] = asked.validated_data
    return given


def person_of(request: Request) -> User:
    """Who acts: of a token, whose it is."""
    actor: Any = actor_of(request)
    found: User = actor.user if isinstance(actor, ApiToken) else actor
    return found


_one = {200: shapes.ExecutionDetailSerializer, **REFUSALS, **CONFLICT}


@extend_schema_view(
    list=extend_schema(summary="Cases", parameters=_filters, responses={200: shapes.ExecutionSerializer(many=True), **REFUSALS}),
    retrieve=extend_schema(
        summary="One case: plan, decision, steps and transitions", responses={200: shapes.ExecutionDetailSerializer, **REFUSALS}
    ),
)
class Executions(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Execution]):
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": EXECUTE}
    http_method_names = ["get", "post", "head", "options"]
    lookup_value_regex = LOCKED
    serializer_class = shapes.ExecutionSerializer
    queryset = Execution.objects.all()

    def get_serializer_class(self) -> type[shapes.ExecutionSerializer]:
        return shapes.ExecutionSerializer if self.action == "list" else shapes.ExecutionDetailSerializer

    def get_queryset(self) -> QuerySet[Execution]:
        if self.action != "list":
            return super().get_queryset()
        order = self.request.GET.get("order", "-created_at")
        if order not in ORDERS:
            raise ValidationError({"order": f"Choose one of {', '.join(ORDERS)}."})
        rows = Execution.objects.defer("plan", "preview", "evidence", "decision")
        try:
            return case_list.filtered(rows, self.request.GET).order_by(order, "-id")
        except case_list.Unclear as unclear:
            raise ValidationError({unclear.name: str(unclear)}) from unclear

    def answer(self, pk: int, code: int = 200) -> Response:
        return Response(shapes.ExecutionDetailSerializer(Execution.objects.get(pk=pk)).data, status=code)

    @extend_schema(
        summary="Propose a case: policy says whether it runs, waits for people, or is denied",
        request=shapes.ProposalSerializer,
        responses={**REFUSALS, 201: shapes.ExecutionDetailSerializer},
    )
    def create(self, request: Request) -> Response:
        given = checked(shapes.ProposalSerializer, request)
        try:
            made = propose.propose(Asked(**given), actor_of(request))
        except ProposalError as fault:
            raise ValidationError({fault.field or "runbook": fault.sentence}) from fault
        return self.answer(made.pk, 201)

    @extend_schema(summary="Stop it", request=shapes.CaseReasonSerializer, responses=_one)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        return self._act(request, case_acting.cancel)

    @extend_schema(summary="Take back what it did", request=shapes.CaseReasonSerializer, responses=_one)
    @action(detail=True, methods=["post"])
    def rollback(self, request: Request, pk: str) -> Response:
        return self._act(request, case_acting.roll_back)

    def _act(self, request: Request, verb: Callable[[Execution, Any, str], str]) -> Response:
        found, given = self.get_object(), checked(shapes.CaseReasonSerializer, request)
        attempt(lambda: verb(found, actor_of(request), given["reason"]))
        return self.answer(found.pk)

    @extend_schema(
        summary="The output of its steps, oldest first",
        parameters=[OpenApiParameter("after", _number, description="id of a line: only what came after it")],
        responses={200: shapes.CaseLineSerializer(many=True), **REFUSALS},
    )
    @action(detail=True, methods=["get"])
    def lines(self, request: Request, pk: str) -> Response:
        try:
            after = case_list.number("after", request.GET.get("after") or "0")
        except case_list.Unclear as unclear:
            raise ValidationError({"after": str(unclear)}) from unclear
        rows: Any = LogLine.objects.filter(step__execution=self.get_object(), pk__gt=after).select_related("step").order_by("pk")
        return self.get_paginated_response(shapes.CaseLineSerializer(self.paginate_queryset(rows), many=True).data)


@extend_schema_view(
    list=extend_schema(
        summary="Approvals, those that wait first",
        parameters=[OpenApiParameter("state", _text, many=True, enum=Approval.State.values), OpenApiParameter("execution", _number)],
        responses={200: shapes.ApprovalSerializer(many=True), **REFUSALS},
    ),
    retrieve=extend_schema(summary="One approval with its votes", responses={200: shapes.ApprovalSerializer, **REFUSALS}),
)
class Approvals(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Approval]):
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": APPROVE}
    http_method_names = ["get", "post", "head", "options"]
    lookup_value_regex = LOCKED
    serializer_class = shapes.ApprovalSerializer
    queryset = Approval.objects.select_related("execution", "step").prefetch_related("votes")

    def get_permissions(self) -> Any:
        """Whoever asked may withdraw without being an approver."""
        if self.action == "withdraw":
            self.permission = EXECUTE
        return super().get_permissions()

    def get_queryset(self) -> QuerySet[Approval]:
        rows = super().get_queryset().order_by("closed_at", "expires_at", "id")
        states = self.request.GET.getlist("state")
        if unknown := sorted(set(states) - set(Approval.State.values)):
            raise ValidationError({"state": f"{unknown[0][:40]} is not known; there are {', '.join(Approval.State.values)}."})
        if states:
            rows = rows.filter(state__in=states)
        try:
            text = self.request.GET.get("execution", "")
            return rows.filter(execution=case_list.number("execution", text)) if text else rows
        except case_list.Unclear as unclear:
            raise ValidationError({"execution": str(unclear)}) from unclear

    @extend_schema(
        summary="Say yes or no", request=shapes.CaseVoteSerializer, responses={200: shapes.ApprovalSerializer, **REFUSALS, **CONFLICT}
    )
    @action(detail=True, methods=["post"])
    def vote(self, request: Request, pk: str) -> Response:
        found, given = self.get_object(), checked(shapes.CaseVoteSerializer, request)
        attempt(lambda: case_acting.vote(found, person_of(request), given["granted"], given["comment"], "api"))
        return Response(shapes.ApprovalSerializer(self.get_object()).data)

    @extend_schema(
        summary="Withdraw a proposal that waits", request=shapes.CaseCommentSerializer,
        responses={200: shapes.ApprovalSerializer, **REFUSALS, **CONFLICT},
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        found, given = self.get_object(), checked(shapes.CaseCommentSerializer, request)
        attempt(lambda: case_acting.withdraw(found, person_of(request), given["comment"]))
        return Response(shapes.ApprovalSerializer(self.get_object()).data)


class Switches(viewsets.GenericViewSet[KillSwitch]):
    permission: Any = {"GET": READ, "HEAD": READ, "OPTIONS": READ, "POST": APPROVE}
    http_method_names = ["get", "post", "head", "options"]
    serializer_class = shapes.CaseSwitchSerializer
    queryset = KillSwitch.objects.order_by("scope")
    pagination_class = None

    @extend_schema(summary="The kill switches that were ever used", responses={200: shapes.CaseSwitchSerializer(many=True), **REFUSALS})
    def list(self, request: Request) -> Response:
        return Response(shapes.CaseSwitchSerializer(self.get_queryset(), many=True).data)

    @extend_schema(
        summary="Stop or release everything, or what goes through one provider",
        request=shapes.CaseTurnSerializer,
        responses={200: shapes.CaseSwitchSerializer, **REFUSALS},
    )
    def create(self, request: Request) -> Response:
        given = checked(shapes.CaseTurnSerializer, request)
        (switches.stop if given["on"] else switches.release)(given["scope"], actor_of(request), given["reason"])
        found = KillSwitch.objects.get_or_create(scope=given["scope"])[0]
        return Response(shapes.CaseSwitchSerializer(found).data)
