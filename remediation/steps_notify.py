"""A step that tells people. That nobody could be told is a warning, and keeps nothing from going on."""

from datetime import datetime

from django.utils import timezone

from monitoring.notifications.announce import Announcement, announce, channels_for
from monitoring.notifications.models import Channel, page
from remediation import lines, render
from remediation.course import Course, finish
from remediation.models import Execution, Step
from remediation.plan import PlanStep

SEVERITY = {"low": "low", "medium": "medium", "high": "high", "critical": "critical"}  # of a notice, by the case's risk


def go_on(course: Course, step: Step, spec: PlanStep) -> datetime | None:
    """Announced with the step's key: told once, also after a crash."""
    execution, text = course.execution, render.late_text(spec, course.plan.context, course.results)
    channels = _channels(execution, spec.channel)
    names = ", ".join(one.name for one in channels)
    if execution.dry_run:
        return finish(step, Step.State.SKIPPED, f"would tell {names or 'nobody'}: {text}")
    if not channels:
        said = f"there is no enabled channel {spec.channel}" if spec.channel else "no route has a channel for it"
        lines.say(step, f"Nobody was told: {said}.", "warning")
        return finish(step, Step.State.SUCCEEDED, f"nobody was told: {said}", started_at=timezone.now())
    told = Announcement(
        key=f"step:{step.key.hex}", title=f"{execution.number} {spec.title}"[:300], text=text or spec.title,
        thread=f"case:{execution.case.hex}",
        severity=SEVERITY.get(execution.risk, "medium"), url=page("execution", execution.pk), why=f"case {execution.number}",
    )  # fmt: skip
    announce(told, channels, alert=execution.alert)
    lines.say(step, f"Told {names}: {text}")
    return finish(step, Step.State.SUCCEEDED, f"told {names}", started_at=timezone.now())


def _channels(execution: Execution, name: str) -> list[Channel]:
    if name:
        return list(Channel.objects.filter(name=name, enabled=True))
    return channels_for(execution.alert) if execution.alert else []
