"""What a runbook's steps, parameters and findings say, for people."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from monitoring.alerts.durations import shown
from remediation import case_words, lint, sandbox
from remediation.plan import ACTION, APPROVAL, BRANCH, CHECK, NOTIFY, WAIT, Action, Case, Check, Plan, PlanStep
from remediation.providers.base import Parameter
from remediation.spec import END, Spec

LONGEST_VALUE = 200


@dataclass(frozen=True)
class Told:
    """A step: its sign, what it does in one line, and what there is besides."""

    step: PlanStep
    icon: str
    line: str
    more: tuple[str, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    query: str = ""


def steps(found: Iterable[PlanStep], known: Iterable[lint.Known] = ()) -> list[Told]:
    rows = list(known)
    return [_step(step, rows) for step in found]


def _step(step: PlanStep, known: list[lint.Known]) -> Told:
    query = step.check.query if step.check else ""
    return Told(step, _icon(step, known), _line(step), tuple(_more(step)), _params(step.action), query)


def _icon(step: PlanStep, known: list[lint.Known]) -> str:
    verb = lint.verb_of(step.action, known) if step.action else None
    return verb.icon if verb else case_words.KINDS.get(step.kind, "play")


def _line(step: PlanStep) -> str:
    if step.kind == ACTION and step.action:
        return f"{step.action.provider} {step.action.verb}"
    if step.kind == WAIT:
        return f"Waits {shown(step.seconds)}"
    if step.kind == CHECK and step.check:
        return check(step.check)
    if step.kind == NOTIFY:
        return f"Tells {step.channel or 'those that routes name'}: {step.text or step.deferred_text}"
    if step.kind == APPROVAL:
        return f"Asks {case_words.people(step.approvers)}, for {shown(step.expires)} at most: {step.text or step.deferred_text}"
    return f"Goes on at {_where(step.otherwise)} unless" if step.kind == BRANCH else step.kind


def _more(step: PlanStep) -> Iterable[str]:
    if step.action and step.action.timeout != 300.0:
        yield f"stopped after {shown(step.action.timeout)}"
    if step.undo:
        yield f"taken back by {step.undo.provider} {step.undo.verb}"
    if step.kind == BRANCH:
        yield from (f"{_case(one)}: on at {_where(one.go)}" for one in step.cases)
    if step.on_failure == "continue":
        yield "goes on when it fails"


def _case(one: Case) -> str:
    return one.check.name or one.check.query if one.check else f"{one.of} {one.state}"


def _where(step: str) -> str:
    return "the end" if step == END else step or "the next step"


def _params(action: Action | None) -> tuple[tuple[str, str], ...]:
    if action is None:
        return ()
    return tuple((name, value(one)) for name, one in {**action.params, **action.deferred}.items())


def value(given: Any) -> str:
    found = json.dumps(given, ensure_ascii=False) if isinstance(given, Mapping | list) else sandbox.text(given)
    return found if len(found) <= LONGEST_VALUE else f"{found[: LONGEST_VALUE - 1]}…"


def check(one: Check) -> str:
    held = f", for {shown(one.hold)}" if one.hold else ""
    return f"{one.name or one.query}{held}, within {shown(one.within)}"


def checks(found: Iterable[Check], at_once: bool = False) -> list[tuple[str, str]]:
    """(in words, its query). `at_once`: before anything is done, so that there is nothing to wait for."""
    return [((one.name or one.query) if at_once else check(one), one.query) for one in found]


def parameters(found: Iterable[Parameter]) -> list[dict[str, str]]:
    return [
        {
            "name": one.name, "label": one.label or one.name.replace("_", " ").capitalize(), "type": one.type, "about": one.about,
            "required": "required" if one.required else "", "default": _default(one), "limits": _limits(one),
        }
        for one in found
    ]  # fmt: skip


def _default(one: Parameter) -> str:
    if one.default is None:
        return ""
    return shown(one.default) if one.type == "duration" and isinstance(one.default, int | float) else value(one.default)


def _limits(one: Parameter) -> str:
    say = shown if one.type == "duration" else "{:.15g}".format
    found = [f"from {say(one.minimum)}"] if one.minimum is not None else []
    found += [f"to {say(one.maximum)}"] if one.maximum is not None else []
    return ", ".join(filter(None, [" ".join(found), ", ".join(one.choices), one.pattern and f"like {one.pattern}"]))


def fits(spec: Spec) -> list[tuple[str, str]]:
    """(what, values) it is offered for."""
    labels = ", ".join(f"{name}={pattern}" for name, pattern in spec.fits.labels.items())
    found = [("Alerts", ", ".join(spec.fits.alerts)), ("with labels", labels), ("Resources", ", ".join(spec.fits.resources))]
    return [one for one in found if one[1]]


def if_it_fails(found: Spec | Plan, known: Iterable[lint.Known] = ()) -> str:
    if found.on_failure == "escalate":
        return "People are told at once; nothing is taken back."
    if found.rollback:
        return f"Its {len(found.rollback)} steps of rollback run, and people are told."
    rows = list(known)
    if not any(step.action and (step.undo or lint.reversible(step.action, rows)) for step in found.steps):
        return "Nothing of it can be taken back: people are told."
    return "What can be taken back is taken back, the last first, and people are told."
