"""Models that break in the ways they break: each has one stated outcome, and a half answer is marked so."""

import time

import pytest

from genai import chain
from genai.complete import complete
from genai.models import Completion, ModelProvider
from genai.providers.base import Message, ToolSpec
from genai.testing import MODEL, Script, configured

pytestmark = pytest.mark.django_db
KINDS = ("openai_compatible", "groq", "ollama")
HELLO = [Message("system", "Be short."), Message("user", "How is web-03?")]
TOOL = ToolSpec("query", "Asks the store.", {"type": "object"})


@pytest.fixture(autouse=True)
def _quick(settings, monkeypatch):
    settings.LLM_IDLE_SECONDS, settings.LLM_CONNECT_SECONDS = 0.6, 2
    monkeypatch.setattr(chain, "BACKOFF", 0.01)


def ask(**more):
    return complete("copilot", messages=HELLO, cache=False, **more)


# -- in the middle of an answer ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["cut", "unfinished"])
def test_a_stream_that_breaks_leaves_half_an_answer_marked_so(model_stub, kind, fault):
    configured(model_stub, kind)
    model_stub.say("web-03 is slow because", fault=fault)
    heard = []
    answer = ask(on_text=heard.append)
    assert (answer.outcome, answer.text, answer.whole) == ("cut", "web-03 is slow because", False)
    assert "".join(heard) == answer.text
    assert answer.reason
    row = Completion.objects.get()
    assert (row.outcome, row.answer, row.estimated) == ("cut", "web-03 is slow because", True)
    assert row.tokens_out > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_stalls_is_left_after_the_silence_it_may_keep(model_stub, kind):
    configured(model_stub, kind)
    model_stub.say("web-03 is", fault="stall")
    began = time.monotonic()
    answer = ask(on_text=lambda text: None)
    assert (answer.outcome, answer.text) == ("cut", "web-03 is")
    assert "Nothing came for 0.6 seconds" in answer.reason
    assert time.monotonic() - began < 10


def test_words_that_trickle_for_ever_end_with_the_total(model_stub, settings):
    settings.LLM_TOTAL_SECONDS = 1.0
    configured(model_stub)
    model_stub.say("word " * 200, pace=0.1)
    answer = ask(on_text=lambda text: None)
    assert answer.outcome == "cut"
    assert "after 1 seconds" in answer.reason
    assert answer.text.startswith("word ")


def test_an_answer_without_an_end_is_cut_off(model_stub, monkeypatch):
    monkeypatch.setattr("genai.listening.MOST_TEXT", 50_000)
    configured(model_stub)
    model_stub.say("", fault="endless")
    answer = ask()
    assert answer.outcome == "cut"
    assert "no end" in answer.reason


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_reaches_its_limit_is_half_an_answer(model_stub, kind):
    configured(model_stub, kind)
    model_stub.say("web-03 is slow beca", finish="length")
    answer = ask(max_tokens=16)
    assert (answer.outcome, answer.text) == ("cut", "web-03 is slow beca")
    assert "limit of 16 tokens" in answer.reason


def test_half_an_answer_that_nobody_saw_is_asked_for_elsewhere(model_stub):
    configured(model_stub, name="first", position=1)
    configured(model_stub, "groq", name="second", position=2)
    model_stub.say("web-03 is", fault="cut").say("web-03 is well.")
    answer = ask()
    assert (answer.outcome, answer.text, answer.provider) == ("ok", "web-03 is well.", "second")
    assert Completion.objects.get().attempts[0]["provider"] == "first"


def test_half_an_answer_that_was_shown_is_not_begun_again(model_stub):
    configured(model_stub, name="first", position=1)
    configured(model_stub, "groq", name="second", position=2)
    model_stub.say("web-03 is", fault="cut").say("web-03 is well.")
    answer = ask(on_text=lambda text: None)
    assert (answer.outcome, answer.text, answer.provider) == ("cut", "web-03 is", "first")
    assert len(model_stub.asked) == 1


