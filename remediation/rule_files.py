"""Automation rules as YAML and in the database, in one form; no database here.

    id, name, description, enabled, dry_run, position, match{}, guards{}, and runbook + parameters{} or action{provider, verb, params}

A file holds one rule, several documents, a list of them, or a mapping with `rules`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import yaml

from remediation import guard, match
from remediation.guard import GuardError
from remediation.match import MatchError
from remediation.models import AutomationRule
from remediation.runbook_files import Note, UnreadableFile, documents, line_of, not_yaml, parts
from remediation.sandbox import TemplateError, check, has_marks

KEYS = (
    "id", "name", "description", "enabled", "dry_run", "position", "match", "guards", "cooldown", "max_per_hour", "runbook", "parameters",
    "action",
)  # fmt: skip
ACTION = ("provider", "verb", "params", "timeout", "runbook", "parameters")
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")
LARGEST, MOST_RULES = 300_000, 1_000  # bytes; of one file
LONGEST_JSON = 20_000  # characters of one part of a rule


class RuleError(ValueError):
    """What is wrong with a rule: one sentence, and where."""

    def __init__(self, sentence: str, place: str = "") -> None:
        super().__init__(sentence)
        self.sentence, self.place = sentence, place


@dataclass(frozen=True)
class RuleSpec:
    key: str
    name: str
    description: str = ""
    enabled: bool = True
    dry_run: bool = False
    position: int | None = None  # None: it stays where it is, a new one comes last
    match: Mapping[str, Any] = field(default_factory=dict)
    guards: Mapping[str, Any] = field(default_factory=dict)
    runbook: str = ""  # its key
    parameters: Mapping[str, Any] = field(default_factory=dict)
    action: Mapping[str, Any] = field(default_factory=dict)


class Found(NamedTuple):
    spec: RuleSpec
    line: int


@dataclass
class Read:
    found: list[Found] = field(default_factory=list)
    refused: list[Note] = field(default_factory=list)


def load(text: str) -> Read:
    """Raises UnreadableFile for what is no YAML or holds no rules."""
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise UnreadableFile("The file is larger than 300 KB.")
    read = Read()
    try:
        for node, value in documents(text):
            for place, one in parts(node, value, "rules"):
                _take(read, place, one)
    except yaml.YAMLError as fault:
        raise not_yaml(fault) from None
    except RecursionError:
        raise UnreadableFile("The file is nested too deeply.") from None
    except ValueError as fault:
        raise fault if isinstance(fault, UnreadableFile) else UnreadableFile(f"The file is not YAML: {fault}") from None
    if not read.found and not read.refused:
        raise UnreadableFile("The file holds no rules.")
    return read


def _take(read: Read, node: yaml.Node, value: Any) -> None:
    line = node.start_mark.line + 1
    name = str(value.get("id") or value.get("name") or "")[:100] if isinstance(value, Mapping) else ""
    if len(read.found) >= MOST_RULES:
        raise UnreadableFile(f"The file holds more than {MOST_RULES} rules.", line)
    try:
        spec = parse(value)
    except RuleError as fault:
        read.refused.append(Note(line_of(node, fault.place), name, fault.place, fault.sentence))
        return
    if spec.key in {one.spec.key for one in read.found}:
        read.refused.append(Note(line, name, "id", f"There is a second rule {spec.key}."))
        return
    read.found.append(Found(spec, line))


# -- one rule --------------------------------------------------------------------------------------------------------------
def parse(raw: Any) -> RuleSpec:
    """Raises RuleError with the first thing that is wrong."""
    if not isinstance(raw, Mapping):
        raise RuleError("A rule is a mapping of names to values.")
    if strange := next((str(key) for key in raw if key not in KEYS), None):
        raise RuleError(f"There is no {strange[:40]!r} in a rule; there are {', '.join(KEYS)}.", strange[:40])
    action = _mapping(raw, "action")
    runbook, parameters = _runbook(raw, action)
    spec = RuleSpec(
        key=_id(raw), name=_text(raw, "name", 200) or _id(raw), description=_text(raw, "description", 5_000),
        enabled=_flag(raw, "enabled", True), dry_run=_flag(raw, "dry_run", False), position=_position(raw), match=_match(raw),
        guards=_guards(raw), runbook=runbook, parameters=parameters, action=_action(action),
    )  # fmt: skip
    if bool(spec.runbook) == bool(spec.action):
        raise RuleError("A rule has a runbook or an action, and not both.", "action" if spec.action else "runbook")
    return spec


def _id(raw: Mapping[str, Any]) -> str:
    found = str(raw.get("id") or re.sub(r"[^a-z0-9]+", "-", str(raw.get("name") or "").lower()).strip("-"))
    if not ID.fullmatch(found):
        raise RuleError(f"{found[:40]!r} is no id: letters, digits and _ . : - are, at most 100.", "id")
    return found


def _text(raw: Mapping[str, Any], name: str, longest: int) -> str:
    value = raw.get(name)
    if value is not None and not isinstance(value, str | int | float):
        raise RuleError(f"{name} is a text.", name)
    found = str(value or "").strip()
    if len(found) > longest or "\0" in found:
        raise RuleError(f"{name} has at most {longest} characters.", name)
    return found


def _flag(raw: Mapping[str, Any], name: str, usual: bool) -> bool:
    value = raw.get(name)
    if value is not None and not isinstance(value, bool):
        raise RuleError(f"{name} is true or false.", name)
    return usual if value is None else value


def _position(raw: Mapping[str, Any]) -> int | None:
    value = raw.get("position")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise RuleError("position is a whole number.", "position")
    return value


def _mapping(raw: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = raw.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RuleError(f"{name} is a mapping of names to values.", name)
    try:
        text = msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError) as fault:
        raise RuleError(f"{name} holds what cannot be kept: only texts, numbers, lists and mappings can.", name) from fault
    if len(text) > LONGEST_JSON or b"\\u0000" in text:
        raise RuleError(f"{name} has at most {LONGEST_JSON} characters.", name)
    found: dict[str, Any] = msgspec.json.decode(text)
    return found


def _match(raw: Mapping[str, Any]) -> dict[str, Any]:
    found = _mapping(raw, "match")
    if not found:
        raise RuleError("A rule says which alerts it is for.", "match")
    try:
        match.compiled(found)
    except MatchError as fault:
        raise RuleError(fault.sentence, fault.place) from fault
    return found


def _guards(raw: Mapping[str, Any]) -> dict[str, Any]:
    """`cooldown` and `max_per_hour` may stand beside them."""
    beside = {name: raw[name] for name in ("cooldown", "max_per_hour") if raw.get(name) is not None}
    found = {**_mapping(raw, "guards"), **beside}
    try:
        guard.compiled(found)
    except GuardError as fault:
        raise RuleError(fault.sentence, fault.place) from fault
    return found


def _runbook(raw: Mapping[str, Any], action: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    inside = {"runbook": action.get("runbook"), "parameters": action.get("parameters") or action.get("params")}
    of = inside if action.get("runbook") else raw
    runbook = _text(of, "runbook", 100)
    parameters = _mapping(of, "parameters")
    _templates(parameters, "parameters")
    return runbook, parameters if runbook else {}


def _action(raw: Mapping[str, Any]) -> dict[str, Any]:
    if strange := next((str(key) for key in raw if key not in ACTION), None):
        raise RuleError(f"There is no {strange[:40]!r} in an action; there are {', '.join(ACTION[:4])}.", f"action.{strange[:40]}")
    if not raw or raw.get("runbook"):
        return {}
    if not _text(raw, "provider", 150):
        raise RuleError("An action names its provider.", "action.provider")
    params = _mapping(raw, "params")
    _templates(params, "action.params")
    timeout = raw.get("timeout")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= 86_400):
        raise RuleError("timeout is a number of seconds, at most a day.", "action.timeout")
    found = {"provider": _text(raw, "provider", 150), "verb": _text(raw, "verb", 64), "params": params, "timeout": timeout}
    return {name: value for name, value in found.items() if value not in (None, "")}


def _templates(value: Any, place: str) -> None:
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        _templates(one, f"{place}.{key}" if isinstance(value, Mapping) else f"{place}[{key}]")
    if isinstance(value, str) and has_marks(value):
        try:
            check(value, ("alert", "target", "resource"))
        except TemplateError as fault:
            raise RuleError(f"The template cannot be read: {fault}.", place) from fault


# -- back --------------------------------------------------------------------------------------------------------------------
def shown(rule: AutomationRule) -> dict[str, Any]:
    """As it is written in a file."""
    what = {"runbook": rule.runbook.key, "parameters": rule.parameters} if rule.runbook else {"action": rule.action}
    found = {
        "id": rule.key, "name": rule.name, "description": rule.description, "enabled": rule.enabled, "dry_run": rule.dry_run,
        "position": rule.position, "match": rule.match, "guards": rule.guards, **what,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value not in ("", {}, None)}


def dump(rules: Iterable[AutomationRule]) -> str:
    return yaml.safe_dump({"rules": [shown(rule) for rule in rules]}, sort_keys=False, allow_unicode=True, width=120)


def dump_one(rule: AutomationRule) -> str:
    return yaml.safe_dump(shown(rule), sort_keys=False, allow_unicode=True, width=120)
