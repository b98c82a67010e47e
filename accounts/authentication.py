"""API tokens on the way in: DRF views, hot endpoints and websockets all judge them here."""

import base64
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db import DatabaseError, models
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from accounts.limits import bump
from accounts.middleware import address_of, client_address
from accounts.models import ApiToken, User
from accounts.permissions import can
from accounts.refusals import record_refusal
from accounts.signals import permission_refused
from accounts.tokens import SHAPE, cache_key, digest_of

logger = logging.getLogger(__name__)
LOOK_UP_SECONDS = 30
USED_SECONDS = 60
FAILURES_A_MINUTE = 120  # per address; afterwards a wrong token is answered 429, a right one still passes
CHALLENGE = 'Bearer realm="AIOps"'
_NO_DIGEST = "0" * 64


@dataclass(frozen=True)
class Bearer:
    """Who a token speaks for. `can(bearer, permission)` narrows the owner's role by the token's scopes."""

    user: User
    token: ApiToken
    is_authenticated = True

    @property
    def role(self) -> str:
        return self.user.role

    @property
    def is_active(self) -> bool:
        return self.user.is_active

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.token.scopes)


class TokenRefused(Exception):
    """For endpoints outside DRF: `response()` is the answer to give."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence

    def response(self) -> JsonResponse:
        headers = {"WWW-Authenticate": CHALLENGE} if self.status == 401 else {"Retry-After": "60"} if self.status == 429 else {}
        return JsonResponse({"error": self.sentence}, status=self.status, headers=headers)


def authenticate(raw: str, address: str = "") -> Bearer | None:
    """The bearer of a valid token; None for any other, which goes to the audit trail."""
    try:
        return judge(raw, address)
    except TokenRefused:
        return None


def judge(raw: str, address: str = "") -> Bearer:
    """As `authenticate`, but raises TokenRefused with the sentence to answer."""
    token, used = _look_up(raw)
    # An unknown token is compared too, so that the answer takes as long as for a known one.
    same = hmac.compare_digest(digest_of(raw), token.digest if token else _NO_DIGEST)
    reason = _reason(token) if token and same else "is wrong"
    if token is None or reason:
        raise _refused(reason, token, address)
    if not used:
        _mark_used(token, address)
    return Bearer(token.user, token)


def bearer_for(request: HttpRequest, permission: str, *, raw: str | None = None) -> Bearer:
    """The bearer of a request to an endpoint outside DRF, who then is its actor. Raises TokenRefused (401, 403 or 429).

    `raw` is what came in place of a header, where a protocol knows another place for it.
    """
    raw = token_from_headers(request.headers) or raw
    if raw is None:
        raise TokenRefused(401, "This needs an API token: send Authorization: Bearer, Token or Basic, or X-API-Key.")
    bearer = judge(raw, client_address(request))
    request.user, request.auth = bearer.user, bearer  # type: ignore[attr-defined]
    if not can(bearer, permission):
        permission_refused.send(sender=Bearer, bearer=bearer, permission=permission)
        raise TokenRefused(403, f"This needs the permission {permission}.")
    return bearer


def person(request: HttpRequest) -> User:
    """Who asks for a page; only behind permission_required, which lets no stranger through."""
    assert isinstance(request.user, User)
    return request.user


def bearer(scope_or_headers: Mapping[str, Any]) -> Bearer | None:
    """The bearer of a websocket scope or of a mapping of headers; None where there is no valid token."""
    headers: Mapping[str, str] = scope_or_headers
    address = ""
    if "headers" in scope_or_headers and "type" in scope_or_headers:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope_or_headers["headers"]}
        address = address_of(headers.get("x-forwarded-for", ""), (scope_or_headers.get("client") or [""])[0])
    raw = token_from_headers(headers)
    return authenticate(raw, address) if raw else None


def token_from_headers(headers: Mapping[str, str]) -> str | None:
    """What claims to be a token: Bearer, Token, X-API-Key, or a Basic password that looks like one; None where nothing does."""
    given = {name.lower(): value for name, value in headers.items() if name.lower() in ("authorization", "x-api-key")}
    scheme, _, value = given.get("authorization", "").strip().partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return value.strip()
    if scheme.lower() == "basic" and (password := _basic_password(value)).startswith("aio_"):
        return password
    return given.get("x-api-key", "").strip() or None


def _basic_password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _look_up(raw: str) -> tuple[ApiToken | None, bool]:
    """The token, and whether its use has been written down lately: one question to the cache, for it is asked with every request."""
    shape = SHAPE.fullmatch(raw)
    if shape is None:
        return None, False
    key, used_key = cache_key(shape[1]), _used_key(shape[1])
    kept = cache.get_many([key, used_key])
    token: ApiToken | None = kept.get(key)
    if token is None:
        token = ApiToken.objects.select_related("user").filter(public_id=shape[1]).first()
        if token:  # unknown ids are not kept: a guesser could push everything else out of the cache
            cache.set(key, token, LOOK_UP_SECONDS)
    return token, used_key in kept


def _used_key(public_id: str) -> str:
    return f"token-used:{public_id}"


def _reason(token: ApiToken) -> str:
    """Why a token with the right secret does not count; its holder may know."""
    if token.revoked_at:
        return "was revoked"
    if not token.is_valid():
        return f"expired on {token.expires_at:%-d %b %Y}"
    return "" if token.user.is_active else "belongs to an account that is switched off"


def _refused(reason: str, token: ApiToken | None, address: str) -> TokenRefused:
    record_refusal(
        "token.refused", f"{address}:{token.public_id if token else '-'}", target=token, actor="stranger", address=address, reason=reason
    )
    if bump(f"token-failures:{address}", 60) > FAILURES_A_MINUTE:
        return TokenRefused(429, "Too many requests with a wrong token from this address; try again in a minute.")
    return TokenRefused(401, f"The token {reason}.")


def _mark_used(token: ApiToken, address: str) -> None:
    """Last used, written at most once a minute. Not worth failing a request for: a full disk must not stop reading."""
    if not cache.add(_used_key(token.public_id), 1, USED_SECONDS):
        return
    now = timezone.now()
    stale = models.Q(last_used_at=None) | models.Q(last_used_at__lt=now - timedelta(seconds=USED_SECONDS))
    try:
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now, last_used_address=address)
    except DatabaseError as fault:
        logger.warning("last use of token %s was not written: %s", token.public_id, fault)


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, Bearer] | None:
        raw = token_from_headers(request.headers)
        if raw is None:
            return None
        try:
            found = judge(raw, client_address(request._request))
        except TokenRefused as refusal:
            raise Throttled(60, refusal.sentence) if refusal.status == 429 else AuthenticationFailed(refusal.sentence) from None
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE
