"""The pages of models, calls, budgets and masking: for administrators, whole, and with each change in the trail."""

from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from genai.complete import complete
from genai.models import Budget, Completion, ModelProvider
from genai.providers.base import PROVIDERS, Message
from genai.testing import Script, configured

pytestmark = pytest.mark.django_db
PAGES = ("llm-calls", "llm-models", "llm-model-add", "llm-budgets", "llm-budget-add", "llm-masking")
DOING = ("llm-model-check", "llm-model-delete", "llm-model-enable", "llm-model-disable", "llm-model-up", "llm-model-down")
HELLO = [Message("system", "Be short."), Message("user", "How is web-03?")]


@pytest.mark.parametrize("name", PAGES)
def test_only_administrators_see_them(name, client_of, viewer, operator, approver, admin, stranger):
    address = reverse(name)
    assert client_of(stranger).get(address).status_code == 302
    for person in (viewer, operator, approver):
        assert client_of(person).get(address).status_code == 403
    assert client_of(admin).get(address).status_code == 200


@pytest.mark.parametrize("name", DOING)
def test_only_administrators_change_them(name, client_of, operator, admin, stranger, model_stub):
    row = configured(model_stub)
    address = reverse(name, args=[row.pk])
    assert client_of(stranger).post(address).status_code == 302
    assert client_of(operator).post(address).status_code == 403
    assert client_of(admin).get(address).status_code == 405
    assert client_of(admin).post(address).status_code == 302
    assert ModelProvider.objects.filter(pk=row.pk).exists() is (name != "llm-model-delete")


def test_empty_pages_say_the_next_step(client_of, admin):
    client = client_of(admin)
    for name in ("llm-models", "llm-calls"):
        text = client.get(reverse(name)).content.decode()
        assert "No model is set up" in text
        assert reverse("llm-model-add") in text
    assert "There is no limit" in client.get(reverse("llm-budgets")).content.decode()


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
def test_a_model_is_added_by_its_form_and_the_key_is_never_shown(client_of, admin, kind):
    client, address = client_of(admin), reverse("llm-model-add") + f"?kind={kind}"
    assert client.get(address).status_code == 200
    given = {
        "name": "Ours", "model": "m-1", "enabled": "on", "price_in": "0.5", "price_out": "2", "config-url": "http://gpu-01:8000/v1",
        "config-api_key": "sesame-open-1", "config-verify_tls": "on",
    }  # fmt: skip
    assert client.post(address, given).status_code == 302
    row = ModelProvider.objects.get()
    assert (row.name, row.model, row.kind, row.position, row.price_out) == ("Ours", "m-1", kind, 1, 2)
    assert row.config["url"] == "http://gpu-01:8000/v1"
    assert row.secrets == ({} if kind == "ollama" else {"api_key": "sesame-open-1"})
    for page in (reverse("llm-model", args=[row.pk]), reverse("llm-model-edit", args=[row.pk]), reverse("llm-models")):
        assert "sesame" not in client.get(page).content.decode()
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor) == ("model.added", "admin")
    assert "sesame" not in str(entry.after)


def test_a_key_that_is_left_empty_is_kept(client_of, admin, model_stub):
    row = configured(model_stub)
    given = {"name": "New name", "model": "stub-1", "enabled": "on", "price_in": "0", "price_out": "0", "config-url": row.config["url"]}
    assert client_of(admin).post(reverse("llm-model-edit", args=[row.pk]), given).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.secrets) == ("New name", {"api_key": "stub-key-1f9"})


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"model": ""}, {"price_in": "-1"}, {"price_out": "x"}, {"config-url": "ftp://x"}, {"config-context_tokens": "7"}],
)
def test_what_is_wrong_in_a_form_is_said_and_nothing_is_stored(client_of, admin, wrong):
    given = {"name": "a", "model": "m", "price_in": "0", "price_out": "0", "config-url": "http://x/v1", **wrong}
    answer = client_of(admin).post(reverse("llm-model-add") + "?kind=openai_compatible", given)
    assert answer.status_code == 422
    assert "Not saved." in answer.content.decode()
    assert not ModelProvider.objects.exists()


