"""Django's WSGI handler for requests that name any charset."""

import codecs
from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


def is_utf8(charset: str) -> bool:
    """ASCII is part of it."""
    try:
        return codecs.lookup(charset).name in ("utf-8", "ascii")
    except LookupError:
        return False


class Request(WSGIRequest):
    """Text is UTF-8 whatever the sender calls it. Python also knows codecs such as hex, over which Django would stumble
    before anybody can answer; middleware.Readable refuses a body that says it is something else."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Handler(WSGIHandler):
    request_class = Request
