"""One target of a scrape: its page becomes samples, and what Prometheus adds to them: up, how long it took, where series end."""

import platform
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx
import numpy as np

from aiops import http
from monitoring.inventory.facts import ResourceReport
from monitoring.sources.pollers.addresses import Address
from monitoring.sources.pollers.base import Asked
from monitoring.sources.pollers.exporters import About, Portrait, portray
from monitoring.sources.pollers.exposition import Malformed, Page, Pairs, Reader, described
from monitoring.store.batch import STALE, Batch, SeriesKey
from monitoring.store.metadata import Description

ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
OPENMETRICS = "application/openmetrics-text"
OWN = ("up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added")
MOST_PAIRS = 500_000  # labels with their values, remembered so that equal ones are one object
NOTHING: dict[str, Description] = {}


@dataclass(frozen=True)
class Limits:
    samples: int
    bytes: int
    honor_labels: bool = False
    ignore_timestamps: bool = False
    verify: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


class Shared:
    """What the targets of one source have in common."""

    def __init__(self, limits: Limits, interval: int) -> None:
        self.limits, self.interval = limits, interval
        self.pairs: Pairs = {}
        self.nodenames: dict[str, str] = {}  # host of an address → what the machine there calls itself
        self.families: dict[tuple[str, ...], dict[str, Description]] = {}  # comments of a page → what they say

    def host(self, address: str) -> str:
        loopback = address in ("localhost", "::1") or address.startswith("127.")
        return self.nodenames.get(address) or (platform.node() if loopback else address)

    def forget(self, used: int) -> None:
        """What pages leave behind whose comments or labels change all the time. `used` is how many families are."""
        if len(self.families) > 2 * used + 16:
            self.families.clear()
        if len(self.pairs) > MOST_PAIRS:
            self.pairs.clear()


class Scraped(NamedTuple):
    asked: Asked
    reports: list[ResourceReport]
    batch: Batch  # the resources of its keys are places in reports


