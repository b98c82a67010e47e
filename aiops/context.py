"""What the page shell needs on every page."""

from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from aiops import navigation

PLATFORM_LINE = "shell:platform-line"  # the last known health sentence, written by the view that refreshes it


def shell(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    return {
        "nav": navigation.groups(user, request.path) if signed_in else [],
        "theme": getattr(user, "theme", "dark") if signed_in else "dark",
        "time_zone": timezone.get_current_timezone_name(),
        "single_keys": getattr(user, "single_keys", True),
        "platform_line": cache.get(PLATFORM_LINE) if signed_in else None,
    }
