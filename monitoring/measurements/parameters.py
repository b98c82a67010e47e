"""What a query says: names, a range, limits. Every refusal is DRF's ValidationError with one sentence."""

import re
from collections.abc import Sequence

from django.http import QueryDict
from rest_framework.exceptions import NotFound, ValidationError

from monitoring.measurements import catalogue, facts
from monitoring.measurements.facts import Pair, Refused
from monitoring.measurements.models import FactSeries
from monitoring.measurements.read import Cursor, Span, Wanted
from monitoring.store.windows import DAY, HOUR, MINUTE, floor, now_ms

USUAL_ROWS, MOST_ROWS = 5_000, 10_000
USUAL_HOURS, MOST_HOURS = 24, 720
USUAL_MINUTES, MOST_MINUTES = 30, 1440
VM, METRIC = ("vm", "vm_name", "host"), ("metric", "metric_name")
START, END = ("start", "start_date", "from"), ("end", "end_date", "to")
MINUTES, DAYS = ("interval", "interval_minutes"), ("days", "days_to_keep", "older_than_days")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,9})?")
_LOST_PLUS = re.compile(r" (?=\d\d:?\d\d$)")  # a + in an address means a space


def given(query: QueryDict, names: Sequence[str]) -> tuple[str, str] | None:
    """(name, text) of the first alias that is there."""
    return next(((name, str(query[name])) for name in names if name in query), None)


def wanted(query: QueryDict, after: Cursor | None = None) -> Wanted:
    """404 for a VM or a metric without facts. `after` leaves out series that come before it."""
    vm, metric = name(query, VM), name(query, METRIC)
    found = catalogue.rows(vm, metric, after.pair if after else None).values_list("series_id", "vm", "metric")
    series = {sid: Pair(of, named) for sid, of, named in found}
    if not series:
        known(vm, metric)
    return Wanted(vm, metric, series)


def remembered(query: QueryDict) -> Wanted | None:
    """The same for one VM and one metric, without asking the database again; None where that is not what is asked."""
    vm, metric = name(query, VM), name(query, METRIC)
    if vm is None or metric is None:
        return None
    sid = catalogue.sid_of(Pair(vm, metric))
    return Wanted(vm, metric, {sid: Pair(vm, metric)}) if sid is not None else None


def known(vm: str | None, metric: str | None) -> None:
    """404 for a VM or a metric without facts."""
    if vm is not None and not FactSeries.objects.filter(vm=vm).exists():
        raise NotFound(f"There are no facts of VM {vm[:80]}.")
    if metric is not None and not catalogue.rows(vm, metric).exists():
        of_vm = f" of VM {vm[:80]}" if vm is not None else ""
        raise NotFound(f"There are no facts of metric {metric[:80]}{of_vm}.")


def name(query: QueryDict, aliases: Sequence[str]) -> str | None:
    found = given(query, aliases)
    return None if found is None else checked_name(aliases[0], found[1])


def checked_name(field: str, text: str) -> str:
    try:
        return facts.name(field, text)
    except Refused as refusal:
        raise ValidationError({field: refusal.sentence}) from None


def span(query: QueryDict, usual: int | None = None) -> Span:
    """The range, both ends included, as [a, b). Without a start: `usual` ms before the end, or whatever there is."""
    now = now_ms()
    start, end = moment(query, START, now), moment(query, END, now)
    if end is None:
        end = now
    if start is None:
        start = 0 if usual is None else end - usual
    if start >= end:
        raise ValidationError({"start": "start must lie before end."})
    return Span(start, end + 1)


def spaced(query: QueryDict, minutes: int) -> Span:
    """The range in which intervals are counted: a day unless it says otherwise, never into the future, end not included."""
    found = span(query, DAY)
    a = found.a if given(query, START) else floor(found.a, minutes * MINUTE)
    b = min(found.b - 1, now_ms())
    if a >= b:
        raise ValidationError({"start": "The range begins in the future."})
    return Span(a, b)


def moment(query: QueryDict, aliases: Sequence[str], now: int) -> int | None:
    found = given(query, aliases)
    if found is None:
        return None
    field, text = found[0], found[1].strip()
    if text == "now":
        return now
    try:
        t = facts.epoch(field, float(text)) if _NUMBER.fullmatch(text) else facts.moment(field, _LOST_PLUS.sub("+", text))
    except Refused as refusal:
        raise ValidationError({field: refusal.sentence}) from None
    if not 0 <= t < 1 << 42:
        raise ValidationError({field: f"{field} lies outside the years 1970 to 2109."})
    return t


def whole(query: QueryDict, aliases: Sequence[str], usual: int, most: int, least: int = 1) -> int:
    found = given(query, aliases)
    if found is None:
        return usual
    field, text = found
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise ValidationError({field: f"{field} must be a whole number from {least:,} to {most:,}."})
    return int(text)


def limit(query: QueryDict) -> int:
    return whole(query, ("limit",), USUAL_ROWS, MOST_ROWS)


def since(query: QueryDict) -> int:
    return now_ms() - whole(query, ("hours",), USUAL_HOURS, MOST_HOURS) * HOUR


def cursor(query: QueryDict) -> Cursor | None:
    text = str(query.get("cursor", ""))
    if not text:
        return None
    found = Cursor.parse(text) if text.isascii() else None
    if found is None:
        raise ValidationError({"cursor": "This cursor was not given out here; start again without it."})
    return found
