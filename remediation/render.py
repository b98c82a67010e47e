"""Fills a runbook in: templates become values, once, when it is proposed. What a label or a person said is a value and nothing else."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from monitoring.alerts.models import Alert
from monitoring.inventory.models import Resource
from remediation import sandbox
from remediation.plan import Action, Case, Check, Plan, PlanStep
from remediation.sandbox import TemplateError
from remediation.spec import Spec

_BARE = re.compile(r"-?(?:\d+\.?\d*(?:e[-+]?\d+)?|(?:\d+(?:ms|[smhdwy]))+)", re.IGNORECASE)  # a number or a duration
Context = Mapping[str, Any]


class RenderError(ValueError):
    """What could not be filled in, as a sentence; `place`: the step, check or field."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place, self.message = place, message


def context(
    alert: Alert | None = None, resource: Resource | None = None, parameters: Mapping[str, Any] | None = None, target: str = ""
) -> dict[str, Any]:
    """What templates may read. What is not there (no alert, no resource) is missing in it, not empty."""
    found: dict[str, Any] = {"parameters": dict(parameters or {})}
    if target:
        found["target"] = target
    if alert is not None:
        found["alert"] = {
            "id": alert.pk, "name": alert.name, "severity": alert.severity, "kind": alert.kind, "value": alert.value,
            "labels": dict(alert.labels), "annotations": dict(alert.annotations), "summary": alert.summary,
        }  # fmt: skip
    if resource is not None:
        found["resource"] = {
            "id": resource.pk, "name": resource.name, "kind": resource.kind, "labels": dict(resource.labels), "facts": dict(resource.facts),
        }  # fmt: skip
    return found


def fill(spec: Spec, parameters: Mapping[str, Any], context: Context) -> Plan:
    """`parameters` as validated, `context` of context(). Raises RenderError."""
    known: dict[str, Any] = {**context, "parameters": dict(parameters)}
    known.pop("steps", None)
    target = known.get("target") or _text("target", spec.target, known)
    known["target"] = target
    steps = tuple(_step(step, known) for step in spec.steps)
    rollback = tuple(_step(step, known) for step in spec.rollback)
    return Plan(
        title=f"{spec.name} on {target}"[:300], target=str(target)[:300], risk=spec.risk, expected=spec.expected,
        prechecks=tuple(_check("prechecks", one, known) for one in spec.prechecks), steps=steps,
        success=tuple(_check("success", one, known) for one in spec.success), rollback=rollback, on_failure=spec.on_failure,
        context=_kept(known, (*steps, *rollback)),
    )  # fmt: skip


def late(action: Action, context: Context, results: Mapping[str, Any]) -> dict[str, Any]:
    """An action's params when its turn comes. `context` as the plan kept it, `results`: {step: {"state", "detail", "facts"}}.
    Raises RenderError."""
    known = {**context, "steps": dict(results)}
    found = {name: _value(name, _thawed(text), known) for name, text in action.deferred.items()}
    return {**action.params, **{name: value for name, value in found.items() if value not in ("", None)}}


def late_text(step: PlanStep, context: Context, results: Mapping[str, Any]) -> str:
    """A notice's or a question's text when its turn comes. Never raises: people are told without what is missing."""
    if not step.deferred_text:
        return step.text
    try:
        return sandbox.render(step.deferred_text, {**context, "steps": dict(results)}, lenient=True)
    except TemplateError as fault:
        return f"{step.title} (its text could not be filled in: {fault})"


def values(given: Any, context: Context, place: str = "params") -> Any:
    """Every template in a value of lists and mappings filled in. Raises RenderError."""
    return _value(place, given, context)


def _thawed(text: str) -> Any:
    """Params that are lists or mappings with a late template within are kept as JSON."""
    if text.startswith(_FROZEN):
        return msgspec.json.decode(text[len(_FROZEN) :])
    return text


_FROZEN = "json:"


