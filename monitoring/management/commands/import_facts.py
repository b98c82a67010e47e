import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from monitoring.measurements import importing, recognise
from monitoring.measurements.models import ImportJob
from monitoring.measurements.preview import preview
from monitoring.measurements.reading import Reading, WrongReading
from monitoring.measurements.rows import UnreadableFile

COLUMNS = ("vm", "timestamp", "metric", "value")
TEXTS = ("sheet", "vm_name", "metric_name", "layout", "headings", "date", "zone", "decimal", "delimiter")


class Command(BaseCommand):
    help = "Imports facts of VMs from CSV (also .gz) and spreadsheets. Stopped and called again, it goes on where it was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--preview", action="store_true", help="only show how the file would be read")
        for name in COLUMNS:
            parser.add_argument(f"--{name}-column", metavar="NAME", help=f"heading or number (from 1) of the column with the {name}")
        parser.add_argument("--values-columns", metavar="NAMES", help="of a wide file, separated by commas")
        for name in TEXTS:
            parser.add_argument(f"--{name.replace('_', '-')}", dest=name)

    def handle(self, *_args: Any, files: list[Path], **given: Any) -> None:
        failed = [path for path in files if not self._one(path, given)]
        if failed:
            raise CommandError(f"{len(failed)} of {len(files)} files were not imported: {', '.join(map(str, failed))}")

    def _one(self, path: Path, given: dict[str, Any]) -> bool:
        try:
            reading = changed(recognise.recognise(path), given)
            if given["preview"]:
                self._show(path, reading)
                return True
            reading.check()
        except (UnreadableFile, WrongReading, OSError) as fault:
            self.stderr.write(f"{path}: {fault}")
            return False
        job = importing.run(self._job(path, reading).pk, self._progress)
        self._tell(job)
        return job.state == ImportJob.State.DONE

    def _job(self, path: Path, reading: Reading) -> ImportJob:
        """The one that was interrupted with this file and reading, or a new one."""
        mark = {"path": str(path.resolve()), "digest": importing.digest(path), "reading": reading.to_json()}
        left = ImportJob.objects.filter(state=ImportJob.State.RUNNING, path=mark["path"], digest=mark["digest"])
        for job in left:
            if Reading.from_json(job.reading) == reading:
                self.stdout.write(f"{path.name}: goes on after row {job.position:,}")
                return job
        more = {"name": path.name[:255], "size": path.stat().st_size, "rows": importing.estimated_rows(path)}
        job = ImportJob.objects.create(state=ImportJob.State.RUNNING, **mark, **more)
        audit.record("facts.import_started", target=job, after={"file": job.name, "by": "the command import_facts"})
        return job

    def _progress(self, job: ImportJob) -> None:
        if sys.stderr.isatty():
            done = min(1.0, job.position / job.rows) if job.rows else 0.0
            self.stderr.write(f"\r{job.name} [{'#' * int(done * 30):30}] {job.position:,} rows, {job.created:,} facts", ending="")

    def _tell(self, job: ImportJob) -> None:
        ending = f": {job.error}" if job.error else ""
        if sys.stderr.isatty():
            self.stderr.write("")
        self.stdout.write(
            f"{job.name}: {job.state}{ending}; {job.position:,} rows, {job.created:,} facts added, {job.skipped:,} were there already, "
            f"{job.refused:,} refused"
        )
        for reason, count in sorted(job.reasons.items()):
            self.stdout.write(f"  {reason}: {count:,}")

    def _show(self, path: Path, reading: Reading) -> None:
        shown = {name: value for name, value in reading.to_json().items() if value not in (None, "", [])}
        self.stdout.write(f"{path}: {shown}")
        found = preview(path, reading)
        for fact in found.facts:
            self.stdout.write(f"  {fact.vm}  {fact.when}  {fact.metric}  {fact.value}")
        self.stdout.write(
            f"  {found.good} facts and {found.bad} refusals in the first {found.rows} rows {found.reasons or ''}{found.error}"
        )


def changed(reading: Reading, given: dict[str, Any]) -> Reading:
    """What was said on the command line goes before what was recognised. Raises WrongReading."""
    found = reading.to_json() | {name: given[name].encode().decode("unicode_escape") for name in TEXTS if given.get(name)}
    found |= {name: _place(reading, given[f"{name}_column"]) for name in COLUMNS if given.get(f"{name}_column")}
    if given.get("values_columns"):
        found |= {"values": [_place(reading, name) for name in given["values_columns"].split(",")], "layout": "wide"}
    return Reading.from_json(found)


def _place(reading: Reading, name: str) -> int:
    if name in reading.columns:
        return reading.columns.index(name)
    if name.isdecimal() and 1 <= int(name) <= len(reading.columns):
        return int(name) - 1
    raise WrongReading(f"There is no column {name!r}; there are {', '.join(reading.columns)}.")
