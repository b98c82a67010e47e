"""What decoders return, and what they remember between bodies: no database, no HTTP."""

import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, NamedTuple

import numpy as np

from monitoring.ingest.errors import Malformed, Undecodable
from monitoring.ingest.naming import NOBODY, Host, about
from monitoring.store.batch import Batch, Bundle, Bundled, Ids, Mask, SeriesKey, Times, Values

GENERATION = 6 * 3600.0  # seconds: what is not sent for one to two of them is forgotten
EXAMPLES = 20
SHOWN = 200  # characters of an example


class Refusal(NamedTuple):
    reason: str
    sentence: str
    text: str
    line: int  # from 1; 0 where there are no lines


class Layout(Bundle):
    """The series of a line, frame or object that comes again and again, and what they are about."""

    __slots__ = ("follower", "frame", "host")

    def __init__(self, keys: list[SeriesKey], host: Host) -> None:
        super().__init__(keys)
        self.host = host
        self.frame: Any = None  # the decoder's own: how the layout is told from others
        self.follower: Layout | None = None  # what came behind it last

    @property
    def resource(self) -> int | None:
        return self.host.resource


class Memory:
    """What one sender's bodies have in common, so that a decoder reads labels once. Two generations: what is not sent any more leaves."""

    def __init__(self, hosts: dict[tuple[str, str], Host] | None = None, most: int = 200_000) -> None:
        self.hosts = {} if hosts is None else hosts  # those in the inventory, by kind and name; shared between senders
        self.most = most  # layouts of a generation
        self.young: dict[Hashable, Layout] = {}
        self._old: dict[Hashable, Layout] = {}
        self.recent: dict[bytes, Layout] = {}  # of `young`: what a decoder found last by a shorter key
        self._series: tuple[set[SeriesKey], set[SeriesKey]] = set(), set()  # in use in this generation, in the one before
        self._since = time.monotonic()
        self._trusted: object = None

    def trust(self, known: object) -> None:
        """Ids that layouts hold are right as long as `known` is the same."""
        if known != self._trusted:
            for layout in [*self.young.values(), *self._old.values()]:
                layout.ids = None
            self._trusted = known

    @property
    def active(self) -> int:
        """Series this sender has used lately."""
        return len(self._series[0] | self._series[1]) if self._series[1] else len(self._series[0])

    def uses(self, key: SeriesKey) -> bool:
        return key in self._series[0] or key in self._series[1]

    def find(self, key: Hashable) -> Layout | None:
        """For what is not in `young`."""
        layout = self._old.get(key)
        if layout is not None:
            self.learn({key: layout})
        return layout

    def learn(self, layouts: Mapping[Hashable, Layout]) -> None:
        if len(self.young) > self.most or time.monotonic() - self._since > GENERATION:
            self._old, self.young, self.recent, self._since = self.young, {}, {}, time.monotonic()
            self._series = set(), self._series[0]
            for layout in self._old.values():
                layout.follower = None  # each is found by its own key once more, or leaves
        self.young.update(layouts)
        for layout in layouts.values():
            self._series[0].update(layout.keys)


@dataclass
class Decoded:
    """Samples as columns, and what was not taken. Of sample i the series is keys[index[i]], of all keys of all layouts."""

    layouts: list[Layout]
    index: Ids
    t: Times  # ms
    v: Values
    fresh: Mapping[Hashable, Layout] = field(default_factory=dict)  # layouts not seen before; learned once they are stored
    refused: Counter[str] = field(default_factory=Counter)  # reason -> lines, series or points
    refusals: list[Refusal] = field(default_factory=list)  # the first EXAMPLES
    skipped: Counter[str] = field(default_factory=Counter)  # reason -> what a sender may send and nobody keeps
    attributes: dict[Host, dict[str, str]] = field(default_factory=dict)  # text about the things, no series
    metadata: dict[str, Any] = field(default_factory=dict)  # metric -> (type, unit, help)

    def __len__(self) -> int:
        return len(self.t)

    @property
    def keys(self) -> list[SeriesKey]:
        return Bundled(self.layouts).flat

    @property
    def hosts(self) -> set[Host]:
        return {layout.host for layout in self.layouts}

    def batch(self) -> Batch:
        return Batch(Bundled(self.layouts), self.index, self.t, self.v)

    def without(self, unwanted: frozenset[SeriesKey], reason: str, sentence: str) -> None:
        """Takes the samples of these series out and counts them."""
        single = [Layout([key], layout.host) for layout in self.layouts for key in layout.keys]
        kept: Mask = np.fromiter((layout.keys[0] not in unwanted for layout in single), np.bool_, len(single))
        wanted = kept[self.index]
        self.refused[reason] += len(self) - int(np.count_nonzero(wanted))
        self.refusals.append(Refusal(reason, sentence, next(iter(unwanted)).metric, 0))
        self.layouts = list(compress(single, kept))
        places = np.cumsum(kept, dtype=np.int32) - 1
        self.index, self.t, self.v = places[self.index[wanted]], self.t[wanted], self.v[wanted]


class Columns:
    """Samples of one body while they are read, and the body's refusals."""

    def __init__(self, memory: Memory, most: int) -> None:
        self.memory, self.most = memory, most
        self.layouts: list[Layout] = []
        self.size = 0  # series
        self.fresh: dict[Hashable, Layout] = {}
        self.refused: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.refusals: list[Refusal] = []
        self.attributes: dict[Host, dict[str, str]] = {}
        self._new: dict[tuple[str, str], Host] = {}

    def layout(self, key: Hashable, make: Callable[[], Layout]) -> Layout:
        """For a key that is not in memory.young. Raises what `make` raises."""
        known = self.fresh.get(key) or self.memory.find(key)
        if known is None:
            known = self.fresh[key] = make()
        return known

    def add(self, layout: Layout) -> None:
        self.layouts.append(layout)
        self.size += len(layout.keys)
        if self.size > self.most:
            raise too_many(self.most)

    def host(self, labels: Mapping[str, str]) -> Host:
        """The one object that stands for what the labels name."""
        found = about(labels)
        ours = [self.memory.hosts.get(one.key) or self._new.setdefault(one.key, one) for one in found]
        for part, whole in zip(ours[1:], ours, strict=False):
            part.parent = whole
        return ours[-1] if ours else NOBODY

    def describe(self, host: Host, texts: Mapping[str, str]) -> None:
        """Texts that came with samples: attributes of what they are about."""
        self.skipped["text"] += len(texts)
        if host is not NOBODY:
            self.attributes.setdefault(host, {}).update(texts)

    def refuse(self, fault: Malformed, text: str, line: int = 0, count: int = 1) -> None:
        self.refused[fault.reason] += count
        if len(self.refusals) < EXAMPLES:
            self.refusals.append(Refusal(fault.reason, fault.sentence, text[:SHOWN], line))

    def decoded(self, t: Times, v: Values, index: Ids | None = None) -> Decoded:
        every = np.arange(self.size, dtype=np.int32) if index is None else index
        return Decoded(self.layouts, every, t, v, self.fresh, self.refused, self.refusals, self.skipped, self.attributes)


def too_many(most: int) -> Undecodable:
    return Undecodable(f"More than {most:,} samples in one request; send smaller batches.", 413)
