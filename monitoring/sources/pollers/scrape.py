"""Exporters' /metrics, as Prometheus scrapes them: many targets of one kind in one source."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import chain
from typing import Any, ClassVar

from django import forms

from aiops.plugins import PluginError
from monitoring.inventory.facts import ResourceReport
from monitoring.sources.pollers import addresses
from monitoring.sources.pollers.access import AccessForm, headers
from monitoring.sources.pollers.base import Asked, Polled, Poller
from monitoring.sources.pollers.scrape_target import Limits, Scraped, ScrapeTarget, Shared
from monitoring.store.batch import Batch
from monitoring.store.metadata import Description

PACE, SPREAD, LONGEST_SPREAD = 0.02, 0.4, 15.0  # seconds between two targets; for all of them at most this part of the interval, seconds
SLACK = 2.0  # seconds in which what came in is put together


class ScrapeConfig(AccessForm):
    targets = forms.CharField(
        label="Targets",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "placeholder": "db-1:9100 rack=b2\nhttps://gpu-1:9400/metrics"}),
        help_text="One a line: host:port or a whole address, then labels its samples get, name=value.",
    )
    job = forms.RegexField(
        r"^[^\s]{1,100}$", label="Job", initial="node", help_text="The job label. Dashboards for node_exporter expect node."
    )
    scheme = forms.ChoiceField(
        label="Scheme",
        choices=[("http", "http"), ("https", "https")],
        initial="http",
        required=False,
        help_text="Where a target names none.",
    )
    path = forms.CharField(label="Path", initial="/metrics", max_length=200, required=False, help_text="Where a target names none.")
    honor_labels = forms.BooleanField(
        label="Keep the exporter's labels",
        required=False,
        help_text="Where it sets job or instance itself, its value stays. Otherwise it is kept as exported_job, exported_instance.",
    )
    ignore_timestamps = forms.BooleanField(
        label="Ignore the exporter's timestamps", required=False, help_text="All samples get the time of the scrape."
    )
    sample_limit = forms.IntegerField(
        label="Samples, at most", min_value=1, max_value=1_000_000, initial=50_000, required=False, help_text="A page with more has failed."
    )
    body_limit = forms.IntegerField(
        label="Page, at most MiB",
        min_value=1,
        max_value=256,
        initial=16,
        required=False,
        help_text="Unpacked. A larger page has failed.",
    )
    concurrency = forms.IntegerField(label="Asked at once, at most", min_value=1, max_value=48, initial=32, required=False)
    field_order = ("targets", "job", "scheme", "path")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "targets" in given:
            try:
                addresses.parse(given["targets"], given.get("scheme") or "http", given.get("path") or "/metrics")
            except ValueError as fault:
                self.add_error("targets", str(fault))
        return given


class Scrape(Poller):
    label = "Exporters (scrape)"
    icon = "node"
    about = "Asks node_exporter, DCGM exporter or any other exporter for its /metrics page, as Prometheus does."
    usual_interval = 15
    usual_timeout = 10
    Config: ClassVar[type[forms.Form]] = ScrapeConfig
    secret_fields = ("password", "bearer_token")

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, Any], interval: int) -> None:
        super().__init__(config, secrets, interval)
        limits = Limits(
            samples=int(config.get("sample_limit") or 50_000),
            bytes=int(config.get("body_limit") or 16) * 2**20,
            honor_labels=bool(config.get("honor_labels")),
            ignore_timestamps=bool(config.get("ignore_timestamps")),
            verify=not config.get("skip_verification"),
            headers=headers(config, secrets),
        )
        self.shared = Shared(limits, interval)
        self.targets = self._targets()
        self.removed: list[ScrapeTarget] = []  # by an edit: their series end with the next poll

    def _targets(self) -> list[ScrapeTarget]:
        usual = {"job": "node", "scheme": "http", "path": "/metrics"}
        job, scheme, path = (str(self.config.get(name) or value) for name, value in usual.items())
        try:
            found = addresses.parse(str(self.config.get("targets", "")), scheme, path)
        except ValueError as fault:
            raise PluginError(str(fault), permanent=True) from None
        return [ScrapeTarget(one, addresses.labels_of(one, job), self.shared) for one in found]

    def take_over(self, earlier: Poller) -> None:
        """Series of targets that stay under their labels go on; those of the others end."""
        if not isinstance(earlier, Scrape):
            return
        own = {(target.address.url, tuple(target.labels.items())): target for target in self.targets}
        for target in [*earlier.targets, *earlier.removed]:
            mine = own.get((target.address.url, tuple(target.labels.items())))
            if mine is None:
                self.removed.append(target)
            else:
                mine.current = target.current

    @property
    def spread(self) -> float:
        """Seconds over which the targets are asked one after the other, so that the work comes evenly."""
        return min(PACE * (len(self.targets) - 1), SPREAD * self.interval, LONGEST_SPREAD)

    @property
    def patience(self) -> float:
        return min(self.spread + self.timeout + SLACK, self.timeout + 20)

    def poll(self) -> Polled:
        began = time.monotonic()
        scraped = self._scrape_all(began + self.patience - SLACK / 2)
        ends = [target.ended(time.time_ns() // 1_000_000) for target in self.removed]
        self.removed = []
        reports, batches = _together(scraped)
        asked = [one.asked for one in scraped]
        return Polled(
            reports,
            batches=[*batches, *filter(len, ends)],
            descriptions=self._descriptions(),
            targets=asked,
            trouble="" if any(one.up for one in asked) else _trouble(asked),
        )

    def _descriptions(self) -> dict[str, Description]:
        """Exporters of one kind say the same, and share one dict."""
        distinct = {id(target.said): target.said for target in self.targets}
        self.shared.forget(len(distinct))
        return dict(chain.from_iterable(said.items() for said in distinct.values()))

    def _scrape_all(self, until: float) -> list[Scraped]:
        """Each target's outcome, in the order of the targets. Who has not answered at `until` is down."""
        pace = self.spread / max(len(self.targets) - 1, 1)
        pool = ThreadPoolExecutor(min(len(self.targets), int(self.config.get("concurrency") or 32)), "scrape")
        futures: list[Future[Scraped]] = []
        began = time.monotonic()
        for place, target in enumerate(self.targets):
            if (early := began + place * pace - time.monotonic()) > 0:
                time.sleep(early)
            futures.append(pool.submit(target.scrape, self.timeout))
        wait(futures, max(0.0, until - time.monotonic()))
        pool.shutdown(wait=False, cancel_futures=True)
        return [
            future.result() if future.done() and not future.cancelled() else target.missed()
            for target, future in zip(self.targets, futures, strict=True)
        ]


def _together(scraped: Sequence[Scraped]) -> tuple[list[ResourceReport], list[Batch]]:
    """All reports, and the batches with their places among them."""
    reports: list[ResourceReport] = []
    batches = []
    for one in scraped:
        start = len(reports)
        reports += one.reports
        owners = [None if place is None else start + place for place in one.batch.resources or ()]
        batches.append(Batch(one.batch.keys, one.batch.index, one.batch.t, one.batch.v, owners))
    return reports, batches


def _trouble(asked: Sequence[Asked]) -> str:
    if len(asked) == 1:
        return asked[0].error
    return f"none of {len(asked)} targets answers; the first: {asked[0].error}"
