"""The doors for other systems' alerts: decoded here, handed on by signal, acknowledged when they are stored."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.authentication import bearer_for
from monitoring.ingest import answers, bodies
from monitoring.ingest.decoders import alert_objects
from monitoring.ingest.decoders import alertmanager as decoder
from monitoring.ingest.doors import PERMISSION, View, guarded
from monitoring.ingest.errors import Undecodable
from monitoring.ingest.notices import Notice, notices_received

_JSON = answers.Json()
Decode = Callable[[bytes, HttpRequest], list[Notice]]


def _door(decode: Decode) -> View:
    def receive(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            raise Undecodable("Alerts are sent here by POST.", 405)
        bearer_for(request, PERMISSION)
        notices = decode(bodies.plain(request, settings.INGEST_MAX_BYTES), request)
        notices_received.send(sender=Notice, notices=notices)
        return JsonResponse({"accepted": len(notices)})

    return csrf_exempt(lambda request: guarded(receive, _JSON, request))


def _objects(body: bytes, request: HttpRequest) -> list[Notice]:
    return alert_objects.decode(body, alert_objects.Mapped.of(request.GET.dict()))


alertmanager = _door(lambda body, _request: decoder.decode(body))
grafana = _door(lambda body, _request: decoder.decode_grafana(body))
alerts = _door(_objects)
