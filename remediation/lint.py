"""What is wrong or unwise with a runbook that can be read: verbs, parameters, queries, and whether it can be proved and undone."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiops.plugins import PluginError
from monitoring.query.errors import QueryError
from monitoring.query.parse.plan import plan as read_query
from remediation import sandbox
from remediation.models import Risk
from remediation.parameters import ParameterError, read
from remediation.plan import Action, Check, PlanStep
from remediation.providers.base import PROVIDERS, Verb, provider_class
from remediation.spec import Spec

ERROR, WARNING, NOTE = "error", "warning", "note"
_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_REGEX_MATCH = re.compile(r"[=!]~\s*([\"'`])((?:(?!\1).)*)\1", re.DOTALL)
_DURATION_BEFORE = re.compile(r"(?:\[|:|\boffset\s+-?)\s*$")
_RISKS = list(Risk.values)


@dataclass(frozen=True)
class Finding:
    level: str  # error: it cannot run so; warning: it may go wrong; note: worth knowing
    place: str
    text: str


@dataclass(frozen=True)
class Known:
    """A system that can be acted through: a row's name and its kind."""

    name: str
    kind: str
    enabled: bool = True


def lint(spec: Spec, providers: Iterable[Known], channels: Collection[str] | None = None) -> list[Finding]:
    """Errors first. `channels` None: they are not looked at."""
    known = list(providers)
    found = [
        *_actions(spec, known), *_checks(spec), *_references(spec), *_channels(spec, channels), *_proof(spec), *_undoing(spec, known),
        *_parameters(spec),
    ]  # fmt: skip
    return sorted(found, key=lambda one: (ERROR, WARNING, NOTE).index(one.level))


def verb_of(action: Action, providers: Iterable[Known] = ()) -> Verb | None:
    """None where there is no such provider or verb."""
    kind = next((one.kind for one in providers if one.name == action.provider), action.provider)
    try:
        return provider_class(kind).verbs.get(action.verb)
    except PluginError:
        return None


# -- actions -----------------------------------------------------------------------------------------------------------
def placed_actions(spec: Spec) -> Iterator[tuple[str, Action]]:
    for phase, steps in (("steps", spec.steps), ("rollback", spec.rollback)):
        for number, step in enumerate(steps):
            if step.action:
                yield f"{phase}[{number}].action", step.action
            if step.undo:
                yield f"{phase}[{number}].undo", step.undo


def _actions(spec: Spec, known: list[Known]) -> Iterator[Finding]:
    for place, action in placed_actions(spec):
        kind, finding = _kind(action, place, known)
        if finding:
            yield finding
        if kind:
            yield from _verb(spec, kind, place, action)


def _kind(action: Action, place: str, known: list[Known]) -> tuple[str, Finding | None]:
    at, name = f"{place}.provider", action.provider
    row = next((one for one in known if one.name == name), None)
    if row:
        return row.kind, None if row.enabled else Finding(WARNING, at, f"the provider {name} is switched off")
    if name not in PROVIDERS:
        return "", Finding(
            ERROR, at, f"there is no provider {name}; there are {', '.join(sorted({*PROVIDERS, *(one.name for one in known)}))}"
        )
    rows = [one.name for one in known if one.kind == name and one.enabled]
    if len(rows) > 1:
        return name, Finding(ERROR, at, f"there are several providers of the kind {name}: say which of {', '.join(sorted(rows))}")
    return name, None if rows else Finding(WARNING, at, f"no provider of the kind {name} is set up yet")


def _verb(spec: Spec, kind: str, place: str, action: Action) -> Iterator[Finding]:
    try:
        verbs = provider_class(kind).verbs
    except PluginError as fault:
        yield Finding(ERROR, f"{place}.provider", fault.message)
        return
    verb = verbs.get(action.verb)
    if verb is None:
        yield Finding(ERROR, f"{place}.verb", f"{kind} cannot {action.verb}; it can {', '.join(sorted(verbs))}")
        return
    yield from _params(verb, place, action)
    if _RISKS.index(verb.risk) > _RISKS.index(spec.risk):
        yield Finding(WARNING, "risk", f"it says {spec.risk}, but {action.verb} is of risk {verb.risk}; the higher one counts")


def _params(verb: Verb, place: str, action: Action) -> Iterator[Finding]:
    fields = {field.name: field for field in verb.parameters}
    for name, value in action.params.items():
        if name not in fields:
            there = ", ".join(fields) or "none"
            yield Finding(ERROR, f"{place}.params.{name}", f"{verb.name} has no parameter {name}; there are {there}")
        elif not _has_templates(value):
            try:
                read(fields[name], value)
            except ParameterError as fault:
                yield Finding(ERROR, f"{place}.params.{name}", fault.sentence.rstrip("."))
    for field in verb.parameters:
        if field.required and field.default in (None, "") and action.params.get(field.name) in (None, ""):
            yield Finding(ERROR, f"{place}.params", f"{verb.name} needs the parameter {field.name}")


