"""How a file of facts is read: what its columns mean. Recognised first, then confirmed or changed by a person."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any
from zoneinfo import available_timezones

import msgspec

from monitoring.measurements.dates import FORMATS

LONG, WIDE = "long", "wide"
METRICS, VMS = "metrics", "vms"
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
ENCODINGS = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}


class WrongReading(ValueError):
    """One sentence that says what to choose."""


@dataclass(frozen=True)
class Reading:
    """Columns are numbered from 0; None = there is no such column.

    Long: a row is one fact, with its metric and value in columns. Wide: each of `values` is a fact of the row, and its heading the
    metric (`headings` = metrics) or the VM (`headings` = vms). What no column holds is `vm_name` or `metric_name` for all rows.
    """

    excel: bool = False
    sheet: str = ""
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    header: bool = True
    layout: str = LONG
    vm: int | None = None
    timestamp: int | None = None
    metric: int | None = None
    value: int | None = None
    values: tuple[int, ...] = ()
    headings: str = METRICS
    vm_name: str = ""
    metric_name: str = ""
    date: str = "iso"
    zone: str = "UTC"
    decimal: str = "."
    columns: tuple[str, ...] = field(default=())  # names, of the header or made up

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Reading":
        """Raises WrongReading."""
        known = {one.name for one in fields(cls)}
        try:
            return msgspec.convert({name: value for name, value in given.items() if name in known}, cls)
        except msgspec.ValidationError as fault:
            raise WrongReading(f"That is no way to read a file: {fault}.") from None

    def check(self) -> None:
        """Raises WrongReading."""
        for wrong, sentence in self._complaints():
            if wrong:
                raise WrongReading(sentence)

    def _complaints(self) -> list[tuple[bool, str]]:
        used = [self.vm, self.timestamp, self.metric, self.value, *self.values]
        beyond = any(place is not None and not 0 <= place < len(self.columns) for place in used)
        long, wide = self.layout == LONG, self.layout == WIDE
        of_vms = wide and self.headings == VMS
        return [
            (beyond, "A column was chosen that the file does not have."),
            (self.timestamp is None, "Choose the column with the time."),
            (self.date not in FORMATS, "Choose how times are written."),
            (self.zone != "UTC" and self.zone not in available_timezones(), "Choose a time zone that exists."),
            (self.delimiter not in DELIMITERS or self.encoding not in ENCODINGS, "Choose how columns are separated."),
            (not (long or wide), "Choose long or wide."),
            (long and self.value is None, "Choose the column with the value."),
            (wide and not self.values, "Choose at least one column with values."),
            (((long and self.metric is None) or of_vms) and not self.metric_name.strip(), "Choose the column with the metric, or name it."),
            (not of_vms and self.vm is None and not self.vm_name.strip(), "Choose the column with the VM, or name it."),
        ]
