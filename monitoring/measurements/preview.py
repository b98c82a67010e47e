"""What would become of the first rows of a file, read in a certain way."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from monitoring.measurements import read, recognise, rows
from monitoring.measurements.convert import Converted, Converter
from monitoring.measurements.reading import Reading, WrongReading
from monitoring.measurements.rows import UnreadableFile
from monitoring.store.windows import now_ms

ROWS, SHOWN = 500, 8


class Shown(NamedTuple):
    vm: str
    when: str
    metric: str
    value: float


@dataclass(frozen=True)
class Preview:
    cells: list[list[str]]  # of the first rows
    rows: int = 0  # that were tried
    good: int = 0
    bad: int = 0
    facts: list[Shown] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    ambiguous: bool = False  # day and month could be the other way round
    error: str = ""


def preview(path: Path, reading: Reading) -> Preview:
    try:
        numbered = list(islice(rows.read(path, reading), ROWS))
    except UnreadableFile as fault:
        return Preview([], error=str(fault))
    cells = [[str(cell) if cell is not None else "" for cell in row] for _number, row in numbered[:SHOWN]]
    try:
        reading.check()
    except WrongReading as fault:
        return Preview(cells, error=str(fault))
    found = Converter(reading).convert(numbered, now_ms())
    reasons = Counter(refusal.reason for refusal in found.refused)
    unsure = reading.date in ("dmy", "mdy") and recognise.ambiguous(reading, [row for _number, row in numbered])
    return Preview(cells, len(numbered), len(found.facts), len(found.refused), _shown(found), dict(reasons), unsure)


def _shown(found: Converted) -> list[Shown]:
    facts = found.facts
    some = zip(facts.index[:SHOWN].tolist(), facts.t[:SHOWN].tolist(), facts.v[:SHOWN].tolist(), strict=True)
    return [Shown(facts.pairs[at].vm, _when(t), facts.pairs[at].metric, value) for at, t, value in some]


def _when(t: int) -> str:
    """UTC, the seconds' fraction only where there is one."""
    return read.moment(t).removesuffix("Z").removesuffix(".000").replace("T", " ")