# -- nothing to show -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_with_nothing_in_it_is_a_failure(model_stub, kind):
    configured(model_stub, kind)
    model_stub.script(Script(fault="empty"))
    answer = ask()
    assert (answer.outcome, answer.text) == ("failed", "")
    assert answer.reason


@pytest.mark.parametrize("kind", KINDS)
def test_a_peer_that_speaks_something_else_is_a_failure(model_stub, kind):
    configured(model_stub, kind)
    model_stub.script(Script(fault="garbage"))
    answer = ask()
    assert answer.outcome == "failed"
    assert answer.text == ""


@pytest.mark.parametrize("kind", ["openai_compatible", "groq"])
def test_arguments_of_a_tool_that_are_no_json_are_handed_on_as_they_are(model_stub, kind):
    """tools.call holds them against the tool's schema and tells the model what is wrong."""
    configured(model_stub, kind)
    model_stub.call_tool("query", '{"promql": "up"')
    answer = ask(tools=[TOOL])
    assert (answer.outcome, answer.tool_calls[0].arguments) == ("ok", '{"promql": "up"')


# -- refusals ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("status", "times", "words"),
    [(401, 1, "does not let us in"), (403, 1, "does not let us in"), (429, 3, "no more questions"), (500, 3, "fault of its own"),
     (503, 3, "fault of its own"), (400, 1, "refuses what it was asked"), (404, 1, "no such model")],
)  # fmt: skip
def test_a_refusal_is_one_clear_sentence(model_stub, kind, status, times, words):
    configured(model_stub, kind)
    model_stub.fail(status, "because", times=times)
    answer = ask()
    assert (answer.outcome, answer.text) == ("failed", "")
    assert words in answer.reason
    assert "because" in answer.reason
    assert len(model_stub.asked) == times


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_is_not_there_says_so_and_shows_as_failing(model_stub, kind):
    row = configured(model_stub, kind, model="gone-7")
    answer = ask()
    assert answer.outcome == "failed"
    assert "gone-7" in answer.reason
    row.refresh_from_db()
    assert row.health == "failing"


def test_a_wrong_key_shows_as_failing_until_it_works_again(model_stub):
    row = configured(model_stub)
    model_stub.fail(401, "bad key")
    ask()
    row.refresh_from_db()
    assert row.health == "failing"
    assert ask().outcome == "ok"
    row.refresh_from_db()
    assert (row.health, row.check_error) == ("ok", "")


def test_it_waits_as_long_as_it_is_asked_to(model_stub):
    configured(model_stub)
    model_stub.fail(429, retry_after="1")
    began = time.monotonic()
    answer = ask()
    assert answer.outcome == "ok"
    assert time.monotonic() - began >= 1
    assert [one["error"][:40] for one in Completion.objects.get().attempts] == ["It takes no more questions for now (429)"]


def test_a_longer_pause_than_it_may_make_goes_to_the_next(model_stub, settings):
    settings.LLM_WAIT_SECONDS = 5
    configured(model_stub, name="first", position=1)
    configured(model_stub, "ollama", name="second", position=2)
    model_stub.fail(429, retry_after="60")
    began = time.monotonic()
    answer = ask()
    assert (answer.outcome, answer.provider) == ("ok", "second")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("status", [401, 404, 400])
def test_the_next_one_is_asked_where_one_refuses(model_stub, status):
    configured(model_stub, name="first", position=1)
    configured(model_stub, "groq", name="second", position=2)
    model_stub.fail(status)
    assert ask().provider == "second"


def test_those_that_are_switched_off_are_not_asked(model_stub):
    configured(model_stub, name="first", position=1, enabled=False)
    configured(model_stub, "groq", name="second", position=2)
    assert ask().provider == "second"


def test_nobody_there_is_a_failure_with_a_name(model_stub):
    configured(model_stub, config={"url": "http://127.0.0.1:9/v1"}, name="gone")
    answer = ask()
    assert answer.outcome == "failed"
    assert answer.reason.startswith("gone: It cannot be reached")


def test_a_name_that_does_not_resolve_is_a_failure(model_stub):
    configured(model_stub, config={"url": "http://no-such-host.invalid/v1"})
    assert "cannot be reached" in ask().reason


