"""The one door: what is asked, what comes back, what is put down."""

from decimal import Decimal

import pytest

from genai.complete import available, complete, why_not
from genai.models import CachedAnswer, Completion, ModelProvider
from genai.providers.base import Message, ToolCall, ToolSpec
from genai.testing import Script, configured
from genai.tracing import record
from genai.tracing.models import AgentStep, SecurityFinding

pytestmark = pytest.mark.django_db
KINDS = ("openai_compatible", "groq", "ollama")
HELLO = [Message("system", "Be short."), Message("user", "How is web-03?")]
TOOL = ToolSpec("query", "Asks the store.", {"type": "object", "properties": {"promql": {"type": "string"}}})
SHAPE = {"type": "object", "properties": {"risk": {"enum": ["low", "high"]}}, "required": ["risk"], "additionalProperties": False}


def test_without_a_model_nothing_is_asked_and_one_line_says_what_it_would_add():
    answer = complete("copilot", messages=HELLO)
    assert (answer.outcome, answer.whole, answer.text) == ("none", False, "")
    assert not available()
    assert answer.reason == why_not() != ""
    assert not Completion.objects.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_system_answers(model_stub, kind, operator):
    configured(model_stub, kind, price_in=Decimal(2), price_out=Decimal(10))
    model_stub.say("It is well.", usage=(1000, 100))
    answer = complete("copilot", messages=HELLO, user=operator)
    assert (answer.outcome, answer.text, answer.whole) == ("ok", "It is well.", True)
    assert (answer.tokens_in, answer.tokens_out, answer.cost) == (1000, 100, Decimal("0.003"))
    row = Completion.objects.get(pk=answer.completion_id)
    assert (row.purpose, row.user, row.outcome, row.provider_name, row.model) == ("copilot", operator, "ok", kind, "stub-1")
    assert (row.tokens_in, row.tokens_out, row.cost, row.estimated) == (1000, 100, Decimal("0.003"), False)
    assert row.first_token_ms is not None
    assert row.latency_ms >= row.first_token_ms
    assert "How is web-03?" in row.prompt
    assert row.answer == "It is well."
    assert ModelProvider.objects.get().last_used is not None


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_system_calls_tools(model_stub, kind):
    configured(model_stub, kind)
    model_stub.script(Script("Let me look.", tools=[("query", {"promql": "up"}), ("query", {"promql": "down"})]))
    answer = complete("copilot", messages=HELLO, tools=[TOOL])
    assert [(call.name, call.arguments.replace(" ", "")) for call in answer.tool_calls] == [
        ("query", '{"promql":"up"}'), ("query", '{"promql":"down"}')
    ]  # fmt: skip
    assert answer.text == "Let me look."
    assert len({call.id for call in answer.tool_calls}) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_what_tools_found_is_told_as_each_kind_wants_it(model_stub, kind):
    configured(model_stub, kind)
    called = Message("assistant", "", (ToolCall("call_7", "query", '{"promql": "up"}'),))
    complete("copilot", messages=[*HELLO, called, Message("tool", "up is 1", tool_call_id="call_7")], tools=[TOOL])
    asked = model_stub.asked[-1]["messages"]
    assert [one["role"] for one in asked] == ["system", "user", "assistant", "tool"]
    arguments = asked[2]["tool_calls"][0]["function"]["arguments"]
    assert arguments == ({"promql": "up"} if kind == "ollama" else '{"promql": "up"}')
    if kind != "ollama":
        assert (asked[2]["tool_calls"][0]["id"], asked[3]["tool_call_id"]) == ("call_7", "call_7")


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_handed_on_as_it_comes(model_stub, kind):
    configured(model_stub, kind)
    heard = []
    model_stub.say("one two three", pace=0.05)
    answer = complete("copilot", messages=HELLO, on_text=heard.append)
    assert heard == ["one ", "two ", "three"]
    assert answer.text == "one two three"


