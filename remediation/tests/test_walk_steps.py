from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring.notifications.models import Channel, Delivery
from remediation import approvals, execute
from remediation.models import Approval
from remediation.plan import Case, Check, PlanStep
from remediation.providers.base import PROVIDERS, ActionError
from remediation.tests import stage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def world(monkeypatch):
    monkeypatch.setitem(PROVIDERS, stage.KIND, stage.DOTTED)
    return stage.anew()


def turn(execution):
    stage.advance.advance(execution.pk)
    execution.refresh_from_db()
    return execution


def wait(seconds=60.0):
    return PlanStep(id="pause", title="Let it settle", kind="wait", seconds=seconds)


def asks(**more):
    return PlanStep(id="ask", title="Really?", kind="approval", text="Shall it go on?", **more)


# -- wait ---------------------------------------------------------------------------------------------------------------------
def test_a_wait_ends_when_its_time_is_over(world):
    execution = turn(stage.approved(stage.plan(wait(), stage.action())))
    step = execution.steps.get(name="pause")
    assert step.state == "running"
    assert execution.due_at == step.deadline
    assert world.asked == []
    stage.pass_time(execution)
    turn(execution)
    assert stage.steps(execution) == {"pause": "succeeded", "restart": "succeeded"}


def test_a_wait_that_is_looked_at_early_goes_on_waiting(world):
    execution = turn(stage.approved(stage.plan(wait(), stage.action())))
    execute.wake(execution.pk)
    turn(execution)
    assert execution.steps.get(name="pause").state == "running"


# -- check --------------------------------------------------------------------------------------------------------------------
def checks(query, **more):
    return PlanStep(id="look", title="Look", kind="check", check=Check(query=query, name="load", **more))


def test_a_check_waits_until_it_holds_and_has_held(world):
    execution = turn(stage.approved(stage.plan(checks("vector(1)", hold=10), stage.action())))
    step = execution.steps.get(name="look")
    assert (step.state, step.detail) == ("running", "load: 1")
    stage.drive(execution)
    assert stage.steps(execution) == {"look": "succeeded", "restart": "succeeded"}


def test_a_check_that_never_holds_fails(world):
    execution = stage.drive(stage.approved(stage.plan(checks("vector(0)", within=20), stage.action())))
    assert stage.steps(execution) == {"look": "failed", "restart": "skipped"}
    assert execution.steps.get(name="look").detail == "not within 20 s: load: 0"
    assert world.asked == []


# -- branch -------------------------------------------------------------------------------------------------------------------
def forks(*cases, otherwise=""):
    return PlanStep(id="fork", title="Which way", kind="branch", cases=cases, otherwise=otherwise)


def test_a_branch_goes_on_where_its_condition_says(world):
    fork = forks(Case(go="start", check=stage.check("vector(0)")), Case(go="restart", check=stage.check("vector(1)")))
    execution = stage.drive(stage.approved(stage.plan(fork, stage.action("start"), stage.action("scale"), stage.action("restart"))))
    assert stage.steps(execution) == {"fork": "succeeded", "start": "skipped", "scale": "skipped", "restart": "succeeded"}


def test_a_branch_reads_what_became_of_a_step(world):
    world.answers["run scale"] = [ActionError("no", permanent=True)]
    fork = forks(Case(go="end", of="scale", state="succeeded"), Case(go="restart", of="scale", state="failed"))
    first = stage.action("scale", on_failure="continue")
    execution = stage.drive(stage.approved(stage.plan(first, fork, stage.action("start"), stage.action("restart"))))
    assert stage.steps(execution) == {"scale": "failed", "fork": "succeeded", "start": "skipped", "restart": "succeeded"}


def test_a_branch_may_end_the_steps(world):
    execution = stage.drive(stage.approved(stage.plan(forks(Case(go="end", check=stage.check())), stage.action())))
    assert stage.steps(execution) == {"fork": "succeeded", "restart": "skipped"}
    assert execution.state == "succeeded"


