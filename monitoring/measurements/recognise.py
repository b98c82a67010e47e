"""Recognises how a file of facts is written, from its first rows."""

import csv
import io
from collections import Counter
from itertools import islice
from pathlib import Path

from monitoring.measurements import dates, rows
from monitoring.measurements.reading import DELIMITERS, LONG, METRICS, VMS, WIDE, Reading
from monitoring.measurements.rows import Cells, UnreadableFile

SAMPLE = 100  # rows
NAMES = {
    "timestamp": ("timestamp", "time", "datetime", "date", "ts", "date_time", "datum", "zeit", "time_stamp", "collected_at", "created_at"),
    "vm": ("vm", "vm_name", "vmname", "host", "hostname", "host_name", "server", "machine", "instance", "node", "name", "entity"),
    "metric": ("metric", "metric_name", "metricname", "counter", "measure", "item", "parameter", "kpi"),
    "value": ("value", "val", "reading", "metric_value", "usage", "percent", "avg", "average"),
}


def recognise(path: Path) -> Reading:
    """What is most likely; what could not be found is None for a person to choose. Raises UnreadableFile."""
    if rows.is_excel(path):
        form, sample = _excel(path)
    else:
        form, sample = _csv(path)
    if not sample:
        raise UnreadableFile("The file is empty.")
    return with_columns(form, sample)


def _excel(path: Path) -> tuple[Reading, list[Cells]]:
    """The first sheet that holds something."""
    for sheet in rows.sheets(path):
        form = Reading(excel=True, sheet=sheet, header=False)
        if sample := sampled(path, form):
            return form, sample
    raise UnreadableFile("The workbook is empty.")


def _csv(path: Path) -> tuple[Reading, list[Cells]]:
    start = rows.head(path)
    if b"\0" in start and not start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableFile("The file is neither CSV nor a spreadsheet.")
    encoding = _encoding(start)
    text = start.decode(encoding, errors="replace")
    form = Reading(encoding=encoding, delimiter=_delimiter(text), header=False)
    return form, sampled(path, form)


def sampled(path: Path, form: Reading) -> list[Cells]:
    """The first rows that hold something, the header among them."""
    bare = Reading.from_json(form.to_json() | {"header": False})
    return [cells for _number, cells in islice(rows.read(path, bare), SAMPLE) if any(_text(cell) for cell in cells)]


def _encoding(start: bytes) -> str:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        start[: start.rfind(b"\n") + 1 or None].decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _delimiter(text: str) -> str:
    """The one that cuts the first lines into the same number of columns, and into most."""
    lines = text.splitlines()[:50]
    return max(DELIMITERS, key=lambda delimiter: _evenness(lines, delimiter))


def _evenness(lines: list[str], delimiter: str) -> tuple[float, int]:
    try:
        widths = Counter(len(cells) for cells in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter) if cells)
    except csv.Error:
        return 0.0, 0
    width, count = widths.most_common(1)[0] if widths else (1, 0)
    return (count / widths.total(), width) if width > 1 else (0.0, 0)


def with_columns(form: Reading, sample: list[Cells]) -> Reading:
    """The reading with what its columns mean, from rows that start with the header if there is one."""
    header = not any(_is_number(cell) or _is_time(cell) for cell in sample[0])
    width = max(len(cells) for cells in sample)
    named = [_text(cell) for cell in sample[0]] if header else []
    names = [(named[place] if place < len(named) else "") or f"column {place + 1}" for place in range(width)]
    body = sample[1:] if header else sample
    columns = [[cells[place] for cells in body if place < len(cells)] for place in range(width)]
    return _assigned(Reading.from_json(form.to_json() | {"header": header, "columns": names}), columns)


def _assigned(form: Reading, columns: list[Cells]) -> Reading:
    names = [_plain(name) for name in form.columns]
    time = _named(names, "timestamp", lambda place: bool(_forms(columns[place])))
    if time is None:
        time = next((place for place, cells in enumerate(columns) if _forms(cells)), None)
    numbers = [place for place, cells in enumerate(columns) if place != time and _share_of_numbers(cells) > 0.5]
    texts = [place for place in range(len(columns)) if place != time and place not in numbers and any(map(_text, columns[place]))]
    metric, value = _named(names, "metric", texts.__contains__), _named(names, "value", numbers.__contains__)
    vm = _named([name if place != metric else "" for place, name in enumerate(names)], "vm", texts.__contains__)
    free = [place for place in texts if place not in (vm, metric)]
    if vm is None and free:
        vm = free.pop(0)
    if metric is None and len(numbers) == 1 and free:
        metric = free[0]
    long = len(numbers) == 1 or (metric is not None and value is not None)
    found = {
        "timestamp": time,
        "vm": vm,
        "metric": metric if long else None,
        "value": (value if value is not None else numbers[0]) if long and numbers else None,
        "layout": LONG if long else WIDE,
        "values": [] if long else numbers,
        "headings": METRICS if vm is not None or long else VMS,
        "date": (_forms(columns[time]) or ["iso"])[0] if time is not None else "iso",
        "decimal": _decimal([columns[place] for place in numbers]),
    }
    return Reading.from_json(form.to_json() | found)


def _named(names: list[str], what: str, fits: object) -> int | None:
    assert callable(fits)
    found = (place for name in NAMES[what] for place, given in enumerate(names) if given == name and fits(place))
    return next(found, None)


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _forms(cells: Cells) -> list[str]:
    if any(_is_moment(cell) for cell in cells):
        return ["iso"]  # of a spreadsheet, which knows that it is a time
    return dates.fitting([_text(cell) for cell in cells])


def ambiguous(form: Reading, sample: list[Cells]) -> bool:
    """Whether day and month could be the other way round."""
    place = form.timestamp
    return place is not None and len(_forms([cells[place] for cells in sample[int(form.header) :] if place < len(cells)])) > 1


def _is_moment(cell: object) -> bool:
    return hasattr(cell, "year")


def _is_time(cell: object) -> bool:
    return _is_moment(cell) or (isinstance(cell, str) and bool(dates.fitting([cell])))


def _is_number(cell: object) -> bool:
    if isinstance(cell, (int, float)):
        return not isinstance(cell, bool)
    text = _text(cell).replace(",", ".", 1).rstrip("% \u00a0")
    try:
        float(text)
    except ValueError:
        return False
    return True


def _share_of_numbers(cells: Cells) -> float:
    given = [cell for cell in cells if _text(cell)]
    return sum(map(_is_number, given)) / len(given) if given else 0.0


def _decimal(columns: list[Cells]) -> str:
    texts = [cell for cells in columns for cell in cells if isinstance(cell, str)]
    return "," if sum("," in text for text in texts) > sum("." in text for text in texts) else "."


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()
