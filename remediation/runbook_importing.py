"""Files of runbooks become rows: what is new is added, what changed gets a version, and nothing is taken away."""

from dataclasses import dataclass, field

from django.db import transaction

from remediation import versions
from remediation.models import Runbook
from remediation.runbook_files import Note, Read, load
from remediation.spec import Spec
from remediation.versions import Who


@dataclass
class Report:
    """What became of a file: ids of runbooks."""

    file: str
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    refused: list[Note] = field(default_factory=list)

    @property
    def used(self) -> int:
        return len(self.added) + len(self.changed) + len(self.same)

    def lines(self) -> list[str]:
        """For people: the sums, then what could not be used and why."""
        sums = f"{self.file}: {len(self.added)} runbooks added, {len(self.changed)} changed, {len(self.same)} as they were"
        found = [f"{sums}, {len(self.refused)} not used"]
        for one in self.refused:
            found.append(f"  line {one.line}, {', '.join(filter(None, (one.runbook, one.place)))}: {one.text}")
        return found


def import_text(text: str, file: str, actor: Who = None) -> Report:
    """Raises UnreadableFile."""
    return store(load(text), file, actor)


def plan(text: str, file: str) -> Report:
    """What importing would do: done and taken back. Raises UnreadableFile."""
    read = load(text)
    with transaction.atomic():
        report = store(read, file, "a trial")
        transaction.set_rollback(True)
    return report


def store(read: Read, file: str, actor: Who) -> Report:
    report = Report(file, refused=read.refused)
    with transaction.atomic():
        for spec in read.specs:
            _store(report, spec, actor)
    return report


def _store(report: Report, spec: Spec, actor: Who) -> None:
    known = Runbook.objects.select_related("current").filter(key=spec.id).first()
    if known is None:
        versions.add(spec, actor, Runbook.Origin.FILE, f"From {report.file}")
        report.added.append(spec.id)
        return
    before = known.current_id
    versions.save(known, spec, actor, f"From {report.file}")
    (report.same if known.current_id == before else report.changed).append(spec.id)
