"""One door: authenticate → read the body → decode → keep → answer, with every refusal in the protocol's own form."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.authentication import TokenRefused, bearer_for
from aiops.errors import OUTAGE_MESSAGE, is_outage, retry_after
from aiops.metrics import ERRORS
from monitoring.ingest import keep, senders
from monitoring.ingest.answers import Answers
from monitoring.ingest.decoded import Decoded, Memory
from monitoring.ingest.errors import Undecodable

PERMISSION = "metrics:write"
log = logging.getLogger(__name__)
Body = Callable[[HttpRequest, int], bytes]
Decode = Callable[[bytes, Memory, HttpRequest], Decoded]
View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Door:
    name: str
    answers: Answers
    body: Body
    decode: Decode
    check: Callable[[HttpRequest], None] = lambda request: None  # raises Undecodable for a request of another protocol

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return guarded(self._receive, self.answers, request)

    def _receive(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            raise Undecodable("Samples are sent here by POST.", 405)
        bearer = bearer_for(request, PERMISSION, raw=request.GET.get("p"))
        sender = senders.of(self.name, bearer.token)
        try:
            self.check(request)
            decoded = self.decode(self.body(request, settings.INGEST_MAX_BYTES), sender.memory, request)
        except Undecodable as refusal:
            sender.refuse_body(refusal.sentence, f"{request.META.get('CONTENT_LENGTH') or 0} bytes")
            raise
        return self.answers.kept(keep.keep(sender, decoded))


def guarded(receive: Callable[[HttpRequest], HttpResponse], answers: Answers, request: HttpRequest) -> HttpResponse:
    """`receive`, with whatever it raises answered as `answers` say it.

    What is our fault and will pass is 503: senders drop a batch on 4xx.
    """
    try:
        return receive(request)
    except Undecodable as refusal:
        return _allowing(answers.refusal(refusal.status, refusal.sentence), refusal.status)
    except TokenRefused as refused:
        given: Any = refused.response()
        response = answers.refusal(refused.status, refused.sentence)
        for name in ("WWW-Authenticate", "Retry-After"):
            if name in given:
                response[name] = given[name]
        return response
    except Exception as fault:
        if not is_outage(fault):
            raise
        ERRORS.labels("outage").inc()
        log.error("answered 503: %s: %s", type(fault).__name__, fault)
        response = answers.refusal(503, OUTAGE_MESSAGE)
        response["Retry-After"] = str(retry_after(fault))
        return response


def _allowing(response: HttpResponse, status: int) -> HttpResponse:
    if status == 405:
        response["Allow"] = "POST"
    return response
