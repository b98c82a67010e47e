"""Pages of the imports: upload, how the file is read with a preview, progress, result."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import available_timezones

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import permission_required
from monitoring.measurements import importing, rows, tasks, uploads
from monitoring.measurements.dates import FORMATS
from monitoring.measurements.models import ImportJob
from monitoring.measurements.preview import preview
from monitoring.measurements.reading import DELIMITERS, ENCODINGS, Reading, WrongReading
from monitoring.measurements.rows import UnreadableFile

WRITE = "metrics:write"
PER_PAGE, SHOWN_REFUSED = 50, 100
State = ImportJob.State


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def imports(request: HttpRequest) -> HttpResponseBase:
    error = ""
    if request.method == "POST":
        file = request.FILES.get("file")
        try:
            if file is None or not file.size:
                raise UnreadableFile("Choose a file that is not empty.")
            return redirect("import", uploads.receive(file, request.user).pk)
        except UnreadableFile as fault:
            error = str(fault)
    page = Paginator(ImportJob.objects.select_related("user").order_by("-pk"), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "monitoring/measurements/imports.html", {"page": page, "error": error}, status=422 if error else 200)


@require_GET
@permission_required(WRITE)
def one(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(ImportJob.objects.select_related("user"), pk=pk)
    if job.state == State.WAITING:
        return _mapping(request, job, Reading.from_json(job.reading))
    part = request.headers.get("HX-Request") == "true"
    refused = job.refused_rows.order_by("row", "pk")[:SHOWN_REFUSED]
    context = {"job": job, "share": _share(job), "refused": refused, "running": job.state == State.RUNNING}
    return render(request, "monitoring/measurements/_progress.html" if part else "monitoring/measurements/import.html", context)


def _share(job: ImportJob) -> int | None:
    """Per cent done; None while nothing can be said. The rows are an estimate until the end."""
    if job.state == State.DONE:
        return 100
    return min(99, 100 * job.position // job.rows) if job.rows else None


@require_POST
@permission_required(WRITE)
def change(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Keeps how the file is read; `start` also starts the import, if the file can be read so."""
    job = get_object_or_404(ImportJob, pk=pk)
    if job.state != State.WAITING:
        return redirect("import", pk)
    try:
        reading = uploads.read_as(job, request.POST)
        uploads.keep_reading(job, reading)
        if "start" not in request.POST:
            return redirect("import", pk)
        _start(job)
    except (WrongReading, UnreadableFile) as fault:
        return _mapping(request, job, Reading.from_json(job.reading), str(fault))
    return redirect("import", pk)


def _start(job: ImportJob) -> None:
    with transaction.atomic():
        if uploads.start(job):
            transaction.on_commit(lambda: tasks.run_import.delay(job.pk))


@require_POST
@permission_required(WRITE)
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(ImportJob, pk=pk)
    if importing.discard(job):
        messages.success(request, f"{job} is discarded.")
    else:
        messages.warning(request, f"{job} is being imported or was already.")
    return redirect("imports")


def _mapping(request: HttpRequest, job: ImportJob, reading: Reading, error: str = "") -> HttpResponse:
    path = importing.path_of(job)
    found = preview(path, reading)
    places = list(enumerate(reading.columns))
    context = {
        "job": job,
        "reading": reading,
        "found": found,
        "error": error or found.error,
        "heads": [(name, _role(reading, place)) for place, name in places],
        "columns": [(str(place), name) for place, name in places],
        "choices": {"date": FORMATS.items(), "delimiter": DELIMITERS.items(), "encoding": ENCODINGS.items()},
        "sheets": [(one, one) for one in rows.sheets(path)] if reading.excel else [],
        "zones": ["UTC", *sorted(available_timezones() - {"UTC"})],
    }
    return render(request, "monitoring/measurements/mapping.html", context, status=422 if error else 200)


def _role(reading: Reading, place: int) -> str:
    """What a column is read as."""
    for role, column in (("time", reading.timestamp), ("VM", reading.vm)):
        if place == column:
            return role
    if reading.layout == "long":
        return "metric" if place == reading.metric else "value" if place == reading.value else ""
    return ("metric" if reading.headings == "metrics" else "VM") + " by heading" if place in reading.values else ""


@require_GET
@permission_required(WRITE)
def report(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The refused rows as CSV; the first 10,000 of a file are kept."""
    job = get_object_or_404(ImportJob, pk=pk)
    found = job.refused_rows.order_by("row", "pk").values_list("row", "column", "reason", "text").iterator()
    answer = StreamingHttpResponse(_lines(found), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="refused-rows-{job.pk}.csv"'
    return answer


class _Echo:
    def write(self, line: str) -> str:
        return line


def _lines(found: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(["row", "column", "reason", "text"])
    for row, column, reason, text in found:
        yield writer.writerow([row, _harmless(column), reason, _harmless(text)])


def _harmless(text: str) -> str:
    """A spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
