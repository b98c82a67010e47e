"""The copilot for programs: asking (whole or streamed), one's own conversations and their turns, stopping, rating, sharing."""

from collections.abc import Callable
from typing import Any

from django.db.models import Count, QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from aiops.faults import Unavailable
from aiops.refusals import ERROR, REFUSALS
from genai.copilot import answering, api_shapes, conversations, export, feedback, following
from genai.copilot.conversations import Refused
from genai.copilot.models import Conversation, Turn

USE = "genai:use"
LOCKED = r"\d{1,18}"
BUSY = {409: OpenApiResponse(ERROR, "It is still being answered.")}
STREAMED = """`stream: true` answers with Server-Sent Events: `state`, `step`, `text` (to be put behind what there is; `anew`: in its place)
and `block` as they happen, at last `answer` with the turn as JSON: checked, with its evidence. Neither way holds up anybody else: an answer
takes as long as the model does. A client that goes away does not stop it."""


class Busy(APIException):
    status_code = status.HTTP_409_CONFLICT


class TooMany(APIException):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    wait = 5


def attempt(work: Callable[[], Any]) -> Any:
    """The status with the sentence, where it cannot be done."""
    try:
        return work()
    except Refused as fault:
        if fault.status == 503:
            raise Unavailable(fault.sentence) from fault
        kinds: dict[int, type[APIException]] = {403: PermissionDenied, 409: Busy, 429: TooMany}
        raise kinds.get(fault.status, ValidationError)(fault.sentence) from fault


def actor_of(request: Request) -> Any:
    """Whose rights count: a token's bearer, or the person."""
    return request.auth or request.user


def person_of(request: Request) -> User:
    found = request.user
    assert isinstance(found, User)
    return found


class Chat(APIView):
    permission = USE
    serializer_class = api_shapes.ChatSerializer

    @extend_schema(
        operation_id="genai_chat",
        summary="Ask the copilot",
        description=STREAMED,
        request=api_shapes.ChatSerializer,
        responses={
            200: api_shapes.TurnSerializer,
            202: OpenApiResponse(api_shapes.TurnSerializer, "It is being answered: ask for the turn."),
            **REFUSALS,
            **BUSY,
        },
    )
    def post(self, request: Request) -> Response:
        asked = api_shapes.ChatSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        turn = attempt(lambda: self._ask(request, given))
        response = Response(api_shapes.told(turn, actor_of(request)), status=202)
        response["Location"] = following.TURN.format(turn.pk)
        if (given["wait"] or given["stream"]) and following.MARK in request.META.get("asgi.scope", {}):
            response[following.HEADER.decode()] = f"{turn.pk}:{'stream' if given['stream'] else 'whole'}"
        return response

    def _ask(self, request: Request, given: dict[str, Any]) -> Turn:
        question = answering.worded(given["question"])
        context = dict(given["context"]) | {"subject": given["subject"]} if given["subject"] or given["context"] else {}
        if "conversation" in given:
            found = conversations.of(person_of(request)).filter(pk=given["conversation"]).first()
            if found is None:
                raise Http404("There is no such conversation of yours.")
            return answering.ask(found, question, context=context, actor=actor_of(request))
        begun = conversations.start(person_of(request), subject=given["subject"], context=given["context"])
        try:
            return answering.ask(begun, question, context=context, actor=actor_of(request))
        except Refused:
            begun.delete()  # begun for this question only
            raise


