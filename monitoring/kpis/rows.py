"""The rows that a figure counts: all of them, in order, a page of them at a time with everything that is shown of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from django.urls import NoReverseMatch, reverse

from monitoring.alerts.columns import when
from monitoring.alerts.models import Alert, AlertTransition
from monitoring.incidents.models import Incident, StatusChange
from monitoring.inventory.models import Resource
from monitoring.kpis import compute
from monitoring.kpis.compute import RANKS, Bools, Ints, Lengths, Spans, Troubles
from monitoring.kpis.report import KINDS, Report

SORTS = ("-length", "length", "-opened", "opened")
ONLY = (*reversed(RANKS), "quiet", "flapping", "open", "acknowledged")


class Wanted(NamedTuple):
    """Which of a figure's rows; "" and 0 = all of them."""

    key: str
    sort: str = ""
    only: str = ""
    name: str = ""
    resource: int = 0


@dataclass(frozen=True)
class Row:
    """One alert, incident or outage. Lengths are in seconds, None = not yet or not known."""

    id: int
    severity: str
    title: str
    url: str
    about: str  # service or resource
    about_url: str
    by: str  # who ended it, or has it
    acknowledged: float | None
    length: float | None
    opened: datetime
    ended: datetime | None


@dataclass(frozen=True)
class Found:
    """All rows of a figure, to be cut into pages. `kind`: alerts, incidents or outages; `length`: what is measured of each."""

    kind: str
    length: str
    lengths: Ints  # -1 = not known
    opened: Ints
    fetch: Callable[[Ints], list[Row]]  # of places
    sort: str

    def __len__(self) -> int:
        return len(self.opened)

    def __getitem__(self, part: slice) -> list[Row]:
        column = self.lengths if self.sort.endswith("length") else self.opened
        order = np.lexsort((np.arange(len(column)), -column if self.sort.startswith("-") else column))
        return self.fetch(order[part]) if len(order[part]) else []


OUTAGES = ("availability", "time-between-failures")  # figures that count outages
LENGTHS = {
    "time-to-detect": ("Noticed after", compute.to_detect),
    "time-to-acknowledge": ("Acknowledged after", compute.to_acknowledge),
    "time-to-resolve": ("Resolved after", compute.to_resolve),
}


def find(report: Report, wanted: Wanted) -> Found:
    """KeyError for a figure that does not exist."""
    KINDS[wanted.key]
    if wanted.key in OUTAGES:
        return _outages(report, wanted)
    kind, rows = _counted(report, wanted.key)
    rows = rows.where(_chosen(rows, wanted))
    if wanted.key in LENGTHS:
        title, measure = LENGTHS[wanted.key]
        return _troubles(kind, title, measure(rows), wanted.sort or "-length")
    lasted = np.where(rows.resolved > 0, np.maximum(rows.resolved - rows.opened, 0), -1)
    return _troubles(kind, "Lasted", Lengths(rows.id, rows.opened, lasted), wanted.sort or "-opened")


def _counted(report: Report, key: str) -> tuple[str, Troubles]:
    """What a figure is taken from, before it leaves out those without a length."""
    if key == "alerts":
        return "alerts", report.alerts
    if key == "noise":
        return "alerts", report.alerts.where(report.noise.ignored)
    if key == "incidents":
        return "incidents", report.incidents
    return report.basis, report.troubles


def narrower(report: Report, wanted: Wanted) -> list[tuple[str, int]]:
    """How many rows each value of `only` would leave; those that would leave none are left out."""
    if wanted.key in OUTAGES:
        return []
    _, rows = _counted(report, wanted.key)
    known = np.isin(rows.id, LENGTHS[wanted.key][1](rows).id) if wanted.key in LENGTHS else np.ones(len(rows), bool)
    counts = [(only, int((known & _chosen(rows, wanted._replace(only=only))).sum())) for only in ONLY]
    return [(only, count) for only, count in counts if count]


def _chosen(rows: Troubles, wanted: Wanted) -> Bools:
    mask = np.ones(len(rows), bool)
    if wanted.only in RANKS:
        mask &= rows.severity == RANKS.index(wanted.only)
    elif wanted.only:
        mask &= {"quiet": rows.quiet, "flapping": rows.flapped, "open": rows.resolved == 0, "acknowledged": rows.acted}[wanted.only]
    if wanted.name:
        mask &= rows.name == (rows.names.index(wanted.name) if wanted.name in rows.names else -1)
    if wanted.resource:
        mask &= rows.resource == wanted.resource
    return mask


def _troubles(kind: str, title: str, lengths: Lengths, sort: str) -> Found:
    fetch = _incident_rows if kind == "incidents" else _alert_rows
    ids, opened, seconds = lengths
    return Found(kind, title, seconds, opened, lambda at: fetch(ids[at].tolist(), seconds[at].tolist()), sort)


def _address(name: str, pk: int | None) -> str:
    try:
        return reverse(name, args=[pk]) if pk else ""
    except NoReverseMatch:
        return ""  # its pages are not mounted in this process


