"""From decoded samples to stored ones: the series cap, the things they are about, the store."""

from collections import Counter
from dataclasses import dataclass

from django.conf import settings
from django.db import Error, connection

from monitoring.ingest import hosts
from monitoring.ingest.decoded import Decoded, Refusal
from monitoring.ingest.senders import State
from monitoring.store import StoreUnavailable, metadata, series, writer
from monitoring.store.batch import SeriesKey

STORE_SENTENCES = {
    "future": "the time lies in the future; the sender's clock may be wrong",
    "expired": "the time is older than what is kept",
    "invalid": "the name or the labels cannot be kept",
    "engine": "the metric engine did not want them",
}


@dataclass(frozen=True)
class Outcome:
    """What became of a body."""

    kept: int  # samples
    refused: Counter[str]
    refusals: list[Refusal]
    skipped: Counter[str]

    @property
    def lost(self) -> int:
        return sum(self.refused.values())


def keep(sender: State, decoded: Decoded) -> Outcome:
    """Returns after commit. Raises StoreUnavailable; then the same body may be sent again."""
    if len(decoded) or decoded.attributes:
        try:
            _admit(sender, decoded)
            hosts.settle(decoded.hosts, decoded.attributes, sender.source_id)
        except Error as fault:
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
            raise StoreUnavailable(str(fault)) from fault
    sender.memory.trust((series.epoch(), hosts.moves()))
    kept = _write(decoded) if len(decoded) else 0
    if decoded.metadata:
        metadata.record({metric: metadata.Description(*told) for metric, told in decoded.metadata.items()})
    if decoded.fresh:
        sender.memory.learn(decoded.fresh)
    sender.note(kept, decoded.refused + decoded.skipped, decoded.refusals)
    return Outcome(kept, decoded.refused, decoded.refusals, decoded.skipped)


def _write(decoded: Decoded) -> int:
    written = writer.write(decoded.batch())
    for reason, count in written.refused.items():
        decoded.refused[reason] += count
        decoded.refusals.append(Refusal(reason, STORE_SENTENCES.get(reason, reason), f"{count} samples", 0))
    return written.accepted


def _admit(sender: State, decoded: Decoded) -> None:
    """New series beyond the sender's cap are taken out; series that exist go on."""
    if not decoded.fresh:
        return
    new = {key for layout in decoded.fresh.values() for key in layout.keys if not sender.memory.uses(key)}
    room = settings.SERIES_CAP - sender.memory.active
    if len(new) <= room:
        return
    refused = _beyond(new, room)
    if refused:
        sentence = f"the sender has more than {settings.SERIES_CAP:,} series (AIOPS_SERIES_CAP)"
        decoded.without(refused, "series_cap", sentence)
        decoded.fresh = {key: layout for key, layout in decoded.fresh.items() if refused.isdisjoint(layout.keys)}


def _beyond(new: set[SeriesKey], room: int) -> frozenset[SeriesKey]:
    existing = series.existing(new)
    unknown = sorted(new - existing)
    return frozenset(unknown[max(0, room - len(existing)) :])
