"""The only writer of automation rules. Every change is checked against what is there, stored, and an entry of the audit trail."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts import audit
from aiops.plugins import PluginError
from monitoring.alerts.transitions import Who
from remediation import rule_files, spec
from remediation.models import AutomationRule, Provider, Runbook
from remediation.providers.base import ActionProvider, Verb, provider_class
from remediation.rule_files import RuleError, RuleSpec

GAP = 10  # between positions, so that one can be put between two
KEPT = ("name", "description", "enabled", "dry_run", "position", "match", "guards", "parameters", "action", "runbook_id")


class Report(NamedTuple):
    """Of an import."""

    added: list[str]
    changed: list[str]
    same: list[str]
    refused: list[rule_files.Note]

    def lines(self) -> list[str]:
        told = [("added", self.added), ("changed", self.changed), ("as it was", self.same)]
        return [*(f"{key}: {word}" for word, keys in told for key in keys), *(f"line {one.line}: {one.text}" for one in self.refused)]


def save(given: RuleSpec, actor: Who, origin: Runbook.Origin = Runbook.Origin.UI, new: bool | None = None) -> AutomationRule:
    """`new`: True, there may be none of this id yet; False, there has to be one; None, either. Raises RuleError."""
    with transaction.atomic():
        rule = AutomationRule.objects.select_for_update(of=("self",)).filter(key=given.key).first()
        if new is True and rule is not None:
            raise RuleError(f"There is a rule {given.key} already.", "id")
        if new is False and rule is None:
            raise RuleError(f"There is no rule {given.key}; the id of a rule stays.", "id")
        before = snapshot(rule) if rule else None
        rule = rule or AutomationRule(key=given.key, origin=origin, position=_last() + GAP)
        _fill(rule, given)
        _store(rule, before, actor)
    return rule


def _store(rule: AutomationRule, before: Mapping[str, Any] | None, actor: Who) -> None:
    after = snapshot(rule)
    if before == after:
        return
    rule.save()
    if before is None:
        audit.record("automation_rule.added", target=rule, after=after, actor=actor)
    else:
        audit.record("automation_rule.changed", target=rule, **audit.changes(before, after), actor=actor)


def _fill(rule: AutomationRule, given: RuleSpec) -> None:
    rule.name, rule.description, rule.enabled, rule.dry_run = given.name, given.description, given.enabled, given.dry_run
    rule.match, rule.guards = dict(given.match), dict(given.guards)
    if given.position is not None:
        rule.position = given.position
    rule.runbook = _runbook(given) if given.runbook else None
    rule.parameters = dict(given.parameters)
    rule.action = complete(given.action) if given.action else {}


def _last() -> int:
    return AutomationRule.objects.aggregate(last=Max("position"))["last"] or 0


def _runbook(given: RuleSpec) -> Runbook:
    found = Runbook.objects.select_related("current").filter(key=given.runbook).first()
    if found is None:
        raise RuleError(f"There is no runbook {given.runbook[:60]}.", "runbook")
    known = {one.name for one in spec.parse(found.current.spec).parameters} if found.current else set()
    if strange := next((name for name in given.parameters if name not in known), None):
        raise RuleError(f"The runbook has no parameter {strange[:40]}; it has {', '.join(sorted(known)) or 'none'}.", "parameters")
    return found


# -- an action of a provider ---------------------------------------------------------------------------------------------
def complete(action: Mapping[str, Any]) -> dict[str, Any]:
    """With its verb, where that is clear from the params. Raises RuleError."""
    kind = _kind(str(action.get("provider", "")))
    params = dict(action.get("params") or {})
    verb = _verb(kind, str(action.get("verb") or ""), params)
    known = {one.name for one in verb.parameters}
    if strange := next((name for name in params if name not in known), None):
        raise RuleError(f"{verb.label} has no parameter {strange[:40]}; it has {', '.join(sorted(known)) or 'none'}.", "action.params")
    return {**action, "verb": verb.name, "params": params}


def _kind(name: str) -> type[ActionProvider]:
    row = Provider.objects.filter(name=name).first()
    try:
        return provider_class(row.kind if row else name)
    except PluginError as fault:
        raise RuleError(f"There is no provider {name[:60]}, and no kind of that name.", "action.provider") from fault


def _verb(kind: type[ActionProvider], name: str, params: Mapping[str, Any]) -> Verb:
    verbs = kind.verbs
    if name:
        if name not in verbs:
            raise RuleError(f"{kind.label} cannot {name[:40]}; it can {', '.join(sorted(verbs))}.", "action.verb")
        return verbs[name]
    fitting = [one for one in verbs.values() if _fits(one, set(params))]
    if len(fitting) != 1:
        raise RuleError(f"Say which verb: {kind.label} can {', '.join(sorted(verbs))}.", "action.verb")
    return fitting[0]


def _fits(verb: Verb, given: set[str]) -> bool:
    return given <= {one.name for one in verb.parameters} and {one.name for one in verb.parameters if one.required} <= given


# -- one thing of a rule -------------------------------------------------------------------------------------------------
def switch(rules: Iterable[int], actor: Who, **columns: bool) -> list[AutomationRule]:
    """enabled or dry_run of many; those that changed."""
    with transaction.atomic():
        rows = AutomationRule.objects.select_for_update(of=("self",)).filter(pk__in=list(rules)).order_by("pk")
        changed = [rule for rule in rows if any(getattr(rule, name) != value for name, value in columns.items())]
        befores = [snapshot(rule) for rule in changed]
        for rule in changed:
            for name, value in columns.items():
                setattr(rule, name, value)
            rule.save()
        for rule, before in zip(changed, befores, strict=True):
            audit.record("automation_rule.changed", target=rule, **audit.changes(before, snapshot(rule)), actor=actor)
    return changed


def reset_breaker(rule: AutomationRule, actor: Who) -> None:
    """Failures until now do not count any more."""
    with transaction.atomic():
        rule.breaker_reset_at = timezone.now()
        rule.save(update_fields=["breaker_reset_at", "updated_at"])
        audit.record("automation_rule.breaker_reset", target=rule, actor=actor)


def move(rule: AutomationRule, up: bool, actor: Who) -> bool:
    """One place earlier or later. False at the end."""
    with transaction.atomic():
        rows = list(AutomationRule.objects.select_for_update(of=("self",)).order_by("position", "id"))
        place = next(at for at, one in enumerate(rows) if one.pk == rule.pk)
        other = place - 1 if up else place + 1
        if not 0 <= other < len(rows):
            return False
        rows[place], rows[other] = rows[other], rows[place]
        for at, one in enumerate(rows):
            if one.position != (at + 1) * GAP:
                one.position = (at + 1) * GAP
                one.save(update_fields=["position", "updated_at"])
        audit.record("automation_rule.moved", target=rule, after={"place": other + 1}, actor=actor)
    return True


def delete(rule: AutomationRule, actor: Who) -> None:
    """Its cases stay."""
    told, pk = snapshot(rule), rule.pk
    with transaction.atomic():
        rule.delete()
        rule.pk = pk  # for the trail
        audit.record("automation_rule.deleted", target=rule, before=told, actor=actor)


def snapshot(rule: AutomationRule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in KEPT}


# -- many ------------------------------------------------------------------------------------------------------------------
def import_text(text: str, actor: Who, only_say: bool = False) -> Report:
    """Each rule by itself: one that cannot be used keeps none of the others out. Raises UnreadableFile."""
    read = rule_files.load(text)
    report = Report([], [], [], list(read.refused))
    for one in read.found:
        try:
            with transaction.atomic():
                _import(one.spec, actor, report)
                transaction.set_rollback(only_say)
        except RuleError as fault:
            report.refused.append(rule_files.Note(one.line, one.spec.key, fault.place, fault.sentence))
    return report


def _import(given: RuleSpec, actor: Who, report: Report) -> None:
    known = AutomationRule.objects.filter(key=given.key).first()
    before = snapshot(known) if known else None
    rule = save(given, actor, Runbook.Origin.FILE)
    told = report.added if before is None else report.same if snapshot(rule) == before else report.changed
    told.append(given.key)
