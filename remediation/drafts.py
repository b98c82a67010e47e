"""From what is asked for to a case that could be: the plan filled in, the target, what is known about it, and what policy says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils import timezone

from monitoring.alerts import silences
from monitoring.alerts.models import Alert
from monitoring.alerts.silences import Active
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.inventory.models import Resource
from remediation import confidence, parameters, plan, policy, policy_table, reach, render, spec, systems, track_record
from remediation.models import AutomationRule, Provider, Runbook, RunbookVersion
from remediation.plan import Plan, PlanStep
from remediation.providers.base import ActionError, ActionProvider, Verb
from remediation.silenced import in_maintenance

LONGEST_TARGET = 300


class ProposalError(ValueError):
    """Why it cannot be proposed, one sentence; `field`: which part of what was asked for is wrong."""

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.sentence, self.field = sentence, field


@dataclass(frozen=True)
class Asked:
    """`action`: {"provider", "verb", "params"} instead of a runbook. `parameters` of a rule may be templates, of a person they are not."""

    runbook: Runbook | None = None
    action: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    alert: Alert | None = None
    resource: Resource | None = None
    target: str = ""
    rule: AutomationRule | None = None
    dry_run: bool = False
    incident: Incident | None = None


@dataclass(frozen=True)
class Doing:
    """One action of the plan, by whom."""

    step: PlanStep
    action: plan.Action
    provider: Provider
    plugin: ActionProvider
    verb: Verb

    @property
    def can_be_undone(self) -> bool:
        return self.step.undo is not None or self.verb.reversible


@dataclass
class Draft:
    """A case before it is one."""

    asked: Asked
    plan: Plan
    version: RunbookVersion | None
    parameters: dict[str, Any]
    resource: Resource | None
    person: bool
    now: datetime = field(default_factory=timezone.now)

    @cached_property
    def active(self) -> Sequence[Active]:
        """Silences and maintenance windows that hold now. A rule goes by what lies over its alert, which is known without asking."""
        return silences.active(self.now) if self.person else []

    @property
    def alert(self) -> Alert | None:
        return self.asked.alert

    @property
    def target_key(self) -> str:
        return f"resource:{self.resource.pk}" if self.resource else self.plan.target[:LONGEST_TARGET]

    @property
    def cause(self) -> str:
        return self.alert.name if self.alert else "manual"

    @cached_property
    def doings(self) -> list[Doing]:
        """Every action there is in the steps. Raises ProposalError where one could not be asked for."""
        return [doing(step) for step in self.plan.steps if step.action]

    @cached_property
    def record(self) -> track_record.Record:
        return track_record.of(self.asked.runbook, self.target_key, self.cause, self.asked.rule)

    @cached_property
    def reach(self) -> reach.Reach:
        return reach.of(self.resource.pk if self.resource else None)

    @cached_property
    def decision(self) -> policy.Decision:
        return policy.decide(self.inputs(), policy_table.rows())

    @cached_property
    def incident_id(self) -> int | None:
        if self.asked.incident is not None:
            return self.asked.incident.pk
        if self.alert is None:
            return None
        return IncidentAlert.objects.filter(alert=self.alert).values_list("incident_id", flat=True).first()

    # -- what policy looks at -------------------------------------------------------------------------------------------
    def inputs(self) -> policy.Inputs:
        alert, runbook = self.alert, self.asked.runbook
        return policy.Inputs(
            at=timezone.localtime(self.now), action=self._class(), reversible=self._reversible(), reach=self.reach.size,
            reach_words=self.reach.words, verified=self.record.verified, unverified=self.record.unverified, failed=self.record.failed,
            record_of=self.record.of, maintenance=in_maintenance(alert, self.resource, self.active, self.now),
            environment=self._environment(), by="person" if self.person else "rule", kind=alert.kind if alert else "manual",
            severity=alert.severity if alert else "", confidence=confidence.of(alert) if alert else None, providers=self._each("kind"),
            verbs=self._each("verb"), runbook=runbook.key if runbook else "", target_kind=self.resource.kind if self.resource else "",
            dry_run=self.asked.dry_run,
        )  # fmt: skip

    def _class(self) -> str:
        """Of the riskiest action: no author of a runbook can call what a verb is less than that."""
        named = [self.plan.risk, *(one.verb.risk for one in self.doings)]
        return max(named, key=lambda name: policy.CLASSES.index(name) if name in policy.CLASSES else len(policy.CLASSES))

    def _reversible(self) -> str:
        if self.plan.rollback or all(one.can_be_undone for one in self.doings):
            return "all"
        return "some" if any(one.can_be_undone for one in self.doings) else "none"

    def _environment(self) -> str:
        labels = {**(self.resource.labels if self.resource else {}), **(self.alert.labels if self.alert else {})}
        return str(labels.get("environment") or labels.get("env") or labels.get("deployment_environment") or "")

    def _each(self, what: str) -> tuple[str, ...]:
        found = (one.provider.kind if what == "kind" else one.action.verb for one in self.doings)
        return tuple(dict.fromkeys(found))

    # -- what people look at --------------------------------------------------------------------------------------------
    def evidence(self) -> dict[str, Any]:
        """As it was when it was proposed."""
        found: dict[str, Any] = {"at": self.now.isoformat(), "links": self._links()}
        if (alert := self.alert) is None:
            return found
        said = {"id": alert.pk, "name": alert.name, "severity": alert.severity, "kind": alert.kind, "summary": alert.summary}
        then = {"value": alert.value, "labels": alert.labels, "started_at": alert.started_at.isoformat()}
        return {**found, "alert": {**said, **then}, "signal": alert.evidence}

    def _links(self) -> list[dict[str, str]]:
        found = []
        if self.alert is not None:
            found.append({"icon": "alerts", "text": self.alert.name, "url": reverse("alert", args=[self.alert.pk])})
        if self.incident_id is not None:
            found.append({"icon": "incidents", "text": f"INC-{self.incident_id}", "url": reverse("incident", args=[self.incident_id])})
        if self.resource is not None:
            found.append({"icon": "resources", "text": self.resource.name, "url": reverse("resource", args=[self.resource.pk])})
        return found


def draft(asked: Asked, person: bool) -> Draft:
    """Raises ProposalError. `person`: somebody asks for it, not a rule by itself."""
    resource = asked.resource or (asked.alert.resource if asked.alert else None)
    known = render.context(asked.alert, resource, target=asked.target[:LONGEST_TARGET])
    if asked.runbook is not None:
        filled, version, given = _of_runbook(asked, asked.runbook, known)
    elif asked.action:
        (filled, given), version = _of_action(asked, asked.action, known), None
    else:
        raise ProposalError("Choose a runbook, or an action of a provider.", "runbook")
    made = Draft(asked, filled, version, given, resource, person)
    _ = made.doings  # what cannot be asked for is not proposed
    return made


def _of_runbook(asked: Asked, runbook: Runbook, known: dict[str, Any]) -> tuple[Plan, RunbookVersion, dict[str, Any]]:
    if not runbook.enabled:
        raise ProposalError(f"The runbook {runbook.name} is switched off.", "runbook")
    if (version := runbook.current) is None:
        raise ProposalError(f"The runbook {runbook.name} has no version yet.", "runbook")
    try:
        read = spec.parse(version.spec)
        given = render.values(dict(asked.parameters), known, "parameters") if asked.rule else asked.parameters
        values = parameters.validate(read.parameters, given, known)
        return render.fill(read, values, known), version, values
    except parameters.ParameterError as fault:
        raise ProposalError(fault.sentence, fault.field) from fault
    except (spec.SpecError, render.RenderError) as fault:
        raise ProposalError(f"The runbook cannot be filled in: {fault}.", "runbook") from fault


def _of_action(asked: Asked, action: Mapping[str, Any], known: dict[str, Any]) -> tuple[Plan, dict[str, Any]]:
    """A plan of one step."""
    wanted = plan.Action(provider=str(action.get("provider") or ""), verb=str(action.get("verb") or ""))
    try:
        provider = systems.find(wanted.provider)
        verb = systems.verb_of(systems.plugin(provider), wanted)
        raw = action.get("params") or {}
        given = render.values(dict(raw), known) if asked.rule else dict(raw)
        values = parameters.validate(verb.parameters, given, known)
    except parameters.ParameterError as fault:
        raise ProposalError(fault.sentence, fault.field) from fault
    except (ActionError, render.RenderError) as fault:
        raise ProposalError(_sentence(str(fault)), "action") from fault
    target = str(known.get("target") or _target(asked))
    timeout = float(action.get("timeout") or 300.0)
    step = PlanStep(id="action", title=verb.label, kind=plan.ACTION, action=plan.Action(
        provider=wanted.provider, verb=verb.name, params=values, timeout=timeout
    ))  # fmt: skip
    return Plan(title=f"{verb.label} on {target}"[:300], target=target[:LONGEST_TARGET], risk=verb.risk, steps=(step,)), values


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:].rstrip('.')}."


def _target(asked: Asked) -> str:
    resource = asked.resource or (asked.alert.resource if asked.alert else None)
    if resource is not None:
        return resource.name
    labels = asked.alert.labels if asked.alert else {}
    return str(labels.get("instance") or labels.get("host") or (asked.alert.name if asked.alert else "this installation"))


def doing(step: PlanStep) -> Doing:
    """Raises ProposalError where nobody can do it."""
    assert step.action is not None
    try:
        provider = systems.find(step.action.provider)
        plugin = systems.plugin(provider)
        return Doing(step, step.action, provider, plugin, systems.verb_of(plugin, step.action))
    except ActionError as fault:
        raise ProposalError(f"Step “{step.title or step.id}”: {fault.message}.", "action") from fault
