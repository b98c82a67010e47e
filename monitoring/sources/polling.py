"""One poll from lease to stored samples: poll in a thread with a time-out, facts, samples, outcome, signal."""

import logging
import threading
import time
from datetime import datetime
from functools import partial

import numpy as np
from django.db import DatabaseError, transaction
from django.utils import timezone
from prometheus_client import Counter, Histogram

from aiops.crypto import Unreadable
from aiops.plugins import PluginError
from monitoring.inventory import facts
from monitoring.sources import schedule
from monitoring.sources.models import Source
from monitoring.sources.pollers.base import Polled, Poller, poller_class
from monitoring.sources.signals import source_failed, source_polled
from monitoring.store import StoreUnavailable, writer
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
        resource_ids, samples = _store(source, _fetch(source))
    except (PluginError, StoreUnavailable, DatabaseError) as fault:
        _failed(source, _milliseconds(started), fault)
        return True
    now = timezone.now()
    if schedule.succeeded(source, now, _milliseconds(started), samples):
        _tell(source_polled, source_id=source.pk, resource_ids=resource_ids, t_ms=_epoch_ms(now))
    POLLS.labels(source.kind, "ok").inc()
    SECONDS.labels(source.kind).observe(time.perf_counter() - started)
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


def _poller(source: Source) -> Poller:
    """The instance of this process. Raises PluginError where the kind is gone or refuses its config."""
    made_from = (source.kind, source.config, source.secrets, source.interval)
    known = _pollers.get(source.pk)
    if known is None or known[0] != made_from:
        kind = poller_class(source.kind)
        if kind.secret_fields and isinstance(source.secrets, Unreadable):
            raise PluginError(KEY_LOST, permanent=True)
        known = (made_from, kind(source.config, source.secrets, source.interval))
        _pollers[source.pk] = known
    return known[1]


def _fetch(source: Source) -> Polled:
    """Runs the poll within its time-out. A thread cannot be stopped: while one hangs, its source is not polled again here."""
    hanging = _hanging.get(source.pk)
    if hanging and hanging.is_alive():
        raise PluginError(f"an earlier poll still hangs after its time-out of {source.timeout} s")
    result: list[Polled | BaseException] = []
    thread = threading.Thread(target=_run, args=(_poller(source), result), name=f"poll {source.name}", daemon=True)
    thread.start()
    thread.join(source.timeout)
    if thread.is_alive():
        _hanging[source.pk] = thread
        _pollers.pop(source.pk, None)  # its state belongs to the hanging thread now
        raise PluginError(f"no answer within {source.timeout} s")
    _hanging.pop(source.pk, None)
    if isinstance(result[0], Polled):
        return result[0]
    raise result[0]


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
    resources = facts.report(polled.reports, source)
    ids = [resource.pk for resource in resources]
    if not any(polled.samples):
        return ids, 0
    written = writer.write(_batch(polled, ids))
    if not written.accepted and written.refused:
        why = ", ".join(f"{count} {reason}" for reason, count in written.refused.items())
        raise PluginError(f"the store refused every sample: {why}; the clock of this machine or of the source may be wrong")
    return ids, written.accepted


def _batch(polled: Polled, ids: list[int]) -> Batch:
    """One batch of all reports, so that one poll is one commit."""
    parts = [Batch.of(samples) for samples in polled.samples]
    starts = np.cumsum([0, *(len(part.keys) for part in parts[:-1])])
    return Batch(
        keys=[key for part in parts for key in part.keys],
        index=np.concatenate([part.index + start for part, start in zip(parts, starts, strict=True)]).astype(np.int32),
        t=np.concatenate([part.t for part in parts]),
        v=np.concatenate([part.v for part in parts]),
        resources=[pk for part, pk in zip(parts, ids, strict=True) for _key in part.keys],
    )
