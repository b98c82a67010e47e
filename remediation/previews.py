"""What would be done, asked of the systems themselves before anybody is asked for a yes: best effort, within some time."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from remediation import lines
from remediation.drafts import Doing
from remediation.models import Execution
from remediation.providers.base import LONGEST_LINE, ActionError, Ask, Preview

BUDGET = 60.0  # seconds for all steps of a case; each call is bounded by its provider
MOST_LINES, LONGEST_DIFF = 100, 20_000  # of one step; characters


class Planned(Exception):
    """The system that makes the plan could not: without it there is nothing to approve."""

    def __init__(self, sentence: str, permanent: bool) -> None:
        super().__init__(sentence)
        self.sentence, self.permanent = sentence, permanent


def of(doings: Iterable[Doing], execution: Execution | None, target: str) -> tuple[dict[str, Any], dict[str, str]]:
    """({"steps": [{"step", "sentence", "diff", "lines"}]}, {step: the plan it is to carry out}). Raises Planned."""
    end = time.monotonic() + BUDGET
    steps, plans = [], {}
    for one in doings:
        if not one.verb.rehearsable and not one.verb.plans:
            continue
        if time.monotonic() > end:
            steps.append({"step": one.step.id, "sentence": "There was no time left to rehearse this step.", "failed": True})
            continue
        told, made = _one(one, execution, target)
        steps.append(told)
        if made:
            plans[one.step.id] = made
    return {"steps": steps}, plans


def _one(one: Doing, execution: Execution | None, target: str) -> tuple[dict[str, Any], str]:
    if one.action.deferred:
        return {"step": one.step.id, "sentence": "It depends on earlier steps: rehearsed when its turn comes."}, ""
    try:
        found = one.plugin.dry_run(_ask(one, execution, target))
    except ActionError as fault:
        said = _masked(one, fault.message)[:500]
        if one.verb.plans:
            raise Planned(f"Step “{one.step.title}” could not be planned: {said}.", fault.permanent) from fault
        return {"step": one.step.id, "sentence": said, "failed": True}, ""
    return _told(one, found), found.plan


def _told(one: Doing, found: Preview) -> dict[str, Any]:
    shown, _ = lines.masked(list(found.lines)[:MOST_LINES], one.plugin)
    return {
        "step": one.step.id, "sentence": _masked(one, found.sentence)[:500], "diff": _masked(one, found.diff)[:LONGEST_DIFF],
        "lines": [{"text": line.text[:LONGEST_LINE], "level": line.level} for line in shown], "changes": found.changes,
    }  # fmt: skip


def _masked(one: Doing, text: str) -> str:
    return lines.mask(one.plugin.masked(text))


def _ask(one: Doing, execution: Execution | None, target: str) -> Ask:
    case = str(execution.case) if execution else ""
    return Ask(
        key=f"preview-{case or 'none'}-{one.step.id}", verb=one.action.verb, params=one.action.params, target=target,
        timeout=min(one.action.timeout, 60.0), case=case,
    )  # fmt: skip


def sentences(preview: Mapping[str, Any]) -> dict[str, str]:
    """{step: what its rehearsal said}."""
    return {str(one.get("step")): str(one.get("sentence", "")) for one in preview.get("steps", ()) if isinstance(one, Mapping)}
