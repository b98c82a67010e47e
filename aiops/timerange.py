"""The page's one clock: `?range=now-3h`, or `?from=&to=` in milliseconds or ISO 8601."""

import re
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime

UNITS = {"s": ("second", 1), "m": ("minute", 60), "h": ("hour", 3600), "d": ("day", 86400), "w": ("week", 604800)}
PRESETS = ("now-5m", "now-15m", "now-1h", "now-3h", "now-12h", "now-24h", "now-7d", "now-30d")
DEFAULT = "now-1h"
SHORTEST_MS, LONGEST_MS = 1000, 400 * 86_400_000
_RELATIVE = re.compile(r"now-(\d{1,6})([smhdw])")


@dataclass(frozen=True)
class TimeRange:
    """Half-open [start_ms, end_ms). `live`: its end moves with the clock."""

    start_ms: int
    end_ms: int
    label: str
    relative: str | None
    live: bool

    @property
    def span_ms(self) -> int:
        return self.end_ms - self.start_ms

    @property
    def start(self) -> datetime:
        return datetime.fromtimestamp(self.start_ms / 1000, UTC)

    @property
    def end(self) -> datetime:
        return datetime.fromtimestamp(self.end_ms / 1000, UTC)

    @property
    def query(self) -> str:
        return urlencode({"range": self.relative} if self.relative else {"from": self.start_ms, "to": self.end_ms})

    @property
    def earlier(self) -> "TimeRange":
        return absolute(self.start_ms - self.span_ms // 2, self.end_ms - self.span_ms // 2)

    @property
    def later(self) -> "TimeRange | None":
        """None where it would look into the future only."""
        if self.live:
            return None
        end = min(self.end_ms + self.span_ms // 2, now_ms())
        return absolute(end - self.span_ms, end) if end - self.end_ms > 1000 else None

    @property
    def wider(self) -> "TimeRange | None":
        if self.span_ms * 2 > LONGEST_MS:
            return None
        end = min(self.end_ms + self.span_ms // 2, now_ms())
        return absolute(end - self.span_ms * 2, end)

    @property
    def presets(self) -> list[tuple[str, str]]:
        return [(preset, label_of(preset)) for preset in PRESETS]


def now_ms() -> int:
    return int(time.time() * 1000)


def label_of(relative: str) -> str:
    count, unit = _split(relative)
    name = UNITS[unit][0]
    return f"Last {count} {name}s" if count != 1 else f"Last {name}"


def absolute(start_ms: int, end_ms: int) -> TimeRange:
    return TimeRange(start_ms, end_ms, _label(start_ms, end_ms), None, False)


def from_request(request: HttpRequest, default: str = DEFAULT) -> TimeRange:
    return from_query(request.GET, default)


def from_query(query: QueryDict, default: str = DEFAULT) -> TimeRange:
    """Raises BadRequest with one sentence that says what to write."""
    start, end = query.get("from", "").strip(), query.get("to", "").strip()
    now = now_ms()
    if not start and not end:
        return _checked(_relative(query.get("range", "").strip() or default, now), now)
    if not start:
        raise BadRequest("to was given without from; give both, or range=now-3h.")
    found = absolute(_moment("from", start, now), _moment("to", end, now) if end else now)
    if start.startswith("now-") and end in {"", "now"}:
        found = replace(found, label=label_of(start), relative=start, live=True)
    return _checked(found, now)


def covering(since: datetime) -> str:
    """The default for something that began at `since`: short while it is young, so that its first minutes can be seen."""
    age = now_ms() - since.timestamp() * 1000
    return next((preset for preset in PRESETS[:2] if age < _length_ms(preset)), DEFAULT)


def _relative(text: str, now: int) -> TimeRange:
    return TimeRange(now - _length_ms(text), now, label_of(text), text, True)


def _split(text: str) -> tuple[int, str]:
    match = _RELATIVE.fullmatch(text)
    if not match:
        raise BadRequest(f"{text[:40]!r} is not a time range; write for example now-15m, now-3h or now-7d.")
    return int(match[1]), match[2]


def _length_ms(text: str) -> int:
    count, unit = _split(text)
    return count * UNITS[unit][1] * 1000


def _moment(name: str, text: str, now: int) -> int:
    if text == "now":
        return now
    if text.startswith("now-"):
        return now - _length_ms(text)
    if text.isdecimal() and len(text) <= 15:
        return int(text)
    try:
        moment = parse_datetime(text)
        if moment is not None:
            aware = moment if moment.tzinfo else timezone.make_aware(moment)
            return int(aware.timestamp() * 1000)
    except (ValueError, OverflowError):
        pass
    raise BadRequest(f"{name} is not a time: {text[:40]!r}; write milliseconds or for example 2026-11-20T14:30.")


def _checked(found: TimeRange, now: int) -> TimeRange:
    if found.span_ms < SHORTEST_MS:
        raise BadRequest("The time range is empty; from must lie at least one second before to.")
    if found.span_ms > LONGEST_MS:
        raise BadRequest("The time range is longer than 400 days; choose a shorter one.")
    if found.start_ms > now:
        raise BadRequest("The time range begins in the future; from must lie before now.")
    return found


def _label(start_ms: int, end_ms: int) -> str:
    try:
        start, end = (timezone.localtime(datetime.fromtimestamp(ms / 1000, UTC)) for ms in (start_ms, end_ms))
    except (ValueError, OverflowError, OSError):
        raise BadRequest("The time range lies outside the calendar.") from None
    clock = "%H:%M:%S" if end_ms - start_ms < 600_000 else "%H:%M"
    day = "%-d %b" if start.year == end.year == timezone.localtime().year else "%-d %b %Y"
    if start.date() == end.date():
        return f"{start.strftime(day)} {start.strftime(clock)}–{end.strftime(clock)}"
    return f"{start.strftime(day + ' ' + clock)} – {end.strftime(day + ' ' + clock)}"