def test_a_kind_that_does_not_exist_is_not_found(client_of, admin):
    assert client_of(admin).get(reverse("llm-model-add") + "?kind=telepathy").status_code == 404


def test_a_check_tells_in_place_what_the_system_says(client_of, admin, model_stub):
    row = configured(model_stub)
    client = client_of(admin)
    assert "works." in client.post(reverse("llm-model-check", args=[row.pk]), HTTP_HX_REQUEST="true").content.decode()
    ModelProvider.objects.update(model="gone")
    assert "does not work" in client.post(reverse("llm-model-check", args=[row.pk]), HTTP_HX_REQUEST="true").content.decode()
    assert "Failing" in client.get(reverse("llm-models")).content.decode()
    assert AuditEntry.objects.filter(action="model.checked", actor="admin").count() == 2


def test_the_order_is_changed_one_place_at_a_time(client_of, admin, model_stub):
    first, second = configured(model_stub, name="first", position=1), configured(model_stub, name="second", position=2)
    client = client_of(admin)
    client.post(reverse("llm-model-up", args=[second.pk]))
    assert list(ModelProvider.objects.values_list("name", flat=True)) == ["second", "first"]
    client.post(reverse("llm-model-down", args=[second.pk]))
    client.post(reverse("llm-model-up", args=[first.pk]))  # it is the first already
    assert list(ModelProvider.objects.values_list("name", flat=True)) == ["first", "second"]


# -- calls ---------------------------------------------------------------------------------------------------------------
@pytest.fixture
def called(model_stub, operator):
    configured(model_stub, price_in=Decimal(2), price_out=Decimal(10), name="Cloud")
    model_stub.answer_with(lambda body: Script("It is well.", usage=(1000, 100)))
    complete("copilot", messages=HELLO, user=operator)
    complete("copilot", messages=HELLO, user=operator)
    complete("digest", messages=[*HELLO, Message("user", "ada@example.org <script>alert(1)</script>")])
    model_stub.fail(400, "no such luck")
    complete("risk", messages=HELLO, cache=False)


def test_the_log_shows_what_calls_took_and_cost(client_of, admin, called):
    text = client_of(admin).get(reverse("llm-calls")).content.decode()
    for words in ("copilot", "digest", "$0.0060", "2,000 read", "200 written", "From the cache", "33", "Failed", "operator"):
        assert words in text


@pytest.mark.parametrize(
    ("query", "count"),
    [("", 4), ("purpose=copilot", 2), ("outcome=cached", 1), ("outcome=ok&outcome=failed", 3), ("model=stub-1", 4), ("provider=Cloud", 4),
     ("person=none", 2), ("q=luck", 1), ("q=web-03+script", 1), ("since=1h", 4), ("purpose=nothing", 0)],
)  # fmt: skip
def test_the_log_is_filtered(client_of, admin, called, query, count):
    answer = client_of(admin).get(f"{reverse('llm-calls')}?{query}")
    assert answer.context["page"].paginator.count == count


@pytest.mark.parametrize("query", ["since=3y", "outcome=lucky", "person=ada", "run=x", "q=%00", "purpose=%00"])
def test_filters_that_cannot_be_read_are_refused(client_of, admin, called, query):
    assert client_of(admin).get(f"{reverse('llm-calls')}?{query}").status_code == 400


def test_a_call_shows_what_left_and_what_came_masked(client_of, admin, called, operator):
    row = Completion.objects.get(purpose="digest")
    address = reverse("llm-call", args=[row.pk])
    text = client_of(admin).get(address).content.decode()
    for words in ("It is well.", "⟦email 1⟧", "Be short.", "&lt;script&gt;", "1,000", "$0.0030"):
        assert words in text
    assert "ada@example.org" not in text
    assert "<script>alert" not in text
    assert client_of(operator).get(address).status_code == 403
    assert client_of(admin).get(reverse("llm-call", args=[10**9])).status_code == 404


