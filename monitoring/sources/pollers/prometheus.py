"""A Prometheus, or whatever speaks its HTTP API: chosen series are pulled with the times they have there, gaps are filled."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import numpy as np
from django import forms

from aiops import http
from aiops.plugins import PluginError
from monitoring.sources.pollers import prometheus_queries
from monitoring.sources.pollers.access import AccessForm, headers
from monitoring.sources.pollers.base import Polled, Poller
from monitoring.sources.pollers.instances import Instances, Samples
from monitoring.sources.pollers.prometheus_api import Api, Found
from monitoring.sources.pollers.prometheus_queries import Query
from monitoring.store.batch import SeriesKey, Times, Values
from monitoring.store.metadata import Description

FIRST = 300_000  # ms pulled by the very first poll
OVERLAP = 20_000  # ms pulled once more: a scrape that began before the last poll may have ended after it
WINDOW, LEAST_WINDOW = 600_000, 15_000  # ms asked for at once
MOST_SAMPLES = 500_000  # of one poll; the next one goes on
DESCRIBE_AGAIN = 600.0  # seconds
EXAMPLE = 'up\n{job="node"}\njob:errors:rate5m = sum by (job) (rate(errors_total[5m]))'
CATCH_UP, ASIDE = 8.0, 5.0  # seconds beyond the time-out: to fill a gap; for what is asked beside the samples


class PrometheusConfig(AccessForm):
    url = forms.CharField(
        label="Address", max_length=400, help_text="Of the server, with its path prefix if it has one: http://prometheus:9090"
    )
    queries = forms.CharField(
        label="What to pull",
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "placeholder": EXAMPLE}),
        help_text="One a line: a selector, whose samples come as they are, or name = expression.",
    )
    step = forms.IntegerField(
        label="Step of expressions, seconds", min_value=1, max_value=3600, initial=60, required=False, help_text="Selectors need none."
    )
    backfill = forms.IntegerField(
        label="Fill gaps up to, hours",
        min_value=0,
        max_value=24 * 90,
        initial=24,
        required=False,
        help_text="After an outage what is missing is pulled, as far back as this.",
    )
    field_order = ("url", "queries", "step", "backfill")

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"]).strip().rstrip("/").removesuffix("/api/v1")
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and parts.hostname and not parts.query and parts.port != 0
        except ValueError:
            good = False
        if not good or "@" in parts.netloc:
            raise forms.ValidationError("Write an http or https address without password, such as http://prometheus:9090.")
        return url

    def clean_queries(self) -> str:
        try:
            prometheus_queries.parse(self.cleaned_data["queries"])
        except ValueError as fault:
            raise forms.ValidationError(str(fault)) from None
        return str(self.cleaned_data["queries"])


class Prometheus(Poller):
    label = "Prometheus API"
    icon = "explorer"
    about = "Pulls chosen series from a Prometheus, VictoriaMetrics, Thanos or Mimir that scrapes already."
    usual_interval = 30
    usual_timeout = 20
    Config: ClassVar[type[forms.Form]] = PrometheusConfig
    secret_fields = ("password", "bearer_token")

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, Any], interval: int) -> None:
        super().__init__(config, secrets, interval)
        try:
            self.queries = prometheus_queries.parse(str(config.get("queries", "")))
        except ValueError as fault:
            raise PluginError(str(fault), permanent=True) from None
        url = str(config.get("url", ""))
        self.api = Api(url, headers(config, secrets), not config.get("skip_verification"))
        self.instances = Instances(urlsplit(url).hostname or "", interval)
        self.step = 1000 * int(config.get("step") or 60)
        backfill = config.get("backfill")
        self.backfill = 3_600_000 * (24 if backfill is None else int(backfill))
        self.last: dict[SeriesKey, int] = {}  # of each series the time of the sample pulled last
        self.reached: int | None = None  # the cursor that `last` belongs to
        self.window = WINDOW
        self.described: dict[str, Description] = {}
        self.describe_at = 0.0

    @property
    def patience(self) -> float:
        return self.timeout + CATCH_UP + 2 * ASIDE + 1

    def poll(self) -> Polled:
        now = time.time_ns() // 1_000_000
        if self.cursor != self.reached:  # another process polled, or what came last was not stored
            self.last = {}
        until = time.monotonic() + self.timeout + CATCH_UP
        samples, cursor = self._pull(self._start(now), now, until)
        brought = self.instances.sort(samples, now)
        self.reached = cursor
        self._describe(samples)
        self._forget(now)
        targets = self.api.targets(ASIDE)
        return Polled(brought.reports, batches=brought.batches, descriptions=self.described, targets=targets, cursor=cursor)

    def _start(self, now: int) -> int:
        if self.cursor is None:
            return now - FIRST
        return min(now, max(self.cursor, now - max(self.backfill, 2000 * self.interval)))

    def _pull(self, start: int, now: int, until: float) -> tuple[Samples, int]:
        """(samples, up to where they are complete). Window by window, until there is nothing more, no time, or enough for one poll."""
        parts: dict[SeriesKey, list[tuple[Times, Values]]] = {}
        count, a = 0, start
        while a < now and count < MOST_SAMPLES and (a == start or time.monotonic() < until):
            b = min(a + self.window, now)
            try:
                found = self._window(a - OVERLAP if a == start else a, b, until)
            except http.TooLarge as fault:
                self._narrow(fault)
                continue
            for key, t, v in self._news(found):
                parts.setdefault(key, []).append((t, v))
                count += len(t)
            a = b
        return {key: _joined(columns) for key, columns in parts.items()}, a

    def _narrow(self, fault: http.TooLarge) -> None:
        if self.window <= LEAST_WINDOW:
            raise PluginError(f"{fault}, even for {LEAST_WINDOW // 1000} s; choose fewer series", permanent=True) from None
        self.window = max(LEAST_WINDOW, self.window // 4)

    def _window(self, a: int, b: int, until: float) -> Found:
        found: Found = []
        for query in self.queries:
            timeout = min(self.timeout, max(1.0, until + 2 - time.monotonic()))
            if not query.name:
                found += self.api.samples(query.expression, a, b, timeout)
            elif (first := -(-a // self.step) * self.step) <= b:
                found += _renamed(query, self.api.evaluated(query.expression, first, b, self.step, timeout))
        return found

    def _news(self, found: Found) -> Iterator[tuple[SeriesKey, Times, Values]]:
        """Without what has been pulled already."""
        for key, t, v in found:
            place = int(t.searchsorted(self.last.get(key, -1), "right"))
            if place < len(t):
                self.last[key] = int(t[-1])
                yield key, t[place:], v[place:]

    def _describe(self, samples: Samples) -> None:
        """What the metrics are, asked for when there are new ones, but not all the time."""
        metrics = {key.metric for key in samples}
        if metrics <= self.described.keys() or time.monotonic() < self.describe_at:
            return
        self.describe_at = time.monotonic() + DESCRIBE_AGAIN
        said = self.api.descriptions(ASIDE)
        self.described |= {metric: said[family] for metric in metrics if (family := _family(metric, said))}

    def _forget(self, now: int) -> None:
        """Series that ended long ago: memory must not grow with every pod that ever was."""
        if len(self.last) > 20_000:
            self.last = {key: t for key, t in self.last.items() if t > now - 3_600_000}


def _joined(columns: list[tuple[Times, Values]]) -> tuple[Times, Values]:
    return np.concatenate([t for t, _v in columns]), np.concatenate([v for _t, v in columns])


def _renamed(query: Query, found: Found) -> Found:
    return [(key._replace(metric=query.name), t, v) for key, t, v in found]


def _family(metric: str, said: Mapping[str, Description]) -> str:
    """The name under which a metric is described; empty where it is not."""
    return next((name for name in (metric, metric.removesuffix("_total")) if name in said), "")
