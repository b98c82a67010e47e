"""Evidence for programs: what a claim rests on, and whether it still holds."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import can
from aiops.refusals import REFUSALS
from genai.evidence import check, kinds
from genai.evidence.models import Evidence

READ: Any = {"GET": "monitoring:read", "HEAD": "monitoring:read", "OPTIONS": "monitoring:read"}


class EvidenceSerializer(serializers.ModelSerializer[Evidence]):
    reference = serializers.JSONField(help_text="what is looked up again: of a series its query, start, end and step in ms")
    found = serializers.JSONField(help_text="what was there")
    url = serializers.SerializerMethodField(help_text="page of what it refers to; empty where there is none")

    class Meta:
        model = Evidence
        fields = [
            "id", "kind", "title", "found_text", "reference", "found", "digest", "start", "end", "created_at", "checked_at", "holds", "url",
        ]  # fmt: skip
        read_only_fields = fields

    def get_url(self, one: Evidence) -> str:
        return kinds.kind(one.kind).url(one.reference)


class EvidenceView(APIView):
    permission = READ
    http_method_names = ["get", "head", "options"]

    @extend_schema(
        summary="One piece of evidence",
        description="With `check=1` it is asked for again first; `holds` says whether it is still there, null where that cannot be told.",
        parameters=[OpenApiParameter("check", OpenApiTypes.STR, enum=["1"])],
        responses={200: EvidenceSerializer, **REFUSALS},
    )
    def get(self, request: Request, pk: int) -> Response:
        found = Evidence.objects.filter(pk=pk).first()
        if found is None:
            raise Http404("There is no such evidence.")
        if not can(request.auth or request.user, found.permission):
            raise PermissionDenied(f"This needs the permission {found.permission}.")
        if request.GET.get("check") == "1":
            check.check(found)
        return Response(EvidenceSerializer(found).data)
