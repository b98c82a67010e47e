"""The process is killed at every boundary of a case's life, one after the other: before each transaction, before each write outside of
one, and while the provider is asked. Whoever comes after it finds the rows, and what was done out there, and nothing else."""

from collections import Counter

import pytest
from django.db import connection

from accounts import audit
from monitoring.alerts.models import Alert
from monitoring.alerts.observations import Observation, observe
from remediation import advance, schedule
from remediation.models import Execution
from remediation.plan import PlanStep
from remediation.providers.base import PROVIDERS, SUCCEEDED, ActionError, Answer
from remediation.tests import stage

pytestmark = pytest.mark.django_db
WRITES = ("INSERT", "UPDATE", "DELETE")
MOST = 400  # boundaries; a case has far fewer


class Killed(BaseException):
    """No `except Exception` may survive it."""


class Killer:
    """Ends the process at its `at`-th boundary: from then on no statement is executed any more."""

    def __init__(self, at):
        self.at, self.count, self.dead = at, 0, False
        self.depth = len(connection.savepoint_ids)

    def boundary(self):
        self.count += 1
        if self.count == self.at:
            self.dead = True
            raise Killed

    def __call__(self, execute, sql, params, many, context):
        if self.dead:
            if sql.startswith("ROLLBACK"):
                return execute(sql, params, many, context)
            raise Killed
        outside = len(connection.savepoint_ids) == self.depth
        if outside and sql.startswith((*WRITES, "SAVEPOINT")):
            self.boundary()
        return execute(sql, params, many, context)


@pytest.fixture(autouse=True)
def world(monkeypatch):
    monkeypatch.setitem(PROVIDERS, stage.KIND, stage.DOTTED)
    return stage.anew()


def killed_at(at, execution, world):
    """Drives the case until the process dies; False where it came to its end alive."""
    killer = Killer(at)
    world.before = killer.boundary
    try:
        with connection.execute_wrapper(killer):
            for _ in range(60):
                advance.advance(execution.pk)
                due = Execution.objects.values_list("due_at", flat=True).get(pk=execution.pk)
                if due is None:
                    break
                _time_passes(execution, killer)
    except Killed:
        return True
    finally:
        world.before = lambda: None
    return False


def _time_passes(execution, killer):
    """Not a part of the process: nobody dies of it."""
    killer.at, at = 0, killer.at
    count = killer.count
    stage.pass_time(execution)
    killer.at, killer.count = at, count


def walk(world, make):
    """(boundaries, [the case after each death and what followed])."""
    ended = []
    for at in range(1, MOST):
        stage.anew()
        execution = make(at)
        died = killed_at(at, execution, world)
        schedule.free_leases()
        stage.drive(execution)
        ended.append((at, execution, list(world.done)))
        if not died:
            return ended
    raise AssertionError("it has no end")


def assert_nothing_twice(at, done):
    twice = [one for one, count in Counter(done).items() if count > 1]
    assert twice == [], f"done twice after a death at boundary {at}"


def firing(at):
    observe([Observation(f"f{at}", "firing", "DiskFull", labels={"n": str(at)})])
    return Alert.objects.get(fingerprint=f"f{at}")


def test_a_case_that_succeeds_survives_every_death(world):
    made = stage.plan(
        stage.action("scale"),
        PlanStep(id="pause", title="Wait", kind="wait", seconds=5),
        stage.action("start"),
        success=(stage.check(),),
    )

    def make(at):
        world.answers["run start"] = [stage.running()]
        world.answers["poll start"] = [Answer(SUCCEEDED, "done")]
        return stage.approved(made, alert=firing(at), target_key=f"t{at}")

    ended = walk(world, make)
    assert len(ended) > 15
    for at, execution, done in ended:
        assert_nothing_twice(at, done)
        assert [verb for verb, _ in done] == ["run scale", "run start"], f"death at boundary {at}"
        assert (execution.state, execution.verification) == ("succeeded", "held"), f"death at boundary {at}"
        assert stage.story(execution)[1:] == ["approved", "running", "verifying", "succeeded"], f"death at boundary {at}"
        assert execution.alert.state == "resolved" or Alert.objects.get(pk=execution.alert_id).state == "resolved"
    assert audit.verify().broken is None


def test_a_case_that_fails_is_taken_back_once_whenever_the_process_dies(world):
    made = stage.plan(stage.action("scale"), stage.action("start"))

    def make(at):
        world.answers["run start"] = [ActionError("no such job", permanent=True)] * 3
        return stage.approved(made, target_key=f"t{at}")

    ended = walk(world, make)
    assert len(ended) > 15
    for at, execution, done in ended:
        assert_nothing_twice(at, done)
        assert [verb for verb, _ in done] == ["run scale", "rollback scale"], f"death at boundary {at}"
        assert execution.state == "rolled_back", f"death at boundary {at}"
        assert Alert.objects.filter(source="remediation", labels__run=execution.number).count() == 1
    assert audit.verify().broken is None


def test_a_person_who_cancels_is_heard_whenever_the_process_dies(world):
    def make(at):
        world.answers["run start"] = [stage.running()]
        world.answers["poll start"] = [stage.running() for _ in range(9)]
        execution = stage.approved(stage.plan(stage.action("start"), stage.action("scale")), target_key=f"t{at}")
        advance.advance(execution.pk)
        advance.execute.cancel(execution, "Ann", "wrong host")
        return execution

    ended = walk(world, make)
    for at, execution, done in ended:
        assert [verb for verb, _ in done] == ["run start"], f"death at boundary {at}"
        assert execution.state == "cancelled", f"death at boundary {at}"


def test_a_system_that_cannot_tell_is_never_asked_twice(world):
    def make(at):
        world.resumes["restart"] = ActionError("cannot tell", permanent=True, unclear=True)
        return stage.approved(target_key=f"t{at}")

    ended = walk(world, make)
    states = set()
    for at, execution, done in ended:
        assert_nothing_twice(at, done)
        assert world.asked.count("run restart") <= 1, f"death at boundary {at}"
        states.add(execution.state)
    assert states == {"succeeded", "escalated"}
