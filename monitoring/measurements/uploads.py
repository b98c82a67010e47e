"""Files that people upload: kept below the data directory until they are imported."""

import uuid
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from accounts import audit
from monitoring.measurements import importing, recognise
from monitoring.measurements.models import ImportJob
from monitoring.measurements.reading import LONG, METRICS, VMS, WIDE, Reading

State = ImportJob.State
NUMBERS, TEXTS = ("vm", "timestamp", "metric", "value"), ("vm_name", "metric_name", "date", "zone", "decimal")
FORM = ("delimiter", "encoding", "sheet")  # what changes the columns themselves


def receive(file: "UploadedFile[Any]", user: Any) -> ImportJob:
    """A job that waits for a person to confirm how it is read. Raises UnreadableFile."""
    path = importing.directory() / uuid.uuid4().hex
    try:
        with path.open("wb") as kept:
            for part in file.chunks():
                kept.write(part)
        reading = recognise.recognise(path)
        about = {"digest": importing.digest(path), "size": path.stat().st_size, "rows": importing.estimated_rows(path)}
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    name = Path(file.name or "upload").name.replace("\0", "")[:255] or "upload"
    return ImportJob.objects.create(name=name, path=path.name, reading=reading.to_json(), user=user, **about)


def read_as(job: ImportJob, given: QueryDict) -> Reading:
    """The reading with what the form says; columns are recognised anew when it changes how they are cut. Raises WrongReading."""
    before = Reading.from_json(job.reading)
    form = Reading.from_json(job.reading | {name: given[name] for name in FORM if name in given})
    if any(getattr(before, name) != getattr(form, name) for name in FORM):
        return recognise.with_columns(form, recognise.sampled(importing.path_of(job), form))
    found: dict[str, Any] = {name: given[name] for name in TEXTS if name in given} | _shape(given.get("shape", ""))
    found |= {name: _place(str(given[name])) for name in NUMBERS if name in given}
    if "values" in given or found.get("layout", before.layout) != LONG:
        found["values"] = [place for text in given.getlist("values") if (place := _place(str(text))) is not None]
    return Reading.from_json(form.to_json() | found)


def _place(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None


def _shape(given: str) -> dict[str, str]:
    if given == LONG:
        return {"layout": LONG}
    return {"layout": WIDE, "headings": given} if given in (METRICS, VMS) else {}


def keep_reading(job: ImportJob, reading: Reading) -> None:
    ImportJob.objects.filter(pk=job.pk, state=State.WAITING).update(reading=reading.to_json())
    job.refresh_from_db()


def start(job: ImportJob) -> bool:
    """False when somebody started it already. Raises WrongReading."""
    Reading.from_json(job.reading).check()
    with transaction.atomic():
        mine = ImportJob.objects.filter(pk=job.pk, state=State.WAITING)
        if not mine.update(state=State.RUNNING, moved=timezone.now()):
            return False
        audit.record("facts.import_started", target=job, after={"file": job.name, "size": job.size})
    return True