def _after(start: datetime, end: datetime | None) -> float | None:
    return max(0.0, (end - start).total_seconds()) if end else None


# -- alerts: two statements a page ---------------------------------------------------------------------------------------
def _alert_rows(ids: Sequence[int], lengths: Sequence[int]) -> list[Row]:
    found = Alert.objects.select_related("resource", "assignee").defer("evidence", "labels", "annotations").in_bulk(ids)
    ended = AlertTransition.objects.filter(alert__in=ids, axis="state", after="resolved").order_by("id")
    by = dict(ended.values_list("alert_id", "actor"))
    return [_alert_row(found[pk], length, by.get(pk, "")) for pk, length in zip(ids, lengths, strict=True) if pk in found]


def _alert_row(alert: Alert, length: int, by: str) -> Row:
    opened = alert.fired_at or alert.started_at
    about, url = (alert.resource.name, _address("resource", alert.resource_id)) if alert.resource else ("", "")
    return Row(
        alert.pk, alert.severity, alert.name, _address("alert", alert.pk), about, url,
        _ended_by(by, alert.resolved_at) or (alert.assignee.name if alert.assignee else ""),
        _after(opened, alert.acknowledged_at), None if length < 0 else length, opened, alert.resolved_at,
    )  # fmt: skip


def _ended_by(actor: str, ended: datetime | None) -> str:
    return "" if ended is None else "by itself" if actor in ("system", "") else actor


# -- incidents: two statements a page ------------------------------------------------------------------------------------
def _incident_rows(ids: Sequence[int], lengths: Sequence[int]) -> list[Row]:
    found = Incident.objects.select_related("root_alert__resource", "commander").defer("notes_md").in_bulk(ids)
    ended = StatusChange.objects.filter(incident__in=ids, after=Incident.Status.RESOLVED).order_by("id")
    by = dict(ended.values_list("incident_id", "actor"))
    return [_incident_row(found[pk], length, by.get(pk, "")) for pk, length in zip(ids, lengths, strict=True) if pk in found]


def _incident_row(one: Incident, length: int, by: str) -> Row:
    resource = one.root_alert.resource if one.root_alert else None
    about = ", ".join(map(str, one.services[:3])) or (resource.name if resource else "")
    return Row(
        one.pk, one.severity, f"{one.number} {one.title}", _address("incident", one.pk), about,
        _address("resource", resource.pk) if resource else "",
        _ended_by(by, one.resolved_at) or (one.commander.name if one.commander else ""),
        _after(one.detected_at, one.acknowledged_at), None if length < 0 else length, one.detected_at, one.resolved_at,
    )  # fmt: skip


# -- outages: two statements a page --------------------------------------------------------------------------------------
def _outages(report: Report, wanted: Wanted) -> Found:
    """Downtime counts what lies in the period; failures, what began in it."""
    spans = report.outages
    if wanted.key == "time-between-failures":
        whole = report.data.outages
        begun = whole.where((whole.start >= report.period.start) & (whole.start < report.period.end))
        spans = begun.cut(report.period)
    if wanted.resource:
        spans = spans.where(spans.resource == wanted.resource)
    fetch = _Outages(report, spans).rows
    return Found("outages", "Down for", spans.end - spans.start, spans.start, fetch, wanted.sort or "-length")


class _Outages(NamedTuple):
    report: Report
    spans: Spans

    def rows(self, places: Ints) -> list[Row]:
        causes = [self._cause(at) for at in places.tolist()]
        alerts = Alert.objects.defer("evidence", "labels", "annotations").in_bulk(filter(None, causes))
        names = Resource.objects.only("name").in_bulk(np.unique(self.spans.resource[places]).tolist())
        rows = zip(places.tolist(), causes, strict=True)
        return [self._row(at, alerts.get(cause or 0), names[pk]) for at, cause in rows if (pk := int(self.spans.resource[at])) in names]

    def _cause(self, at: int) -> int | None:
        """The first of the critical alerts that fired while it was down."""
        alerts, start, end = self.report.data.alerts, self.spans.start[at], self.spans.end[at]
        during = (alerts.opened < end) & ((alerts.resolved == 0) | (alerts.resolved > start))
        mask = (alerts.resource == self.spans.resource[at]) & (alerts.severity == RANKS.index("critical")) & during
        found = np.flatnonzero(mask)
        return int(alerts.id[found[np.argmin(alerts.opened[found])]]) if len(found) else None

    def _row(self, at: int, alert: Alert | None, resource: Any) -> Row:
        start, end = int(self.spans.start[at]), int(self.spans.end[at])
        title, url = (alert.name, _address("alert", alert.pk)) if alert else ("Down", "")
        acknowledged = _after(when(start), alert.acknowledged_at) if alert else None
        over = when(end) if end < self.report.data.now else None
        pk = alert.pk if alert else 0
        about = _address("resource", resource.pk)
        return Row(pk, "critical", title, url, resource.name, about, "", acknowledged, end - start, when(start), over)
