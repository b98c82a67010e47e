"""Threads of this process that advance cases: started while something is to be done, so that a provider that takes its time keeps neither
Celery's few threads nor other cases waiting. Of one provider only some calls are under way at once."""

import heapq
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from django.db import Error, close_old_connections, connections

MOST = 16  # threads
PER_PROVIDER = 6  # calls under way at once
SOON = 2.0  # seconds: what is due within them is not left to the next drive_due
PATIENCE = 8.0  # seconds for calls under way when the process ends; stopping a container takes ten
log = logging.getLogger(__name__)


def _advance(execution_id: int) -> float | None:
    from remediation.advance import advance  # the engine, with all it needs

    return advance(execution_id)


class Crew:
    """`work` gets an id and answers in how many seconds it is due again, None where that is not known."""

    def __init__(self, work: Callable[[int], float | None] = _advance, most: int = MOST) -> None:
        self._work, self._most = work, most
        self._lock = threading.Condition()
        self._waiting: deque[int] = deque()
        self._later: list[tuple[float, int]] = []  # monotonic time, id
        self._known: set[int] = set()  # waiting
        self._active: set[int] = set()
        self._again: set[int] = set()  # asked for while active
        self._threads = 0
        self._clock = False  # whether a thread waits for `_later`
        self._ending = False

    def submit(self, ids: Iterable[int]) -> int:
        """Returns how many were not waiting already."""
        with self._lock:
            fresh = [pk for pk in dict.fromkeys(ids) if pk not in self._known]
            self._again |= {pk for pk in fresh if pk in self._active}
            fresh = [pk for pk in fresh if pk not in self._active]
            self._waiting.extend(fresh)
            self._known |= set(fresh)
            more = 0 if self._ending else min(len(self._waiting), self._most - self._threads)
            self._threads += max(more, 0)
        for _ in range(more):
            threading.Thread(target=self._run, name="remediate", daemon=True).start()
        return len(fresh)

    def _run(self) -> None:
        try:
            close_old_connections()
            while (pk := self._next()) is not None:
                self._done(pk, self._one(pk))
        finally:
            connections.close_all()

    def _next(self) -> int | None:
        with self._lock:
            if self._ending or not self._waiting:
                self._threads -= 1
                self._lock.notify_all()
                return None
            pk = self._waiting.popleft()
            self._known.discard(pk)
            self._active.add(pk)
            return pk

    def _one(self, pk: int) -> float | None:
        try:
            return self._work(pk)
        except Error as fault:
            log.warning("case %s waits until the database answers: %s", pk, " ".join(str(fault).split()))
            connections.close_all()
        except Exception:
            log.exception("case %s was left for this time", pk)
        return None

    def _done(self, pk: int, after: float | None) -> None:
        with self._lock:
            self._active.discard(pk)
            again = pk in self._again
            self._again.discard(pk)
        if again:
            self.submit([pk])
        elif after is not None and after <= SOON:
            self._submit_later(pk, after)

    def _submit_later(self, pk: int, after: float) -> None:
        with self._lock:
            heapq.heappush(self._later, (time.monotonic() + after, pk))
            start, self._clock = not self._clock, True
            self._lock.notify_all()
        if start:
            threading.Thread(target=self._tick, name="remediate later", daemon=True).start()

    def _tick(self) -> None:
        while True:
            with self._lock:
                if not self._later:
                    self._clock = False
                    return
                wait = self._later[0][0] - time.monotonic()
                if wait > 0:
                    self._lock.wait(wait)
                    continue
                _, pk = heapq.heappop(self._later)
            self.submit([pk])

    def finish(self, patience: float = PATIENCE) -> bool:
        """Begins nothing more and waits for what is under way, so that its answer is written down and its lease given back. Whether all
        of it was; what was not goes on when its lease is over."""
        with self._lock:
            self._ending = True
            try:
                return self._lock.wait_for(lambda: not self._threads, patience)
            finally:
                self._ending = False

    @property
    def busy(self) -> int:
        with self._lock:
            return len(self._active) + len(self._waiting)


crew = Crew()
_calls: Counter[int] = Counter()
_calls_lock = threading.Lock()


@contextmanager
def place(provider_id: int) -> Iterator[bool]:
    """Whether there is one among the calls of this provider; it is given back at the end."""
    with _calls_lock:
        free = _calls[provider_id] < PER_PROVIDER
        _calls[provider_id] += free
    try:
        yield free
    finally:
        if free:
            with _calls_lock:
                _calls[provider_id] -= 1
