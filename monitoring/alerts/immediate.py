"""Rules marked immediate are evaluated when a sample of their metrics arrives, in the process that stored it: by a thread of its own, which
takes whatever came in meanwhile together. What it misses, the evaluation at the rule's interval finds.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db import Error, close_old_connections, connection
from django.utils import timezone

from monitoring.alerts import running, shared_source
from monitoring.alerts.models import AlertRule
from monitoring.query.errors import QueryError
from monitoring.store import StoreUnavailable
from monitoring.store.batch import SeriesKey, metrics_of

REFRESH = 2.0  # seconds until another process' changes of rules are known here
IDLE = 30.0  # seconds without work after which the thread gives its connection back and ends
LONGEST_PAUSE = 1.0  # seconds
log = logging.getLogger(__name__)
Watched = Mapping[str, set[int]]  # metric → rules


class _Watch:
    """Which metrics matter. The usual batch asks no database."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._rules: Watched = {}
        self._read = float("-inf")

    def current(self) -> Watched:
        if time.monotonic() - self._read > REFRESH:
            self._read = time.monotonic()
            try:
                self._rules = _load()
            except Error as fault:
                log.warning("which rules are immediate could not be read: %s", fault)
        return self._rules


def _load() -> Watched:
    found: defaultdict[str, set[int]] = defaultdict(set)
    rules = AlertRule.objects.filter(immediate=True, enabled=True, kind=AlertRule.Kind.ALERT)
    for pk, expr in rules.values_list("pk", "expr"):
        try:
            for metric in shared_source.metrics_of(expr):
                found[metric].add(pk)
        except QueryError:
            continue  # it is told of where it is evaluated
    return found


class _Evaluator:
    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._waiting: set[int] = set()
        self._thread: threading.Thread | None = None

    def want(self, rules: set[int]) -> None:
        with self._turn:
            self._waiting |= rules
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="immediate rules", daemon=True)
                self._thread.start()
            self._turn.notify()

    def _run(self) -> None:
        try:
            while rules := self._next():
                begun = time.monotonic()
                close_old_connections()
                _evaluate(rules)
                time.sleep(min(time.monotonic() - begun, LONGEST_PAUSE))  # at most half of this thread's time is spent on rules
        finally:
            connection.close()

    def _next(self) -> set[int]:
        """What to evaluate; empty when it is time to end."""
        with self._turn:
            if not self._waiting:
                self._turn.wait(IDLE)
            if not self._waiting:
                self._thread = None
            rules, self._waiting = self._waiting, set()
            return rules


def _evaluate(pks: set[int]) -> None:
    try:
        rules = list(AlertRule.objects.filter(pk__in=pks, enabled=True).select_related("group"))
        running.evaluate(rules, timezone.now())
    except (StoreUnavailable, Error) as fault:
        log.warning("immediate rules wait for their interval: %s", " ".join(str(fault).split()))
    except Exception:
        log.exception("immediate rules were not evaluated")  # the thread has to live on; their interval comes anyway


_watch, _evaluator = _Watch(), _Evaluator()
forget = _watch.forget


def hear(keys: Sequence[SeriesKey]) -> None:
    """On the writer's thread, after the commit."""
    watched = _watch.current()
    if not watched:
        return
    touched = metrics_of(keys) & watched.keys()
    if touched:
        _evaluator.want(set().union(*(watched[metric] for metric in touched)))
