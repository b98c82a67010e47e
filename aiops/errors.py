"""One shape for every refusal: API answers are {"error": one sentence}, pages get a page."""

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler


def answer(fault: Exception, context: dict[str, Any]) -> Response | None:
    return exception_handler(fault, context)