def test_pages_of_a_model_that_was_used(client_of, admin, called):
    row = ModelProvider.objects.get()
    text = client_of(admin).get(reverse("llm-model", args=[row.pk])).content.decode()
    assert "It has no settings" not in text
    assert "copilot" in text


# -- budgets and masking ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "scope"),
    [
        ({"kind": "all"}, "all"),
        ({"kind": "user"}, "user"),
        ({"kind": "purpose", "purpose": "made_up"}, "purpose:made_up"),
        ({"kind": "person"}, "user:"),
    ],
)
def test_a_budget_is_added_changed_and_deleted(client_of, admin, operator, given, scope):
    Completion.objects.create(purpose="made_up", outcome="ok")
    client = client_of(admin)
    more = {"person": operator.pk} if given["kind"] == "person" else {}
    assert client.post(reverse("llm-budget-add"), {**given, **more, "tokens": "1000", "dollars": ""}).status_code == 302
    budget = Budget.objects.get()
    assert budget.scope == scope + (str(operator.pk) if more else "")
    assert "1,000" in client.get(reverse("llm-budgets")).content.decode()
    assert client.post(reverse("llm-budget", args=[budget.pk]), {"tokens": "", "dollars": "2.5"}).status_code == 302
    budget.refresh_from_db()
    assert (budget.tokens, budget.dollars) == (None, Decimal("2.5"))
    assert client.post(reverse("llm-budget-delete", args=[budget.pk])).status_code == 302
    assert not Budget.objects.exists()
    entries = AuditEntry.objects.filter(action__startswith="budget.").order_by("id")
    assert [entry.action for entry in entries] == ["budget.added", "budget.changed", "budget.deleted"]


@pytest.mark.parametrize(
    "wrong", [{"tokens": "", "dollars": ""}, {"tokens": "-1"}, {"dollars": "-1"}, {"kind": "person"}, {"kind": "purpose"}, {"kind": "moon"}]
)
def test_a_budget_that_limits_nothing_is_refused(client_of, admin, wrong):
    answer = client_of(admin).post(reverse("llm-budget-add"), {"kind": "all", "tokens": "5", "dollars": "", **wrong})
    assert answer.status_code == 422
    assert not Budget.objects.exists()


def test_there_is_one_budget_of_each(client_of, admin):
    Budget.objects.create(scope="all", tokens=1)
    answer = client_of(admin).post(reverse("llm-budget-add"), {"kind": "all", "tokens": "5"})
    assert answer.status_code == 422
    assert "already" in answer.content.decode()


def test_masking_can_be_tried_and_keeps_nothing(client_of, admin, operator):
    text = client_of(admin).post(reverse("llm-masking"), {"text": "ada@example.org\n<b>password=hunter2-x</b>"}).content.decode()
    assert "⟦email 1⟧\n&lt;b&gt;password=⟦password 1⟧" in text
    assert "E-mail addresses: 1" in text
    assert client_of(operator).post(reverse("llm-masking"), {"text": "x"}).status_code == 403
    assert not Completion.objects.exists()


# -- health ----------------------------------------------------------------------------------------------------------------
def test_the_platform_knows_whether_models_answer(model_stub):
    from genai import self_check
    from genai.tasks import check_models, expire_answers

    assert self_check.check().status == "ok"
    row = configured(model_stub)
    assert check_models() == 1
    assert self_check.check().status == "ok"
    ModelProvider.objects.update(model="gone")
    check_models()
    found = self_check.check()
    assert (found.status, row.name in found.detail) == ("degraded", True)
    assert expire_answers() == 0


def test_many_failures_are_told(model_stub):
    from genai import self_check

    configured(model_stub)
    model_stub.fail(400, times=5)
    for _ in range(5):
        complete("copilot", messages=HELLO, cache=False)
    assert "5 of 5 calls" in self_check.check().detail
