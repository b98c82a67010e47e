"""The doors under /webhooks/, and what their senders ask besides."""

import re
import time
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.authentication import bearer_for
from monitoring.ingest import answers, bodies
from monitoring.ingest.decoded import Decoded, Memory
from monitoring.ingest.decoders import json_points, line_protocol, remote_write
from monitoring.ingest.doors import PERMISSION, Door, View, guarded
from monitoring.ingest.errors import Undecodable

_V1, _V2, _PLAIN, _JSON = answers.InfluxV1(), answers.InfluxV2(), answers.Plain(), answers.Json()
_CREATE = re.compile(r"\s*CREATE\s", re.IGNORECASE)
_SHOW = re.compile(r"\s*SHOW\s+DATABASES\b", re.IGNORECASE)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _lines(body: bytes, memory: Memory, request: HttpRequest) -> Decoded:
    precision = request.GET.get("precision", "")
    return line_protocol.decode(body, memory, precision=precision, now=_now(), most=settings.INGEST_MAX_SAMPLES)


def _json(body: bytes, memory: Memory, request: HttpRequest) -> Decoded:
    return json_points.decode(body, memory, now=_now(), most=settings.INGEST_MAX_SAMPLES)


def _telegraf(body: bytes, memory: Memory, request: HttpRequest) -> Decoded:
    """Its outputs.http says text/plain for JSON too: the first character tells."""
    if body.lstrip()[:1] in (b"{", b"["):
        return json_points.decode_telegraf(body, memory, now=_now(), most=settings.INGEST_MAX_SAMPLES)
    return _lines(body, memory, request)


def _remote_write(body: bytes, memory: Memory, request: HttpRequest) -> Decoded:
    return remote_write.decode(body, memory, most=settings.INGEST_MAX_SAMPLES)


def _needs_database(request: HttpRequest) -> None:
    if not request.GET.get("db"):
        raise Undecodable("database is required")


def _version_1(request: HttpRequest) -> None:
    if "io.prometheus.write.v2" in unquote(request.headers.get("Content-Type", "")):
        raise Undecodable("Remote write 2.0 is not understood here; send prometheus.WriteRequest, remote write 1.0.", 415)


def _door(door: Door) -> View:
    return csrf_exempt(door)


influx_v1 = _door(Door("influxdb", _V1, bodies.plain, _lines, _needs_database))
influx_v2 = _door(Door("influxdb", _V2, bodies.plain, _lines))
telegraf = _door(Door("telegraf", _JSON, bodies.plain, _telegraf))
prometheus = _door(Door("prometheus", _PLAIN, bodies.snappy, _remote_write, _version_1))
metrics = _door(Door("metrics", _JSON, bodies.plain, _json))


@csrf_exempt
def influx_query(request: HttpRequest) -> HttpResponse:
    """Senders make their database before they write: there is nothing to make. Questions are asked in PromQL."""
    return guarded(_query, _V1, request)


def _query(request: HttpRequest) -> HttpResponse:
    bearer_for(request, PERMISSION, raw=request.GET.get("p"))
    asked = request.POST.get("q") or request.GET.get("q", "")
    if not asked.strip():
        raise Undecodable('missing required parameter "q"')
    if _SHOW.match(asked):
        databases = {"name": "databases", "columns": ["name"], "values": []}
        return JsonResponse({"results": [{"statement_id": 0, "series": [databases]}]}, headers={"X-Influxdb-Version": answers.VERSION})
    if not _CREATE.match(asked):
        raise Undecodable("InfluxQL is not understood here; ask in PromQL at /prometheus/api/v1/query.")
    return JsonResponse({"results": [{"statement_id": 0}]}, headers={"X-Influxdb-Version": answers.VERSION})


@csrf_exempt
def influx_ping(request: HttpRequest) -> HttpResponse:
    """Without a token, as in InfluxDB; says no more than that somebody is here."""
    return HttpResponse(status=204, headers={"X-Influxdb-Version": answers.VERSION, "X-Influxdb-Build": "AIOps"})


@csrf_exempt
def influx_health(request: HttpRequest) -> HttpResponse:
    body = {"name": "influxdb", "message": "ready for writes", "status": "pass", "version": answers.VERSION, "checks": []}
    return JsonResponse(body, headers={"X-Influxdb-Version": answers.VERSION})


@csrf_exempt
def influx_ready(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ready"})