def test_metadata_of_clouds_is_no_model(model_stub):
    configured(model_stub, config={"url": "http://169.254.169.254/v1"})
    answer = ask()
    assert answer.outcome == "failed"
    assert "169.254.169.254" in answer.reason


def test_one_that_fails_again_and_again_is_left_alone_for_a_while(model_stub):
    configured(model_stub)
    model_stub.fail(500, times=6)
    ask()
    ask()
    asked = len(model_stub.asked)
    answer = ask()
    assert (answer.outcome, len(model_stub.asked)) == ("failed", asked)
    assert "Left alone" in answer.reason
    chain.forget()
    assert ask().outcome == "ok"


def test_a_question_of_our_own_that_is_refused_opens_no_circuit(model_stub):
    configured(model_stub)
    model_stub.fail(400, times=9)
    for _ in range(9):
        ask()
    assert ask().outcome == "ok"


# -- too long ------------------------------------------------------------------------------------------------------------
LONG = [Message("system", "Be short."), Message("user", "the first words " + "x 1 " * 50_000 + " the last words")]


@pytest.mark.parametrize("kind", KINDS)
def test_two_hundred_thousand_characters_are_asked_where_no_limit_is_known(model_stub, kind):
    configured(model_stub, kind, config={"context_tokens": None})
    answer = complete("copilot", messages=LONG)
    assert answer.outcome == "ok"
    assert len(model_stub.asked[-1]["messages"][1]["content"]) > 200_000
    assert len(Completion.objects.get().prompt) == 20_000


def test_they_are_shortened_in_their_middle_where_the_limit_is_known(model_stub):
    configured(model_stub, config={"context_tokens": 4000})
    answer = complete("copilot", messages=LONG, max_tokens=500)
    told = model_stub.asked[-1]["messages"][1]["content"]
    assert answer.outcome == "ok"
    assert "left out" in answer.reason
    assert len(told) < 14_000
    assert told.startswith("the first words ")
    assert told.endswith(" the last words")
    assert "[left out: " in told


def test_a_system_that_finds_them_too_long_says_so(model_stub):
    configured(model_stub)
    model_stub.fail(400, "This model's maximum context length is 8192 tokens")
    answer = complete("copilot", messages=LONG)
    assert answer.outcome == "failed"
    assert "longer than the model reads" in answer.reason


# -- stopping ------------------------------------------------------------------------------------------------------------
def test_it_can_be_stopped_while_it_speaks_and_while_it_is_silent(model_stub, settings):
    settings.LLM_IDLE_SECONDS = 30
    configured(model_stub)
    for script in (Script("word " * 100, pace=0.1), Script("word", fault="stall")):
        heard: list[str] = []
        model_stub.script(script)
        began = time.monotonic()
        answer = ask(on_text=heard.append, stopped=lambda heard=heard: bool(heard))
        assert (answer.outcome, answer.whole) == ("stopped", False)
        assert answer.text.startswith("word")
        assert time.monotonic() - began < 8


def test_it_can_be_stopped_while_it_waits_to_ask_again(model_stub):
    configured(model_stub)
    model_stub.fail(429, retry_after="9")
    began = time.monotonic()
    assert ask(stopped=lambda: time.monotonic() - began > 0.5).outcome == "stopped"
    assert time.monotonic() - began < 6


# -- plugins that break their word ---------------------------------------------------------------------------------------
def test_a_fault_of_a_plugin_is_a_failure_and_no_traceback(model_stub, monkeypatch):
    from genai.providers.openai_compatible import OpenAICompatible

    configured(model_stub)
    monkeypatch.setattr(OpenAICompatible, "stream", lambda self, ask: 1 / 0)
    answer = ask()
    assert answer.outcome == "failed"
    assert "ZeroDivisionError" in answer.reason


def test_a_kind_that_is_no_longer_installed_is_passed_over(model_stub):
    ModelProvider.objects.create(name="old", kind="gone", model=MODEL, position=0)
    configured(model_stub, position=1)
    assert ask().outcome == "ok"
