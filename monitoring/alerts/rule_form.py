"""The rule editor's form: what was typed becomes a rule, and what is wrong stands at its field."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from monitoring.alerts import durations, editing
from monitoring.alerts.checks import LONGEST_EXPR, Fault, check_rule
from monitoring.alerts.models import AlertRule, RuleGroup, Severity

PROSE = ("summary", "description")  # annotations with a field of their own
MOST_PAIRS = 50
USUAL_INTERVAL = 15
Pair = tuple[str, str]


@dataclass
class RuleForm:
    """As typed. Durations are texts: 30s, 5m, 1h30m."""

    name: str = ""
    kind: str = "alert"
    group: str = editing.USUAL_GROUP
    interval: str = durations.shown(USUAL_INTERVAL)
    expr: str = ""
    for_: str = ""
    keep_firing_for: str = ""
    clears_at: str = ""
    without_data: str = "resolve"
    severity: str = "medium"
    labels: list[Pair] = field(default_factory=list)
    summary: str = ""
    description: str = ""
    annotations: list[Pair] = field(default_factory=list)  # the others
    runbook_url: str = ""
    immediate: bool = False
    enabled: bool = True
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def of(cls, rule: AlertRule) -> "RuleForm":
        said = dict(rule.annotations)
        return cls(
            rule.name, rule.kind, rule.group.name, durations.shown(rule.group.interval), rule.expr, _span(rule.for_seconds),
            _span(rule.keep_firing_for), "" if rule.clears_at is None else f"{rule.clears_at:.15g}", rule.without_data, rule.severity,
            list(rule.labels.items()), said.pop("summary", ""), said.pop("description", ""),
            list(said.items()), rule.runbook_url, rule.immediate, rule.enabled,
        )  # fmt: skip

    @classmethod
    def typed(cls, given: QueryDict) -> "RuleForm":
        def text(name: str, usual: str = "") -> str:
            return given.get(name, usual).strip().replace("\r\n", "\n")

        return cls(
            text("name"), text("kind", "alert"), text("group") or editing.USUAL_GROUP, text("interval"), text("expr"), text("for"),
            text("keep_firing_for"), text("clears_at"), text("without_data", "resolve"), text("severity", "medium"),
            _pairs(given, "label"), text("summary"), text("description"), _pairs(given, "annotation"),
            text("runbook_url"), bool(given.get("immediate")), bool(given.get("enabled")),
        )  # fmt: skip

    @classmethod
    def asked(cls, given: QueryDict) -> "RuleForm":
        """Of a new rule, with what the address says about it."""
        severity = given.get("severity", "medium")
        return cls(
            given.get("name", "")[:200], expr=given.get("expr", "")[:LONGEST_EXPR], for_=given.get("for", "5m")[:40],
            severity=severity if severity in Severity.values else "medium", summary=given.get("summary", "")[:5000],
            group=given.get("group", "")[:200] or editing.USUAL_GROUP,
        )  # fmt: skip

    @property
    def recording(self) -> bool:
        return self.kind == AlertRule.Kind.RECORD

    def read(self) -> tuple[dict[str, Any], int]:
        """The rule's fields, and the interval in seconds; what cannot be read is a fault and taken as nothing."""
        labels, annotations = self._mapped("labels", self.labels), self._mapped("annotations", self.annotations)
        prose = {name: getattr(self, name) for name in PROSE if getattr(self, name)}
        waits = {name: self._seconds(field, text) for name, field, text in self._waits()}
        interval = self._seconds("interval", self.interval) or USUAL_INTERVAL
        if not 1 <= interval <= editing.LONGEST_INTERVAL:
            self._refuse("interval", "From 1 second to a day.")
        if self.kind not in AlertRule.Kind.values:
            self._refuse("kind", "There are alert and record.")
        if not 0 < len(self.group) <= 200 or "\0" in self.group:
            self._refuse("group", "A group has a name of 1 to 200 characters.")
        fields = {"name": self.name, "kind": self.kind, "expr": self.expr, "labels": labels, "enabled": self.enabled}
        if self.recording:
            nothing = {"for_seconds": 0, "keep_firing_for": 0, "clears_at": None, "without_data": AlertRule.WithoutData.RESOLVE}
            return fields | nothing | {"annotations": {}, "runbook_url": "", "immediate": False}, interval
        more = {"severity": self.severity, "runbook_url": self.runbook_url, "immediate": self.immediate}
        more |= {"clears_at": self._clears_at(), "without_data": self.without_data}
        return fields | waits | more | {"annotations": prose | annotations}, interval

    def _waits(self) -> Iterable[tuple[str, str, str]]:
        return (("for_seconds", "for", self.for_), ("keep_firing_for", "keep_firing_for", self.keep_firing_for))

    def rule(self) -> AlertRule:
        """Unsaved. Its faults, and those of what was typed, stand in `faults`."""
        fields, interval = self.read()
        rule = AlertRule(group=RuleGroup(name=self.group, interval=interval), **fields)
        self.faults = [*self.faults, *check_rule(rule)] if self.kind in AlertRule.Kind.values else self.faults
        return rule

    def _seconds(self, name: str, text: str) -> int:
        try:
            return round(durations.seconds(text)) if text else 0
        except ValueError as fault:
            self._refuse(name, f"{str(fault)[:1].upper()}{str(fault)[1:]}.")
            return 0

    def _clears_at(self) -> float | None:
        try:
            return float(self.clears_at) if self.clears_at else None
        except ValueError:
            self._refuse("clears_at", "A number, such as 85 or 0.5.")
            return None

    def _mapped(self, name: str, pairs: list[Pair]) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, text in pairs:
            if key in found or (name == "annotations" and key in PROSE):
                self._refuse(name, f"{key[:40]} is given twice.")
            found[key] = text
        return found

    def _refuse(self, name: str, message: str) -> None:
        self.faults.append(Fault(name, message))

    def by_field(self) -> dict[str, list[Fault]]:
        """Faults by the form's field; those of one annotation or label at its own place."""
        found: dict[str, list[Fault]] = {}
        for one in self.faults:
            found.setdefault(place_of(one), []).append(one)
        return found


def place_of(fault: Fault) -> str:
    name = fault.field.removesuffix("_seconds") if fault.field == "for_seconds" else fault.field
    head, _, rest = name.partition(".")
    return rest if head == "annotations" and rest in PROSE else head if head in ("labels", "annotations") else name


def _span(seconds: int) -> str:
    return durations.shown(seconds) if seconds else ""


def _pairs(given: QueryDict, name: str) -> list[Pair]:
    """Rows of name and value; those without a name and a value are empty rows."""
    rows = zip(given.getlist(f"{name}_name"), given.getlist(f"{name}_value"), strict=False)
    return [(key.strip(), text.replace("\r\n", "\n")) for key, text in rows if key.strip() or text.strip()][: MOST_PAIRS + 1]
