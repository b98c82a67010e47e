"""What listeners hear of an answer, what is kept of it while it is made, and what becomes of one whose process ended."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from genai.copilot import answering, conversations, events, keeping, tending
from genai.copilot.crew import Crew
from genai.copilot.models import Conversation, Turn
from genai.copilot.tests.asking import ask, settle
from genai.testing import ModelStub, configured, model_stub
from genai.tracing.models import AgentRun
from monitoring.live import publish, topics

__all__ = ["model_stub"]
Heard = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    said: Heard = []
    monkeypatch.setattr(publish, "publish", lambda topic, payload: said.append((topic, dict(payload))))
    return said


@pytest.fixture(autouse=True)
def _nothing_under_way() -> Iterator[None]:
    yield
    settle()


@pytest.fixture
def talk(operator: Any) -> Conversation:
    return conversations.start(operator)


def begun(talk: Conversation, **fields: Any) -> Turn:
    return Turn.objects.create(conversation=talk, number=talk.turns.count() + 1, question="why?", **{"state": "answering"} | fields)


def put_together(said: Heard) -> str:
    """The answer as a page writes it from its events."""
    text = ""
    for _, event in said:
        if event["kind"] == "text":
            text = event["text"] if event["anew"] else text + event["text"]
    return text


# -- events ------------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_topic_is_the_persons_own() -> None:
    assert topics.permission_of("copilot:7") == "genai:use"
    assert topics.owner_of("copilot:7") == 7
    assert topics.permission_of("copilot:all") is None


@pytest.mark.django_db
def test_events_tell_the_whole_answer_without_a_hole(model_stub: ModelStub, heard: Heard, operator: Any) -> None:
    configured(model_stub)
    model_stub.call_tool("alerts").say("Nothing fires at all.", pace=0.03)
    turn = ask(operator, "what is wrong?")
    assert {topic for topic, _ in heard} == {f"copilot:{operator.pk}"}
    told = [event for _, event in heard]
    assert [event["seq"] for event in told] == list(range(1, len(told) + 1))
    assert {(event["turn"], event["conversation"]) for event in told} == {(turn.pk, turn.conversation_id)}
    assert (told[0]["kind"], told[0]["state"]) == ("state", "answering")
    assert (told[-1]["kind"], told[-1]["state"]) == ("state", "done")
    assert put_together(heard) == turn.answer
    assert turn.seq == told[-1]["seq"]


@pytest.mark.django_db
def test_steps_begin_and_end(model_stub: ModelStub, heard: Heard, operator: Any) -> None:
    configured(model_stub)
    model_stub.call_tool("alerts", {"limit": 3}).say("Nothing fires.")
    ask(operator, "what is wrong?")
    steps = [(event["n"], event["name"], event["state"], event["ms"] is None) for _, event in heard if event["kind"] == "step"]
    assert steps[:2] == [(1, "alerts", "running", True), (1, "alerts", "ok", False)]


def test_text_that_comes_closely_goes_out_together(heard: Heard) -> None:
    progress = events.Progress(1, 1, 1)
    for word in ("one ", "two ", "three ", "four"):
        progress.write(word)
    progress.flush()
    assert [event["text"] for _, event in heard] == ["one ", "two three four"]
    assert progress.text == "one two three four"


def test_what_replaces_is_said_once(heard: Heard) -> None:
    progress = events.Progress(1, 1, 1)
    progress.write("Let me look")
    progress.replace("")
    progress.replace("")
    progress.write("Here")
    progress.flush()
    assert [(event["text"], event["anew"]) for _, event in heard] == [("Let me look", False), ("", True), ("Here", False)]


@pytest.mark.django_db
def test_whoever_comes_late_is_told_what_was(heard: Heard, talk: Conversation) -> None:
    turn = begun(talk)
    progress = events.follow(turn, talk.user_id)
    progress.begin()
    progress.step_ended(progress.step("alerts", "open"), "ok", "open → 3", 12, "monitoring:read")
    progress.write("The disk")
    so_far = events.so_far(turn)
    assert (so_far["seq"], so_far["text"], so_far["state"]) == (4, "The disk", "answering")
    assert so_far["steps"][0]["detail"] == "open → 3"
    progress.write(" is full")
    progress.flush()
    assert heard[-1][1]["seq"] == 5


@pytest.mark.django_db
def test_another_process_reads_what_was_written_down(heard: Heard, talk: Conversation) -> None:
    turn = begun(talk)
    progress = events.follow(turn, talk.user_id)
    progress.begin()
    progress.write("The disk")
    saved: dict[int, int] = {}
    keeping.save(saved)
    events.leave(turn.pk)
    turn.refresh_from_db()
    assert (events.so_far(turn)["text"], turn.seq, saved) == ("The disk", 2, {turn.pk: 2})


@pytest.mark.django_db
def test_what_is_over_is_not_written_over(heard: Heard, talk: Conversation) -> None:
    turn = begun(talk)
    progress = events.follow(turn, talk.user_id)
    progress.write("half")
    Turn.objects.filter(pk=turn.pk).update(state="done", answer="whole")
    keeping.save({})
    turn.refresh_from_db()
    assert turn.answer == "whole"


# -- stopping ----------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_stop_is_heard_in_the_same_process_at_once(talk: Conversation) -> None:
    turn = begun(talk)
    progress = events.follow(turn, talk.user_id)
    assert answering.stop(turn)
    assert progress.stopping.is_set()
    assert not answering.stop(turn)


@pytest.mark.django_db
def test_stop_from_another_process_is_heard_when_it_is_written_down(talk: Conversation) -> None:
    turn = begun(talk)
    progress = events.follow(turn, talk.user_id)
    Turn.objects.filter(pk=turn.pk).update(stop_asked=True)
    keeping.save({})
    assert progress.stopping.is_set()


# -- processes that end ----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_an_answer_whose_process_ended_is_cut_off(heard: Heard, talk: Conversation) -> None:
    old = timezone.now() - timedelta(minutes=2)
    lost = begun(talk, answer="The disk", beat_at=old, seq=4)
    fresh = begun(talk, state="waiting")
    assert tending.cut_off_silent() == 1
    lost.refresh_from_db()
    assert (lost.state, lost.answer, lost.half) == ("cut", "The disk", True)
    assert "ended" in lost.reason
    assert Turn.objects.get(pk=fresh.pk).state == "waiting"
    assert heard[-1][1] | {"reason": ""} == {
        "turn": lost.pk, "conversation": talk.pk, "seq": 5, "kind": "state", "state": "cut", "reason": ""
    }  # fmt: skip
    assert tending.cut_off_silent() == 0


@pytest.mark.django_db
def test_what_this_process_still_answers_is_left(talk: Conversation) -> None:
    turn = begun(talk, beat_at=timezone.now() - timedelta(minutes=2))
    events.follow(turn, talk.user_id)
    assert tending.cut_off_silent() == 0


# -- threads -----------------------------------------------------------------------------------------------------------------
def wait_for(condition: Any, seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it took too long"
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_an_answer_is_made_in_a_thread_of_its_own(model_stub: ModelStub, operator: Any) -> None:
    configured(model_stub)
    model_stub.say("All is well, is it?")
    turn = answering.ask(conversations.start(operator), "how is it?")
    assert turn.state == "waiting"
    wait_for(lambda: Turn.objects.get(pk=turn.pk).is_over and events.of(turn.pk) is None)
    turn.refresh_from_db()
    assert (turn.state, turn.answer) == ("done", "All is well, is it?")
    assert turn.run is not None
    assert turn.run.state == AgentRun.State.DONE


def test_no_more_threads_than_may_be_and_none_when_idle() -> None:
    crew, gate, most, lock, working = Crew(most=3, idle=0.05), threading.Event(), [0], threading.Lock(), [0]

    def work() -> None:
        with lock:
            working[0] += 1
            most[0] = max(most[0], working[0])
        gate.wait(10)
        with lock:
            working[0] -= 1

    for _ in range(8):
        crew.submit(work)
    wait_for(lambda: most[0] == 3)
    gate.set()
    wait_for(lambda: crew.threads == 0)
    assert most[0] == 3


def test_a_fault_in_one_answer_leaves_the_others() -> None:
    crew, done = Crew(most=1, idle=0.05), threading.Event()
    crew.submit(lambda: 1 / 0)
    crew.submit(done.set)
    assert done.wait(10)


def test_too_many_wait() -> None:
    crew, gate = Crew(most=1, most_waiting=2, idle=0.05), threading.Event()
    begins = threading.Event()
    crew.submit(lambda: (begins.set(), gate.wait(10)))
    assert begins.wait(10)
    assert not crew.full
    crew.submit(gate.wait)
    crew.submit(gate.wait)
    assert crew.full
    gate.set()
    assert crew.finish(10)


@pytest.mark.django_db(transaction=True)
def test_a_process_that_ends_keeps_the_half_answer(model_stub: ModelStub, operator: Any) -> None:
    configured(model_stub)
    model_stub.say("one two three four five six seven eight nine ten", pace=0.5)
    turn = answering.ask(conversations.start(operator), "how is it?")
    wait_for(lambda: (progress := events.of(turn.pk)) is not None and progress.text)
    keeping.close()
    turn.refresh_from_db()
    assert (turn.state, turn.reason) == ("cut", keeping.ENDS)
    assert turn.answer.startswith("one")
    assert "ten" not in turn.answer
