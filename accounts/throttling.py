"""Limits on the API, per user and per address. Rates: AIOPS_API_RATE_USER, AIOPS_API_RATE_ADDRESS."""

import time
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.limits import bump
from accounts.middleware import client_address


class Window(SimpleRateThrottle):
    """A counter per whole minute (hour, day) instead of DRF's list of every request's time, which costs more than the request."""

    def allow_request(self, request: Request, view: Any) -> bool:
        key = self.get_cache_key(request, view)
        limit, seconds = self.parse_rate(self.rate)
        if key is None or not limit or not seconds:
            return True
        number, elapsed = divmod(time.time(), seconds)
        self.seconds_left = seconds - elapsed
        return bump(f"{key}:{int(number)}", seconds) <= limit

    def wait(self) -> float:
        return self.seconds_left


class PerUser(Window):
    scope = "user"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if not request.user or not request.user.is_authenticated:
            return None
        return self.cache_format % {"scope": self.scope, "ident": request.user.pk}


class PerAddress(Window):
    scope = "address"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        return self.cache_format % {"scope": self.scope, "ident": client_address(request._request)}
