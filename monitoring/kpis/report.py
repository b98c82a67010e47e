"""The key figures of a period beside those of the period before: read once for both, computed by compute.py."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from monitoring.kpis import compute, read, services
from monitoring.kpis.compute import Ledger, Lengths, Noise, Period, Spans, Spread, Top, Troubles, Uptime
from monitoring.kpis.services import Service

BASES = ("incidents", "alerts")  # what mean times are taken over
CRITICAL = compute.RANKS.index("critical")


class Scope(NamedTuple):
    """What the page is about; "" = all."""

    service: str = ""
    team: str = ""

    def __bool__(self) -> bool:
        return bool(self.service or self.team)

    def holds(self, found: Sequence[Service]) -> list[Service]:
        kept = [one for one in found if not self.service or one.name == self.service]
        if not self.team:
            return kept
        cut = [(one, tuple(member for member in one.members if member.label(services.TEAM) == self.team)) for one in kept]
        return [Service(one.name, members, one.objective) for one, members in cut if members]


@dataclass
class Data:
    """Everything that the figures of a period, and of the one before, are taken from. A fixed number of statements."""

    period: Period  # both together
    now: int
    everything: list[Service]
    services: list[Service]  # within the scope
    alerts: Troubles
    incidents: Troubles
    watched: Spans
    outages: Spans


def gather(period: Period, now: int, scope: Scope) -> Data:
    both = Period(period.before.start, period.end)
    everything = services.read()
    within = scope.holds(everything)
    ids = np.array([member.pk for one in within for member in one.members], np.int64)
    alerts = read.alerts(both)
    if scope:
        alerts = alerts.where(np.isin(alerts.resource, ids))
    critical = alerts.where((alerts.severity == CRITICAL) & np.isin(alerts.resource, ids))
    left_out = compute.joined(services.maintenance(within, both), services.unknown(within), _recorded(critical, now))
    outages = _outages(critical, left_out, min(now, both.end))
    # What is gone was watched until it was last seen, and for as long as an alert told of it.
    watched = compute.without(compute.joined(services.watched(within, now), outages), left_out)
    incidents = read.incidents(both, ids if scope else None)
    return Data(both, now, everything, within, alerts, incidents, watched, outages)


def _recorded(critical: Troubles, now: int) -> Spans:
    """Maintenance that lay over these alerts, as it was recorded; windows of resources are planned, these may match by the alert."""
    resource_of = dict(zip(critical.id.tolist(), critical.resource.tolist(), strict=True))
    quiet = critical.id[critical.quiet].tolist()
    covered = read.hidden(quiet, now) if quiet else {}
    return compute.spans([(resource_of[alert], *span) for alert, found in covered.items() for span in found])


def _outages(critical: Troubles, left_out: Spans, end: int) -> Spans:
    """When a critical alert fired on a resource."""
    until = np.where(critical.resolved > 0, critical.resolved, end)
    return compute.without(Spans(critical.resource, critical.opened, until), left_out)


@dataclass(frozen=True)
class Row:
    """A service and how it was."""

    service: Service
    uptime: Uptime
    before: float | None

    @property
    def percent(self) -> float | None:
        return self.uptime.percent

    @property
    def budget(self) -> float | None:
        return compute.budget_left(self.percent, self.service.objective)

    @property
    def order(self) -> tuple[bool, float, str]:
        return self.budget is None, self.budget or 0.0, self.service.name


@dataclass
class Report:
    """One period of the data."""

    data: Data
    period: Period
    basis: str = ""  # incidents or alerts; "" = incidents where there are some

    def __post_init__(self) -> None:
        self.basis = self.basis or ("incidents" if len(self.data.incidents) else "alerts")

    @cached_property
    def before(self) -> "Report":
        return Report(self.data, self.period.before, self.basis)

    @cached_property
    def alerts(self) -> Troubles:
        return self.data.alerts.within(self.period)

    @cached_property
    def incidents(self) -> Troubles:
        return self.data.incidents.within(self.period)

    @property
    def recorded(self) -> bool:
        """Whether anything was watched: else 0 alerts would say nothing."""
        return self.uptime.observed > 0 or len(self.alerts) > 0 or len(self.incidents) > 0

    @property
    def troubles(self) -> Troubles:
        return self.incidents if self.basis == "incidents" else self.alerts

    @cached_property
    def to_detect(self) -> Lengths:
        return compute.to_detect(self.troubles)

    @cached_property
    def to_acknowledge(self) -> Lengths:
        return compute.to_acknowledge(self.troubles)

    @cached_property
    def to_resolve(self) -> Lengths:
        return compute.to_resolve(self.troubles)

    @cached_property
    def noise(self) -> Noise:
        return compute.noise(self.alerts)

    @cached_property
    def ledger(self) -> Ledger:
        return compute.ledger(self.data.watched, self.data.outages, self.period)

    @property
    def uptime(self) -> Uptime:
        return self.ledger.uptime()

    def uptime_in(self, part: Period) -> Uptime:
        return compute.ledger(self.data.watched, self.data.outages, part).uptime()

    @cached_property
    def services(self) -> list[Row]:
        """Those with least of their budget left first."""
        rows = [Row(one, self.ledger.uptime(one.ids), self.before.ledger.uptime(one.ids).percent) for one in self.data.services]
        return sorted(rows, key=lambda row: row.order)

    @cached_property
    def outages(self) -> Spans:
        return self.data.outages.cut(self.period)

    @cached_property
    def open_seconds(self) -> int:
        """Of all alerts of the period, added up."""
        return int(compute.open_for(self.alerts, self.period).sum())

    def top_names(self, most: int) -> list[Top]:
        return compute.top(self.alerts.name, self.alerts, self.period, most)

    def top_resources(self, most: int) -> list[Top]:
        known = self.alerts.where(self.alerts.resource > 0)
        return compute.top(known.resource, known, self.period, most)


# -- the eight -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Kpi:
    """One figure. `shape`: percent, seconds or count; `better`: less or more."""

    key: str
    label: str
    short: str
    shape: str
    better: str
    formula: str
    counts: str  # what n counts
    value: float | None
    n: int
    before: float | None
    before_n: int
    spread: Spread | None = None
    line: list[float | None] = field(default_factory=list)  # the figure in parts of the period

    @property
    def change(self) -> float | None:
        return None if self.value is None or self.before is None else self.value - self.before

    @property
    def tone(self) -> str:
        """good, bad or flat, as the change is."""
        if not self.change:
            return "flat"
        return "good" if (self.change < 0) == (self.better == "less") else "bad"


class Kind(NamedTuple):
    key: str
    label: str
    short: str
    shape: str
    better: str
    formula: str


KINDS = {
    kind.key: kind
    for kind in (
        Kind("availability", "Availability", "", "percent", "more", "1 − downtime / watched time, maintenance left out"),
        Kind("time-to-detect", "Time to detect", "MTTD", "seconds", "less", "Mean from onset to first alert"),
        Kind("time-to-acknowledge", "Time to acknowledge", "MTTA", "seconds", "less", "Mean from first alert to acknowledged"),
        Kind("time-to-resolve", "Time to resolve", "MTTR", "seconds", "less", "Mean from first alert to resolved"),
        Kind("time-between-failures", "Time between failures", "MTBF", "seconds", "more", "(Watched time − downtime) / failures"),
        Kind("incidents", "Incidents", "", "count", "less", "Opened in range, merged counted once"),
        Kind("alerts", "Alerts", "", "count", "less", "Fired in range"),
        Kind("noise", "Noise", "", "percent", "less", "Ended alerts nobody acted on / ended alerts"),
    )
}
PARTS = 15  # points of a figure's line


def kpis(report: Report) -> list[Kpi]:
    return [make(report, KINDS[key]) for key, make in MAKERS.items()]


def _parts(report: Report) -> list[Period]:
    limits = report.period.parts(PARTS).tolist()
    return [Period(a, b) for a, b in pairwise(limits)]


def _availability(report: Report, kind: Kind) -> Kpi:
    now, was = report.uptime, report.before.uptime
    line = [report.uptime_in(part).percent for part in _parts(report)]
    return Kpi(*kind, "resources", now.percent, now.resources, was.percent, was.resources, line=line)


def _between_failures(report: Report, kind: Kind) -> Kpi:
    now, was = report.uptime, report.before.uptime
    line = [report.uptime_in(part).between_failures for part in _parts(report)]
    return Kpi(*kind, "failures", now.between_failures, now.failures, was.between_failures, was.failures, line=line)


def _mean(of: Callable[[Report], Lengths]) -> Callable[[Report, Kind], Kpi]:
    def make(report: Report, kind: Kind) -> Kpi:
        lengths, was = of(report), of(report.before).spread
        line = compute.means(lengths, report.period.parts(PARTS))
        found = lengths.spread
        return Kpi(*kind, report.basis, found.mean, found.n, was.mean, was.n, found, line)

    return make


def _counted(of: Callable[[Report], Troubles]) -> Callable[[Report, Kind], Kpi]:
    def make(report: Report, kind: Kind) -> Kpi:
        rows = of(report)
        was = len(of(report.before)) if report.before.recorded else None
        line: list[float | None] = [float(count) for count in compute.counted(rows.opened, report.period.parts(PARTS))]
        return Kpi(*kind, kind.key, float(len(rows)), len(rows), was, was or 0, line=line)

    return make


def _noise(report: Report, kind: Kind) -> Kpi:
    now, was = report.noise, report.before.noise
    limits, opened = report.period.parts(PARTS), report.alerts.opened
    over, ignored = (compute.counted(opened[mask], limits).tolist() for mask in now)
    line = [100 * part / whole if whole else None for part, whole in zip(ignored, over, strict=True)]
    return Kpi(*kind, "ended alerts", now.share, int(now.over.sum()), was.share, int(was.over.sum()), line=line)


MAKERS: dict[str, Callable[[Report, Kind], Kpi]] = {
    "availability": _availability,
    "time-to-detect": _mean(lambda report: report.to_detect),
    "time-to-acknowledge": _mean(lambda report: report.to_acknowledge),
    "time-to-resolve": _mean(lambda report: report.to_resolve),
    "time-between-failures": _between_failures,
    "incidents": _counted(lambda report: report.incidents),
    "alerts": _counted(lambda report: report.alerts),
    "noise": _noise,
}
