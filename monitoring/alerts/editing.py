"""Rules changed by people: checked, stored, audited. What is shipped is locked: only whether it is enabled can be changed."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit
from monitoring.alerts.checks import Fault, check_rule
from monitoring.alerts.models import AlertRule, RuleGroup
from monitoring.alerts.transitions import Who

SHOWN = (
    "name", "kind", "expr", "for_seconds", "keep_firing_for", "clears_at", "without_data", "severity", "labels", "annotations",
    "runbook_url", "enabled", "immediate",
)  # fmt: skip
USUAL_GROUP, LONGEST_INTERVAL = "Rules", 86_400
NAMED = 200  # rules that an audit entry names


class Locked(Exception):
    """The rule is owned by code."""

    message = "This rule is shipped with AIOps: it can be switched on and off, not changed. Copy it to change the copy."


class Wrong(Exception):
    """The rule cannot be stored like this."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults[0].message)
        self.faults = faults


def shown(rule: AlertRule) -> dict[str, Any]:
    return {**{name: getattr(rule, name) for name in SHOWN}, "group": rule.group.name, "interval": rule.group.interval}


def group_of(name: str, interval: int) -> RuleGroup:
    """The group of this name that people's rules are in; made when it is not there. A new interval holds for the whole group."""
    group, made = RuleGroup.objects.get_or_create(file="", name=name, defaults={"interval": interval})
    if not made and group.interval != interval:
        RuleGroup.objects.filter(pk=group.pk).update(interval=interval, due_at=timezone.now())
        group.interval = interval
    return group


def add(given: Mapping[str, Any], group: str, interval: int, actor: Who) -> AlertRule:
    """Raises Wrong."""
    rule = AlertRule(group=RuleGroup(name=group, interval=interval), **given)
    _check(rule)
    with transaction.atomic():
        rule.group = group_of(group, interval)
        rule.position = rule.group.rules.count()
        rule.key = free_key(rule)
        rule.save()
        audit.record("rule.added", target=rule, after=shown(rule), actor=actor)
    return rule


def change(rule: AlertRule, given: Mapping[str, Any], actor: Who, interval: int | None = None) -> AlertRule:
    """Raises Wrong or Locked."""
    before = shown(rule)
    changed = {name: value for name, value in given.items() if getattr(rule, name) != value}
    if rule.locked and (changed.keys() - {"enabled"} or interval not in (None, rule.group.interval)):
        raise Locked
    for name, value in changed.items():
        setattr(rule, name, value)
    _check(rule)
    with transaction.atomic():
        if interval is not None and interval != rule.group.interval:
            RuleGroup.objects.filter(pk=rule.group_id).update(interval=interval, due_at=timezone.now())
            rule.group.interval = interval
        if "name" in changed:
            rule.key = free_key(rule)
        rule.save(update_fields=[*changed, "key"])
        if before != shown(rule):
            audit.record("rule.changed", target=rule, **audit.changes(before, shown(rule)), actor=actor)
    return rule


def switch(rule_ids: Collection[int], on: bool, actor: Who) -> list[int]:
    """On or off, shipped ones too; returns the ids of those that were the other way. One audit entry for all."""
    with transaction.atomic():
        rules = list(AlertRule.objects.filter(pk__in=rule_ids).exclude(enabled=on).only("id", "name").order_by("id"))
        changed = [rule.pk for rule in rules]
        AlertRule.objects.filter(pk__in=changed).update(enabled=on)
        if rules:
            target = rules[0] if len(rules) == 1 else f"{len(rules)} rules"
            told = {"rules": [f"{rule.pk} {rule.name}" for rule in rules[:NAMED]], "count": len(rules), "enabled": on}
            audit.record(f"rules.{'enabled' if on else 'disabled'}", target=target, after=told, actor=actor)
    return changed


def remove(rule: AlertRule, actor: Who) -> None:
    """Its open alerts end within seconds. Raises Locked."""
    if rule.locked:
        raise Locked
    with transaction.atomic():
        told = shown(rule)
        audit_target = f"{rule.group.name}/{rule.name}"
        rule.delete()
        audit.record("rule.removed", target=audit_target, before=told, actor=actor)


def _check(rule: AlertRule) -> None:
    faults = check_rule(rule)
    if faults:
        raise Wrong(faults)


def free_key(rule: AlertRule) -> str:
    taken = set(rule.group.rules.exclude(pk=rule.pk).values_list("key", flat=True))
    return next(key for key in (rule.name, *(f"{rule.name}#{n}" for n in range(2, 10_000))) if key not in taken)