class ScrapeTarget:
    def __init__(self, address: Address, labels: Mapping[str, str], shared: Shared) -> None:
        self.address, self.labels, self.shared = address, labels, shared
        self.reader = Reader(labels, shared.limits.honor_labels, shared.pairs)
        self.own = [SeriesKey.of(metric, labels) for metric in OWN]
        self.current: list[SeriesKey] = []  # series that go on: whoever misses from the next page has ended
        self.comments: tuple[str, ...] = ()
        self.said = NOTHING
        self.page: Sequence[SeriesKey] = ()  # the series of the portrait
        self.portrait = Portrait([], [], [])
        self.host = ""
        self.keys: list[SeriesKey] = []  # of the page, under the house's names, and our own
        self.owners: list[int | None] = []
        self.drawn = False  # whether `current` belongs to `keys`
        self._busy = threading.Lock()

    def scrape(self, timeout: float) -> Scraped:
        """Never raises for what the target does wrong; it is down then, which is stored."""
        if not self._busy.acquire(blocking=False):
            return self._down(_now(), 0.0, "an earlier scrape still hangs")
        at, began = _now(), time.perf_counter()
        try:
            page = self._page(timeout)
            self._draw(page)
            return self._up(page, at, time.perf_counter() - began)
        except (http.Refused, http.Unreachable, http.TooLarge, httpx.InvalidURL, ValueError) as fault:
            return self._down(at, time.perf_counter() - began, str(fault) or type(fault).__name__)
        finally:
            self._busy.release()

    def missed(self) -> Scraped:
        return self._down(_now(), 0.0, "not asked in time: too many targets of this source do not answer")

    def ended(self, at: int) -> Batch:
        """The end of everything it had."""
        keys = [*self.current, *self.own] if self.current else []
        return _batch(keys, [STALE] * len(keys), at)

    def _page(self, timeout: float) -> Page:
        limits = self.shared.limits
        wanted = {"Accept": ACCEPT, "Accept-Encoding": "gzip", "X-Prometheus-Scrape-Timeout-Seconds": f"{timeout:g}", "Connection": "close"}
        response = http.request(
            "GET", self.address.url, headers={**wanted, **limits.headers}, timeout=timeout, deadline=timeout, retries=0,
            allow_private=True, verify=limits.verify, most_bytes=limits.bytes,
        )  # fmt: skip
        if response.status_code != 200:
            raise Malformed(f"it answers {response.status_code} {response.reason_phrase}{_hint(response.status_code)}".rstrip())
        openmetrics = response.headers.get("Content-Type", "").startswith(OPENMETRICS)
        page = self.reader.read(_text(response.content), openmetrics)
        if len(page.keys) > limits.samples:
            raise Malformed(f"the page has {len(page.keys):,} samples, the limit is {limits.samples:,}")
        if page.comments != self.comments:
            self.comments = page.comments
            self.said = self.shared.families.setdefault(page.comments, described(page.comments, openmetrics))
        return page

    def _draw(self, page: Page) -> None:
        """Who the page is about, anew only when its series have changed."""
        host = self.shared.host(self.address.host)
        if page.keys is self.page and host == self.host:
            return
        self.page = page.keys
        self.portrait = portray(page.keys, page.values, About(host, self.labels, self.shared.interval))
        if self.portrait.nodename:
            self.shared.nodenames[self.address.host] = self.portrait.nodename
        self.host = self.shared.host(self.address.host)
        aliases = [(alias.key, owner) for owner, alias in self.portrait.aliases]
        self.keys = [*page.keys, *(key for key, _owner in aliases), *self.own]
        self.owners = [*self.portrait.owners, *(owner for _key, owner in aliases), *[0] * len(self.own)]
        self.drawn = False

    def _up(self, page: Page, at: int, seconds: float) -> Scraped:
        times = {} if self.shared.limits.ignore_timestamps else page.times
        gone, added = self._ends(times)
        scraped = float(len(page.keys))
        derived = [value for _key, _owner, value in self.portrait.derived(page.values)]
        values = [*page.values, *derived, 1.0, seconds, scraped, scraped, added]
        batch = _batch([*self.keys, *gone], values + [STALE] * len(gone), at, times, [*self.owners, *[None] * len(gone)])
        repeated = f"lines that repeat a series: {page.duplicates}; the first one counts" if page.duplicates else ""
        return Scraped(self._asked(True, at, seconds, len(page.keys), repeated), self.portrait.told(page.values), batch)

    def _ends(self, times: Mapping[int, int]) -> tuple[list[SeriesKey], float]:
        """(series that are no more, how many are new). One whose lines state their own times ends by itself, as in Prometheus."""
        if self.drawn and self.current:
            return [], 0.0
        here = self.keys[: -len(OWN)]
        before, now = set(self.current), set(here)
        gone = [key for key in self.current if key not in now]
        self.current = [key for place, key in enumerate(here) if place not in times]
        self.drawn = True
        return gone, float(sum(key not in before for key in self.current))

    def _down(self, at: int, seconds: float, error: str) -> Scraped:
        ended, self.current = self.current, []
        values = [0.0, seconds, 0.0, 0.0, 0.0, *[STALE] * len(ended)]
        return Scraped(self._asked(False, at, seconds, 0, error), [], _batch([*self.own, *ended], values, at))

    def _asked(self, up: bool, at: int, seconds: float, samples: int, error: str) -> Asked:
        return Asked(self.address.url, self.labels, up, at, round(seconds * 1000, 1), samples, error)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        raise Malformed(f"line {line} of the page is not UTF-8") from None


def _hint(status: int) -> str:
    if status in (401, 403):
        return "; user name, password or token are missing or refused"
    return "; is the path right?" if status == 404 else ""


def _batch(
    keys: Sequence[SeriesKey],
    values: Sequence[float],
    at: int,
    times: Mapping[int, int] | None = None,
    owners: Sequence[int | None] | None = None,
) -> Batch:
    t = np.full(len(keys), at, np.int64)
    for place, own in (times or {}).items():
        t[place] = own
    return Batch(keys, np.arange(len(keys), dtype=np.int32), t, np.array(values, np.float64), owners or [None] * len(keys))
