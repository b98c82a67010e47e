"""A plan that nobody will carry out is given back: it would hold a lock at the other side."""

import pytest

from remediation import execute, left_plans, tasks
from remediation.models import Execution
from remediation.providers.base import PROVIDERS, ActionError
from remediation.tests import stage
from remediation.tests.stage import Fake

pytestmark = pytest.mark.django_db


@pytest.fixture
def discarded(monkeypatch):
    """The plans the provider was told of."""
    told = []
    monkeypatch.setitem(PROVIDERS, stage.KIND, stage.DOTTED)
    monkeypatch.setattr(Fake, "discard", lambda self, ask, plan: told.append((ask.verb, plan)))
    return told


@pytest.fixture
def proposed(discarded):
    return stage.propose(stage.plan(stage.action("restart", params={"plan": "run-1"}), stage.action("scale")))


@pytest.mark.parametrize(
    "end", [lambda case: execute.deny(case, None, "no"), execute.expire, lambda case: execute.cancel(case, None, "gone")]
)
def test_a_case_that_ends_before_it_began_gives_its_plans_back(proposed, discarded, end):
    assert left_plans.left([proposed.pk]) == []
    assert end(proposed)
    assert left_plans.left([proposed.pk]) == [proposed.pk]
    assert tasks.discard_plans(proposed.pk) == 1
    assert discarded == [("restart", "run-1")]


def test_the_end_of_a_case_asks_for_it(proposed, monkeypatch, django_capture_on_commit_callbacks):
    asked = []
    monkeypatch.setattr(tasks.discard_plans, "apply_async", lambda args, **rest: asked.append(args))
    with django_capture_on_commit_callbacks(execute=True):
        execute.deny(proposed, None, "no")
    assert (proposed.pk,) in asked


def test_a_case_that_began_keeps_its_plan(proposed, discarded):
    execute.approve(proposed, None, "yes")
    execute.move(proposed, Execution.State.RUNNING, "")
    execute.move(proposed, Execution.State.CANCELLED, "stopped")
    assert left_plans.left([proposed.pk]) == []
    assert tasks.discard_plans(proposed.pk) == 0
    assert discarded == []


def test_a_system_that_does_not_answer_ends_nothing_else(proposed, monkeypatch):
    def refuse(self, ask, plan):
        raise ActionError("it does not answer")

    monkeypatch.setattr(Fake, "discard", refuse)
    execute.deny(proposed, None, "no")
    assert tasks.discard_plans(proposed.pk) == 0
