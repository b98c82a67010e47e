"""Who sends, how much of it was kept, and what was refused: counted in memory, written by each process once a second.

A process that is killed loses at most the counts of its last second; samples are committed before they are counted.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.db.models import F
from django.utils import timezone
from prometheus_client import Counter as Metric

from accounts.models import ApiToken
from aiops.metrics import ERRORS
from monitoring.ingest import hosts
from monitoring.ingest.decoded import EXAMPLES, Memory, Refusal
from monitoring.ingest.models import Sender
from monitoring.ingest.signals import sender_appeared
from monitoring.inventory.masking import masked

PERIOD = 1.0  # seconds between two writes
SHOWN = 200  # characters of an example
REFUSED = Metric("aiops_ingest_refused", "Lines, series or samples that a door refused", ["door", "reason"])
KEPT = Metric("aiops_ingest_samples", "Samples that a door kept", ["door"])
log = logging.getLogger(__name__)


class State:
    """One sender as this process knows it."""

    def __init__(self, row: Sender) -> None:
        self.pk, self.door, self.source_id = row.pk, row.door, row.source_id
        self.memory = Memory(hosts.known, most=2 * settings.SERIES_CAP)
        self.lock = threading.Lock()
        self.written = 0.0  # monotonic
        self._clear()

    def _clear(self) -> None:
        self.samples = 0
        self.refused: Counter[str] = Counter()
        self.examples: deque[dict[str, Any]] = deque(maxlen=EXAMPLES)
        self.heard = False

    def note(self, samples: int, refused: Counter[str], refusals: Sequence[Refusal]) -> None:
        KEPT.labels(self.door).inc(samples)
        for reason, count in refused.items():
            REFUSED.labels(self.door, reason).inc(count)
        with self.lock:
            self.heard = True
            self.samples += samples
            self.refused.update(refused)
            self.examples.extend(map(_example, refusals))
        if not _writer.running and time.monotonic() - self.written >= PERIOD:
            self.write()

    def refuse_body(self, sentence: str, text: str) -> None:
        """Nothing of a body could be taken."""
        self.note(0, Counter({"body": 1}), [Refusal("body", sentence, text, 0)])

    def write(self) -> None:
        """What was counted since the last time. Raises django.db.Error; then it is still counted."""
        with self.lock:
            counted = (self.heard, self.samples, self.refused, list(self.examples))
            self._clear()
            self.written = time.monotonic()
        try:
            found = not counted[0] or self._save(*counted[1:])
        except DatabaseError:
            self._take_back(*counted[1:])
            raise
        if not found:
            _drop(self)

    def _take_back(self, samples: int, refused: Counter[str], examples: list[dict[str, Any]]) -> None:
        with self.lock:
            self.heard = True
            self.samples += samples
            self.refused.update(refused)
            self.examples.extendleft(reversed(examples))

    def _save(self, samples: int, refused: Counter[str], examples: list[dict[str, Any]]) -> bool:
        """False when the row is gone."""
        rows = Sender.objects.filter(pk=self.pk)
        if not refused and not examples:
            return bool(rows.update(samples=F("samples") + samples, last_seen=timezone.now()))
        with transaction.atomic():
            row = rows.select_for_update().first()
            if row is None:
                return False
            row.samples += samples
            row.refused = dict(Counter(row.refused) + refused)
            row.examples = [*row.examples, *examples][-EXAMPLES:]
            row.last_seen = timezone.now()
            row.save(update_fields=["samples", "refused", "examples", "last_seen"])
            self.source_id = row.source_id
        return True


def _example(refusal: Refusal) -> dict[str, Any]:
    text = masked(refusal.text[: 2 * SHOWN]).replace("\0", " ").encode("utf-8", "replace").decode()[:SHOWN]
    found = {"at": time.time_ns() // 1_000_000, "reason": refusal.reason, "sentence": refusal.sentence[:SHOWN], "text": text}
    return found | ({"line": refusal.line} if refusal.line else {})


_states: dict[tuple[str, int], State] = {}
_lock = threading.Lock()


def of(door: str, token: ApiToken) -> State:
    """The sender that this token is at this door; its first request makes the row. Raises django.db.Error."""
    state = _states.get((door, token.pk))
    if state is None:
        state = _appear(door, token)
        with _lock:
            state = _states.setdefault((door, token.pk), state)
    return state


def _appear(door: str, token: ApiToken) -> State:
    name = f"{token.name} ({door})"
    with transaction.atomic():
        row, made = Sender.objects.get_or_create(door=door, token_id=token.pk, defaults={"name": name})
        if made:
            transaction.on_commit(partial(sender_appeared.send_robust, sender=Sender, sender_id=row.pk))
    row.refresh_from_db(fields=["source_id"])
    return State(row)


def _drop(state: State) -> None:
    """Its row is gone: the next request makes another."""
    with _lock:
        for key in [key for key, one in _states.items() if one is state]:
            del _states[key]


def flush() -> None:
    """Writes what every sender sent since the last time, and touches the things they spoke of. Raises django.db.Error."""
    for state in list(_states.values()):
        if state.heard:
            state.write()
    hosts.touch()


def forget() -> None:
    """The tables were emptied under this process."""
    with _lock:
        _states.clear()
    hosts.forget()


def summary(sender_ids: Collection[int]) -> dict[int, Sender]:
    """Rows as they were written last, which is at most a second ago; unknown ids are missing."""
    return Sender.objects.in_bulk(list(sender_ids))


class _Writer:
    """Calls flush() once a second in a server process, and once more at its end."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        if not self.running:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="senders", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            thread.join(2)

    def _run(self) -> None:
        ending = False
        while not ending:
            ending = self._stopping.wait(PERIOD)
            close_old_connections()
            try:
                flush()
            except DatabaseError as fault:
                ERRORS.labels("senders").inc()
                log.warning("what senders sent was not written down and will be: %s", fault)
        connection.close()


_writer = _Writer()
start, stop = _writer.start, _writer.stop
