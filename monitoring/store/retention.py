"""How long a metric is kept."""

import time
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from django.conf import settings

from monitoring.store.models import RetentionOverride
from monitoring.store.windows import DAY

REMEMBER = 30.0  # seconds until another process's change is noticed


class Retention(NamedTuple):
    """Milliseconds."""

    raw: int
    rollup: int


Promise = Callable[[], Mapping[int, int]]
_promises: list[Promise] = []


def promise(kept: Promise) -> None:
    """A room to the right keeps the raw samples of its series at least so long: series id -> milliseconds."""
    _promises.append(kept)


def promised() -> dict[int, int]:
    found: dict[int, int] = {}
    for kept in _promises:
        found |= {sid: max(span, found.get(sid, 0)) for sid, span in kept().items()}
    return found


class _Overrides:
    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._read = float("-inf")
        self._rows: list[RetentionOverride] = []

    def rows(self) -> list[RetentionOverride]:
        """The longest pattern first: it is the most particular."""
        if time.monotonic() - self._read > REMEMBER:
            self._rows = sorted(RetentionOverride.objects.all(), key=lambda row: (-len(row.pattern), row.pattern))
            self._read = time.monotonic()
        return self._rows


_overrides = _Overrides()
forget = _overrides.forget


def overridden() -> bool:
    return bool(_overrides.rows())


def default() -> Retention:
    return Retention(int(settings.RAW_RETENTION_DAYS * DAY), int(settings.ROLLUP_RETENTION_DAYS * DAY))


def of(metric: str) -> Retention:
    raw, rollup = default()
    for row in _overrides.rows():
        if fnmatchcase(metric, row.pattern):
            return Retention(
                raw if row.raw_days is None else int(row.raw_days * DAY),
                rollup if row.rollup_days is None else int(row.rollup_days * DAY),
            )
    return Retention(raw, rollup)
