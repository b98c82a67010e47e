"""Runbooks as YAML: from a text to specs, with the line of everything that cannot be used, and back. No database.

A file holds one runbook, several documents, a list of them, or a mapping with `runbooks`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from remediation.spec import Spec, SpecError, parse

LARGEST, MOST_NODES, MOST_RUNBOOKS = 300_000, 30_000, 500  # bytes; places of YAML, aliases followed; of one file
# As people read them; databases give names back in an order of their own.
_ORDER = (
    "id", "name", "title", "description", "tags", "type", "label", "about", "required", "default", "choices", "pattern", "minimum",
    "maximum", "risk", "expected", "target", "fits", "alerts", "labels", "resources", "parameters", "prechecks", "steps", "action",
    "provider", "verb", "params", "timeout", "undo", "wait", "check", "query", "hold", "within", "notify", "channel", "text", "approval",
    "approvers", "expires", "branch", "cases", "step", "state", "go", "otherwise", "success", "rollback", "on_failure",
)  # fmt: skip
_RANKS = {name: rank for rank, name in enumerate(_ORDER)}
_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class Note(NamedTuple):
    """Something of a file that cannot be used."""

    line: int  # from 1
    runbook: str
    place: str
    text: str


class Found(NamedTuple):
    spec: Spec
    line: int


@dataclass
class Read:
    found: list[Found] = field(default_factory=list)
    refused: list[Note] = field(default_factory=list)

    @property
    def specs(self) -> list[Spec]:
        return [one.spec for one in self.found]


class UnreadableFile(ValueError):
    """Nothing of the file can be used; one sentence, and the line where it is known."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.SafeLoader):
    """Refuses a name that is given twice, of which YAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(problem=f"{str(key.value)[:40]} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


# Dates and times stay texts: a runbook has none, and 12:30 is no number of seconds.
_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in pairs if not tag.endswith(("timestamp", ":int"))]
    for letter, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))


def load(text: str) -> Read:
    """Raises UnreadableFile for what is no YAML or holds no runbooks."""
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise UnreadableFile("The file is larger than 300 KB.")
    read = Read()
    try:
        for node, value in documents(text):
            for place, one in parts(node, value, "runbooks"):
                _take(read, place, one)
    except yaml.YAMLError as fault:
        raise not_yaml(fault) from None
    except RecursionError:
        raise UnreadableFile("The file is nested too deeply.") from None
    except ValueError as fault:
        raise fault if isinstance(fault, UnreadableFile) else UnreadableFile(f"The file is not YAML: {fault}") from None
    if not read.found and not read.refused:
        raise UnreadableFile("The file holds no runbooks.")
    return read


def not_yaml(fault: yaml.YAMLError) -> UnreadableFile:
    mark = getattr(fault, "problem_mark", None)
    said = getattr(fault, "problem", None) or " ".join(str(fault).split())[:200]
    line = mark.line + 1 if mark else 0
    return UnreadableFile(f"The file is not YAML: {said}{f' in line {line}' if line else ''}.", line)


def documents(text: str) -> list[tuple[yaml.Node, Any]]:
    loader = _Loader(text)
    try:
        found = []
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                _count(node)
                found.append((node, loader.construct_document(node)))
        return found
    finally:
        loader.dispose()


def _count(root: yaml.Node) -> None:
    """Aliases make a small text a huge value: what it comes to is counted before it is made."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) in sizes:
            if sizes[id(node)] < 0:
                raise UnreadableFile("The file refers to itself.", node.start_mark.line + 1)
            return sizes[id(node)]
        sizes[id(node)] = -1
        inner = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        sizes[id(node)] = 1 + (sum(map(size, inner)) if not isinstance(node, yaml.ScalarNode) else 0)
        return sizes[id(node)]

    if size(root) > MOST_NODES:
        raise UnreadableFile("The file becomes too large when what it refers to is filled in.", root.start_mark.line + 1)


def parts(node: yaml.Node, value: Any, name: str) -> list[tuple[yaml.Node, Any]]:
    """What a document holds: a list, a mapping with a list of that name, or one."""
    if isinstance(value, Mapping) and isinstance(value.get(name), list):
        inner = next(child for key, child in node.value if key.value == name)
        return list(zip(inner.value, value[name], strict=True))
    if isinstance(value, list):
        return list(zip(node.value, value, strict=True))
    return [] if value is None else [(node, value)]


def _take(read: Read, node: yaml.Node, value: Any) -> None:
    line = node.start_mark.line + 1
    name = str(value.get("id") or value.get("name") or "")[:100] if isinstance(value, Mapping) else ""
    if len(read.found) >= MOST_RUNBOOKS:
        raise UnreadableFile(f"The file holds more than {MOST_RUNBOOKS} runbooks.", line)
    try:
        spec = parse(value)
    except SpecError as fault:
        read.refused.append(Note(line_of(node, fault.place), name, fault.place, fault.message))
        return
    if spec.id in {one.spec.id for one in read.found}:
        read.refused.append(Note(line, name, "id", f"a second runbook {spec.id}"))
        return
    read.found.append(Found(spec, line))


def line_of(node: yaml.Node, place: str) -> int:
    """The line of a place such as steps[2].action.verb; of what is not there, of the nearest around it."""
    line = node.start_mark.line + 1
    for number, name in _PART.findall(place):
        if number and isinstance(node, yaml.SequenceNode) and int(number) < len(node.value):
            node = node.value[int(number)]
            line = node.start_mark.line + 1
        elif name and isinstance(node, yaml.MappingNode):
            pair = next(((key, child) for key, child in node.value if key.value == name), None)
            if pair is None:
                return line
            node, line = pair[1], pair[0].start_mark.line + 1
        else:
            return line
    return line


def lines_of(text: str, places: Iterable[str]) -> dict[str, int]:
    """Of a text that holds one runbook: {place: line}. Raises UnreadableFile."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as fault:
        raise not_yaml(fault) from None
    return {place: line_of(node, place) for place in places} if node is not None else {}


# -- export ------------------------------------------------------------------------------------------------------------
class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else '"' if "{{" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump_one(raw: Mapping[str, Any]) -> str:
    """The same text for the same runbook, wherever it was stored in between."""
    text: str = yaml.dump(_ordered(raw), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    return {name: _ordered(value[name]) for name in sorted(value, key=lambda name: (_RANKS.get(name, len(_RANKS)), name))}


def dump(raws: Iterable[Mapping[str, Any]]) -> str:
    """One document for each; `load` reads it back to the same."""
    return "---\n".join(dump_one(raw) for raw in raws)