def test_a_prompt_of_the_purpose_is_filled_in_and_put_down(model_stub):
    from genai.models import Prompt, PromptVersion

    prompt = Prompt.objects.create(purpose="made_up")
    version = PromptVersion.objects.create(prompt=prompt, number=1, text="You watch {{ what }}.\n---\nSay how {{ what }} is.", weight=100)
    configured(model_stub)
    answer = complete("made_up", variables={"what": "web-03"}, messages=[Message("user", "Well?")])
    told = [(one["role"], one["content"]) for one in model_stub.asked[-1]["messages"]]
    assert told == [("system", "You watch web-03."), ("user", "Say how web-03 is."), ("user", "Well?")]
    assert Completion.objects.get(pk=answer.completion_id).prompt_version == version


def test_secrets_and_personal_data_do_not_leave_and_only_the_latter_come_back(model_stub):
    configured(model_stub)
    model_stub.answer_with(lambda body: Script(f"You said: {body['messages'][-1]['content']}"))
    asked = [Message("user", "ada@example.org used password=hunter2-x")]
    heard = []
    answer = complete("copilot", messages=[Message("system", "Repeat."), *asked], on_text=heard.append)
    assert "ada@example.org" not in model_stub.told()
    assert "hunter2-x" not in model_stub.told()
    assert answer.text == "You said: ada@example.org used password=[password hidden]" == "".join(heard)
    assert answer.masked == {"email": 1, "password": 1}
    row = Completion.objects.get()
    assert row.masked == {"email": 1, "password": 1}
    assert "hunter2" not in row.prompt + row.answer
    assert "ada@" not in row.prompt + row.answer


def test_arguments_of_tools_have_personal_data_again_and_no_secrets(model_stub):
    configured(model_stub)
    model_stub.call_tool("query", {"promql": 'x{user="⟦email 1⟧",key="⟦key 1⟧"}'})
    answer = complete("copilot", messages=[Message("system", "x"), Message("user", "ada@example.org AKIAIOSFODNN7EXAMPLE")], tools=[TOOL])
    assert answer.tool_calls[0].arguments == '{"promql": "x{user=\\"ada@example.org\\",key=\\"[key hidden]\\"}"}'


# -- schema ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_of_a_stated_shape_comes_as_data(model_stub, kind):
    configured(model_stub, kind)
    model_stub.say('Here it is:\n```json\n{"risk": "low"}\n```')
    answer = complete("risk", messages=HELLO, schema=SHAPE)
    assert (answer.outcome, answer.data) == ("ok", {"risk": "low"})
    body = model_stub.asked[-1]
    assert '"enum"' in body["messages"][0]["content"].replace("\\", "")
    assert body.get("format") or body.get("response_format")


def test_what_does_not_fit_is_asked_for_once_more(model_stub):
    configured(model_stub, price_out=Decimal(1))
    model_stub.say('{"risk": "medium"}', usage=(10, 5)).say('{"risk": "high"}', usage=(20, 5))
    answer = complete("risk", messages=HELLO, schema=SHAPE)
    assert (answer.outcome, answer.data, answer.tokens_in, answer.tokens_out) == ("ok", {"risk": "high"}, 30, 10)
    assert "does not fit" in model_stub.asked[-1]["messages"][-1]["content"]
    assert Completion.objects.get().repaired


def test_what_never_fits_says_so_and_gives_no_data(model_stub):
    configured(model_stub)
    model_stub.say("I would say low.").say("Low!")
    answer = complete("risk", messages=HELLO, schema=SHAPE)
    assert (answer.outcome, answer.data, answer.whole) == ("invalid", None, False)
    assert "not JSON" in answer.reason
    assert len(model_stub.asked) == 2


