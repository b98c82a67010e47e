"""Which series match: an index of all of them in this process, kept in step with the table.

New series are found by `seen`, which registration sets; removed ones by the list of forgotten ids, and by counting.
"""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import orjson
from django.db import connection
from django.utils import timezone

from monitoring.store import labels, series
from monitoring.store.database import Row as Fields
from monitoring.store.database import database
from monitoring.store.labels import Labels, Matcher, Row, Selection
from monitoring.store.reader import SeriesRef

REFRESH = 1.0  # seconds until another process's new series are seen here
COUNT = 30.0  # seconds between counts
OVERLAP = timedelta(
    seconds=30
)  # the longest that a registration takes from reading the clock to its commit; a count finds what took longer
PAGE = 20_000  # rows at once
SEEN_LATE = 86_400  # seconds that `seen` may lie behind the last sample: see series.FRESH and series.GENERATION
_FORGOTTEN, _COUNT = -1, -2  # in the place of ids


class _Index:
    """Readers wait for the first load only; afterwards one of them refreshes and the others take what there is."""

    def __init__(self) -> None:
        self.unlock()
        self.forget()

    def unlock(self) -> None:
        self._lock = threading.Lock()

    def forget(self) -> None:
        self._labels: Labels | None = None
        self._read = self._counted = float("-inf")
        self._registered = -1
        self._merged: set[Fields] = set()

    def current(self) -> Labels:
        """Inside a transaction all is read for the occasion: what it wrote itself must be found, and not be remembered."""
        if connection.in_atomic_block:
            return _load()
        if self._is_old() and self._lock.acquire(blocking=self._labels is None):
            try:
                if self._is_old():
                    self._refresh()
            finally:
                self._lock.release()
        return self._labels or Labels()

    def _is_old(self) -> bool:
        return time.monotonic() - self._read > REFRESH or self._registered != series.registered()

    def _refresh(self) -> None:
        began, registered = timezone.now(), series.registered()
        if self._labels is None or not self._follow(self._labels):
            self._forgotten, self._counted = _newest_forgotten(), time.monotonic()
            self._labels = _load()
        self._since, self._registered, self._read = began, registered, time.monotonic()

    def _follow(self, known: Labels) -> bool:
        """False where too much has changed."""
        counting = time.monotonic() - self._counted > COUNT
        rows, forgotten, count = _changes(self._since - OVERLAP, counting)
        if forgotten < self._forgotten:
            return False
        if forgotten > self._forgotten:
            known.remove(_forgotten_since(self._forgotten))
            self._forgotten = forgotten
        _merge(known, rows - self._merged)
        self._merged = rows
        if counting:
            self._counted = time.monotonic()
        return count in (None, len(known.marks))


_index = _Index()
forget = _index.forget
# A forked worker goes on with its parent's index, whoever was refreshing it there.
os.register_at_fork(after_in_child=_index.unlock)


def _merge(known: Labels, rows: set[Fields]) -> None:
    """Rows (id, metric, key, seen)."""
    strange = [sid for sid, _, key, _ in rows if known.marks.get(sid) != _mark(key)]
    if strange:
        known.remove([sid for sid in strange if sid in known.marks])  # the id has been handed out anew
        known.add(_rows(f"id {database().among}", [database().ids(strange)]))
    seen: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for sid, metric, _, at in rows:
        if sid in known.marks:
            seen[metric][sid] = at
    known.seen_again(seen)


def _load() -> Labels:
    found, after = Labels(), -1
    while rows := _rows(f"id > %s ORDER BY id LIMIT {PAGE}", [after]):
        found.add(rows)
        after = rows[-1].sid
    return found


def _rows(condition: str, params: list[object]) -> list[Row]:
    seen = database().seconds.format(column="seen")
    sql = f"SELECT id, metric, CAST(labels AS text), key, {seen} FROM monitoring_series WHERE {condition}"  # noqa: S608
    return [Row(sid, metric, orjson.loads(text), _mark(key), at) for sid, metric, text, key, at in database().read(sql, params)]


def _mark(key: bytes) -> int:
    return int.from_bytes(key[:8])


def _changes(since: datetime, counting: bool) -> tuple[set[Fields], int, int | None]:
    """Of one moment: rows (id, metric, key, seen) of series registered or used since, the newest row of the forgotten ids, and how many
    series there are."""
    seen = database().seconds.format(column="seen")
    sql = (
        f"SELECT id, metric, key, {seen} FROM monitoring_series WHERE seen > %s"  # noqa: S608
        f" UNION ALL SELECT {_FORGOTTEN}, '', NULL, coalesce(max(id), 0) FROM monitoring_forgottenseries"
    )
    if counting:
        sql += f" UNION ALL SELECT {_COUNT}, '', NULL, count(*) FROM monitoring_series"  # noqa: S608
    rows = database().read(sql, [connection.ops.adapt_datetimefield_value(since)])
    numbers = {sid: int(number) for sid, _, _, number in rows if sid < 0}
    return {row for row in rows if row[0] >= 0}, numbers[_FORGOTTEN], numbers.get(_COUNT)


def _newest_forgotten() -> int:
    return int(database().read("SELECT coalesce(max(id), 0) FROM monitoring_forgottenseries")[0][0])


def _forgotten_since(row: int) -> list[int]:
    return [sid for (sid,) in database().read("SELECT sid FROM monitoring_forgottenseries WHERE id > %s", [row])]


# -- what rooms ask --------------------------------------------------------------------------------------------------------
def select(matchers: Sequence[Matcher] = (), since: int | None = None) -> Iterator[Selection]:
    """Series that all matchers accept, metric by metric. With `since`, ms, without those nobody has written from then on."""
    return _index.current().select(matchers, None if since is None else since // 1000 - SEEN_LATE)


def find(matchers: Sequence[Matcher] = ()) -> list[SeriesRef]:
    """The same as references, with the resources they belong to at this moment."""
    refs = [
        SeriesRef(sid, one.table.metric, text, None) for one in select(matchers) for sid, text in zip(one.sids(), one.labels(), strict=True)
    ]
    owners: dict[int, int | None] = {}
    for place in range(0, len(refs), PAGE):
        sids = database().ids(ref.id for ref in refs[place : place + PAGE])
        owners |= database().read(f"SELECT id, resource_id FROM monitoring_series WHERE id {database().among}", [sids])  # noqa: S608
    return [ref._replace(resource_id=owners.get(ref.id)) for ref in refs]


def label_names(matchers: Sequence[Matcher] = (), since: int | None = None) -> list[str]:
    """In order, __name__ among them."""
    return sorted(labels.names(select(matchers, since)))


def label_values(name: str, matchers: Sequence[Matcher] = (), since: int | None = None) -> list[str]:
    return sorted(labels.values(select(matchers, since), name))


def count(matchers: Sequence[Matcher] = ()) -> int:
    return sum(len(one.rows) for one in select(matchers))


def counts(matchers: Sequence[Matcher] = ()) -> dict[str, int]:
    """Series of each metric."""
    return {one.table.metric: len(one.rows) for one in select(matchers)}


def cardinality(matchers: Sequence[Matcher] = ()) -> dict[str, int]:
    """How many values each label has among these series; of __name__, how many metrics there are."""
    return labels.cardinality(select(matchers))
