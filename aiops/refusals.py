"""How the API's documentation describes refusals: one shape, {"error": one sentence}, and these statuses on every call."""

from drf_spectacular.utils import OpenApiResponse, inline_serializer
from rest_framework import serializers

ERROR = inline_serializer("Error", {"error": serializers.CharField()})
REFUSALS = {
    400: OpenApiResponse(ERROR, "The request is not valid."),
    401: OpenApiResponse(ERROR, "No token, or one that is wrong, expired or revoked."),
    403: OpenApiResponse(ERROR, "The role or the token's scopes do not allow it."),
    404: OpenApiResponse(ERROR, "There is no such thing, or it is somebody else's."),
    415: OpenApiResponse(ERROR, "The body is of a kind that is not read here; send JSON."),
    429: OpenApiResponse(ERROR, "Too many requests; Retry-After says when to come back."),
    503: OpenApiResponse(ERROR, "A part AIOps needs is down; Retry-After says when to try again."),
}


def refusals(*statuses: int) -> dict[int, OpenApiResponse]:
    return {status: REFUSALS[status] for status in statuses}