def _has_templates(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_templates, value.values()))
    return any(map(_has_templates, value)) if isinstance(value, list) else sandbox.has_marks(value)


# -- checks ------------------------------------------------------------------------------------------------------------
def placed_checks(spec: Spec) -> Iterator[tuple[str, Check]]:
    for name, checks in (("prechecks", spec.prechecks), ("success", spec.success)):
        yield from ((f"{name}[{number}]", one) for number, one in enumerate(checks))
    for phase, steps in (("steps", spec.steps), ("rollback", spec.rollback)):
        for number, step in enumerate(steps):
            if step.check:
                yield f"{phase}[{number}].check", step.check
            yield from ((f"{phase}[{number}].branch.cases[{at}].check", case.check) for at, case in enumerate(step.cases) if case.check)


def _checks(spec: Spec) -> Iterator[Finding]:
    for place, check in placed_checks(spec):
        at = f"{place}.query"
        try:
            read_query(sample(check.query))
        except QueryError as fault:
            yield Finding(ERROR, at, f"the query cannot be read: {fault.message}")
        for found in _REGEX_MATCH.finditer(check.query):
            if any("| regex" not in one and "|regex" not in one for one in _EXPRESSION.findall(found[2])):
                yield Finding(WARNING, at, "a value within =~ is read as a regular expression; write {{ … | regex }}")
        if check.hold > check.within:
            yield Finding(ERROR, place, "it has to hold for longer than it is given")


def sample(query: str) -> str:
    """A query with something harmless in place of each template: a text within quotation marks, else a duration or a number."""
    out, last = "", 0
    for found in _EXPRESSION.finditer(query):
        out += query[last : found.start()]
        out += "x" if _open_quote(out) else "5m" if _DURATION_BEFORE.search(out) else "1"
        last = found.end()
    return out + query[last:]


def _open_quote(text: str) -> bool:
    quote, escaped = "", False
    for letter in text:
        if escaped:
            escaped = False
        elif quote:
            escaped = letter == "\\" and quote != "`"
            quote = "" if letter == quote else quote
        elif letter in "\"'`":
            quote = letter
    return bool(quote)


# -- what steps say of each other --------------------------------------------------------------------------------------
def _references(spec: Spec) -> Iterator[Finding]:
    before: set[str] = set()
    for number, step in enumerate(spec.steps):
        yield from _spoken(step, f"steps[{number}]", before)
        before.add(step.id)
    for number, step in enumerate(spec.rollback):
        yield from _spoken(step, f"rollback[{number}]", before)
        before.add(step.id)


def _spoken(step: PlanStep, place: str, before: set[str]) -> Iterator[Finding]:
    own = {step.id} if step.undo else set()
    parts = [("action.params", step.action.params if step.action else {}, before), ("text", step.text, before)]
    parts.append(("undo.params", step.undo.params if step.undo else {}, before | own))
    for name, value, known in parts:
        for said in sorted(_names(value)):
            if said not in known:
                yield Finding(ERROR, f"{place}.{name}", f"there is no step {said} before it")


def _names(value: Any) -> set[str]:
    """Of the steps that templates in a value speak of."""
    if isinstance(value, Mapping):
        return {name for inner in value.values() for name in _names(inner)}
    if isinstance(value, list):
        return {name for inner in value for name in _names(inner)}
    if not sandbox.has_marks(value):
        return set()
    return {parts[1] for name in sandbox.check(value) if (parts := name.split("."))[0] == "steps" and len(parts) > 1}


def _channels(spec: Spec, channels: Collection[str] | None) -> Iterator[Finding]:
    for phase, steps in (("steps", spec.steps), ("rollback", spec.rollback)):
        for number, step in enumerate(steps):
            if channels is not None and step.channel and step.channel not in channels:
                yield Finding(WARNING, f"{phase}[{number}].notify.channel", f"there is no channel {step.channel}")


# -- whether it can be proved and undone -------------------------------------------------------------------------------
def _proof(spec: Spec) -> Iterator[Finding]:
    if not spec.success:
        yield Finding(NOTE, "success", "there is no criterion of success, so nothing is verified and no alert resolved by it")


def _undoing(spec: Spec, known: list[Known]) -> Iterator[Finding]:
    if spec.rollback or spec.on_failure == "escalate":
        return
    lasting = [step.id for step in spec.steps if step.action and not step.undo and not reversible(step.action, known)]
    if lasting:
        yield Finding(NOTE, "rollback", f"nothing takes {', '.join(lasting)} back when it does not help; people are told at once")


def reversible(action: Action, known: Iterable[Known] = ()) -> bool:
    verb = verb_of(action, known)
    return verb is not None and verb.reversible


def _parameters(spec: Spec) -> Iterator[Finding]:
    text = str({name: value for name, value in spec.raw.items() if name != "parameters"})
    for number, field in enumerate(spec.parameters):
        if not re.search(rf"parameters(?:\.|\[['\"]){re.escape(field.name)}\b", text):
            yield Finding(WARNING, f"parameters[{number}].name", f"nothing uses the parameter {field.name}")
