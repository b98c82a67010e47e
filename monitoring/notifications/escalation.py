"""An escalation's walk over its policy's steps, kept on the group: which step comes when. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from monitoring.notifications.models import EscalationStep, NotificationGroup

Steps = Sequence[EscalationStep]


def begin(group: NotificationGroup, steps: Steps, now: datetime) -> None:
    """From the first step; also again, when something new happens after all was acknowledged."""
    group.step, group.round = 0, 0
    group.step_at = now + timedelta(seconds=steps[0].wait) if steps else None


def stop(group: NotificationGroup) -> None:
    """Acknowledged, over, or quiet."""
    group.step, group.round, group.step_at = 0, 0, None


def due(group: NotificationGroup, steps: Steps, now: datetime) -> Iterator[EscalationStep]:
    """The steps that are to be done now; the group moves on over them. A policy that was shortened meanwhile has ended."""
    while group.step_at is not None and group.step_at <= now:
        if group.step >= len(steps):
            group.step_at = None
            return
        step = steps[group.step]
        _move_on(group, steps, now)
        yield step


def _move_on(group: NotificationGroup, steps: Steps, now: datetime) -> None:
    """Waits count from when a step was due, but never from further back than now: what stood still does not rush."""
    policy = steps[group.step].policy
    group.step += 1
    if group.step == len(steps) and group.round < policy.repeat:
        group.step, group.round = 0, group.round + 1
    if group.step == len(steps):
        group.step_at = None
        return
    wait = steps[group.step].wait
    last = group.step_at or now
    late = last if now - last < timedelta(seconds=60) else now
    group.step_at = late + timedelta(seconds=wait if wait or group.step else 1)  # a round of nothing but zeros never ends


def told_as(step: EscalationStep, steps: Steps, round_: int) -> str:
    """In words, for who is told."""
    place = f"step {steps.index(step) + 1} of {len(steps)}"
    return f"{step.policy.name}, {place}{f', round {round_ + 1}' if round_ else ''}: {step.whom}"
