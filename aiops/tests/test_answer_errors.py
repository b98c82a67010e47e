"""Every refusal is one sentence, as a page or as JSON; an outage is 503 with Retry-After and passes without a restart."""

import errno
import json

import kombu.exceptions
import pytest
import redis.exceptions
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import include, path
from rest_framework import serializers
from rest_framework.exceptions import NotFound, Throttled
from rest_framework.response import Response
from rest_framework.views import APIView

from aiops import errors, metrics
from aiops.faults import Unavailable

STATE = {"fault": None}


def page(request):
    if STATE["fault"]:
        raise STATE["fault"]
    return HttpResponse("fine")


class Thing(serializers.Serializer):
    name = serializers.CharField()
    size = serializers.IntegerField(max_value=10)


class Api(APIView):
    authentication_classes = permission_classes = throttle_classes = ()

    def get(self, request):
        if STATE["fault"]:
            raise STATE["fault"]
        return Response({"fine": True})

    def post(self, request):
        Thing(data=request.data).is_valid(raise_exception=True)
        return Response()


class Faulty:
    """Middleware with a fault, as the session has when the database is gone."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if STATE["fault"]:
            raise STATE["fault"]
        return self.get_response(request)


urlpatterns = [path("page", page), path("api/thing", Api.as_view()), path("", include("aiops.urls"))]
handler400, handler403, handler404, handler500 = (
    f"aiops.errors.{name}" for name in ("bad_request", "forbidden", "not_found", "server_error")
)

pytestmark = pytest.mark.urls(__name__)


class StoreGone(Unavailable):
    retry_after = 2


OUTAGES = [
    OperationalError("database or disk is full"),
    OperationalError("attempt to write a readonly database"),
    InterfaceError("connection already closed"),
    redis.exceptions.ConnectionError("Error 111 connecting to redis"),
    redis.exceptions.TimeoutError("Timeout reading from socket"),
    kombu.exceptions.OperationalError("broker gone"),
    OSError(errno.ENOSPC, "No space left on device"),
    StoreGone("the store does not answer"),
]
MISTAKES = [
    OperationalError("no such table: monitoring_series"),
    OperationalError('near "SELEC": syntax error'),
    IntegrityError("UNIQUE constraint failed"),
    OSError(errno.ENOENT, "No such file"),
    KeyError("x"),
]


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


@pytest.fixture(autouse=True)
def _well():
    STATE["fault"] = None
    yield
    STATE["fault"] = None


def ids(fault):
    return f"{type(fault).__name__} {fault}"


@pytest.mark.parametrize("fault", OUTAGES, ids=ids)
@pytest.mark.parametrize("address", ["/page", "/api/thing"])
def test_an_outage_is_503_and_passes(client, fault, address):
    STATE["fault"] = fault
    response = client.get(address)
    assert response.status_code == 503
    assert response["Retry-After"] == ("2" if isinstance(fault, StoreGone) else "5")
    assert errors.OUTAGE_MESSAGE in response.content.decode()
    STATE["fault"] = None
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("fault", MISTAKES, ids=ids)
@pytest.mark.parametrize("address", ["/page", "/api/thing"])
def test_a_mistake_of_ours_is_500_and_tells_nothing(client, fault, address):
    STATE["fault"] = fault
    response = client.get(address)
    assert response.status_code == 500
    assert "Retry-After" not in response
    assert str(fault) not in response.content.decode()


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_fault_in_middleware_is_an_outage_too(client, accept, settings):
    settings.MIDDLEWARE = [f"{__name__}.Faulty"]
    STATE["fault"] = OperationalError("unable to open database file")
    response = client.get("/page", headers={"accept": accept})
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response["Content-Type"].startswith(accept)


def test_the_outage_page_needs_no_database(client, settings):
    """Run without the db mark: any query would fail the test."""
    STATE["fault"] = OperationalError("gone")
    settings.MIDDLEWARE = [f"{__name__}.Faulty"]
    assert client.get("/page").status_code == 503


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "status", "sentence"),
    [
        (Http404(), 404, "There is nothing at this address."),
        (Http404("There is no resource 7."), 404, "There is no resource 7."),
        (PermissionDenied("This needs the permission audit:read."), 403, "This needs the permission audit:read."),
        (PermissionDenied(), 403, "You do not have the permission for this."),
        (BadRequest("from lies after to."), 400, "from lies after to."),
        (RequestDataTooBig("Request body exceeded"), 413, "The request is larger than this installation accepts."),
    ],
)
def test_a_refusal_is_one_sentence(client, fault, status, sentence):
    STATE["fault"] = fault
    answer = client.get("/page", headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()) == (status, {"error": sentence})
    shown = client.get("/page")
    assert shown.status_code == status
    assert sentence in shown.content.decode()


@pytest.mark.django_db
def test_an_unknown_address_of_the_api_is_json(client):
    response = client.get("/api/nothing-here")
    assert response.status_code == 404
    assert response.json() == {"error": "There is nothing at this address."}


def test_a_wrong_field_is_named(client):
    response = client.post("/api/thing", json.dumps({"name": "x", "size": 11}), content_type="application/json")
    assert response.status_code == 400
    assert response.json()["error"] == "size: Ensure this value is less than or equal to 10."
    assert list(response.json()["fields"]) == ["size"]


def test_json_that_cannot_be_read_is_one_sentence(client):
    response = client.post("/api/thing", "{", content_type="application/json")
    assert response.status_code == 400
    assert response.json()["error"].startswith("The JSON cannot be read: ")


def test_throttling_keeps_its_retry_after(client):
    STATE["fault"] = Throttled(wait=17)
    response = client.get("/api/thing")
    assert (response.status_code, response["Retry-After"]) == (429, "17")
    assert list(response.json()) == ["error"]


def test_an_api_refusal_has_one_shape(client):
    STATE["fault"] = NotFound("There is no source 9.")
    assert client.get("/api/thing").json() == {"error": "There is no source 9."}


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused_with_a_way_out():
    client = Client(enforce_csrf_checks=True)
    response = client.post("/page")
    assert response.status_code == 403
    assert "Reload the page and send it again" in response.content.decode()


def test_an_error_page_falls_back_to_plain_html(monkeypatch, rf: RequestFactory):
    def broken(*args, **kwargs):
        raise OperationalError("the shell asks for the user")

    monkeypatch.setattr(errors, "render_to_string", broken)
    response = errors.not_found(rf.get("/x"), Http404("There is no <b> here."))
    assert response.status_code == 404
    assert "There is no &lt;b&gt; here." in response.content.decode()


def test_outages_are_counted(client):
    before = metrics.ERRORS.labels("outage")._value.get()
    STATE["fault"] = OperationalError("gone")
    client.get("/page")
    assert metrics.ERRORS.labels("outage")._value.get() == before + 1


@override_settings(DEBUG=False)
def test_an_answer_carries_its_request_id(client):
    STATE["fault"] = KeyError("x")
    response = client.get("/page", headers={"X-Request-Id": "abcdef1234567890"})
    assert response["X-Request-Id"] == "abcdef1234567890"
