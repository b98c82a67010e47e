"""Rule files become rows: what is new is added, what changed is changed in place, so that open alerts stay with their rule."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit
from aiops import resume
from monitoring.alerts.models import AlertRule, RuleGroup
from monitoring.alerts.rule_files import Note, ReadFile, ReadGroup, read
from monitoring.alerts.transitions import Who

PACKS = Path(__file__).parent / "packs"
OWN = "pack:"  # begins the file of a shipped pack
TAKEN = (
    "position", "name", "kind", "expr", "for_seconds", "keep_firing_for", "clears_at", "without_data", "severity", "labels", "annotations",
    "runbook_url", "immediate", "locked",
)  # fmt: skip


@dataclass
class Report:
    """What became of a file; rules by number."""

    file: str
    added: int = 0
    changed: int = 0
    same: int = 0
    removed: int = 0
    refused: list[Note] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def used(self) -> int:
        return self.added + self.changed + self.same

    def lines(self) -> list[str]:
        """For people: the sums, then what was not used and why."""
        sums = f"{self.file}: {self.added} rules added, {self.changed} changed, {self.same} as they were, {self.removed} removed"
        found = [f"{sums}, {len(self.refused)} not used"]
        for kind, notes in (("not used", self.refused), ("note", self.notes)):
            found += [f"  line {one.line}, {'/'.join(filter(None, (one.group, one.rule)))}: {kind}: {one.text}" for one in notes]
        return found


def import_text(text: str, file: str, actor: Who = None) -> Report:
    """All rules of the file; importing it again replaces what it brought. Raises UnreadableFile."""
    report = store(read(text, file), file, RuleGroup.Origin.FILE)
    audit.record(
        "rules.imported", target=file, after={"added": report.added, "changed": report.changed, "removed": report.removed}, actor=actor
    )
    return report


@dataclass
class Plan:
    """What importing a text would do."""

    report: Report
    found: ReadFile
    replaces: bool  # a file of this name was imported before


def plan(text: str, file: str) -> Plan:
    """By doing it and taking it back. Raises UnreadableFile."""
    found = read(text, file)
    with transaction.atomic():
        replaces = RuleGroup.objects.filter(file=file).exists()
        report = store(found, file, RuleGroup.Origin.FILE)
        transaction.set_rollback(True)
    return Plan(report, found, replaces)


def install_packs() -> list[Report]:
    """The shipped rules as this release has them. Whether one is enabled is the operators' to say, and kept."""
    reports = []
    for path in sorted(PACKS.glob("*.yml")):
        found = read(path.read_text(encoding="utf-8"), OWN + path.stem)
        reports.append(store(found, OWN + path.stem, RuleGroup.Origin.PACK))
    gone = RuleGroup.objects.filter(source=RuleGroup.Origin.PACK).exclude(file__in=[report.file for report in reports])
    gone.delete()
    return reports


@resume.register
def refresh_packs() -> bool:
    """A release may bring other shipped rules without a migration: embedded mode looks at each start whether they changed."""
    stamp = settings.DATA_DIR / "rule-packs"
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(PACKS.glob("*.yml")))).hexdigest()
    if not settings.RULE_PACKS or (stamp.is_file() and stamp.read_text() == digest):
        return False
    install_packs()
    stamp.write_text(digest)
    return True


def store(found: ReadFile, file: str, source: RuleGroup.Origin) -> Report:
    report = Report(file, refused=found.refused, notes=found.notes)
    locked = source == RuleGroup.Origin.PACK
    with transaction.atomic():
        before = {group.name: group for group in RuleGroup.objects.filter(file=file).prefetch_related("rules")}
        for one in found.groups:
            _store_group(one, before.pop(one.group.name, None), source, locked, report)
        for group in before.values():
            report.removed += len(group.rules.all())
            group.delete()
    return report


def _store_group(one: ReadGroup, before: RuleGroup | None, source: RuleGroup.Origin, locked: bool, report: Report) -> None:
    group = before or one.group
    if before is None or (before.interval, before.locked) != (one.group.interval, locked):
        group.interval, group.source, group.locked = one.group.interval, source, locked
        group.due_at = timezone.now()
        group.save()
    known = {rule.key: rule for rule in before.rules.all()} if before else {}
    _store_rules(group, one.rules, known, locked, report)
    gone = [rule.pk for rule in known.values()]
    AlertRule.objects.filter(pk__in=gone).delete()
    report.removed += len(gone)


def _store_rules(group: RuleGroup, rules: Sequence[AlertRule], known: dict[str, AlertRule], locked: bool, report: Report) -> None:
    fresh, changed = [], []
    for rule in rules:
        rule.locked = locked
        row = known.pop(rule.key, None)
        if row is None:
            rule.group = group
            fresh.append(rule)
        elif _taken_over(row, rule):
            changed.append(row)
    AlertRule.objects.bulk_create(fresh)
    AlertRule.objects.bulk_update(changed, TAKEN, batch_size=100)
    report.added += len(fresh)
    report.changed += len(changed)
    report.same += len(rules) - len(fresh) - len(changed)


def _taken_over(row: AlertRule, rule: AlertRule) -> bool:
    """Whether anything differs."""
    before: Mapping[str, object] = {name: getattr(row, name) for name in TAKEN}
    for name in TAKEN:
        setattr(row, name, getattr(rule, name))
    return any(getattr(row, name) != value for name, value in before.items())
