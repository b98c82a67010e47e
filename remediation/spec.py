"""What a runbook says: from a mapping, as YAML, the API or the database holds it, to dataclasses. Templates stay templates in it."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from remediation.models import Risk
from remediation.parameters import TYPES, ParameterError, read
from remediation.plan import ACTION, APPROVAL, BRANCH, CHECK, NOTIFY, WAIT, Action, Case, Check, PlanStep
from remediation.providers.base import Parameter
from remediation.sandbox import has_marks
from remediation.spec_reading import Fields, SpecError, check_template

__all__ = ["Fits", "Spec", "SpecError", "parse"]
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
STEP_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
NAME = re.compile(r"[a-zA-Z_]\w{0,63}")
MOST_STEPS, MOST_PARAMETERS, MOST_CHECKS, LARGEST, DEEPEST = 50, 30, 10, 100_000, 12
USUAL_TARGET = "{{ resource.name | default(alert.labels.instance) | default('this installation') }}"
END = "end"
_TOP = (
    "id", "name", "description", "tags", "risk", "expected", "target", "fits", "parameters", "prechecks", "steps", "success", "rollback",
    "on_failure",
)  # fmt: skip
_STEP = ("id", "title", "action", "undo", "wait", "check", "notify", "approval", "branch", "on_failure")
_KINDS = (ACTION, WAIT, CHECK, NOTIFY, APPROVAL, BRANCH)
_PARAMETER = ("name", "type", "label", "about", "required", "default", "choices", "pattern", "minimum", "maximum")
_STATES = ("succeeded", "failed", "skipped")


@dataclass(frozen=True)
class Fits:
    """Which troubles it is for: what people are offered. All that is given has to fit; nothing given fits nothing."""

    alerts: tuple[str, ...] = ()  # names, with * for any text
    labels: Mapping[str, str] = field(default_factory=dict)  # the same
    resources: tuple[str, ...] = ()  # kinds

    def alert(self, name: str, labels: Mapping[str, str]) -> bool:
        named = not self.alerts or any(fnmatchcase(name, one) for one in self.alerts)
        labelled = all(fnmatchcase(labels.get(key, ""), pattern) for key, pattern in self.labels.items())
        return bool(self.alerts or self.labels) and named and labelled

    def resource(self, kind: str) -> bool:
        return kind in self.resources


@dataclass(frozen=True)
class Spec:
    """`raw` is what it was read from: what versions keep and files hold."""

    id: str
    name: str
    raw: Mapping[str, Any]
    description: str = ""
    tags: tuple[str, ...] = ()
    risk: str = "medium"
    expected: float = 60.0  # seconds
    target: str = USUAL_TARGET
    fits: Fits = field(default_factory=Fits)
    parameters: tuple[Parameter, ...] = ()
    prechecks: tuple[Check, ...] = ()
    steps: tuple[PlanStep, ...] = ()
    success: tuple[Check, ...] = ()
    rollback: tuple[PlanStep, ...] = ()
    on_failure: str = "rollback"

    @property
    def actions(self) -> list[Action]:
        """All that may be asked of providers."""
        found = [action for step in (*self.steps, *self.rollback) for action in (step.action, step.undo)]
        return [action for action in found if action]


def parse(raw: Mapping[str, Any]) -> Spec:
    """Raises SpecError with the place of the first thing that is wrong."""
    plain = _plain(raw)
    top = Fields(plain, "", _TOP)
    name = top.text("name", longest=200, needed=True)
    parameters = _parameters(top)
    steps = _steps(top, "steps")
    if not steps:
        raise SpecError("a runbook needs at least one step", "steps")
    spec = Spec(
        id=_id(top, name), name=name, raw=plain, description=top.text("description", longest=5_000), tags=top.texts("tags", 20),
        risk=top.choice("risk", Risk.values, "medium"), expected=top.seconds("expected", 60.0),
        target=top.template("target", USUAL_TARGET, 1_000), fits=_fits(top), parameters=parameters,
        prechecks=_checks(top, "prechecks"), steps=steps, success=_checks(top, "success"), rollback=_steps(top, "rollback"),
        on_failure=top.choice("on_failure", ("rollback", "escalate"), "rollback"),
    )  # fmt: skip
    _only_known_parameters(plain, {one.name for one in parameters}, "")
    return spec


def _plain(raw: Any) -> dict[str, Any]:
    """As JSON keeps it."""
    if not isinstance(raw, Mapping):
        raise SpecError("a runbook is a mapping of names to values")
    _shallow(raw, "", DEEPEST)
    try:
        text = json.dumps(raw, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        raise SpecError("only texts, numbers, lists and mappings can be in a runbook; write dates in quotation marks") from None
    if len(text) > LARGEST:
        raise SpecError(f"a runbook has at most {LARGEST} characters")
    if "\\u0000" in text:
        raise SpecError("a NUL character cannot be in a runbook")
    found: dict[str, Any] = json.loads(text)
    return found


def _shallow(value: Any, place: str, left: int) -> None:
    if left < 0:
        raise SpecError("this is nested too deeply", place)
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, one in inner:
        _shallow(one, f"{place}.{key}" if isinstance(value, Mapping) and place else f"{place}[{key}]" if place else str(key), left - 1)


def _id(top: Fields, name: str) -> str:
    found = top.text("id", longest=100) or re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:100]
    if not ID.fullmatch(found):
        raise top.wrong("id", f"{found[:40]!r} is no id; small letters, digits, - and _ are")
    return found


def _fits(top: Fields) -> Fits:
    if not top.given("fits"):
        return Fits()
    fields = Fields(top.raw["fits"], "fits", ("alerts", "labels", "resources"))
    labels = fields.mapping("labels")
    if wrong := next((name for name, text in labels.items() if not isinstance(text, str)), None):
        raise SpecError("a text is needed", f"fits.labels.{wrong}")
    return Fits(fields.texts("alerts"), labels, fields.texts("resources"))


# -- parameters --------------------------------------------------------------------------------------------------------
def _parameters(top: Fields) -> tuple[Parameter, ...]:
    found: dict[str, Parameter] = {}
    for place, raw in top.items("parameters", MOST_PARAMETERS):
        one = _parameter(Fields(raw, place, _PARAMETER))
        if one.name in found:
            raise SpecError(f"there is a second parameter {one.name}", place)
        found[one.name] = one
    return tuple(found.values())


def _parameter(fields: Fields) -> Parameter:
    name = fields.text("name", needed=True)
    if not NAME.fullmatch(name):
        raise fields.wrong("name", f"{name[:40]!r} cannot be the name of a parameter; letters, digits and _ can")
    pattern = fields.text("pattern", longest=500)
    try:
        re.compile(pattern)
    except re.error as fault:
        raise fields.wrong("pattern", f"the regular expression cannot be read: {fault}") from None
    found = Parameter(
        name, fields.choice("type", TYPES, "string"), fields.text("label"), fields.text("about", longest=1_000), fields.flag("required"),
        fields.raw.get("default"), fields.texts("choices"), pattern, _limit(fields, "minimum"), _limit(fields, "maximum"),
    )  # fmt: skip
    if found.type == "choice" and not found.choices:
        raise fields.wrong("choices", "a choice needs choices")
    _check_default(fields, found)
    return found


def _limit(fields: Fields, name: str) -> float | None:
    if not fields.given(name):
        return None
    if fields.raw.get("type") == "duration":
        return fields.seconds(name, 0.0, 3650 * 86_400.0)
    value = fields.raw[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise fields.wrong(name, "a number is needed")
    return float(value)


def _check_default(fields: Fields, one: Parameter) -> None:
    if has_marks(one.default):
        names = check_template(one.default, fields.at("default"))
        if any(name.startswith("parameters.") for name in names):
            raise fields.wrong("default", "a default cannot speak of other parameters")
    elif one.default not in (None, ""):
        try:
            read(one, one.default)
        except ParameterError as fault:
            raise fields.wrong("default", fault.sentence.rstrip(".")) from None


def _only_known_parameters(value: Any, known: set[str], place: str) -> None:
    """A template that speaks of a parameter nobody can give would fail each time."""
    if isinstance(value, str) and has_marks(value):
        for name in sorted(check_template(value, place, late=True)):
            parts = name.split(".")
            if parts[0] == "parameters" and len(parts) > 1 and parts[1] not in known:
                raise SpecError(f"there is no parameter {parts[1]}; there are {', '.join(sorted(known)) or 'none'}", place)
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        _only_known_parameters(one, known, (f"{place}.{key}" if place else str(key)) if isinstance(value, Mapping) else f"{place}[{key}]")


# -- checks and steps --------------------------------------------------------------------------------------------------
def _checks(top: Fields, name: str) -> tuple[Check, ...]:
    return tuple(_check(raw, place) for place, raw in top.items(name, MOST_CHECKS))


def _check(raw: Any, place: str) -> Check:
    fields = Fields({"query": raw} if isinstance(raw, str) else raw, place, ("query", "name", "hold", "within"))
    query = fields.template("query", longest=4_000, needed=True)
    if "{%" in query or "{#" in query:
        raise fields.wrong("query", "only {{ }} can be used in a query")
    return Check(query=query, name=fields.template("name"), hold=fields.seconds("hold", 0.0), within=fields.seconds("within", 600.0))


def _steps(top: Fields, name: str) -> tuple[PlanStep, ...]:
    found = [_step(Fields(raw, place, _STEP), number) for number, (place, raw) in enumerate(top.items(name, MOST_STEPS), start=1)]
    ids: dict[str, int] = {}
    for number, step in enumerate(found):
        if step.id in ids or step.id == END:
            raise SpecError(f"there is a second step {step.id}" if step.id in ids else "no step can be called end", f"{name}[{number}].id")
        ids[step.id] = number
    for number, step in enumerate(found):
        _check_branch(step, number, ids, f"{name}[{number}].branch")
        if name == "rollback" and step.kind in (APPROVAL, BRANCH):
            raise SpecError("a rollback has no approvals and no branches: it has to end", f"rollback[{number}]")
    return tuple(found)


def _check_branch(step: PlanStep, number: int, ids: Mapping[str, int], place: str) -> None:
    goes = [(case.go, f"{place}.cases[{at}].go") for at, case in enumerate(step.cases)]
    for go, where in [*goes, (step.otherwise, f"{place}.otherwise")]:
        if go and go != END and ids.get(go, -1) <= number:
            raise SpecError(f"{go[:40]!r} is no later step; a branch goes on at a later step or at end", where)
    for at, case in enumerate(step.cases):
        if case.of and ids.get(case.of, number) >= number:
            raise SpecError(f"{case.of[:40]!r} is no earlier step", f"{place}.cases[{at}].step")


def _step(fields: Fields, number: int) -> PlanStep:
    kinds = [kind for kind in _KINDS if fields.given(kind)]
    if len(kinds) != 1:
        raise SpecError(f"a step has exactly one of {', '.join(_KINDS)}", fields.place)
    kind = kinds[0]
    name = fields.text("id", f"step_{number}")
    if not STEP_ID.fullmatch(name):
        raise fields.wrong("id", f"{name[:40]!r} is no id of a step; small letters, digits and _ are, a letter first")
    if fields.given("undo") and kind != ACTION:
        raise fields.wrong("undo", "only an action can have one")
    what = _BODIES[kind](fields)
    return PlanStep(
        id=name, kind=kind, title=fields.template("title", _title(kind, what)),
        on_failure=fields.choice("on_failure", ("stop", "continue"), "stop"),
        undo=_action(fields, "undo") if fields.given("undo") else None, **what,
    )  # fmt: skip


def _title(kind: str, what: Mapping[str, Any]) -> str:
    action = what.get("action")
    return f"{action.provider}: {action.verb.replace('_', ' ')}" if action else kind.capitalize()


def _action(fields: Fields, name: str = ACTION) -> Action:
    inner = Fields(fields.raw[name], fields.at(name), ("provider", "verb", "params", "timeout"))
    params = inner.mapping("params")
    for place, text in _templates(params, inner.at("params")):
        check_template(text, place, late=True)
    return Action(
        provider=inner.text("provider", longest=150, needed=True), verb=inner.text("verb", longest=64, needed=True), params=params,
        timeout=max(inner.seconds("timeout", 300.0, 86_400.0), 1.0),
    )  # fmt: skip


def _templates(value: Any, place: str) -> Iterable[tuple[str, str]]:
    if isinstance(value, str) and has_marks(value):
        yield place, value
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from _templates(one, f"{place}.{key}" if isinstance(value, Mapping) else f"{place}[{key}]")


def _notify(fields: Fields) -> dict[str, Any]:
    raw = fields.raw[NOTIFY]
    inner = Fields({"text": raw} if isinstance(raw, str) else raw, fields.at(NOTIFY), ("text", "channel"))
    return {"text": inner.template("text", needed=True, late=True), "channel": inner.text("channel", longest=150)}


def _approval(fields: Fields) -> dict[str, Any]:
    raw = fields.raw[APPROVAL]
    inner = Fields({"text": raw} if isinstance(raw, str) else raw, fields.at(APPROVAL), ("text", "approvers", "expires"))
    text = inner.template("text", needed=True, late=True)
    return {"text": text, "approvers": inner.whole("approvers", 1, 1, 5), "expires": max(inner.seconds("expires", 3600.0), 60.0)}


def _branch(fields: Fields) -> dict[str, Any]:
    inner = Fields(fields.raw[BRANCH], fields.at(BRANCH), ("cases", "otherwise"))
    cases = tuple(_case(raw, place) for place, raw in inner.items("cases", 20))
    if not cases:
        raise inner.wrong("cases", "a branch needs at least one case")
    return {"cases": cases, "otherwise": inner.text("otherwise", longest=64)}


def _case(raw: Any, place: str) -> Case:
    inner = Fields(raw, place, ("check", "step", "state", "go"))
    if inner.given("check") == inner.given("step"):
        raise SpecError("a case has either check, or step and state", place)
    go = inner.text("go", longest=64, needed=True)
    if inner.given("check"):
        return Case(go=go, check=_check(inner.raw["check"], inner.at("check")))
    return Case(go=go, of=inner.text("step", longest=64), state=inner.choice("state", _STATES, "succeeded"))


_BODIES: dict[str, Any] = {
    ACTION: lambda fields: {"action": _action(fields)},
    WAIT: lambda fields: {"seconds": fields.seconds(WAIT, 0.0)},
    CHECK: lambda fields: {"check": _check(fields.raw[CHECK], fields.at(CHECK))},
    NOTIFY: _notify,
    APPROVAL: _approval,
    BRANCH: _branch,
}
