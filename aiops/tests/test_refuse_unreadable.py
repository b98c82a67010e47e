"""What cannot be read is 400 and one sentence, at every address."""

import io
import logging

import pytest

from aiops.middleware import RequestIdFilter
from aiops.wsgi import Handler

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(admin, client_of):
    return client_of(admin)


PLACES = [
    "/",
    "/palette",
    "/audit/",
    "/audit/export.csv",
    "/sources/",
    "/api/audit/",
    "/api/resources/",
    "/api/schema/",
    "/admin/accounts/user/",
]


@pytest.mark.parametrize("path", PLACES)
def test_a_nul_in_the_address_is_refused(client, path):
    answer = client.get(f"{path}?actor=a%00b")
    assert answer.status_code == 400
    assert "The address contains a NUL character; take it out." in answer.content.decode()


def test_a_nul_in_the_path_is_refused(client):
    assert client.get("/admin/r/%00/1/").status_code == 400


def call(path, **environ):
    """(status, text) through the handler that serves; the test client has one of its own, and stumbles over the charset itself."""
    given = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "localhost", "SERVER_PORT": "80", "QUERY_STRING": "q=1"}
    answers = []
    found = Handler()(
        {**given, "wsgi.input": io.BytesIO(b"{}"), "wsgi.url_scheme": "http", **environ}, lambda *answer: answers.append(answer)
    )
    text = b"".join(found).decode()
    found.close()
    return int(answers[0][0].split()[0]), text


@pytest.mark.parametrize("charset", ["hex", "rot13", "undefined", "utf-16", "klingon"])
def test_a_body_that_is_not_utf_8_is_refused(charset):
    status, text = call("/api/tokens/", REQUEST_METHOD="POST", CONTENT_LENGTH="2", CONTENT_TYPE=f"application/json; charset={charset}")
    assert status == 400
    assert text == f'{{"error": "The charset \'{charset}\' is not understood; send UTF-8."}}'


@pytest.mark.parametrize("charset", ["hex", "undefined"])
def test_an_odd_charset_without_a_body_does_no_harm(charset):
    assert call("/accounts/login/", CONTENT_TYPE=f"text/html; charset={charset}")[0] == 200


NESTED = b"[" * 100_000


@pytest.mark.parametrize("body", [NESTED, b'{"name": "x", "kind": "\\ud800"}', b'{"days": NaN}', b"{", b"\xff"])
def test_json_that_would_break_later_is_refused(client, body):
    answer = client.post("/api/tokens/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("The JSON cannot be read: ")


@pytest.mark.parametrize("size", ["null", "0", "-1", "9" * 20])
def test_a_page_size_that_is_none_is_refused(client, size):
    answer = client.get(f"/api/resources/?page_size={size}")
    assert (answer.status_code, answer.json()["error"]) == (400, "page_size: Write a whole number from 1 to 500.")
    assert client.get("/api/resources/?page_size=501").status_code == 200


def test_what_is_asked_of_the_schema_does_not_come_out_in_a_header(client):
    answer = client.get("/api/schema/?version=2%0d%0aX-Evil:1")
    assert answer.status_code == 200
    assert "X-Evil" not in str(answer.headers)


@pytest.mark.parametrize("path", ["/healthz", "/static/robots.txt", "/nothing", "/api/nothing"])
def test_every_answer_has_the_security_headers(client, path):
    answer = client.get(path)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert "default-src 'self'" in answer["Content-Security-Policy"]


def test_probes_are_not_redirected_to_https(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz", headers={"host": "10.1.2.3"}).status_code == 200
    assert client.get("/accounts/login/").status_code == 301


def test_a_refusal_is_logged_with_its_request_id(client, caplog):
    caplog.handler.addFilter(RequestIdFilter())
    with caplog.at_level(logging.WARNING, "django.request"):
        answer = client.get("/api/nothing", headers={"X-Request-Id": "given-by-a-proxy"})
    assert answer["X-Request-Id"] == "given-by-a-proxy"
    assert [record.request_id for record in caplog.records if record.name == "django.request"] == ["given-by-a-proxy"]
