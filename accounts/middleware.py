"""Who acts in this request, and in which time zone they read it."""

import contextvars
import ipaddress
import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

current_request: contextvars.ContextVar[HttpRequest | None] = contextvars.ContextVar("current_request", default=None)


def _ip(text: str) -> str:
    """The address without brackets or port; "" for what is not an address."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


def address_of(forwarded_for: str, peer: str) -> str:
    """Who sent it. X-Forwarded-For counts only as far as our own proxies wrote it, so that nobody can claim another address."""
    hops = [hop for hop in forwarded_for.split(",") if hop.strip()]
    if settings.TRUSTED_PROXIES and hops:
        claimed = _ip(hops[-min(settings.TRUSTED_PROXIES, len(hops))])
        if claimed:
            return claimed
    return _ip(peer)


def client_address(request: HttpRequest) -> str:
    return address_of(request.headers.get("X-Forwarded-For", ""), request.META.get("REMOTE_ADDR", ""))


class CurrentActor:
    """Lets audit.record find the actor and the address without every caller passing the request on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = current_request.set(request)
        try:
            return self.get_response(request)
        finally:
            current_request.reset(token)


class UserTimeZone:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = getattr(request.user, "time_zone", None) if request.user.is_authenticated else None
        with timezone.override(zoneinfo.ZoneInfo(name) if name else None):
            return self.get_response(request)
