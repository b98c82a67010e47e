"""Likely causes for programs: those found last, and a new look."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from aiops.refusals import REFUSALS
from genai.causes import asking, scene
from genai.causes.analyse import latest
from genai.causes.models import Analysis

READ: Any = {"GET": "monitoring:read", "HEAD": "monitoring:read", "OPTIONS": "monitoring:read"}
SUBJECT = r"(?:(?:alert|incident):\d{1,18}|window:\d{0,18})"


class StatementSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    evidence = serializers.ListField(child=serializers.IntegerField(), help_text="ids of evidence; none of a guess")
    guess = serializers.BooleanField()
    against = serializers.BooleanField(help_text="it speaks against the hypothesis")


class HypothesisSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    score = serializers.FloatField(help_text="0 to 1; those of one analysis add up to 1 at most")
    why = serializers.CharField(allow_blank=True)
    component = serializers.CharField(allow_blank=True)
    resource = serializers.IntegerField(allow_null=True)
    metric = serializers.CharField(allow_blank=True)
    origin = serializers.CharField(help_text="what put it forward: series, change, alert, forecast, past")
    statements = StatementSerializer(many=True)
    facts = serializers.JSONField(help_text="figures: onset in epoch seconds, departure in spreads, before, now, query, unit")


class AnalysisSerializer(serializers.ModelSerializer[Analysis]):
    hypotheses = HypothesisSerializer(many=True)
    looked_at = serializers.JSONField(help_text="how much was looked at: resources, series, changes, past …")
    state = serializers.ChoiceField(choices=["asked", "done", "failed"])

    class Meta:
        model = Analysis
        fields = ["id", "subject", "start", "end", "created_at", "state", "error", "hypotheses", "looked_at", "cpu_ms"]
        read_only_fields = fields


class AskSerializer(serializers.Serializer[Any]):
    subject = serializers.RegexField(
        f"^{SUBJECT}$", max_length=40, help_text="alert:<id>, incident:<id>, window:<resource id>, or window: over everything"
    )
    start = serializers.DateTimeField(required=False, help_text="of a window; else from well before the beginning")
    end = serializers.DateTimeField(required=False)


class CausesView(APIView):
    permission: Any = {**READ, "POST": "monitoring:read"}
    http_method_names = ["get", "post", "head", "options"]

    @extend_schema(
        operation_id="v1_genai_causes_latest",
        summary="The likely causes found last",
        parameters=[OpenApiParameter("subject", OpenApiTypes.STR, required=True, description="alert:<id> or incident:<id>")],
        responses={200: AnalysisSerializer, **REFUSALS},
    )
    def get(self, request: Request) -> Response:
        asked = AskSerializer(data={"subject": request.GET.get("subject", "")})
        asked.is_valid(raise_exception=True)
        row = latest(asked.validated_data["subject"])
        if row is None:
            raise Http404("Nothing has been analysed for it yet; POST asks for that.")
        return Response(AnalysisSerializer(row).data)

    @extend_schema(
        summary="Look for causes now",
        description="It is made beside the request: ask for the analysis of the answered id until its state is done or failed.",
        request=AskSerializer,
        responses={202: AnalysisSerializer, **REFUSALS},
    )
    def post(self, request: Request) -> Response:
        asked = AskSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        try:
            found = scene.of(given["subject"], given.get("start"), given.get("end"))
            row = asking.ask(found, person(request))
        except scene.Unknown as gone:
            raise Http404(str(gone)) from gone
        except ValueError as fault:
            raise ValidationError(str(fault)) from fault
        return Response(AnalysisSerializer(row).data, status=status.HTTP_202_ACCEPTED)


class AnalysisView(APIView):
    permission = READ
    http_method_names = ["get", "head", "options"]

    @extend_schema(summary="One analysis", responses={200: AnalysisSerializer, **REFUSALS})
    def get(self, request: Request, pk: int) -> Response:
        row = Analysis.objects.filter(pk=pk).first()
        if row is None:
            raise Http404("There is no such analysis; they expire.")
        return Response(AnalysisSerializer(row).data)


def person(request: Request) -> User | None:
    """Who asks, also with a token."""
    found = getattr(request.auth, "user", None) or request.user
    return found if isinstance(found, User) else None