def test_without_a_case_that_fits_it_goes_on_with_the_next_or_otherwise(world):
    never = Case(go="end", check=stage.check("vector(0)"))
    execution = stage.drive(stage.approved(stage.plan(forks(never), stage.action())))
    assert stage.steps(execution) == {"fork": "succeeded", "restart": "succeeded"}
    other = stage.drive(stage.approved(stage.plan(forks(never, otherwise="restart"), stage.action("scale"), stage.action())))
    assert stage.steps(other) == {"fork": "succeeded", "scale": "skipped", "restart": "succeeded"}


def test_a_branch_that_goes_nowhere_fails(world):
    execution = stage.drive(stage.approved(stage.plan(stage.action(), forks(Case(go="restart", check=stage.check())))))
    assert stage.steps(execution)["fork"] == "failed"


# -- approval -----------------------------------------------------------------------------------------------------------------
def test_a_step_asks_people_and_goes_on_with_their_yes(world, operator, approver):
    execution = turn(stage.approved(stage.plan(asks(), stage.action()), requested_by=operator))
    asked = Approval.objects.get(execution=execution)
    assert asked.step == execution.steps.get(name="ask")
    assert execution.due_at == asked.expires_at
    turn(execution)
    assert Approval.objects.count() == 1
    approvals.vote(asked, approver, True)
    turn(execution)
    assert execution.steps.get(name="ask").detail == "approved by approver"
    assert execution.state == "succeeded"


def test_a_no_fails_the_step(world, approver):
    execution = turn(stage.approved(stage.plan(asks(), stage.action())))
    approvals.vote(Approval.objects.get(), approver, False)
    stage.drive(execution)
    assert stage.steps(execution) == {"ask": "failed", "restart": "skipped"}
    assert "denied by approver" in execution.outcome
    assert world.asked == []


def test_a_question_that_nobody_answers_fails_the_step(world):
    execution = turn(stage.approved(stage.plan(asks(expires=60), stage.action())))
    Approval.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    execute.wake(execution.pk)
    stage.drive(execution)
    assert execution.steps.get(name="ask").detail == "nobody answered in time"
    assert Approval.objects.get().state == "expired"


# -- notify -------------------------------------------------------------------------------------------------------------------
def tells(channel="", text="It is done."):
    return PlanStep(id="tell", title="Tell the team", kind="notify", channel=channel, text=text)


def test_a_step_tells_a_channel_once(world):
    Channel.objects.create(name="ops", kind="webhook", config={"url": "https://hooks.example.org/x"})
    execution = stage.drive(stage.approved(stage.plan(tells("ops"))))
    delivery = Delivery.objects.get()
    assert delivery.channel_name == "ops"
    assert delivery.message.title == f"{execution.number} Tell the team"
    assert delivery.message.content["text"] == "It is done."
    step = execution.steps.get()
    assert step.detail == "told ops"
    step.state = "pending"
    step.save()
    execution.state = "running"
    execution.due_at = timezone.now()
    execution.save()
    stage.drive(execution)
    assert Delivery.objects.count() == 1


def test_that_nobody_could_be_told_is_said_and_stops_nothing(world):
    execution = stage.drive(stage.approved(stage.plan(tells("nowhere"), stage.action())))
    assert stage.steps(execution) == {"tell": "succeeded", "restart": "succeeded"}
    assert execution.steps.get(name="tell").detail == "nobody was told: there is no enabled channel nowhere"


def test_without_a_channel_routes_say_who_is_told(world):
    from monitoring.alerts.models import Alert
    from monitoring.notifications.models import Route

    channel = Channel.objects.create(name="disks", kind="webhook", config={"url": "https://hooks.example.org/x"})
    Channel.objects.create(name="others", kind="webhook", config={"url": "https://hooks.example.org/y"})
    route = Route.objects.create(name="disks", matchers=[{"name": "alertname", "op": "=", "value": "DiskFull"}])
    route.channels.add(channel)
    alert = Alert.objects.create(fingerprint="f", name="DiskFull", state="firing", labels={"alertname": "DiskFull"})
    stage.drive(stage.approved(stage.plan(tells()), alert=alert))
    assert list(Delivery.objects.values_list("channel_name", flat=True)) == ["disks"]
