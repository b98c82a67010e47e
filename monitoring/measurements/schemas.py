"""What the API's documentation says of the facts endpoints. None of it runs when they are called."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, OpenApiTypes, inline_serializer
from rest_framework import serializers

from aiops.refusals import ERROR, REFUSALS
from monitoring.measurements import cleanup
from monitoring.measurements import parameters as limits

TAGS = ["facts"]
_Field = serializers.Field[Any, Any, Any, Any]
_time = OpenApiTypes.STR


def _integer(**more: Any) -> serializers.IntegerField:
    return serializers.IntegerField(**more)


def _moment(**more: Any) -> serializers.DateTimeField:
    return serializers.DateTimeField(**more)


FACT = {"vm": "vm-042", "timestamp": "2026-11-20T14:30:00.000Z", "metric": "cpu_usage", "value": 42.5}
_fact: dict[str, _Field] = {
    "id": serializers.CharField(help_text="Stable: it names the same fact for ever."),
    "vm": serializers.CharField(),
    "timestamp": _moment(help_text="ISO 8601, UTC"),
    "metric": serializers.CharField(),
    "value": serializers.FloatField(help_text="a percentage unless FACTS_VALUE_RANGE says otherwise"),
}
_new: dict[str, _Field] = {
    "vm": serializers.CharField(max_length=255, help_text="also vm_name or host"),
    "timestamp": _moment(help_text="ISO 8601, UTC where it names no zone; or seconds or milliseconds since 1970; also ts"),
    "metric": serializers.CharField(max_length=255, help_text="also metric_name"),
    "value": serializers.FloatField(min_value=0, max_value=100, help_text="from 0 to 100 unless FACTS_VALUE_RANGE says otherwise"),
}
Fact = inline_serializer("Fact", _fact)
NewFact = inline_serializer("NewFact", _new)
Batch = type(NewFact)(many=True)
_page: dict[str, _Field] = {
    "count": _integer(help_text="rows in this answer"),
    "next": serializers.URLField(allow_null=True, help_text="address of the next page"),
    "next_cursor": serializers.CharField(allow_null=True),
}
Names = inline_serializer("Names", {**_page, "results": serializers.ListField(child=serializers.CharField())})
Facts = inline_serializer("FactPage", {**_page, "results": type(Fact)(many=True)})
FactList = type(Fact)(many=True)
BatchCreateResponse = inline_serializer(
    "BatchCreateResponse",
    {
        "created": _integer(),
        "skipped": _integer(help_text="facts that were there already, or twice in the batch"),
        "errors": inline_serializer(
            "BatchError",
            {
                "index": _integer(help_text="place in the batch, from 0"),
                "field": serializers.CharField(allow_blank=True),
                "error": serializers.CharField(),
            },
            many=True,
        ),
        "error": serializers.CharField(required=False, help_text="only where nothing of the batch is a fact"),
    },
)
_range: dict[str, _Field] = {
    "vm": serializers.CharField(allow_null=True),
    "metric": serializers.CharField(allow_null=True),
    "start": _moment(),
    "end": _moment(),
}
_figures = ("min", "max", "avg", "median", "stddev", "p5", "p25", "p75", "p95", "p99")
Statistics = inline_serializer(
    "FactStatistics",
    {**_range, "count": _integer(), **{name: serializers.FloatField() for name in _figures}, "first": _moment(), "last": _moment()},
)
Totals = inline_serializer(
    "FactTotals",
    {
        **{name: _integer() for name in ("facts", "vms", "metrics", "series")},
        "first": _moment(allow_null=True),
        "last": _moment(allow_null=True),
    },
)
_ratio: dict[str, _Field] = {
    "expected": _integer(help_text="intervals in the range"),
    "actual": _integer(help_text="intervals with at least one fact"),
    "missing": _integer(),
    "completeness": serializers.FloatField(help_text="per cent"),
}
Completeness = inline_serializer(
    "Completeness",
    {
        **_range,
        "interval_minutes": _integer(),
        **_ratio,
        "results": inline_serializer(
            "CompletenessOf", {"vm": serializers.CharField(), "metric": serializers.CharField(), **_ratio}, many=True
        ),
    },
)
MissingData = inline_serializer(
    "MissingData",
    {
        **_range,
        "interval_minutes": _integer(),
        "missing": _integer(help_text="intervals without a fact, of all gaps"),
        "count": _integer(help_text="gaps in this answer"),
        "gaps": _integer(help_text="gaps there are"),
        "results": inline_serializer(
            "Gap",
            {
                "vm": serializers.CharField(),
                "metric": serializers.CharField(),
                "start": _moment(),
                "end": _moment(help_text="not included"),
                "missing": _integer(help_text="intervals"),
            },
            many=True,
        ),
    },
)
Cleaned = inline_serializer(
    "CleanupResponse",
    {"deleted": _integer(help_text="facts"), "days": _integer(), "before": _moment(help_text="facts older than this went")},
)

REFUSED = {status: REFUSALS[status] for status in (400, 401, 403, 404, 429, 503)}
DUPLICATE = OpenApiResponse(ERROR, "There is a fact of this VM, metric and time already.")
ELSEWHERE = OpenApiResponse(ERROR, "Samples are kept by a metric engine elsewhere.")
TOO_LARGE = OpenApiResponse(ERROR, "The batch has too many facts, or the body is too large.")
NOTHING_KEPT = OpenApiResponse(BatchCreateResponse, "The body is no batch, or none of its rows is a fact.")
UNCHANGED = OpenApiResponse(None, "If-None-Match names what would be answered.")


def _whole(name: str, usual: int, most: int, about: str) -> OpenApiParameter:
    return OpenApiParameter(
        name, {"type": "integer", "minimum": 1, "maximum": most, "default": usual}, description=f"{about}; {usual:,} where it is left out"
    )


VM = OpenApiParameter("vm", _time, description="name of the VM; also vm_name or host", examples=[OpenApiExample("a VM", "vm-042")])
METRIC = OpenApiParameter("metric", _time, description="also metric_name", examples=[OpenApiExample("a metric", "cpu_usage")])
_RANGE = "ISO 8601 (UTC where it names no zone), seconds or milliseconds since 1970, or now"
START = OpenApiParameter(
    "start",
    _time,
    description=f"{_RANGE}; included; also start_date or from",
    examples=[OpenApiExample("a start", "2026-11-20T00:00:00Z")],
)
END = OpenApiParameter(
    "end",
    _time,
    description=f"{_RANGE}; included; now where it is left out; also end_date or to",
    examples=[OpenApiExample("an end", "2026-11-21T00:00:00Z")],
)
LIMIT = _whole("limit", limits.USUAL_ROWS, limits.MOST_ROWS, "rows in an answer")
CURSOR = OpenApiParameter("cursor", _time, description="next_cursor of the page before")
HOURS = _whole("hours", limits.USUAL_HOURS, limits.MOST_HOURS, "how far back to look")
INTERVAL = _whole("interval", limits.USUAL_MINUTES, limits.MOST_MINUTES, "minutes between facts; also interval_minutes")
DAYS = _whole("days", cleanup.USUAL_DAYS, cleanup.MOST_DAYS, "facts older than so many days go; also days_to_keep or older_than_days")
MATCH = OpenApiParameter("If-None-Match", _time, OpenApiParameter.HEADER, description="ETag of an earlier answer")
ONE_OR_ALL = [VM, METRIC, START, END]
NEW_EXAMPLE = OpenApiExample("a fact", FACT, request_only=True)
BATCH_EXAMPLE = OpenApiExample("a batch", [FACT, {**FACT, "vm": "vm-043", "value": 17.25}], request_only=True)
