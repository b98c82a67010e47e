"""Bodies with facts: bytes in, facts out, no database."""

from collections.abc import Sequence
from typing import Any

import msgspec

from monitoring.measurements import facts
from monitoring.measurements.facts import Fact, Refused

MOST = 10_000  # facts in one body
_UNSET = msgspec.UNSET
_Text = str | msgspec.UnsetType
_NAMES = {"vm": ("vm", "vm_name", "host"), "metric": ("metric", "metric_name"), "timestamp": ("timestamp", "ts"), "value": ("value",)}


class Unreadable(ValueError):
    """The body as a whole; one sentence."""


class TooMany(ValueError):
    pass


class Given(msgspec.Struct):
    """A fact as it is sent: each field under its own name or an alias."""

    vm: _Text = _UNSET
    vm_name: _Text = _UNSET
    host: _Text = _UNSET
    metric: _Text = _UNSET
    metric_name: _Text = _UNSET
    timestamp: str | float | msgspec.UnsetType = _UNSET
    ts: str | float | msgspec.UnsetType = _UNSET
    value: float | msgspec.UnsetType = _UNSET

    def fact(self, now: int) -> Fact:
        """Raises Refused."""
        when = self._one("timestamp")
        t = facts.moment("timestamp", when) if isinstance(when, str) else facts.epoch("timestamp", when)
        vm, metric = facts.name("vm", self._one("vm")), facts.name("metric", self._one("metric"))
        return Fact(vm, facts.timely(t, now), metric, facts.value(self._one("value")))

    def _one(self, field: str) -> Any:
        for alias in _NAMES[field]:
            if (found := getattr(self, alias)) is not _UNSET:
                return found
        raise Refused(field, f"{field} is missing.", f"{field} is missing")


class _Wrapped(msgspec.Struct):
    facts: list[msgspec.Raw] | msgspec.UnsetType = _UNSET
    metrics: list[msgspec.Raw] | msgspec.UnsetType = _UNSET
    data: list[msgspec.Raw] | msgspec.UnsetType = _UNSET


_one = msgspec.json.Decoder(Given)
_many = msgspec.json.Decoder(list[Given])
_rows = msgspec.json.Decoder(list[msgspec.Raw] | _Wrapped)


class Row(msgspec.Struct):
    """A row of a batch: its place, and the fact or why it is none."""

    index: int
    fact: Fact | None = None
    refusal: Refused | None = None


def one(body: bytes, now: int) -> Fact:
    """Raises Unreadable or Refused."""
    return _given(body).fact(now)


def batch(body: bytes, now: int) -> list[Row]:
    """Every row by itself: one that is wrong does not spoil the others. Raises Unreadable or TooMany."""
    try:
        given: Sequence[Given | msgspec.Raw] = _many.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        given = _raw(body)
    if not given:
        raise Unreadable("The batch is empty; send a list of facts.")
    if len(given) > MOST:
        raise TooMany(f"The batch has {len(given):,} facts, the most is {MOST:,}.")
    return [_row(index, row, now) for index, row in enumerate(given)]


def _raw(body: bytes) -> list[msgspec.Raw]:
    try:
        found = _rows.decode(body)
    except msgspec.ValidationError:
        raise Unreadable('Send a list of facts, or {"facts": [...]}.') from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
        raise Unreadable(f"The JSON cannot be read: {fault}.") from None
    if isinstance(found, list):
        return found
    lists = [rows for rows in (found.facts, found.metrics, found.data) if not isinstance(rows, msgspec.UnsetType)]
    if not lists:
        raise Unreadable('Send a list of facts, or {"facts": [...]}.')
    return lists[0]


def _row(index: int, given: Given | msgspec.Raw, now: int) -> Row:
    try:
        one = _given(bytes(given)) if isinstance(given, msgspec.Raw) else given
        return Row(index, one.fact(now))
    except Unreadable as fault:
        return Row(index, refusal=Refused("", str(fault)))
    except Refused as refusal:
        return Row(index, refusal=refusal)


def _given(body: bytes) -> Given:
    try:
        return _one.decode(body)
    except msgspec.ValidationError as fault:
        raise Refused(*_wrong_type(str(fault))) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
        raise Unreadable(f"The JSON cannot be read: {fault}.") from None


def _wrong_type(said: str) -> tuple[str, str]:
    """(field, sentence) from msgspec's "Expected `str`, got `int` - at `$.vm`"."""
    what, _, where = said.partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    return field, f"{field}: {what}." if field else f"{what}; send an object with vm, timestamp, metric and value."