@extend_schema_view(
    list=extend_schema(
        summary="One's own conversations, newest first",
        parameters=[OpenApiParameter("search", OpenApiTypes.STR, description="words in titles, questions and answers")],
        responses={200: api_shapes.ConversationSerializer(many=True), **REFUSALS},
    ),
    retrieve=extend_schema(summary="One of them", responses={200: api_shapes.ConversationSerializer, **REFUSALS}),
    destroy=extend_schema(summary="Remove it with its questions and answers", responses={204: None, **REFUSALS}),
)
class Conversations(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[Conversation]):
    permission = USE
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_regex = LOCKED
    serializer_class = api_shapes.ConversationSerializer
    queryset = Conversation.objects.none()

    def get_queryset(self) -> QuerySet[Conversation]:
        if getattr(self, "swagger_fake_view", False):
            return Conversation.objects.none()
        words = self.request.GET.get("search", "") if self.action == "list" else ""
        return conversations.of(person_of(self.request), words[:200]).annotate(turns_count=Count("turns"))

    @extend_schema(
        summary="Name it", request=api_shapes.ConversationSerializer, responses={200: api_shapes.ConversationSerializer, **REFUSALS}
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        found = self.get_object()
        title = request.data.get("title") if isinstance(request.data, dict) else None
        if not isinstance(title, str):
            raise ValidationError({"title": "Write a title."})
        attempt(lambda: conversations.rename(found, title))
        return Response(api_shapes.ConversationSerializer(found).data)

    def perform_destroy(self, instance: Conversation) -> None:
        conversations.delete(instance)

    @extend_schema(summary="Its questions and answers, oldest first", responses={200: api_shapes.TurnSerializer(many=True), **REFUSALS})
    @action(detail=True, methods=["get"])
    def turns(self, request: Request, pk: str) -> Response:
        rows: Any = self.get_object().turns.select_related("run", "conversation").order_by("number")
        return self.get_paginated_response([api_shapes.told(turn, actor_of(request)) for turn in self.paginate_queryset(rows) or []])

    @extend_schema(
        summary="Share it: whoever has the link and signs in reads it",
        request=None,
        responses={200: api_shapes.ConversationShareSerializer, **REFUSALS},
    )
    @action(detail=True, methods=["post"])
    def share(self, request: Request, pk: str) -> Response:
        found = self.get_object()
        conversations.share(found)
        return Response(api_shapes.ConversationShareSerializer({"url": api_shapes.share_url(found), "shared_at": found.shared_at}).data)

    @extend_schema(summary="Share it no longer", responses={204: None, **REFUSALS})
    @share.mapping.delete
    def unshare(self, request: Request, pk: str) -> Response:
        conversations.unshare(self.get_object())
        return Response(status=204)

    @extend_schema(summary="All of it as Markdown", responses={(200, "text/markdown"): OpenApiTypes.STR, **REFUSALS})
    @action(detail=True, methods=["get"])
    def export(self, request: Request, pk: str) -> HttpResponse:
        return HttpResponse(export.markdown(self.get_object(), actor_of(request)), content_type="text/markdown; charset=utf-8")


@extend_schema_view(
    retrieve=extend_schema(summary="A question and its answer so far", responses={200: api_shapes.TurnSerializer, **REFUSALS})
)
class Turns(viewsets.GenericViewSet[Turn]):
    permission = USE
    http_method_names = ["get", "post", "head", "options"]
    lookup_value_regex = LOCKED
    serializer_class = api_shapes.TurnSerializer
    queryset = Turn.objects.none()

    def get_queryset(self) -> QuerySet[Turn]:
        if getattr(self, "swagger_fake_view", False):
            return Turn.objects.none()
        return Turn.objects.select_related("conversation", "run").filter(conversation__user=person_of(self.request))

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(api_shapes.told(self.get_object(), actor_of(request)))

    @extend_schema(
        summary="Stop answering; what there is stays", request=None, responses={202: api_shapes.TurnSerializer, **REFUSALS, **BUSY}
    )
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        found = self.get_object()
        if found.is_over:
            raise Busy("It is over already.")
        answering.stop(found)
        return Response(api_shapes.told(found, actor_of(request)), status=202)

    @extend_schema(
        summary="Say whether it helped",
        request=api_shapes.AnswerRatingSerializer,
        responses={200: api_shapes.TurnSerializer, **REFUSALS, **BUSY},
    )
    @action(detail=True, methods=["post"])
    def feedback(self, request: Request, pk: str) -> Response:
        asked = api_shapes.AnswerRatingSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        found = self.get_object()
        attempt(lambda: feedback.rate(found, asked.validated_data["rating"], asked.validated_data["comment"]))
        return Response(api_shapes.told(found, actor_of(request)))
