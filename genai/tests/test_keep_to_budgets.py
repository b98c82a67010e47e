"""What may be spent in a day: nobody passes it, and what is beyond is said."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import close_old_connections, connection

from genai import budgets
from genai.complete import complete
from genai.models import Budget, Completion, Spending
from genai.providers.base import Message
from genai.testing import Script, configured

HELLO = [Message("system", "Be short."), Message("user", "How is web-03?")]


def ask(**more):
    return complete(more.pop("purpose", "copilot"), messages=HELLO, cache=False, **{"max_tokens": 100, **more})


@pytest.mark.django_db
class TestLimits:
    def test_beyond_a_budget_no_model_is_asked_and_it_is_said(self, model_stub):
        configured(model_stub)
        Budget.objects.create(scope="all", tokens=250)
        model_stub.say("well", usage=(100, 100)).say("well")
        assert ask().outcome == "ok"
        answer = ask()
        assert (answer.outcome, answer.text, answer.whole) == ("budget", "", False)
        assert "used up for today" in answer.reason
        assert len(model_stub.asked) == 1
        assert Completion.objects.latest("id").outcome == "budget"

    def test_what_was_reserved_and_not_taken_is_free_again(self, model_stub):
        configured(model_stub)
        Budget.objects.create(scope="all", tokens=200)
        model_stub.answer_with(lambda body: Script("well", usage=(10, 10)))
        assert [ask().outcome for _ in range(3)] == ["ok"] * 3
        assert Spending.objects.get().tokens == 60

    def test_a_failed_call_takes_nothing(self, model_stub):
        configured(model_stub)
        Budget.objects.create(scope="all", tokens=200)
        model_stub.fail(400)
        assert ask().outcome == "failed"
        assert Spending.objects.get().tokens == 0

    def test_dollars_are_a_limit_too(self, model_stub):
        configured(model_stub, price_out=Decimal(1000))  # a tenth of a cent per token
        Budget.objects.create(scope="all", dollars=Decimal("0.25"))
        model_stub.say("well", usage=(0, 200))
        assert ask().outcome == "ok"
        assert ask().outcome == "budget"
        assert Spending.objects.get().nanodollars == 200_000_000

    def test_each_person_has_a_budget_and_one_may_have_another(self, model_stub, operator, approver):
        configured(model_stub)
        Budget.objects.create(scope="user", tokens=10)
        Budget.objects.create(scope=f"user:{operator.pk}", tokens=10_000)
        assert ask(user=operator).outcome == "ok"
        answer = ask(user=approver)
        assert answer.outcome == "budget"
        assert "budget you have" in answer.reason
        assert ask().outcome == "ok"  # nobody's

    def test_a_feature_has_a_budget(self, model_stub):
        configured(model_stub)
        Budget.objects.create(scope="purpose:digest", tokens=10)
        assert ask(purpose="digest").outcome == "budget"
        assert ask(purpose="copilot").outcome == "ok"

    def test_what_one_limit_refuses_is_not_reserved_under_another(self, model_stub):
        configured(model_stub)
        Budget.objects.create(scope="all", tokens=10_000)
        Budget.objects.create(scope="purpose:copilot", tokens=10)
        assert ask().outcome == "budget"
        assert not Spending.objects.filter(tokens__gt=0).exists()

    def test_a_new_budget_counts_what_was_spent_today(self, model_stub):
        configured(model_stub)
        model_stub.say("well", usage=(500, 500))
        ask()
        Budget.objects.create(scope="all", tokens=1100)
        assert ask().outcome == "budget"

    def test_tomorrow_begins_anew(self, model_stub, monkeypatch):
        configured(model_stub)
        Budget.objects.create(scope="all", tokens=250)
        model_stub.say("well", usage=(100, 100))
        ask()
        tomorrow = budgets.today() + timedelta(days=1)
        monkeypatch.setattr(budgets, "today", lambda: tomorrow)
        assert ask().outcome == "ok"

    def test_an_answer_from_the_cache_is_free(self, model_stub):
        configured(model_stub)
        complete("copilot", messages=HELLO, max_tokens=100)
        Budget.objects.create(scope="all", tokens=0)
        assert complete("copilot", messages=HELLO, max_tokens=100).outcome == "cached"
        assert ask().outcome == "budget"

    def test_how_much_is_used_is_known_for_each(self, model_stub, operator):
        configured(model_stub)
        Budget.objects.create(scope="all", tokens=1000, dollars=Decimal(1))
        Budget.objects.create(scope="user", tokens=400)
        model_stub.say("well", usage=(100, 100))
        ask(user=operator)
        found = {one.budget.scope: one for one in budgets.standings()}
        assert (found["all"].tokens, found["all"].share) == (200, 0.2)
        assert (found["user"].scope, found["user"].share) == (f"user:{operator.pk}", 0.5)


@pytest.mark.django_db(transaction=True)
def test_many_calls_at_once_cannot_pass_the_last_token(model_stub):
    configured(model_stub)
    Budget.objects.create(scope="all", tokens=1000)
    model_stub.answer_with(lambda body: Script("well", usage=(100, 100), delay=0.5))
    outcomes: list[str] = []

    def one() -> None:
        try:
            outcomes.append(ask(max_tokens=180).outcome)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked = outcomes.count("ok")
    assert set(outcomes) == {"ok", "budget"}
    assert len(outcomes) == 12
    assert asked <= 5
    assert Spending.objects.get().tokens == 200 * asked
