"""Times as files write them."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from zoneinfo import ZoneInfo

FORMATS = {
    "iso": "2026-11-20T14:30:00Z (ISO 8601)",
    "ymd": "2026/11/20 14:30",
    "dmy": "20.11.2026 14:30 (day first)",
    "mdy": "11/20/2026 2:30 PM (month first)",
    "epoch_s": "1795185000 (seconds since 1970)",
    "epoch_ms": "1795185000000 (milliseconds since 1970)",
}
_PLACES = {"ymd": (1, 2, 3), "dmy": (3, 2, 1), "mdy": (3, 1, 2)}  # of year, month and day among the three numbers
_NUMERIC = re.compile(
    r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp])?\.?(?:[Mm]\.?)?)?"
)
_EPOCH = re.compile(r"\d{9,14}(\.\d+)?")
Parse = Callable[[str], int]  # ms; raises ValueError


def parser(form: str, zone: str) -> Parse:
    """How texts of this form become ms UTC. What names no zone is of `zone`."""
    if form == "epoch_s":
        return lambda text: round(float(text) * 1000)
    if form == "epoch_ms":
        return lambda text: round(float(text))
    where = ZoneInfo(zone) if zone != "UTC" else UTC
    return partial(_iso, zone=where) if form == "iso" else partial(_numeric, places=_PLACES[form], zone=where)


def _iso(text: str, zone: tzinfo) -> int:
    return milliseconds(datetime.fromisoformat(text), zone)


def milliseconds(found: datetime | date, zone: tzinfo) -> int:
    """ms of what a spreadsheet or a text holds. Raises ValueError."""
    moment = found if isinstance(found, datetime) else datetime(found.year, found.month, found.day)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return round(moment.timestamp() * 1000)
    except OverflowError as fault:
        raise ValueError(str(fault)) from None


def _numeric(text: str, places: tuple[int, int, int], zone: tzinfo) -> int:
    match = _NUMERIC.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, month, day = (int(match[place]) for place in places)
    hour, minute, second = (int(match[place] or 0) for place in (4, 5, 6))
    if match[8]:
        hour = hour % 12 + (12 if match[8] in "Pp" else 0)
    micro = int((match[7] or "0").ljust(6, "0")[:6])
    return milliseconds(datetime(year + 2000 if year < 100 else year, month, day, hour, minute, second, micro), zone)


def fitting(texts: Iterable[str]) -> list[str]:
    """The formats that read most of these texts, the likeliest first. More than one: day and month cannot be told apart."""
    given = [text.strip() for text in texts if text.strip()]
    if not given:
        return []
    if _share(given, _EPOCH.fullmatch) > 0.9:
        return ["epoch_ms" if len(given[0].partition(".")[0]) >= 12 else "epoch_s"]
    if _share(given, partial(_reads, parser("iso", "UTC"))) > 0.9 and not all(text.isdecimal() for text in given):
        return ["iso"]
    shares = {form: _share(given, partial(_reads, parser(form, "UTC"))) for form in _PLACES}
    best = max(shares.values())
    return [form for form in ("ymd", "dmy", "mdy") if shares[form] == best] if best > 0.7 else []


def _share(texts: list[str], fits: Callable[[str], object]) -> float:
    return sum(bool(fits(text)) for text in texts) / len(texts)


def _reads(parse: Parse, text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True
