"""Takes a file's facts into the store, portion by portion. What is done is done: whoever goes on, goes on behind it."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import audit
from monitoring.measurements import catalogue, create, rows
from monitoring.measurements.convert import Converted, Converter, Refusal
from monitoring.measurements.models import ImportJob, RefusedRow
from monitoring.measurements.reading import LONG, Reading
from monitoring.measurements.rows import Cells, UnreadableFile
from monitoring.store.windows import now_ms

PORTION = 50_000  # facts
MOST_REPORTED = 10_000  # refused rows kept for the report of one file
State = ImportJob.State


class Overtaken(Exception):
    """Somebody else works on the job."""


def directory() -> Path:
    found: Path = settings.DATA_DIR / "imports"
    found.mkdir(exist_ok=True)
    return found


def path_of(job: ImportJob) -> Path:
    return directory() / job.path


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run(job_id: int, progress: Callable[[ImportJob], None] | None = None) -> ImportJob:
    """Works until the file ends, from where the job stands. May be called twice at once: the slower one stops.

    Raises StoreUnavailable or django.db.Error; then the job goes on from there when it is called again.
    """
    job = ImportJob.objects.get(pk=job_id)
    if job.state != State.RUNNING:
        return job
    try:
        for portion in _portions(job):
            _keep(job, portion)
            if progress:
                progress(job)
    except Overtaken:
        return job
    except (UnreadableFile, OSError) as fault:
        return _end(job, State.FAILED, str(fault))
    return _end(job, State.DONE)


def _portions(job: ImportJob) -> Iterator[list[tuple[int, Cells]]]:
    reading = Reading.from_json(job.reading)
    per_row = 1 if reading.layout == LONG else len(reading.values)
    lines = rows.read(path_of(job), reading, job.position)
    while portion := list(islice(lines, max(1, PORTION // per_row))):
        yield portion


def _keep(job: ImportJob, portion: Sequence[tuple[int, Cells]]) -> None:
    """The facts, the refused rows and the job's place in one transaction."""
    converter = _converter(job)
    converted = converter.convert(portion, now_ms())
    catalogue.register(converted.facts.pairs)
    with transaction.atomic():
        created = int(create.many(converted.facts).new.sum()) if len(converted.facts) else 0
        _move(job, len(portion), created, converted)


_converters: dict[int, Converter] = {}


def _converter(job: ImportJob) -> Converter:
    """Of one job at a time, so that what it remembers is not kept for ever."""
    if job.pk not in _converters:
        _converters.clear()
        _converters[job.pk] = Converter(Reading.from_json(job.reading))
    return _converters[job.pk]


def _move(job: ImportJob, count: int, created: int, converted: Converted) -> None:
    """The update that hits the row is the lock: of two workers one finds the place moved."""
    reasons = Counter(job.reasons) + Counter(refusal.reason for refusal in converted.refused)
    mine = ImportJob.objects.filter(pk=job.pk, position=job.position, state=State.RUNNING)
    moved = mine.update(
        position=job.position + count,
        created=F("created") + created,
        skipped=F("skipped") + len(converted.facts) - created,
        refused=F("refused") + len(converted.refused),
        reasons=dict(reasons),
        moved=timezone.now(),
    )
    if not moved:
        raise Overtaken
    _report(job, converted.refused)
    job.refresh_from_db()


def _report(job: ImportJob, refused: Sequence[Refusal]) -> None:
    room = max(0, MOST_REPORTED - job.refused)
    RefusedRow.objects.bulk_create(RefusedRow(job=job, **refusal._asdict()) for refusal in refused[:room])


def _end(job: ImportJob, state: str, error: str = "") -> ImportJob:
    """Recorded once, whoever ends it."""
    with transaction.atomic():
        mine = ImportJob.objects.filter(pk=job.pk, state=State.RUNNING)
        if mine.update(state=state, error=error[:500], finished=timezone.now(), rows=F("position")):
            job.refresh_from_db()
            counts = {name: getattr(job, name) for name in ("rows", "created", "skipped", "refused", "error")}
            action = "facts.imported" if state == State.DONE else "facts.import_failed"
            audit.record(action, target=job, actor=job.user or "system", after={"file": job.name, **counts})
    job.refresh_from_db()
    _converters.pop(job.pk, None)
    if path_of(job).parent == directory():  # an upload; a file named to the command stays where it is
        path_of(job).unlink(missing_ok=True)
    return job


def estimated_rows(path: Path) -> int:
    """From the size of the file and its first lines; 0 where that says nothing."""
    if rows.is_excel(path):
        return 0
    start = rows.head(path)
    lines = start.count(b"\n")
    with path.open("rb") as file:
        size = path.stat().st_size
        packed = file.read(2) == rows.GZIP
    if len(start) < 256 * 1024:
        return max(0, lines - 1)
    return int(size * (4 if packed else 1) / len(start) * lines)


def discard(job: ImportJob) -> bool:
    """Drops an upload that was not started."""
    gone, _ = ImportJob.objects.filter(pk=job.pk, state=State.WAITING).delete()
    if gone:
        path_of(job).unlink(missing_ok=True)
    return bool(gone)
