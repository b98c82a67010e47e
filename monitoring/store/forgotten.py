"""Ids of series that were forgotten: a process that still knows one must not write to it, and nobody is given it again."""

import threading

import numpy as np

from monitoring.store.batch import Ids
from monitoring.store.database import Row, database
from monitoring.store.errors import Forgotten
from monitoring.store.models import ForgottenSeries


class _Known:
    """The forgotten ids as of the table's newest row, which is read with every flush."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: list[Row] = []
        self._sids = np.empty(0, np.int32)

    def sids(self) -> Ids:
        # With its time: an id may come a second time after a rollback.
        newest = database().read("SELECT id, since FROM monitoring_forgottenseries ORDER BY id DESC LIMIT 1")
        with self._lock:
            if newest != self._newest:
                self._sids = np.fromiter(ForgottenSeries.objects.values_list("sid", flat=True), np.int32)
                self._newest = newest
            return self._sids

    def newest(self) -> tuple[Row | None, Ids]:
        """The newest row this process has seen, and the ids as of then."""
        with self._lock:
            return (self._newest[0] if self._newest else None), self._sids


_known = _Known()


def newest_before(sid: Ids) -> tuple[bool, Row | None]:
    """Whether none of these is forgotten as far as this process has heard, and (id, since) of the newest that it has heard of."""
    newest, gone = _known.newest()
    return not _among(sid, gone), newest


def refuse(sid: Ids) -> None:
    """Raises Forgotten when samples are about to be written to a series that is gone. Part of the flush's transaction."""
    if _among(sid, _known.sids()):
        raise Forgotten


def _among(sid: Ids, gone: Ids) -> bool:
    return bool(len(gone) and np.isin(sid, gone).any())
