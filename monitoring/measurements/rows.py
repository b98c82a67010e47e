"""Rows of a file, CSV (also gzipped) or a spreadsheet, one after the other."""

import csv
import gzip
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from monitoring.measurements.reading import Reading

Cells = list[Any]
GZIP, ZIP, OLE = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
LONGEST_CELL = 10_000  # characters


class UnreadableFile(ValueError):
    """One sentence."""


def is_excel(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in (ZIP, OLE)


def opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]


def head(path: Path, size: int = 256 * 1024) -> bytes:
    try:
        with opened(path) as file:
            return file.read(size)
    except (OSError, EOFError) as fault:
        raise UnreadableFile(f"The file cannot be unpacked: {fault}.") from None


def sheets(path: Path) -> list[str]:
    """Names of a workbook's sheets."""
    names: list[str] = _workbook(path).sheet_names
    return names


def _workbook(path: Path) -> Any:
    from python_calamine import CalamineError, load_workbook

    try:
        return load_workbook(str(path))
    except (CalamineError, OSError) as fault:
        raise UnreadableFile(f"The file is no spreadsheet that can be read: {fault}.") from None


def read(path: Path, reading: Reading, skip: int = 0) -> Iterator[tuple[int, Cells]]:
    """(number, cells) of the rows after `skip`; numbers as a spreadsheet counts them, the header is row 1. Raises UnreadableFile."""
    lines = _excel(path, reading.sheet) if reading.excel else _csv(path, reading)
    first = skip + int(reading.header)
    yield from enumerate(islice(lines, first, None), first + 1)


def _excel(path: Path, sheet: str) -> Iterator[Cells]:
    from python_calamine import CalamineError

    book = _workbook(path)
    try:
        found = book.get_sheet_by_name(sheet or book.sheet_names[0])
        yield from found.iter_rows()
    except (CalamineError, IndexError) as fault:
        raise UnreadableFile(f"The sheet cannot be read: {fault}.") from None


def _csv(path: Path, reading: Reading) -> Iterator[Cells]:
    csv.field_size_limit(LONGEST_CELL)
    with opened(path) as file:
        text = io.TextIOWrapper(file, reading.encoding, errors="replace", newline="")
        rows = csv.reader(text, delimiter=reading.delimiter)
        try:
            yield from rows
        except csv.Error as fault:
            raise UnreadableFile(f"Line {rows.line_num} cannot be read: {fault}.") from None
        except (OSError, EOFError) as fault:
            raise UnreadableFile(f"The file ends too early: {fault}.") from None
