"""The settings of an installation whose pages say what they cost in the header Server-Timing: `cpu`, of the thread that answers, and `app`,
by the clock; milliseconds."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from aiops.settings import *  # noqa: F403
from aiops.settings import MIDDLEWARE as ALL

MIDDLEWARE = ["bench.storm_settings.Timing", *ALL]


class Timing:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        cpu, wall = time.thread_time(), time.perf_counter()
        response = self.get_response(request)
        spent, lasted = (time.thread_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000
        response["Server-Timing"] = f"cpu;dur={spent:.1f}, app;dur={lasted:.1f}"
        return response
