import threading
import time
from collections import Counter

import pytest

from remediation import crew, execute
from remediation.crew import Crew
from remediation.models import Execution
from remediation.providers.base import PROVIDERS
from remediation.tests import stage

PATIENCE = 20.0  # seconds, of a machine that is busy


def until(true):
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


@pytest.mark.once
def test_everybody_has_a_turn_and_the_threads_end():
    done = []
    made = Crew(done.append, most=3)
    assert made.submit(range(20)) == 20
    until(lambda: len(done) == 20 and not made.busy and not made._threads)
    assert sorted(done) == list(range(20))


@pytest.mark.once
def test_what_takes_its_time_keeps_no_other_waiting():
    gate, done = threading.Event(), []

    def work(pk):
        if pk < 3:
            gate.wait(PATIENCE)
        done.append(pk)

    made = Crew(work, most=4)
    made.submit(range(100))
    until(lambda: len(done) == 97)
    gate.set()
    until(lambda: not made.busy)
    assert sorted(done[-3:]) == [0, 1, 2]


@pytest.mark.once
def test_at_the_end_it_waits_for_what_is_under_way_and_begins_nothing_more():
    gate, begun, done = threading.Event(), [], []

    def work(pk):
        begun.append(pk)
        gate.wait(PATIENCE)
        done.append(pk)

    made = Crew(work, most=2)
    made.submit(range(5))
    until(lambda: len(begun) == 2)
    assert not made.finish(0.01)  # they take longer than anybody waits
    threading.Timer(0.05, gate.set).start()
    assert made.finish(PATIENCE)
    assert len(begun) == len(done) < 5


@pytest.mark.once
def test_nobody_is_advanced_by_two_at_once_and_what_is_asked_meanwhile_is_done_after():
    gate, begun = threading.Event(), []

    def work(pk):
        begun.append(pk)
        if len(begun) == 1:
            gate.wait(PATIENCE)

    made = Crew(work)
    made.submit([7])
    until(lambda: begun)
    assert made.submit([7, 7]) == 0
    assert begun == [7]
    gate.set()
    until(lambda: not made.busy)
    assert begun == [7, 7]


@pytest.mark.once
def test_what_is_due_soon_is_looked_at_then():
    seen = []

    def work(pk):
        seen.append(pk)
        return 0.01 if len(seen) < 3 else None

    made = Crew(work)
    made.submit([1])
    until(lambda: len(seen) == 3 and not made.busy)


@pytest.mark.once
def test_a_fault_ends_no_thread_but_its_own_turn():
    done = []

    def work(pk):
        if pk == 0:
            raise KeyError("oops")
        done.append(pk)

    made = Crew(work, most=1)
    made.submit([0, 1])
    until(lambda: done == [1])


@pytest.mark.once
def test_of_one_provider_only_some_calls_are_under_way_at_once():
    held = [crew.place(99) for _ in range(crew.PER_PROVIDER)]
    assert all(one.__enter__() for one in held)
    with crew.place(99) as free, crew.place(98) as other:
        assert (free, other) == (False, True)
    held.pop().__exit__(None, None, None)
    with crew.place(99) as free:
        assert free
    for one in held:
        one.__exit__(None, None, None)


@pytest.fixture
def world(db, monkeypatch):
    monkeypatch.setitem(PROVIDERS, stage.KIND, stage.DOTTED)
    return stage.anew()


def test_a_provider_with_too_many_calls_is_asked_a_moment_later(world):
    execution = stage.approved()
    provider = stage.provider()
    held = [crew.place(provider.pk) for _ in range(crew.PER_PROVIDER)]
    for one in held:
        one.__enter__()
    after = stage.advance.advance(execution.pk)
    assert after is not None
    assert after < 1
    assert world.asked == []
    for one in held:
        one.__exit__(None, None, None)
    stage.drive(execution)
    assert execution.state == "succeeded"


def test_many_cases_advance_in_turns_of_which_none_does_another_ones_work(world):
    made = stage.plan(stage.action("start"), stage.action("scale"))
    world.answers["run start"] = [stage.running() for _ in range(20)]
    world.answers["poll start"] = [stage.running() for _ in range(20)]
    cases = [stage.approved(made, target_key=f"t{place}") for place in range(20)]
    for one in cases:
        stage.advance.advance(one.pk)
    assert Counter(world.asked) == {"run start": 20}
    for one in cases:
        stage.drive(one)
    assert {one.state for one in Execution.objects.all()} == {"succeeded"}
    assert max(Counter(world.done).values()) == 1


def test_a_change_is_shown_to_lists_and_to_the_page_of_the_case(world, monkeypatch, django_capture_on_commit_callbacks):
    told = []
    monkeypatch.setattr(execute.publish, "publish", lambda topic, payload: told.append((topic, payload)))
    with django_capture_on_commit_callbacks(execute=True):
        execution = stage.propose()
    assert [topic for topic, _ in told] == ["executions", f"execution:{execution.pk}"]
    assert told[0][1] == {"kind": "execution", "id": execution.pk, "number": execution.number, "state": "proposed", "before": ""}


@pytest.mark.once
@pytest.mark.parametrize("topic", ["executions", "execution:7"])
def test_everybody_who_may_look_may_watch(topic):
    from monitoring.live import topics

    assert topics.permission_of(topic) == "monitoring:read"
    assert topics.permission_of("execution:x") is None
