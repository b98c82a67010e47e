"""Group commit: many callers' samples in one transaction.

Whoever finds nobody flushing flushes for all that wait, on its own thread and connection; the others sleep until their
samples are committed. There is no thread to start, to lose or to fork.
"""

import threading
import time
from dataclasses import dataclass

from django.db import Error, connection, transaction

from monitoring.store import forgotten
from monitoring.store.database import database
from monitoring.store.errors import Forgotten, StoreUnavailable
from monitoring.store.samples import Samples, concatenate, pack

PERIOD = 1.0  # seconds between the flushes of a busy process
ENOUGH = 1_000  # samples that need not wait: a sender that goes on only when it is answered would send one batch a second


@dataclass(eq=False)
class _Waiting:
    samples: Samples
    done: bool = False
    fault: BaseException | None = None


def flush(parts: list[Samples]) -> None:
    """One transaction. Raises django.db.Error, or Forgotten."""
    samples = concatenate(parts)
    rows = pack(samples)
    if not connection.in_atomic_block:
        free, newest = forgotten.newest_before(samples.sid)
        if free and database().insert_hot(rows, newest):
            return
    with transaction.atomic():
        forgotten.refuse(samples.sid)
        database().insert("monitoring_hot", rows)


def _flush_on_a_sound_connection(parts: list[Samples]) -> None:
    """A long-lived thread may hold a connection the server has dropped: that one is replaced, once."""
    held = connection.connection
    try:
        flush(parts)
    except Error:
        if held is None or (connection.connection is held and connection.is_usable()):
            raise
        connection.close()
        # Had the lost transaction been committed after all, the repeated samples settle to one.
        flush(parts)


class GroupCommit:
    """An idle process flushes at once. A busy one waits for company: at most PERIOD since the last flush, until ENOUGH samples
    wait, or until as many wait as were here at the same time within the last PERIOD. Who writes alone, batch after batch, is
    never held, on however many threads in turn."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._turn = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._flushing = False
        self._last = 0.0  # when the last flush began
        self._here = 0  # callers that have not been answered yet
        self._crowds: dict[int, float] = {}  # how many were here at the same time -> when last

    def write(self, samples: Samples) -> None:
        """Returns when the samples are committed; inside a caller's transaction they are committed with it. Raises StoreUnavailable, or
        Forgotten: then nothing of the group was written."""
        if connection.in_atomic_block:
            self._write_alone(samples)
            return
        mine = _Waiting(samples)
        try:
            group = self._join(mine)
            if group:
                self._flush(group)
        finally:
            with self._turn:
                self._here -= 1
        if isinstance(mine.fault, Forgotten):
            raise Forgotten from mine.fault
        if mine.fault:
            raise StoreUnavailable(str(mine.fault)) from mine.fault

    def _write_alone(self, samples: Samples) -> None:
        try:
            flush([samples])
        except Error as fault:
            raise StoreUnavailable(str(fault)) from fault

    def _join(self, mine: _Waiting) -> list[_Waiting]:
        """The group this thread has to flush; empty when another thread has flushed for it."""
        with self._turn:
            self._waiting.append(mine)
            self._here += 1
            self._crowds[self._here] = time.monotonic()
            self._turn.notify_all()
            while self._flushing and not mine.done:
                self._turn.wait()
            if mine.done:
                return []
            self._flushing = True
            try:
                self._linger()
            except BaseException:
                self._waiting.remove(mine)
                self._pass_on()
                raise
            group, self._waiting = self._waiting, []
            return group

    def _linger(self) -> None:
        while (left := self._last + PERIOD - time.monotonic()) > 0 and not self._enough():
            self._turn.wait(left)
        self._last = time.monotonic()

    def _enough(self) -> bool:
        recent = time.monotonic() - PERIOD
        self._crowds = {crowd: when for crowd, when in self._crowds.items() if when > recent}
        return len(self._waiting) >= max(self._crowds, default=1) or sum(len(one.samples) for one in self._waiting) >= ENOUGH

    def _flush(self, group: list[_Waiting]) -> None:
        fault: BaseException | None = None
        try:
            _flush_on_a_sound_connection([one.samples for one in group])
        except BaseException as caught:
            fault = caught
            if not isinstance(caught, (Error, Forgotten)):
                raise
        finally:
            with self._turn:
                for one in group:
                    one.done, one.fault = True, fault
                self._pass_on()

    def _pass_on(self) -> None:
        self._flushing = False
        self._turn.notify_all()