# -- the cache ---------------------------------------------------------------------------------------------------------
def test_the_same_question_is_paid_for_once(model_stub, operator, viewer):
    configured(model_stub, price_in=Decimal(1))
    heard = []
    first = complete("copilot", messages=HELLO, user=operator)
    again = complete("copilot", messages=HELLO, user=viewer, on_text=heard.append)
    assert (first.outcome, again.outcome, again.text) == ("ok", "cached", first.text)
    assert (again.cost, again.tokens_in, again.whole, heard) == (Decimal(0), 0, True, [first.text])
    assert len(model_stub.asked) == 1
    assert [row.outcome for row in Completion.objects.order_by("id")] == ["ok", "cached"]


def test_each_is_answered_from_the_cache_with_their_own_data(model_stub):
    configured(model_stub)
    model_stub.say("⟦email 1⟧ is on call.")
    for who in ("ada@example.org", "bob@example.org"):
        assert complete("copilot", messages=[Message("system", "x"), Message("user", who)]).text == f"{who} is on call."
    assert len(model_stub.asked) == 1
    assert "@" not in str(CachedAnswer.objects.get().answer)


@pytest.mark.parametrize("other", [{"max_tokens": 7}, {"tools": [TOOL]}, {"cache": False}, {"schema": {"type": "object"}}])
def test_another_question_is_asked(model_stub, other):
    configured(model_stub)
    model_stub.say("{}").say("{}")
    complete("copilot", messages=HELLO)
    assert complete("copilot", messages=HELLO, **other).outcome == "ok"
    assert len(model_stub.asked) == 2


def test_half_an_answer_is_not_kept(model_stub):
    configured(model_stub)
    model_stub.say("a half", fault="cut").say("a whole")
    assert complete("copilot", messages=HELLO).outcome == "cut"
    assert complete("copilot", messages=HELLO).text == "a whole"


def test_an_answer_is_kept_no_longer_than_it_may(model_stub, settings):
    from genai import caching

    settings.LLM_CACHE_MINUTES = 0
    configured(model_stub)
    complete("copilot", messages=HELLO)
    assert not CachedAnswer.objects.exists()
    settings.LLM_CACHE_MINUTES = 1
    complete("copilot", messages=HELLO)
    CachedAnswer.objects.update(expires_at=CachedAnswer.objects.get().expires_at.replace(year=2020))
    assert complete("copilot", messages=HELLO).outcome == "ok"
    CachedAnswer.objects.update(expires_at=CachedAnswer.objects.get().expires_at.replace(year=2020))
    assert caching.expire() == 1


# -- what is watched ---------------------------------------------------------------------------------------------------
def test_a_call_is_a_step_of_the_execution_it_serves(model_stub):
    configured(model_stub, price_in=Decimal(1))
    run = record.begin("copilot", "How is web-03?")
    model_stub.say("Well.", usage=(500, 5))
    complete("copilot", messages=HELLO, run=run)
    step = AgentStep.objects.get(run=run)
    assert (step.kind, step.name, step.state, step.tokens_in, step.result) == ("model", "copilot", "ok", 500, "Well.")
    run.refresh_from_db()
    assert (run.tokens_in, run.tokens_out, run.cost) == (500, 5, Decimal("0.0005"))
    assert run.completions.count() == 1


def test_a_failed_call_is_a_failed_step(model_stub):
    configured(model_stub)
    run = record.begin("copilot", "x")
    model_stub.fail(400)
    assert complete("copilot", messages=HELLO, run=run).outcome == "failed"
    assert AgentStep.objects.get(run=run).state == "failed"


def test_what_was_hidden_is_a_finding_once(model_stub):
    configured(model_stub)
    run = record.begin("copilot", "x")
    for _ in range(2):
        complete("copilot", messages=[*HELLO, Message("user", "password=hunter2-x of ada@example.org")], run=run, cache=False)
    found = SecurityFinding.objects.filter(run=run).order_by("kind")
    assert [(one.kind, one.excerpt, one.severity) for one in found] == [("personal", "email", "low"), ("secret", "password", "medium")]
