"""One poll from lease to stored samples: poll in a thread with a time-out, facts, samples, outcome, signal."""

import logging
import threading
import time
from collections import Counter as Counted
from collections.abc import Iterable
from datetime import datetime
from functools import partial

from django.db import DatabaseError, transaction
from django.utils import timezone
from prometheus_client import Counter, Histogram

from aiops.crypto import Unreadable
from aiops.plugins import PluginError
from monitoring.inventory import facts
from monitoring.sources import columns, endings, schedule, targets
from monitoring.sources.models import Source
from monitoring.sources.pollers.base import Polled, Poller, poller_class
from monitoring.sources.signals import source_failed, source_polled
from monitoring.store import StoreUnavailable, metadata, writer
from monitoring.store.batch import Batch

KEY_LOST = "its secrets were sealed with another AIOPS_SECRET_KEY; put that key into AIOPS_SECRET_KEY_FALLBACKS, or enter them again"
log = logging.getLogger(__name__)
POLLS = Counter("aiops_polls", "Polls of sources", ["kind", "outcome"])
SECONDS = Histogram("aiops_poll_seconds", "Duration of polls", ["kind"], buckets=(0.05, 0.25, 1, 5, 30))

_pollers: dict[int, tuple[object, Poller]] = {}  # source id → (what it was made from, instance): keeps state between polls
_hanging: dict[int, threading.Thread] = {}  # polls that did not come back in time


def poll(source_id: int, lease: str) -> bool:
    """Polls a claimed source; False when the claim is not ours any more. A fault ends up on the row, not in the caller."""
    source = schedule.begin(source_id, lease)
    if source is None:
        return False
    started = time.perf_counter()
    try:
        polled = _fetch(source)
        resource_ids, samples = _store(source, polled)
    except (PluginError, StoreUnavailable, DatabaseError) as fault:
        _failed(source, _milliseconds(started), fault)
        return True
    SECONDS.labels(source.kind).observe(time.perf_counter() - started)
    if polled.trouble:
        _troubled(source, _milliseconds(started), polled.trouble, samples)
        return True
    now = timezone.now()
    if schedule.succeeded(source, now, _milliseconds(started), samples, polled.cursor):
        _tell(source_polled, source_id=source.pk, resource_ids=resource_ids, t_ms=_epoch_ms(now))
    POLLS.labels(source.kind, "ok").inc()
    return True


def _milliseconds(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _epoch_ms(now: datetime) -> int:
    return int(now.timestamp() * 1000)


def _tell(signal: object, **what: object) -> None:
    transaction.on_commit(partial(signal.send_robust, sender=Source, **what))  # type: ignore[attr-defined]


def _failed(source: Source, duration_ms: float, fault: Exception) -> None:
    ours = not isinstance(fault, PluginError)
    text = f"Polled, but not stored: {fault}" if ours else str(fault)
    text = " ".join(text.split())[:500]
    now = timezone.now()
    POLLS.labels(source.kind, "not stored" if ours else "failed").inc()
    log.warning("source %s: %s", source.name, text)
    if schedule.failed(source, now, duration_ms, text, permanent=getattr(fault, "permanent", False)):
        _tell(source_failed, source_id=source.pk, error=text, t_ms=_epoch_ms(now))


def _troubled(source: Source, duration_ms: float, trouble: str, samples: int) -> None:
    """Nobody answered, which is stored: asked again at the usual time, for the record of who is down must have no gaps."""
    text = " ".join(trouble.split())[:500]
    now = timezone.now()
    POLLS.labels(source.kind, "failed").inc()
    if not source.failures:
        log.warning("source %s: %s", source.name, text)
    if schedule.troubled(source, now, duration_ms, samples, text):
        _tell(source_failed, source_id=source.pk, error=text, t_ms=_epoch_ms(now))


def _poller(source: Source) -> Poller:
    """The instance of this process. Raises PluginError where the kind is gone or refuses its config."""
    made_from = (source.kind, source.config, source.secrets, source.interval)
    known = _pollers.get(source.pk)
    if known is None or known[0] != made_from:
        kind = poller_class(source.kind)
        if kind.secret_fields and isinstance(source.secrets, Unreadable):
            raise PluginError(KEY_LOST, permanent=True)
        made = kind(source.config, source.secrets, source.interval)
        if known and isinstance(known[1], kind):
            made.take_over(known[1])
        known = _pollers[source.pk] = (made_from, made)
    known[1].timeout, known[1].cursor = float(source.timeout), source.cursor
    return known[1]


def _fetch(source: Source) -> Polled:
    """Runs the poll within its time-out. A thread cannot be stopped: while one hangs, its source is not polled again here."""
    hanging = _hanging.get(source.pk)
    if hanging and hanging.is_alive():
        raise PluginError(f"an earlier poll still hangs after its time-out of {source.timeout} s")
    thread, result = start(_poller(source), source.name)
    if thread.is_alive():
        _hanging[source.pk] = thread
        _pollers.pop(source.pk, None)  # its state belongs to the hanging thread now
        raise PluginError(f"no answer within {source.timeout} s")
    _hanging.pop(source.pk, None)
    if isinstance(result[0], Polled):
        return result[0]
    raise result[0]


def start(poller: Poller, name: str) -> tuple[threading.Thread, list[Polled | BaseException]]:
    """Polls in a thread and waits as long as the poller may take. A thread that is alive then hangs, else the one result is there."""
    result: list[Polled | BaseException] = []
    thread = threading.Thread(target=_run, args=(poller, result), name=f"poll {name}", daemon=True)
    thread.start()
    thread.join(poller.patience)
    return thread, result


def _run(poller: Poller, result: list[Polled | BaseException]) -> None:
    try:
        result.append(poller.poll())
    except PluginError as fault:
        result.append(fault)
    except Exception as fault:
        log.exception("poller %s has a fault", type(poller).__name__)
        result.append(PluginError(f"{type(fault).__name__}: {fault}"))


def _store(source: Source, polled: Polled) -> tuple[list[int], int]:
    """Facts first, so that the samples can name their resources. Returns resource ids and how many samples were taken."""
    ids = [resource.pk for resource in facts.report(polled.reports, source)]
    metadata.record(polled.descriptions)
    if source.poller and source.poller.whole:
        brought = list(columns.batches(polled, ids))
        accepted = _write(source, endings.close(source, brought))
        endings.remember(source, brought)
    else:
        accepted = _write(source, columns.batches(polled, ids))
    if polled.targets is not None:
        targets.save(source, polled.targets)
    return ids, accepted


def _write(source: Source, batches: Iterable[Batch]) -> int:
    accepted, refused = 0, Counted[str]()
    for batch in batches:
        if not schedule.hold(source):
            raise PluginError("storing took so long that another worker has taken over")
        written = writer.write(batch)
        accepted += written.accepted
        refused.update(written.refused)
    if not accepted and refused:
        why = ", ".join(f"{count} {reason}" for reason, count in refused.items())
        raise PluginError(f"the store refused every sample: {why}; the clock of this machine or of the source may be wrong")
    return accepted
