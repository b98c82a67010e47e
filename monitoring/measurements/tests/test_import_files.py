"""Files: recognised, converted, imported once, gone on with after an interruption."""

import csv
import gzip
import io
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry
from monitoring.measurements import importing, rows
from monitoring.measurements.dates import fitting, parser
from monitoring.measurements.models import FactSeries, ImportJob, RefusedRow
from monitoring.measurements.recognise import ambiguous, recognise, sampled
from monitoring.measurements.rows import UnreadableFile
from monitoring.store import StoreUnavailable, reader
from monitoring.store.windows import DAY, HOUR, MINUTE, now_ms

LONG = "vm,timestamp,metric,value\n"
PLACES = ("vm", "timestamp", "metric", "value")


@pytest.fixture
def file(tmp_path):
    def write(content, name="facts.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def moment(t, form="%Y-%m-%d %H:%M:%S"):
    return datetime.fromtimestamp(t / 1000, UTC).strftime(form)


def long_rows(start, count, form="%Y-%m-%d %H:%M:%S"):
    return "".join(f"vm-{n % 3},{moment(start + n // 3 * MINUTE, form)},cpu,{n % 100}\n" for n in range(count))


def kept():
    known = {sid: (vm, metric) for sid, vm, metric in FactSeries.objects.values_list("series_id", "vm", "metric")}
    found = reader.raw_many(list(known), 0, now_ms())
    return {(*known[sid], at): value for sid, (t, v) in found.items() for at, value in zip(t.tolist(), v.tolist(), strict=True)}


# -- recognising ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LONG + "a,2026-11-01T10:00:00Z,cpu,1.5\n", {"layout": "long", "vm": 0, "timestamp": 1, "metric": 2, "value": 3, "date": "iso"}),
        (
            "Host;Zeit;cpu;mem\na;20.11.2026 10:00;1,5;2\n",
            {"layout": "wide", "delimiter": ";", "date": "dmy", "decimal": ",", "values": (2, 3)},
        ),
        (
            "timestamp\tvm-1\tvm-2\n1795185000\t1\t2\n",
            {"layout": "wide", "delimiter": "\t", "headings": "vms", "vm": None, "date": "epoch_s"},
        ),
        ("a|1795185000123|cpu|5\nb|1795185000124|cpu|6\n", {"header": False, "delimiter": "|", "vm": 0, "metric": 2, "date": "epoch_ms"}),
        ("time,name,usage\n11/20/2026 2:30 PM,a,5\n", {"layout": "long", "vm": 1, "metric": None, "value": 2, "date": "mdy"}),
        ("Date,Server,Counter,Reading\n2026/11/20 14:30,a,cpu,5\n", {"vm": 1, "metric": 2, "value": 3, "date": "ymd"}),
        ("\ufeffvm,ts,metric,value\nä,2026-11-20,cpu,5\n", {"encoding": "utf-8-sig", "columns": ("vm", "ts", "metric", "value")}),
    ],
)
def test_a_file_is_recognised(text, expected, file):
    found = recognise(file(text)).to_json()
    assert {name: found[name] for name in expected} == expected


