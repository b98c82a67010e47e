"""Facts for programs, writing: one, a batch, and the clean-up of old ones."""

from typing import Any, NoReturn

from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request

from monitoring.measurements import answers, api, cleanup, create, decode, parameters, read
from monitoring.measurements import schemas as told
from monitoring.measurements.catalogue import Impossible
from monitoring.measurements.facts import Columns, Refused
from monitoring.store.errors import CannotRemove
from monitoring.store.windows import now_ms

WRITE, CLEAN_UP = "metrics:write", "monitoring:write"
MOST_ERRORS = 1_000  # told of one batch


class Duplicate(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "There is a fact of this VM, metric and time already."


class Elsewhere(APIException):
    status_code = status.HTTP_409_CONFLICT


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


def _body(request: Request) -> bytes:
    try:
        return request._request.body
    except RequestDataTooBig:
        raise TooLarge("The body is larger than this installation accepts.") from None


def _refuse(refusal: Refused) -> NoReturn:
    raise ValidationError({refusal.field or "non_field_errors": refusal.sentence})


class Facts(api.Reading):
    permission = {"GET": api.READ, "HEAD": api.READ, "OPTIONS": api.READ, "POST": WRITE}

    @extend_schema(
        summary="Facts",
        operation_id="list_facts",
        tags=told.TAGS,
        description="In the order of VM, metric and time. Without a start from the first fact on.",
        parameters=[*told.ONE_OR_ALL, told.LIMIT, told.CURSOR, told.MATCH],
        responses={200: told.Facts, 304: told.UNCHANGED, **told.REFUSED},
    )
    def get(self, request: Request) -> HttpResponse:
        return answers.paged(request, api._page(request))

    @extend_schema(
        summary="Add a fact",
        operation_id="add_fact",
        tags=told.TAGS,
        request=told.NewFact,
        examples=[told.NEW_EXAMPLE],
        responses={201: told.Fact, **told.REFUSED, 409: told.DUPLICATE, 413: told.TOO_LARGE},
    )
    def post(self, request: Request) -> HttpResponse:
        try:
            fact = decode.one(_body(request), now_ms())
            key = create.one(fact)
        except decode.Unreadable as fault:
            raise ValidationError({"non_field_errors": str(fault)}) from None
        except Refused as refusal:
            _refuse(refusal)
        except Impossible as fault:
            raise ValidationError({"vm": str(fault)}) from None
        if key is None:
            raise Duplicate
        return answers.answer(read.described(int(key.partition("-")[0]), fact), 201)


class FactBatch(api.Reading):
    permission = {"OPTIONS": api.READ, "POST": WRITE}

    @extend_schema(
        summary="Add many facts",
        operation_id="add_facts",
        tags=told.TAGS,
        description="At most 10,000, as a list or as {facts: [...]}. Facts that are there already are skipped; rows that are none "
        "are told of and spoil no others.",
        request=told.Batch,
        examples=[told.BATCH_EXAMPLE],
        responses={
            200: told.BatchCreateResponse,
            201: told.BatchCreateResponse,
            **told.REFUSED,
            400: told.NOTHING_KEPT,
            413: told.TOO_LARGE,
        },
    )
    def post(self, request: Request) -> HttpResponse:
        try:
            rows = decode.batch(_body(request), now_ms())
        except decode.Unreadable as fault:
            return _nothing(str(fault), [])
        except decode.TooMany as fault:
            raise TooLarge(str(fault)) from None
        good = [row.fact for row in rows if row.fact]
        errors = [_error(row.index, row.refusal) for row in rows if row.refusal]
        if not good:
            return _nothing(errors[0]["error"], errors)
        try:
            created = int(create.many(Columns.of(good)).new.sum())
        except Impossible as fault:
            return _nothing(str(fault), errors)
        return answers.answer(_outcome(created, len(good) - created, errors), 201 if created else 200)


def _nothing(sentence: str, errors: list[dict[str, Any]]) -> HttpResponse:
    return answers.answer({"error": sentence, **_outcome(0, 0, errors)}, 400)


def _error(index: int, refusal: Refused) -> dict[str, Any]:
    return {"index": index, "field": refusal.field, "error": refusal.sentence}


def _outcome(created: int, skipped: int, errors: list[dict[str, Any]]) -> dict[str, Any]:
    return {"created": created, "skipped": skipped, "errors": errors[:MOST_ERRORS]}


class Cleanup(api.Reading):
    permission = {"OPTIONS": api.READ, "POST": CLEAN_UP, "DELETE": CLEAN_UP}

    @extend_schema(
        summary="Delete old facts",
        operation_id="clean_up_facts",
        tags=told.TAGS,
        request=None,
        parameters=[told.DAYS, told.VM, told.METRIC],
        responses={200: told.Cleaned, **told.REFUSED, 409: told.ELSEWHERE},
    )
    def post(self, request: Request) -> HttpResponse:
        return _clean_up(request)

    @extend_schema(
        summary="Delete old facts",
        operation_id="delete_old_facts",
        tags=told.TAGS,
        parameters=[told.DAYS, told.VM, told.METRIC],
        responses={200: told.Cleaned, **told.REFUSED, 409: told.ELSEWHERE},
    )
    def delete(self, request: Request) -> HttpResponse:
        return _clean_up(request)


def _clean_up(request: Request) -> HttpResponse:
    days = parameters.whole(request.GET, parameters.DAYS, cleanup.USUAL_DAYS, cleanup.MOST_DAYS)
    wanted = parameters.wanted(request.GET)
    try:
        done = cleanup.clean_up(days, wanted)
    except CannotRemove as fault:
        raise Elsewhere(str(fault)) from None
    return answers.answer({"deleted": done.deleted, "days": days, "before": read.moment(done.before)})
