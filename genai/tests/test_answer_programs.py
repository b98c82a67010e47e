"""Models, budgets and the log of calls over the API."""

from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from genai.complete import complete
from genai.models import Budget, Completion, ModelProvider
from genai.providers.base import Message
from genai.testing import configured

pytestmark = pytest.mark.django_db
BASE = "/api/v1/genai/"
HELLO = [Message("system", "Be short."), Message("user", "How is ada@example.org?")]
GIVEN = {
    "name": "Ours",
    "kind": "openai_compatible",
    "model": "m-1",
    "config": {"url": "http://gpu-01:8000/v1"},
    "secrets": {"api_key": "sesame-1"},
}


def api(token=""):
    client = APIClient()
    client.credentials(**({"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}))
    return client


@pytest.fixture
def program(token_of, admin):
    return api(token_of(admin, "genai:configure"))


@pytest.mark.parametrize("path", ["models/", "budgets/", "budgets/standing/", "completions/", "completions/figures/"])
def test_only_administrators_with_the_scope_read(path, token_of, admin, operator, viewer):
    assert api(token_of(admin, "genai:configure")).get(BASE + path).status_code == 200
    assert api(token_of(admin, "genai:use")).get(BASE + path).status_code == 403
    assert api(token_of(operator, "genai:use")).get(BASE + path).status_code == 403
    assert api().get(BASE + path).status_code == 401


def test_a_model_is_added_changed_checked_and_deleted(program, model_stub):
    answer = program.post(BASE + "models/", GIVEN, format="json")
    assert answer.status_code == 201, answer.data
    assert (answer.data["stored_secrets"], answer.data["health"], answer.data["position"]) == (["api_key"], "waiting", 1)
    assert "sesame" not in str(answer.data)
    address = f"{BASE}models/{answer.data['id']}/"
    changed = program.patch(address, {"config": {"url": f"{model_stub.url}/v1"}, "model": "stub-1"}, format="json")
    assert changed.status_code == 200, changed.data
    assert ModelProvider.objects.get().secrets == {"api_key": "sesame-1"}
    assert program.post(address + "check/").data["worked"] is True
    assert program.get(address).data["health"] == "ok"
    assert program.delete(address).status_code == 204
    assert not ModelProvider.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"kind": "telepathy"}, {"config": {"url": "ftp://x"}}, {"config": {"url": "http://x/v1", "colour": "red"}},
     {"price_in": -1}, {"secrets": {"password": "x"}}, {"model": None}],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_stored(program, wrong):
    answer = program.post(BASE + "models/", {**GIVEN, **wrong}, format="json")
    assert answer.status_code == 400
    assert answer.data["error"]
    assert not ModelProvider.objects.exists()


def test_budgets(program, operator):
    answer = program.post(BASE + "budgets/", {"scope": f"user:{operator.pk}", "tokens": 1000}, format="json")
    assert answer.status_code == 201, answer.data
    address = f"{BASE}budgets/{answer.data['id']}/"
    assert program.patch(address, {"dollars": "2.5"}, format="json").status_code == 200
    assert program.get(BASE + "budgets/standing/").data == [
        {"scope": f"user:{operator.pk}", "tokens": 0, "dollars": "0.000000000", "share": 0.0}
    ]
    for wrong in (
        {"scope": "moon", "tokens": 1}, {"scope": "all"}, {"scope": f"user:{operator.pk}", "tokens": 1},
        {"scope": "user:999999", "tokens": 1}, {"scope": "all", "dollars": -1},
    ):  # fmt: skip
        assert program.post(BASE + "budgets/", wrong, format="json").status_code == 400
    assert program.patch(address, {"tokens": None, "dollars": None}, format="json").status_code == 400
    assert program.delete(address).status_code == 204
    assert not Budget.objects.exists()


def test_the_log_of_calls(program, model_stub, operator):
    configured(model_stub, price_in=Decimal(10))
    complete("copilot", messages=HELLO, user=operator)
    complete("digest", messages=HELLO)
    found = program.get(BASE + "completions/?purpose=copilot").data
    assert [one["purpose"] for one in found["results"]] == ["copilot"]
    assert found["results"][0]["person"] == "operator"
    assert "prompt" not in found["results"][0]
    one = program.get(f"{BASE}completions/{Completion.objects.get(purpose='copilot').pk}/").data
    assert (one["answer"], one["masked"], one["cost"]) == ("All is well.", {"email": 1}, "0.00100000")
    assert "ada@" not in str(one)
    figures = program.get(BASE + "completions/figures/").data
    assert (figures["calls"], figures["cached"], figures["tokens_in"]) == (2, 1, 100)
    assert program.get(BASE + "completions/?since=ever").status_code == 400
    assert program.get(BASE + "completions/999999/").status_code == 404