def _value(place: str, given: Any, known: Context) -> Any:
    if isinstance(given, Mapping):
        return {str(name): _value(f"{place}.{name}", inner, known) for name, inner in given.items()}
    if isinstance(given, list | tuple):
        return [_value(f"{place}[{number}]", inner, known) for number, inner in enumerate(given)]
    try:
        return sandbox.value(given, known) if isinstance(given, str) else given
    except TemplateError as fault:
        raise RenderError(place, str(fault)) from None


def _text(place: str, template: str, known: Context, lenient: bool = False) -> str:
    try:
        return sandbox.render(template, known, lenient)
    except TemplateError as fault:
        raise RenderError(place, str(fault)) from None


def _kept(known: Context, steps: tuple[PlanStep, ...]) -> dict[str, Any]:
    """Only where something is filled in later; a resource's facts only where they are spoken of, since they are many."""
    texts = [text for step in steps for action in (step.action, step.undo) if action for text in action.deferred.values()]
    texts += [step.deferred_text for step in steps if step.deferred_text]
    if not texts:
        return {}
    kept = dict(known)
    if "resource" in kept and not any("facts" in text for text in texts):
        kept["resource"] = {name: value for name, value in kept["resource"].items() if name != "facts"}
    return kept


def _step(step: PlanStep, known: Context) -> PlanStep:
    later = _speaks_of_steps(step.text)
    return msgspec.structs.replace(
        step,
        title=_text(step.id, step.title, known, lenient=True)[:300],
        action=_action(step.id, step.action, known),
        undo=_action(step.id, step.undo, known),
        check=_check(step.id, step.check, known) if step.check else None,
        text="" if later else _text(step.id, step.text, known, lenient=True),
        deferred_text=step.text if later else "",
        cases=tuple(_case(step.id, case, known) for case in step.cases),
    )


def _case(place: str, case: Case, known: Context) -> Case:
    return msgspec.structs.replace(case, check=_check(place, case.check, known)) if case.check else case


def _action(place: str, action: Action | None, known: Context) -> Action | None:
    if action is None:
        return None
    now: dict[str, Any] = {}
    deferred: dict[str, str] = {}
    for name, given in action.params.items():
        if _speaks_of_steps(given):
            plain = isinstance(given, str) and not given.startswith(_FROZEN)
            deferred[name] = given if plain else _FROZEN + msgspec.json.encode(given).decode()
            continue
        found = _value(f"{place}.{name}", given, known)
        if not (sandbox.has_marks(given) and found in ("", None)):  # a template that comes to nothing gives no parameter
            now[name] = found
    return msgspec.structs.replace(action, params=now, deferred=deferred)


def _speaks_of_steps(given: Any) -> bool:
    if isinstance(given, Mapping):
        return any(map(_speaks_of_steps, given.values()))
    if isinstance(given, list | tuple):
        return any(map(_speaks_of_steps, given))
    return sandbox.has_marks(given) and any(name.partition(".")[0] == "steps" for name in sandbox.check(given))


# -- queries -----------------------------------------------------------------------------------------------------------
def _check(place: str, check: Check, known: Context) -> Check:
    try:
        query = sandbox.render(check.query, known, finish=_in_query)
    except TemplateError as fault:
        raise RenderError(place, f"the query cannot be filled in: {fault}") from None
    return msgspec.structs.replace(check, query=query, name=_text(place, check.name, known, lenient=True)[:300])


def _in_query(value: Any, quote: str) -> str:
    """A value within a query's quotation marks stays within them; outside of them only a number or a duration can stand."""
    text = sandbox.text(value)
    if not quote:
        if isinstance(value, bool) or not _BARE.fullmatch(text):
            raise TemplateError(f"{text[:60]!r} stands outside of quotation marks and is neither a number nor a duration")
        return text
    if quote == "`":
        if "`" in text:
            raise TemplateError(f"{text[:60]!r} cannot stand within backticks")
        return text
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n").replace("\r", "\\r")
