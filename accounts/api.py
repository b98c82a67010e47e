"""API: my tokens, who I am, the audit trail."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import tokens, trail
from accounts.authentication import Bearer
from accounts.models import ApiToken, AuditEntry, TokenKind, User
from accounts.permissions import PERMISSIONS, can
from aiops import timerange
from aiops.refusals import REFUSALS, refusals


def _me(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    state = serializers.ChoiceField(["valid", "replaced", "expired", "revoked"], read_only=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(sorted(PERMISSIONS)), required=False)
    days = serializers.IntegerField(min_value=1, max_value=3650, allow_null=True, default=90, write_only=True)

    class Meta:
        model = ApiToken
        fields = ("id", "name", "kind", "public_id", "ending", "scopes", "state", "days", "created_at", "expires_at")
        fields += ("last_used_at", "last_used_address", "revoked_at")  # type: ignore[assignment]
        read_only_fields = tuple(name for name in fields if name not in ("name", "kind", "scopes", "days"))


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(read_only=True, help_text="The token itself, in this answer only.")

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "token")  # type: ignore[assignment]


class RotationSerializer(serializers.Serializer[Any]):
    overlap_hours = serializers.FloatField(min_value=0, max_value=24 * 30, default=tokens.OVERLAP_HOURS)


@extend_schema_view(
    list=extend_schema(summary="My tokens", responses={200: TokenSerializer(many=True), **REFUSALS}),
    retrieve=extend_schema(summary="One of my tokens", responses={200: TokenSerializer, **REFUSALS}),
    destroy=extend_schema(summary="Revoke a token", responses={204: None, **REFUSALS}),
)
class TokenViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[ApiToken]):
    """A person's own tokens. A token that manages tokens can never make one wider than itself."""

    permission = "tokens:write"
    serializer_class = TokenSerializer
    queryset = ApiToken.objects.none()
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[ApiToken]:
        return (
            ApiToken.objects.filter(user=self.request.user).order_by("-id") if isinstance(self.request.user, User) else self.queryset.all()
        )

    @extend_schema(summary="Create a token", request=TokenSerializer, responses={201: NewTokenSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        form = TokenSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        kind, scopes = asked.get("kind", TokenKind.PERSONAL), asked.get("scopes", [])
        self._within(tokens.INGEST_SCOPES if kind == TokenKind.INGEST else scopes)
        try:
            made, raw = tokens.issue(_me(request), asked["name"], scopes, kind=kind, days=asked["days"])
        except tokens.TokenError as fault:
            raise ValidationError({"scopes": [str(fault)]}) from None
        return self._once(made, raw)

    @extend_schema(
        summary="Replace a token; the old one stays valid for a while",
        request=RotationSerializer,
        responses={201: NewTokenSerializer, **REFUSALS},
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        form = RotationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        old = self.get_object()
        self._within(old.scopes)
        try:
            made, raw = tokens.rotate(old, overlap_hours=form.validated_data["overlap_hours"])
        except tokens.TokenError as fault:
            raise ValidationError(str(fault)) from None
        return self._once(made, raw)

    def perform_destroy(self, instance: ApiToken) -> None:
        tokens.revoke(instance)

    def _within(self, scopes: list[str]) -> None:
        beyond = [scope for scope in scopes if self.request.auth and not can(self.request.auth, scope)]
        if beyond:
            raise PermissionDenied(f"This token may not hand on {beyond[0]}, which it does not have.")

    def _once(self, token: ApiToken, raw: str) -> Response:
        data = {**TokenSerializer(token).data, "token": raw}
        return Response(data, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


class MeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    email = serializers.EmailField()
    role = serializers.ChoiceField(["viewer", "operator", "approver", "admin"])
    permissions = serializers.ListField(child=serializers.CharField())
    token = TokenSerializer(allow_null=True)


class MeView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(summary="Who I am and what I may do", responses={200: MeSerializer, **refusals(401, 403, 429)})
    def get(self, request: Request) -> Response:
        me, bearer = _me(request), request.auth
        token = TokenSerializer(bearer.token).data if isinstance(bearer, Bearer) else None
        allowed = [name for name in PERMISSIONS if can(bearer or me, name)]
        return Response({"name": me.name, "email": me.email, "role": me.role, "permissions": allowed, "token": token})


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)

    class Meta:
        model = AuditEntry
        fields = ("id", "time", "actor", "user_id", "token_id", "action", "object_type", "object_id", "object_text", "before", "after")
        fields += ("address", "request_id", "previous", "hash")  # type: ignore[assignment]


def _parameter(name: str, about: str, many: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, many=many, description=about)


FILTERS = [
    _parameter("actor", "Name of the actor; repeat for more.", many=True),
    _parameter("action", "Such as user.signed_in; repeat for more.", many=True),
    _parameter("object", "Kind of object, such as accounts.user; repeat for more.", many=True),
    _parameter("id", "Id of the object."),
    _parameter("user", "Number of the person who acted."),
    _parameter("q", "Text anywhere in the entry."),
    _parameter("range", "Such as now-24h."),
    _parameter("from", "Milliseconds or ISO 8601."),
    _parameter("to", "Milliseconds or ISO 8601."),
]


@extend_schema_view(
    list=extend_schema(
        summary="The audit trail, newest first", parameters=FILTERS, responses={200: AuditEntrySerializer(many=True), **REFUSALS}
    ),
    retrieve=extend_schema(summary="One entry", responses={200: AuditEntrySerializer, **REFUSALS}),
)
class AuditViewSet(viewsets.ReadOnlyModelViewSet[AuditEntry]):
    permission = "audit:read"
    serializer_class = AuditEntrySerializer
    queryset = AuditEntry.objects.none()
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[AuditEntry]:
        query: Mapping[str, Any] = self.request.GET
        if not any(query.get(name) for name in ("range", "from", "to")):
            return trail.read(self.request.GET).entries()
        period = timerange.from_request(self.request._request)
        return trail.read(self.request.GET, period.start, None if period.live else period.end).entries()


class SchemaView(SpectacularJSONAPIView):
    permission = "monitoring:read"

    def _get_version_parameter(self, request: Request) -> None:
        """There is one version; what a caller writes into ?version= must not come out in a header."""