def test_other_encodings_and_gzip_are_recognised(file):
    text = LONG + "büro,2026-11-01T10:00:00Z,cpu,1\n"
    assert recognise(file(text.encode("cp1252"))).encoding == "cp1252"
    utf16 = file(text.encode("utf-16"))
    assert [cells[0] for _n, cells in rows.read(utf16, recognise(utf16))] == ["büro"]
    packed = file(gzip.compress(text.encode()))
    assert [cells[0] for _n, cells in rows.read(packed, recognise(packed))] == ["büro"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x00\x01\x02", b"\x1f\x8bbroken", b"PK\x03\x04broken", b"\xd0\xcf\x11\xe0broken"])
def test_what_is_no_table_is_refused_with_a_sentence(content, file):
    with pytest.raises(UnreadableFile):
        recognise(file(content))


def test_day_and_month_that_could_be_swapped_are_noticed(file):
    path = file("vm,time,metric,value\na,03/04/2026 10:00,cpu,1\n")
    assert ambiguous(recognise(path), sampled(path, recognise(path)))
    clear = file("vm,time,metric,value\na,03/04/2026 10:00,cpu,1\na,03/24/2026 10:00,cpu,1\n")
    assert recognise(clear).date == "mdy"
    assert not ambiguous(recognise(clear), sampled(clear, recognise(clear)))


@pytest.mark.parametrize(
    ("form", "text", "iso"),
    [
        ("iso", "2026-11-20T14:30:00+02:00", "2026-11-20T12:30:00"),
        ("dmy", "20.11.26 14:30", "2026-11-20T14:30:00"),
        ("dmy", "20/11/2026", "2026-11-20T00:00:00"),
        ("mdy", "11/20/2026 12:05 AM", "2026-11-20T00:05:00"),
        ("mdy", "11/20/2026 12:05:09.5 p.m.", "2026-11-20T12:05:09.500"),
        ("ymd", "2026-11-20, 01:02:03", "2026-11-20T01:02:03"),
        ("epoch_s", "1795185000.25", "2026-11-20T14:30:00.250"),
    ],
)
def test_times_are_read_as_they_are_written(form, text, iso):
    assert parser(form, "UTC")(text) == round(datetime.fromisoformat(iso).replace(tzinfo=UTC).timestamp() * 1000)


def test_a_time_without_a_zone_is_of_the_zone_that_was_chosen():
    assert parser("iso", "Europe/Berlin")("2026-07-01T12:00") == parser("iso", "UTC")("2026-07-01T10:00")
    assert fitting(["20.11.2026 10:00", "x", "", "21.11.2026"]) == []


# -- importing -----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_long_file_is_imported_once(file, midnight, capsys):
    path = file(LONG + long_rows(midnight, 90))
    call_command("import_facts", str(path))
    assert len(kept()) == 90
    assert kept()["vm-1", "cpu", midnight + MINUTE] == 4.0
    call_command("import_facts", str(path))
    first, second = ImportJob.objects.order_by("pk")
    assert (first.state, first.created, first.skipped) == ("done", 90, 0)
    assert (second.created, second.skipped) == (0, 90)
    assert len(kept()) == 90
    assert AuditEntry.objects.filter(action="facts.imported").count() == 2


@pytest.mark.django_db
def test_a_wide_file_has_a_fact_for_each_filled_cell(file, midnight):
    at = moment(midnight, "%d.%m.%Y %H:%M")
    call_command("import_facts", str(file(f"host;zeit;cpu;mem\na;{at};12,5;50 %\nb;{at};;7\n")))
    assert kept() == {("a", "cpu", midnight): 12.5, ("a", "mem", midnight): 50.0, ("b", "mem", midnight): 7.0}
    assert ImportJob.objects.get().refused == 0


@pytest.mark.django_db
def test_columns_may_be_vms(file, midnight):
    path = file(f"timestamp,vm-1,vm-2\n{moment(midnight)},1,2\n")
    with pytest.raises(CommandError):
        call_command("import_facts", str(path))
    call_command("import_facts", str(path), "--metric-name", "cpu")
    assert kept() == {("vm-1", "cpu", midnight): 1.0, ("vm-2", "cpu", midnight): 2.0}


@pytest.mark.django_db
def test_a_spreadsheet_with_real_dates(tmp_path, midnight):
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "empty"
    sheet = book.create_sheet("data")
    sheet.append(["vm", "when", "cpu", "mem"])
    for hour in range(3):
        sheet.append(["a", datetime.fromtimestamp((midnight + hour * HOUR) / 1000, UTC).replace(tzinfo=None), hour * 10, 0.5])
    book.save(tmp_path / "facts.xlsx")
    call_command("import_facts", str(tmp_path / "facts.xlsx"))
    assert kept()["a", "cpu", midnight + 2 * HOUR] == 20.0
    assert len(kept()) == 6


BAD = [
    ("x,{now},cpu,101", "value out of range"),
    ("x,{now},cpu,", "value is missing"),
    ("x,{now},cpu,abc", "not a number"),
    ("x,{now},cpu,nan", "not a number"),
    ("x,soon,cpu,5", "not a time"),
    ("x,{later},cpu,5", "in the future"),
    ("x,2001-01-01 00:00:00,cpu,5", "too old"),
    (" ,{now},cpu,5", "empty vm"),
    ("x,{now},,5", "empty metric"),
    ("x,{now}", "value is missing"),
]


@pytest.mark.django_db
def test_a_row_that_cannot_be_kept_is_reported_and_the_others_are_kept(file, midnight):
    good = f"a,{moment(midnight)},cpu,5"
    lines = [row.format(now=moment(midnight), later=moment(now_ms() + DAY)) for row, _reason in BAD]
    call_command("import_facts", str(file(LONG + "\n".join([good, *lines, "", good.replace("a,", "b,")]) + "\n")))
    assert len(kept()) == 2
    job = ImportJob.objects.get()
    assert (job.created, job.refused) == (2, len(BAD))
    assert list(RefusedRow.objects.order_by("row").values_list("row", "reason")) == [
        (row, reason) for row, (_t, reason) in enumerate(BAD, 3)
    ]
    assert sum(job.reasons.values()) == len(BAD)


@pytest.mark.django_db
def test_a_fact_that_comes_twice_in_a_file_is_kept_once_and_counted(file, midnight):
    row = f"a,{moment(midnight)},cpu,"
    call_command("import_facts", str(file(f"{LONG}{row}1\n{row}2\n")))
    assert (kept(), ImportJob.objects.get().skipped) == ({("a", "cpu", midnight): 1.0}, 1)


@pytest.mark.django_db
def test_an_import_that_was_cut_off_goes_on_where_it_was(file, midnight, monkeypatch):
    monkeypatch.setattr(importing, "PORTION", 10)
    path = file(LONG + long_rows(midnight, 95))
    write, calls = importing.create.many, []

    def fails_at_the_fourth(columns):
        calls.append(len(columns))
        if len(calls) == 4:
            raise StoreUnavailable("gone")
        return write(columns)

    monkeypatch.setattr(importing.create, "many", fails_at_the_fourth)
    with pytest.raises(StoreUnavailable):
        call_command("import_facts", str(path))
    job = ImportJob.objects.get()
    assert (job.state, job.position, job.created, len(kept())) == ("running", 30, 30, 30)
    call_command("import_facts", str(path))
    job.refresh_from_db()
    assert (job.state, job.position, job.created, job.skipped) == ("done", 95, 95, 0)
    assert sum(calls) - 10 == 95, "nothing is read twice"
    assert len(kept()) == 95


@pytest.mark.django_db
def test_of_two_workers_on_one_job_the_slower_stops(file, midnight, monkeypatch):
    monkeypatch.setattr(importing, "PORTION", 10)
    path = file(LONG + long_rows(midnight, 40))
    job = ImportJob.objects.create(name="x", path=str(path), state="running", reading=recognise(path).to_json())

    def interfere(_job):
        importing.run(job.pk)

    importing.run(job.pk, interfere)
    job.refresh_from_db()
    assert (job.state, job.position, job.created, job.skipped) == ("done", 40, 40, 0)


@pytest.mark.django_db
def test_a_file_that_ends_too_early_keeps_what_was_read(file, midnight, monkeypatch):
    monkeypatch.setattr(importing, "PORTION", 10_000)
    start = midnight - 30 * DAY
    text = LONG + "".join(f"vm-{n % 9},{moment(start + n // 9 * 1000)},cpu,{n * 7919 % 100}\n" for n in range(60_000))
    packed = gzip.compress(text.encode())
    with pytest.raises(CommandError):
        call_command("import_facts", str(file(packed[: len(packed) * 3 // 4], "facts.csv.gz")))
    job = ImportJob.objects.get()
    assert job.state == "failed"
    assert job.created == job.position == len(kept()) > 10_000


@pytest.mark.django_db
def test_the_report_can_be_read_back(file, midnight, operator, client_of):
    call_command("import_facts", str(file(f"{LONG}=cmd,{moment(midnight)},cpu,500\n")))
    answer = client_of(operator).get(f"/imports/{ImportJob.objects.get().pk}/refused.csv")
    found = list(csv.reader(io.StringIO(answer.getvalue().decode())))
    assert found == [["row", "column", "reason", "text"], ["2", "value", "value out of range", "500"]]
