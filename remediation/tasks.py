"""Periodic and enqueued work. Each finds in the database what is left to do, and may run twice at once."""

from celery import shared_task

from aiops.errors import when_it_answers
from remediation import approvals, case_notices, escalate, left_plans, matching, propose, schedule, tending
from remediation.crew import crew


@shared_task
def advance(execution_id: int) -> int:
    """A case that has something to do now: in a thread of the crew, so that a slow provider keeps no task waiting."""
    return crew.submit([execution_id])


@shared_task
def drive_due() -> int:
    """Every 2 s: cases whose time has come, also those whose enqueued task was lost."""
    return when_it_answers("drive_due", lambda: crew.submit(schedule.due()))


@shared_task
def tend_executions() -> int:
    """Every 15 s: cases that nothing would look at again, and alerts of ours that are over."""
    return when_it_answers("tend_executions", lambda: tending.take_up() + escalate.end_needless())


@shared_task
def expire_executions() -> int:
    """Every night: cases that ended longer ago than AIOPS_REMEDIATION_RETENTION_DAYS, and decisions as old."""
    return tending.expire()


# -- rules, proposals and approvals ---------------------------------------------------------------------------------------
@shared_task
def match_alerts() -> int:
    """As soon as an alert fires, and every 5 s: what has begun to fire is held against the rules."""
    return when_it_answers("match_alerts", matching.look)


@shared_task
def work_out(execution_id: int) -> bool:
    """What a proposal would do, asked of the systems before people are."""
    return propose.work_out(execution_id)


@shared_task
def discard_plans(execution_id: int) -> int:
    """A case with plans ended before it began."""
    return left_plans.discard(execution_id)


@shared_task
def tend_proposals() -> int:
    """Every few seconds: questions that nobody answered in time or was told of, proposals whose task was lost, what guards held back."""
    return when_it_answers("tend_proposals", _tend_proposals)


def _tend_proposals() -> int:
    return approvals.expire_due() + case_notices.tell_forgotten() + propose.tend() + matching.look_again()


# -- notices ---------------------------------------------------------------------------------------------------------------
@shared_task
def tell_approvers(approval_ids: list[int]) -> int:
    """Once, however often it runs."""
    return case_notices.tell(approval_ids)
