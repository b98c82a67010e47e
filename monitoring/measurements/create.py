"""Keeps facts: each once, however many senders bring it at the same time."""

from typing import NamedTuple

import numpy as np

from monitoring.measurements import catalogue, facts
from monitoring.measurements.facts import Columns, Fact
from monitoring.store import reader, writer
from monitoring.store.batch import Batch, Mask
from monitoring.store.database import exclusive
from monitoring.store.windows import now_ms

FACTS_LOCK = 7_205_761  # advisory lock number, beside those of the store


class Created(NamedTuple):
    new: Mask  # of the facts given, those that were not there
    sids: np.ndarray  # series of each


def one(fact: Fact) -> str | None:
    """Its id; None when there is a fact of this VM, metric and time already."""
    created = many(Columns.of([fact]))
    return facts.fact_id(int(created.sids[0]), fact.t) if created.new[0] else None


def many(columns: Columns) -> Created:
    """Returns after commit. Of facts with the same VM, metric and time the first counts, and what is there already counts before it.

    Looking and writing are one transaction under a lock, so of two senders at the same time one is told that it came second.
    Raises StoreUnavailable; then nothing was kept. Raises catalogue.Impossible.
    """
    pairs = catalogue.register(columns.pairs)
    _tell(columns)  # before anything is kept: should it fail, the sender may send again
    with exclusive(FACTS_LOCK):
        known = catalogue.find(columns.pairs)
        if len(known) < len(pairs):
            known = catalogue.register(columns.pairs)  # somebody forgot a series between the two
        sids = np.array([known[pair] for pair in columns.pairs], np.int32)[columns.index]
        new = _first(columns) & ~_present(sids, columns.t)
        if new.any():
            _write(columns.where(new))
    return Created(new, sids)


def _keys(rank: np.ndarray, t: np.ndarray) -> np.ndarray:
    """One number per series and time; ranks are small, times in ms have 41 bits until 2039 and 42 until 2109."""
    keys: np.ndarray = (rank.astype(np.int64) << 42) + t
    return keys


def _first(columns: Columns) -> Mask:
    """Marks the first of each series and time."""
    first = np.zeros(len(columns), np.bool_)
    first[np.unique(_keys(columns.index, columns.t), return_index=True)[1]] = True
    return first


def _present(sids: np.ndarray, t: np.ndarray) -> Mask:
    """Marks facts whose series has a sample at their time."""
    wanted = np.unique(sids)
    found = reader.raw_many(wanted.tolist(), int(t.min()), int(t.max()) + 1)
    if not found:
        return np.zeros(len(t), np.bool_)
    ranks = np.searchsorted(wanted, list(found))
    there = np.concatenate([_keys(rank, times) for rank, (times, _values) in zip(ranks, found.values(), strict=True)])
    present: Mask = np.isin(_keys(np.searchsorted(wanted, sids), t), there)
    return present


def _write(columns: Columns) -> None:
    keys = [catalogue.key_of(pair) for pair in columns.pairs]
    writer.write(Batch(keys, columns.index, columns.t, columns.v), oldest=facts.oldest(now_ms()))


def _tell(columns: Columns) -> None:
    newest = np.zeros(len(columns.pairs), np.int64)
    np.maximum.at(newest, columns.index, columns.t)
    by_vm: dict[str, int] = {}
    for pair, t in zip(columns.pairs, newest.tolist(), strict=True):
        by_vm[pair.vm] = max(by_vm.get(pair.vm, 0), t)
    catalogue.tell_of_recent(by_vm, now_ms())
