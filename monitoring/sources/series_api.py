"""Series and their samples for programs, as arrays. Hot: orjson straight from numpy, no serializers."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from aiops import timerange
from monitoring.inventory.api import REFUSALS
from monitoring.inventory.models import Resource
from monitoring.store import reader

MOST_SERIES, MOST_POINTS, USUAL_POINTS = 200, 11_000, 500
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_about: dict[str, serializers.Field[Any, Any, Any, Any]] = {
    "id": serializers.IntegerField(),
    "metric": serializers.CharField(),
    "labels": serializers.DictField(child=serializers.CharField()),
    "resource": serializers.IntegerField(allow_null=True),
}
_numbers = serializers.ListField(child=serializers.FloatField(allow_null=True))
_series = inline_serializer("SeriesList", {"series": inline_serializer("Series", _about, many=True)})
_data = inline_serializer(
    "SeriesData",
    {
        "from": serializers.IntegerField(help_text="ms"),
        "to": serializers.IntegerField(help_text="ms, not included"),
        "step": serializers.FloatField(help_text="seconds; 0 = the samples themselves"),
        "series": inline_serializer(
            "SeriesArrays",
            {
                **_about,
                "t": serializers.ListField(child=serializers.IntegerField(), help_text="ms UTC: of the sample, or where the bucket starts"),
                "v": _numbers,
                "low": serializers.ListField(child=serializers.FloatField(), required=False),
                "high": serializers.ListField(child=serializers.FloatField(), required=False),
                "last": serializers.ListField(child=serializers.FloatField(), required=False),
                "count": serializers.ListField(child=serializers.IntegerField(), required=False),
            },
            many=True,
        ),
    },
)


def answer(content: Mapping[str, Any]) -> HttpResponse:
    """NaN and infinity become null."""
    return HttpResponse(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY), content_type="application/json")


def described(refs: Iterable[reader.SeriesRef]) -> list[dict[str, Any]]:
    return [{"id": ref.id, "metric": ref.metric, "labels": ref.labels, "resource": ref.resource_id} for ref in refs]


class ResourceSeries(APIView):
    permission = "monitoring:read"

    @extend_schema(
        summary="The series of one resource",
        parameters=[OpenApiParameter("metric", OpenApiTypes.STR)],
        responses={200: _series, **REFUSALS},
    )
    def get(self, request: Request, pk: int) -> HttpResponse:
        if not Resource.objects.filter(pk=pk).exists():
            raise NotFound("There is no such resource.")
        return answer({"series": described(reader.select(request.GET.get("metric") or None, None, pk))})


class SeriesData(APIView):
    permission = "monitoring:read"

    @extend_schema(
        summary="Samples of series",
        description="Without step, buckets so wide that there are at most 500. With step=0 the samples themselves.",
        parameters=[
            OpenApiParameter("metric", OpenApiTypes.STR, required=True),
            OpenApiParameter("label", OpenApiTypes.STR, many=True, description="name=value; may be repeated, all must match"),
            OpenApiParameter("resource", OpenApiTypes.INT, description="id"),
            OpenApiParameter("from", OpenApiTypes.STR, description="ms, ISO 8601 or now-3h; one hour ago where it is left out"),
            OpenApiParameter("to", OpenApiTypes.STR, description="the same; now where it is left out"),
            OpenApiParameter("step", OpenApiTypes.STR, description="seconds, or with a unit: 30s, 5m, 1h, 1d"),
        ],
        responses={200: _data, **REFUSALS},
    )
    def get(self, request: Request) -> HttpResponse:
        refs = reader.select(*_wanted(request))
        if len(refs) > MOST_SERIES:
            raise ValidationError({"metric": f"That is {len(refs)} series, the most is {MOST_SERIES}; add labels or a resource."})
        start, end, step = _range(request)
        series = _raw(refs, start, end) if step == 0 else _buckets(refs, start, end, step)
        return answer({"from": start, "to": end, "step": step / 1000, "series": series})


def _wanted(request: Request) -> tuple[str, dict[str, str], int | None]:
    metric = request.GET.get("metric", "")
    if not metric or "\0" in metric:
        raise ValidationError({"metric": "Name the metric, for example metric=node_load1."})
    pairs = [label.partition("=") for label in request.GET.getlist("label")]
    if not all(name and equals for name, equals, _value in pairs):
        raise ValidationError({"label": "Write a label as name=value."})
    resource = request.GET.get("resource", "")
    if resource and (not resource.isdecimal() or len(resource) > 18):
        raise ValidationError({"resource": "Give the resource's id, a number."})
    return metric, {name: value for name, _equals, value in pairs}, int(resource) if resource else None


def _range(request: Request) -> tuple[int, int, int]:
    """(from, to, step) in ms."""
    try:
        found = timerange.from_request(request._request)
    except BadRequest as fault:
        raise ValidationError({"from": str(fault)}) from None
    step = _step(request.GET.get("step", ""), found.span_ms)
    if step and found.span_ms / step > MOST_POINTS:
        raise ValidationError({"step": f"That is more than {MOST_POINTS:,} points; take a longer step or a shorter range."})
    return found.start_ms, found.end_ms, step


def _step(text: str, span_ms: int) -> int:
    if not text:
        return max(1000, -(-span_ms // USUAL_POINTS // 1000) * 1000)
    number, unit = (text[:-1], UNITS[text[-1]]) if text[-1] in UNITS else (text, 1)
    if not number.isdecimal() or len(number) > 8:
        raise ValidationError({"step": "Write seconds, or a number with s, m, h or d."})
    return int(number) * unit * 1000


def _raw(refs: list[reader.SeriesRef], start: int, end: int) -> list[dict[str, Any]]:
    data = reader.raw_many([ref.id for ref in refs], start, end)
    points = sum(len(t) for t, _v in data.values())
    if points > MOST_POINTS * 20:
        raise ValidationError({"step": f"That is {points:,} samples; take a step or a shorter range."})
    nothing: tuple[Any, Any] = ([], [])
    arrays = [data.get(ref.id, nothing) for ref in refs]
    return [{**about, "t": t, "v": v} for about, (t, v) in zip(described(refs), arrays, strict=True)]


def _buckets(refs: list[reader.SeriesRef], start: int, end: int, step: int) -> list[dict[str, Any]]:
    start -= start % step  # the same buckets whenever one asks
    found = []
    for about, ref in zip(described(refs), refs, strict=True):
        t, low, high, mean, last, count = reader.buckets(ref.id, start, end, step)
        found.append({**about, "t": t, "v": mean, "low": low, "high": high, "last": last, "count": count})
    return found
