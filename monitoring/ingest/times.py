"""Times as senders write them, to int64 milliseconds UTC. Pure."""

import math
from datetime import UTC, datetime
from typing import Any

from monitoring.ingest.errors import Malformed

LAST = 1 << 53  # ms; what lies beyond is no time
# Digits tell the unit: seconds until the year 5138, milliseconds from 1973 on, and so forth.
_BELOW = ((1e11, 1000, 1), (1e14, 1, 1), (1e17, 1, 1000), (math.inf, 1, 1_000_000))


def by_magnitude(number: float) -> int:
    """Seconds, milliseconds, microseconds or nanoseconds since 1970. Raises Malformed."""
    if number - number != 0:
        raise Malformed("timestamp", "the timestamp is not a number")
    for limit, times, over in _BELOW:
        if abs(number) < limit:
            return within(int(number * times // over) if isinstance(number, float) else number * times // over)
    raise Malformed("timestamp", "the timestamp is out of range")


def within(ms: int) -> int:
    if not -LAST < ms < LAST:
        raise Malformed("timestamp", "the timestamp is out of range")
    return ms


def read(value: Any) -> int:
    """A number of any of these units, or a date and time as ISO 8601 writes them (without a zone: UTC). Raises Malformed."""
    if isinstance(value, bool):
        raise Malformed("timestamp", "the timestamp is neither a number nor a date")
    if isinstance(value, int | float):
        return by_magnitude(value)
    try:
        when = datetime.fromisoformat(value)
        return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        raise Malformed("timestamp", "the timestamp is neither a number nor a date") from None
