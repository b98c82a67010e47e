"""Prometheus' rule files: from YAML to unsaved rules, with the line of everything that cannot be used, and back. No database.

Beside the usual form, Kubernetes' PrometheusRule objects and several documents in one file are read.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from monitoring.alerts.checks import check_rule
from monitoring.alerts.durations import seconds, shown
from monitoring.alerts.models import AlertRule, RuleGroup
from monitoring.alerts.severities import is_known, severity_of

USUAL_INTERVAL = 60  # seconds, as in Prometheus
LARGEST = 5 * 2**20  # bytes
_OURS = ("enabled", "immediate", "clears_at", "without_data")  # what Prometheus does not know
_RULE_KEYS = {"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations", *_OURS}
_GROUP_KEYS = {"name", "interval", "rules", "labels"}
_RUNBOOKS = ("runbook_url", "runbook")


class Note(NamedTuple):
    """Something of a file that was not used, or was used otherwise than written."""

    line: int  # from 1
    group: str
    rule: str
    text: str


@dataclass
class ReadGroup:
    group: RuleGroup
    rules: list[AlertRule] = field(default_factory=list)
    severities: dict[str, int] = field(default_factory=dict)


@dataclass
class ReadFile:
    """Rules are unsaved; `refused` could not be used at all, `notes` were used with a difference."""

    groups: list[ReadGroup] = field(default_factory=list)
    refused: list[Note] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def rules(self) -> list[AlertRule]:
        return [rule for group in self.groups for rule in group.rules]


class UnreadableFile(ValueError):
    """Nothing of the file can be used; one sentence."""


def read(text: str, file: str = "") -> ReadFile:
    """Raises UnreadableFile for what is no YAML or holds no groups."""
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise UnreadableFile("The file is larger than 5 MB.")
    try:
        found = _Reading(file)
        documents = 0
        for document in _documents(text):
            documents += 1
            found.document(document)
    except yaml.YAMLError as fault:
        raise UnreadableFile(f"The file is not YAML: {' '.join(str(fault).split())[:300]}") from None
    except RecursionError:
        raise UnreadableFile("The file is nested too deeply.") from None
    if not documents or not (found.result.groups or found.result.refused):
        raise UnreadableFile("The file holds no groups of rules.")
    return found.result


def _documents(text: str) -> Iterator["_Node"]:
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_node():
            yield _Node(loader.get_node(), loader)
    finally:
        loader.dispose()


class _Node:
    """A YAML node that knows its line."""

    def __init__(self, node: Any, loader: yaml.SafeLoader) -> None:
        self.node, self.loader = node, loader
        self.line = node.start_mark.line + 1

    def fields(self) -> dict[str, "_Node"]:
        if not isinstance(self.node, yaml.MappingNode):
            return {}
        self.loader.flatten_mapping(self.node)
        return {str(key.value): _Node(value, self.loader) for key, value in self.node.value}

    def items(self) -> list["_Node"]:
        return [_Node(item, self.loader) for item in self.node.value] if isinstance(self.node, yaml.SequenceNode) else []

    @property
    def text(self) -> str:
        """Of a scalar as it was written: `on` and 1.0 stay what they are."""
        return str(self.node.value) if isinstance(self.node, yaml.ScalarNode) and self.node.tag != "tag:yaml.org,2002:null" else ""

    def texts(self) -> dict[str, str]:
        return {name: value.text for name, value in self.fields().items()}


class _Reading:
    def __init__(self, file: str) -> None:
        self.file, self.result = file, ReadFile()
        self.names: set[str] = set()

    def document(self, node: _Node) -> None:
        fields = node.fields()
        if "spec" in fields and "groups" not in fields:
            fields = fields["spec"].fields()
        if fields.get("items"):
            for item in fields["items"].items():
                self.document(item)
        for group in fields["groups"].items() if "groups" in fields else ():
            self._group(group)

    def _group(self, node: _Node) -> None:
        fields = node.fields()
        name = fields["name"].text[:200] if "name" in fields else ""
        if not name or name in self.names:
            why = f"a second group of the name {name}" if name else "a group without a name"
            self.result.refused.append(Note(node.line, name, "", why))
            return
        self.names.add(name)
        for key in sorted(fields.keys() - _GROUP_KEYS):
            self.result.notes.append(Note(fields[key].line, name, "", f"{key} of a group is not known here and was left out"))
        group = ReadGroup(RuleGroup(name=name, file=self.file, interval=self._interval(name, fields.get("interval"))))
        common = fields["labels"].texts() if "labels" in fields else {}
        for rule in fields["rules"].items() if "rules" in fields else ():
            self._rule(group, rule, common)
        self.result.groups.append(group)

    def _interval(self, group: str, node: _Node | None) -> int:
        try:
            found = _seconds(node) if node else USUAL_INTERVAL
            return min(max(found, 1), 86_400)
        except ValueError as fault:
            self.result.notes.append(Note(node.line if node else 0, group, "", f"interval: {fault}; {USUAL_INTERVAL} s is taken"))
            return USUAL_INTERVAL

    def _rule(self, group: ReadGroup, node: _Node, common: Mapping[str, str]) -> None:
        fields = node.fields()
        name = (fields.get("alert") or fields.get("record") or node).text[:200] if fields else ""
        refuse = lambda line, why: self.result.refused.append(Note(line, group.group.name, name, why))  # noqa: E731
        if ("alert" in fields) == ("record" in fields) or "expr" not in fields:
            refuse(node.line, "a rule has either alert or record, and expr")
            return
        unknown = sorted(fields.keys() - _RULE_KEYS)
        if unknown:
            refuse(fields[unknown[0]].line, f"{unknown[0]} is not known in a rule")
            return
        for key in ("for", "keep_firing_for"):
            try:
                _seconds(fields.get(key))
            except ValueError as fault:
                refuse(fields[key].line, f"{key}: {fault}")
                return
        try:
            _number(fields.get("clears_at"))
        except ValueError:
            refuse(fields["clears_at"].line, "clears_at: not a number")
            return
        rule = self._made(group, fields, name, common)
        faults = check_rule(rule)
        for one in faults:
            place = fields.get(one.field.partition(".")[0]) or node
            at = f" (character {one.position + 1})" if one.position is not None else ""
            refuse(place.line, f"{one.field}: {one.message}{at}")
        if not faults:
            rule.key, rule.position = _key(name, group.rules), len(group.rules)
            group.rules.append(rule)

    def _made(self, group: ReadGroup, fields: Mapping[str, _Node], name: str, common: Mapping[str, str]) -> AlertRule:
        labels = {**common, **(fields["labels"].texts() if "labels" in fields else {})}
        annotations = fields["annotations"].texts() if "annotations" in fields else {}
        runbook = next((annotations[key] for key in _RUNBOOKS if annotations.get(key, "").startswith("http")), "")
        word = labels.get("severity", "")
        if word and "{{" not in word:
            self._severity(group, labels, fields["labels"].line if "labels" in fields else 0, name)
        return AlertRule(
            name=name,
            kind=AlertRule.Kind.RECORD if "record" in fields else AlertRule.Kind.ALERT,
            expr=fields["expr"].text.strip(),
            for_seconds=_seconds(fields.get("for")),
            keep_firing_for=_seconds(fields.get("keep_firing_for")),
            clears_at=_number(fields.get("clears_at")),
            without_data=fields["without_data"].text if "without_data" in fields else AlertRule.WithoutData.RESOLVE,
            severity=severity_of(word),
            labels={key: text for key, text in labels.items() if key != "severity" or "{{" in text or "record" in fields},
            annotations={key: text for key, text in annotations.items() if not (runbook and key == "runbook_url")},
            runbook_url=runbook[:500] if "{{" not in runbook else "",
            enabled=_flag(fields.get("enabled"), True),
            immediate=_flag(fields.get("immediate"), False),
        )

    def _severity(self, group: ReadGroup, labels: Mapping[str, str], line: int, rule: str) -> None:
        """Another word for a severity is said once for each group."""
        word = labels["severity"]
        found = severity_of(word)
        if word != found and word not in group.severities:
            group.severities[word] = line
            how = f"is taken as {found}" if is_known(word) else f"is not known and taken as {found}"
            self.result.notes.append(Note(line, group.group.name, rule, f"severity {word[:40]} {how}"))


def _seconds(node: _Node | None) -> int:
    return round(seconds(node.text)) if node and node.text else 0


def _number(node: _Node | None) -> float | None:
    return float(node.text) if node and node.text else None


def _flag(node: _Node | None, usual: bool) -> bool:
    return node.text.lower() in ("true", "yes", "on", "1") if node else usual


def _key(name: str, before: Iterable[AlertRule]) -> str:
    same = sum(rule.name == name for rule in before)
    return f"{name}#{same + 1}" if same else name


# -- export ----------------------------------------------------------------------------------------------------------------
def written(groups: Iterable[tuple[RuleGroup, Iterable[AlertRule]]]) -> str:
    """YAML that Prometheus takes; what is only ours (_OURS) is left out, so that it does."""
    found = [
        {"name": group.name, "interval": shown(group.interval), "rules": [_as_written(rule) for rule in rules]} for group, rules in groups
    ]
    text: str = yaml.safe_dump({"groups": found}, sort_keys=False, allow_unicode=True, width=140)
    return text


def _as_written(rule: AlertRule) -> dict[str, Any]:
    if rule.kind == AlertRule.Kind.RECORD:
        return {"record": rule.name, "expr": rule.expr} | ({"labels": dict(rule.labels)} if rule.labels else {})
    annotations = {**rule.annotations} | ({"runbook_url": rule.runbook_url} if rule.runbook_url else {})
    return {
        "alert": rule.name,
        "expr": rule.expr,
        **({"for": shown(rule.for_seconds)} if rule.for_seconds else {}),
        **({"keep_firing_for": shown(rule.keep_firing_for)} if rule.keep_firing_for else {}),
        "labels": {"severity": rule.severity, **rule.labels},
        **({"annotations": annotations} if annotations else {}),
    }
