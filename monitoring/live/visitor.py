"""Who is at the other end of a websocket: a signed-in browser, or a program with an API token."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http.cookie import parse_cookie
from django.http.request import split_domain_port, validate_host

from accounts import authentication


class Visitor:
    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self.has_token = authentication.token_from_headers(self.headers) is not None

    def identify(self) -> Any:
        """The token's bearer or the session's user, read afresh; None for a stranger."""
        if self.has_token:
            return authentication.bearer(self.scope)
        key = parse_cookie(self.headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
        if not key:
            return None
        session = import_module(settings.SESSION_ENGINE).SessionStore(key)
        user = get_user(SimpleNamespace(session=session))  # type: ignore[arg-type]  # it asks for the session only
        return user if user.is_authenticated else None


def acceptable_origin(visitor: Visitor) -> bool:
    """Browsers always say where their page came from, and it must be us; a program sends a token and need not say."""
    host = visitor.headers.get("host", "")
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return False
    origin = visitor.headers.get("origin")
    if origin is None:
        return visitor.has_token
    return origin in settings.CSRF_TRUSTED_ORIGINS or urlsplit(origin).netloc == host
