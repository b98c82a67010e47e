"""Queries by Prometheus' HTTP API. With an engine elsewhere they are its to answer, as they came."""

import time
from dataclasses import replace
from typing import Any

import orjson
import promql_parser
from django.http import HttpRequest, HttpResponse

from aiops.turnstile import gone
from monitoring.query import engine, evaluate
from monitoring.query.answering import View, endpoint, success, success_of
from monitoring.query.engine import Call
from monitoring.query.evaluate import LOOKBACK, Limits
from monitoring.query.parameters import TRUNCATED, Parameters, steps
from monitoring.query.parse.plan import plan
from monitoring.query.rendering import Result
from monitoring.query.stored import StoredSource, limits
from monitoring.query.values import Value
from monitoring.store.windows import now_ms

PREFIX = "/prometheus/api/v1/"
PASSED_ON = ("Retry-After",)


def elsewhere(view: View) -> View:
    """Answered by the engine the settings name, where they name one."""

    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        remote = engine.configured()
        if remote is None:
            return view(request, *args, **kwargs)
        found = engine.forward(remote, _as_it_came(request), within(request).seconds)
        headers = {name: found.headers[name] for name in PASSED_ON if name in found.headers}
        return HttpResponse(found.content, found.headers.get("Content-Type", "application/json"), found.status_code, headers=headers)

    return answer


def _as_it_came(request: HttpRequest) -> Call:
    path = request.get_full_path_info().partition("?")[0].removeprefix(PREFIX)
    method = "POST" if request.method == "POST" else "GET"
    return Call(method, path, request.META.get("QUERY_STRING", ""), request.body, request.headers.get("Content-Type", ""))


def within(request: HttpRequest) -> Limits:
    """The settings' limits, a shorter time where one is asked for, and an end when nobody waits any more."""
    allowed = limits()
    seconds = min(allowed.seconds, Parameters(request).span("timeout", int(allowed.seconds * 1000)) / 1000)
    return replace(allowed, seconds=seconds, cancel=gone(request))


@endpoint
@elsewhere
def query(request: HttpRequest) -> HttpResponse:
    form = Parameters(request)
    text, at, lookback = form.query(), form.time("time", now_ms()), form.span("lookback_delta", LOOKBACK)
    asked = _Asked(request, form)
    return asked.answer(evaluate.instant(text, asked.source, at, lookback=lookback, limits=asked.source.limits))


@endpoint
@elsewhere
def query_range(request: HttpRequest) -> HttpResponse:
    form = Parameters(request)
    text, lookback = form.query(), form.span("lookback_delta", LOOKBACK)
    start, end, step = form.time("start"), form.time("end"), form.span("step")
    steps(start, end, step)
    asked = _Asked(request, form)
    return asked.answer(evaluate.range_query(text, asked.source, start, end, step, lookback=lookback, limits=asked.source.limits))


class _Asked:
    """A query under way."""

    def __init__(self, request: HttpRequest, form: Parameters) -> None:
        self.limit, self.stats = form.limit(), form.text("stats")
        self.source = StoredSource(within(request))
        self.begun = time.perf_counter()

    def answer(self, found: Value) -> HttpResponse:
        evaluated = time.perf_counter() - self.begun
        result = Result(found, self.limit)
        data = result.json[:-1] + b',"stats":' + self._stats(evaluated) + b"}" if self.stats else result.json
        return success(data, [*found.warnings, *([TRUNCATED] if result.cut else [])], found.infos)

    def _stats(self, evaluated: float) -> bytes:
        reading, total = self.source.seconds, time.perf_counter() - self.begun
        timings = {
            "evalTotalTime": evaluated,
            "queryPreparationTime": reading,
            "innerEvalTime": evaluated - reading,
            "resultSortTime": total - evaluated,
            "execTotalTime": total,
        }
        samples = {"totalQueryableSamples": self.source.samples, "peakSamples": self.source.samples}
        return orjson.dumps({"timings": timings, "samples": samples})


@endpoint
def format_query(request: HttpRequest) -> HttpResponse:
    """The query in the usual layout."""
    text = Parameters(request).query()
    plan(text)
    try:
        return success_of(promql_parser.parse(text).prettify())
    except ValueError:  # what only our own reading of the language allows stays as it was written
        return success_of(text.strip())


@endpoint
@elsewhere
def query_exemplars(request: HttpRequest) -> HttpResponse:
    """No sender's exemplars are kept, so that there are none for any query."""
    form = Parameters(request)
    plan(form.query())
    steps(form.time("start", 0), form.time("end", now_ms()), 1 << 62)
    return success_of([])
