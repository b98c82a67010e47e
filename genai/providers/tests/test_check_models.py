"""Whether a system can be reached, lets us in and has the model, and what its form takes."""

import pytest

from aiops import plugin_forms
from genai import model_editing
from genai.models import ModelProvider
from genai.providers.base import PROVIDERS, known_kinds, provider_class
from genai.testing import configured

KINDS = sorted(PROVIDERS)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
class TestCheck:
    def test_it_works(self, model_stub, kind, admin):
        row = configured(model_stub, kind)
        model_stub.models.append("stub-2")
        worked, said = model_editing.check(row, admin)
        assert (worked, row.health) == (True, "ok")
        assert "stub-1" in said
        assert not model_stub.asked  # it cost nothing

    def test_it_lacks_the_model(self, model_stub, kind, admin):
        row = configured(model_stub, kind, model="other-9")
        worked, said = model_editing.check(row, admin)
        assert (worked, row.health) == (False, "failing")
        assert "other-9" in said
        assert "stub-1" in said

    def test_nobody_is_there(self, model_stub, kind, admin):
        row = configured(model_stub, kind, config={"url": "http://127.0.0.1:9/v1"})
        worked, said = model_editing.check(row, admin)
        assert not worked
        assert "cannot be reached" in said


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["groq", "openai_compatible"])
def test_the_key_goes_where_the_system_looks_for_it(model_stub, kind, admin):
    model_editing.check(configured(model_stub, kind), admin)
    assert model_stub.requests[-1]["headers"]["Authorization"] == "Bearer stub-key-1f9"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "file:///etc/passwd",
        "http://",
        "http://user:pw@host/v1",
        "https://x/v1?key=1",
        "nonsense",
        "http://a b",
        "http://x:99999",
    ],
)
def test_addresses_that_are_none_are_refused_with_a_sentence(kind, url):
    form = plugin_forms.config_form(provider_class(kind), data={"url": url, "api_key": "k"})
    assert not form.is_valid()
    assert form.errors["url"][0].startswith("Write")


@pytest.mark.parametrize(("kind", "plugin"), known_kinds())
def test_each_form_takes_what_it_shows(kind, plugin):
    form = plugin_forms.config_form(plugin)
    data = {name: field.initial for name, field in form.fields.items() if field.initial is not None} | {"api_key": "secret-key-1"}
    filled = plugin_forms.config_form(plugin, data=data)
    assert filled.is_valid(), filled.errors
    config, secrets = plugin_forms.split(plugin, filled)
    assert "api_key" not in config
    if "api_key" in plugin.secret_fields:
        assert secrets == {"api_key": "secret-key-1"}
        again = plugin_forms.config_form(plugin, config, secrets)
        assert "secret-key-1" not in str(again)


@pytest.mark.django_db
def test_the_key_is_not_readable_in_the_database(model_stub):
    from django.db import connection

    row = configured(model_stub)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM genai_modelprovider WHERE id = %s", [row.pk])
        assert "stub-key" not in cursor.fetchone()[0]
    assert ModelProvider.objects.get().secrets == {"api_key": "stub-key-1f9"}


def test_a_redirect_is_not_followed(db):
    """A server that sends us elsewhere would get our key and our question there."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    asked = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            self.send_response(307)
            self.send_header("Location", "/stolen")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the server's name for it

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        from genai import chain
        from genai.complete import complete
        from genai.providers.base import Message

        url = f"http://127.0.0.1:{server.server_address[1]}"
        for kind in KINDS:
            ModelProvider.objects.all().delete()
            chain.forget()
            ModelProvider.objects.create(name=kind, kind=kind, model="m", config={"url": url}, secrets={"api_key": "k"})
            assert complete("copilot", messages=[Message("system", "x"), Message("user", kind)]).outcome == "failed"
    finally:
        server.shutdown()
        server.server_close()
    assert len(asked) == len(KINDS)
    assert "/stolen" not in asked
