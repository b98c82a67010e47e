"""The series of the resources concerned, read once and brought into the shape in which they can be compared: counters as their pace,
histograms as the mean of what they observed, cores as one machine."""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from genai.causes import departing
from genai.causes.departing import Ints
from monitoring.dashboards import vocabulary
from monitoring.dashboards.frames import Floats
from monitoring.store import rates, reader
from monitoring.store.models import Series
from monitoring.store.reader import SeriesRef
from monitoring.store.windows import ROLLUP

MOST, DETAILED = 10_000, 1500  # series that are looked at, and of those the ones that are read sample by sample
WHOSE = {"instance", "job", "demo", "host", "node", "vm", "hostname", "nodename"}  # say whose it is, not what it is
CORES = {"cpu", "core"}  # added up
PLAIN = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
COUNTERS = ("_total", "_count", "_sum")
# Bookkeeping of exporters and of ourselves, clocks, and parts of histograms.
LEFT_OUT = ("_bucket", "_info", "_created", "_timestamp_seconds", "_boot_time_seconds", "node_time_seconds", "_start_time_seconds")
OWN = ("ALERTS", "scrape_", "node_scrape_", "aiops_", "go_memstats_last_gc", "node_textfile_")


class Line(NamedTuple):
    """t in ms; v a level, or per second."""

    resource: int
    metric: str
    labels: dict[str, str]  # that tell it from others of its resource
    whole: dict[str, str]  # all that its series have in common
    form: str  # level, pace, sum (of paces), mean (of what was observed)
    window: str  # of rates
    t: Ints
    v: Floats

    @property
    def pace(self) -> bool:
        return self.form in ("pace", "sum")

    @property
    def query(self) -> str:
        """Gives the same from the store."""
        if self.form == "mean":
            return f"{self._rate('_sum')} / {self._rate('_count')}"
        if self.form == "level":
            return selector(self.metric, self.whole)
        return f"sum({self._rate()})" if self.form == "sum" else self._rate()

    def _rate(self, part: str = "") -> str:
        return f"rate({selector(self.metric + part, self.whole)}[{self.window}])"

    @property
    def name(self) -> str:
        return self.metric + "".join(f" {name} {value}" for name, value in self.labels.items())


def selector(metric: str, labels: Mapping[str, str]) -> str:
    """As PromQL writes it, whatever the values hold."""
    if not PLAIN.fullmatch(metric):
        metric, labels = "", {"__name__": metric, **labels}
    inner = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(labels.items()))
    return f"{metric}{{{inner}}}" if inner else metric


class Read(NamedTuple):
    lines: list[Line]
    looked_at: int
    left_out: int
    interval: int  # ms between two samples, usually


def read(nearest: Iterable[int], past: int, start: int, end: int) -> Read:
    """Of the resources, the nearest first; times in ms. Raises StoreUnavailable."""
    wanted = list(nearest)
    refs = _refs(wanted)
    kept = _thinned(refs[:MOST], set(wanted[:1]), past, start, end) if len(refs) > DETAILED else refs
    samples = reader.raw_many([ref.id for ref in kept], past, end)
    counters = _counters({ref.metric for ref in kept})
    interval = _interval(samples.values())
    window = "2m" if interval <= 30_000 else f"{max(5, -(-4 * interval // 60_000))}m"
    lines = [_line(ref, samples[ref.id], ref.metric in counters, window) for ref in kept if ref.id in samples]
    return Read(list(_joined(lines)), min(len(refs), MOST), max(0, len(refs) - MOST), interval)


def _refs(nearest: list[int]) -> list[SeriesRef]:
    rank = {pk: at for at, pk in enumerate(nearest)}
    rows = Series.objects.filter(resource__in=nearest).order_by("id").values_list("id", "metric", "labels", "resource_id")
    found = [SeriesRef(*row) for row in rows if _telling(row[1])]
    return sorted(found, key=lambda ref: rank[ref.resource_id or 0])


def _telling(metric: str) -> bool:
    """What was foretold or judged of a series has its name and a colon: that is no measurement."""
    return not (metric.endswith(LEFT_OUT) or metric.startswith(OWN) or metric.endswith((":anomaly", ":forecast", ":lower", ":upper")))


def _counters(metrics: set[str]) -> set[str]:
    said = vocabulary.describe(sorted(metrics))
    return {metric for metric in metrics if said[metric].type == "counter" or metric.endswith(COUNTERS)}


def _interval(samples: Iterable[tuple[Ints, Floats]]) -> int:
    gaps = [float(np.median(np.diff(t))) for t, _ in samples if len(t) > 3]
    return int(np.median(gaps)) if gaps else 60_000


def _thinned(refs: list[SeriesRef], first: Collection[int], past: int, start: int, end: int) -> list[SeriesRef]:
    """The series that left their past the farthest, as far as buckets of five minutes tell; one of each resource, all of the trouble."""
    grid = departing.Grid(past // ROLLUP * ROLLUP, ROLLUP, -(-(end - past) // ROLLUP) + 1, max(1, (start - past) // ROLLUP))
    found = reader.outlines([ref.id for ref in refs], grid.start, grid.start + grid.count * ROLLUP, ROLLUP)
    row_of = np.zeros(max(ref.id for ref in refs) + 1, np.int64)
    row_of[[ref.id for ref in refs]] = np.arange(len(refs))
    mean, last = (np.full((len(refs), grid.count), np.nan) for _ in range(2))
    at = (row_of[found.sid], (found.t - grid.start) // ROLLUP)
    mean[at], last[at] = found.mean, found.last
    counters = _counters({ref.metric for ref in refs})
    grows = np.array([ref.metric in counters for ref in refs])
    pace = np.diff(last, axis=1, prepend=np.nan)
    values = np.where(grows[:, None], np.where(pace < 0, np.nan, pace), mean)
    peak = departing.distances(values, grid)[0][:, grid.turn :].max(axis=1)
    own = [row for row, ref in enumerate(refs) if ref.resource_id in first][: DETAILED // 3]
    far = [int(row) for row in np.argsort(-peak, kind="stable")]
    calm = {refs[row].resource_id: row for row in reversed(far)}  # one of each: what is measured and calm is not what is not measured
    return [refs[row] for row in list(dict.fromkeys([*own, *calm.values(), *far]))[:DETAILED]]


# -- shapes --------------------------------------------------------------------------------------------------------------
def _line(ref: SeriesRef, samples: tuple[Ints, Floats], counter: bool, window: str) -> Line:
    labels = {name: value for name, value in sorted(ref.labels.items()) if name not in WHOSE}
    form, (t, v) = ("pace", _pace(*samples)) if counter else ("level", samples)
    return Line(ref.resource_id or 0, ref.metric, labels, ref.labels, form, window, t, v)


def _pace(t: Ints, v: Floats) -> tuple[Ints, Floats]:
    """Growth per second between two samples, at the later one; none over a gap."""
    if len(t) < 2:
        return t[:0], v[:0]
    took = np.diff(t)
    grown = rates.increase(t, v)[1:]
    keep = np.isfinite(grown) & (took > 0) & (took <= rates.usual_gap(t))
    return t[1:][keep], grown[keep] / (took[keep] / 1000)


def _joined(lines: list[Line]) -> Iterable[Line]:
    """With cores added up, and sums over counts as means; a count stays as the pace of what it counts."""
    groups: defaultdict[tuple[int, str, tuple[tuple[str, str], ...]], list[Line]] = defaultdict(list)
    for line in lines:
        told = tuple((name, value) for name, value in line.labels.items() if name not in CORES)
        groups[line.resource, line.metric, told].append(line)
    for (resource, metric, told), members in groups.items():
        if metric.endswith("_sum"):
            counts = groups.get((resource, f"{metric.removesuffix('_sum')}_count", told))
            if counts and (mean := _mean(members[0], counts[0])) is not None:
                yield mean
        elif len(members) == 1:
            yield members[0]
        else:
            yield _added(members, dict(told))


def _added(members: list[Line], labels: dict[str, str]) -> Line:
    """Of cores; where their samples do not lie at the same times, of the longest the times and of the others what is between."""
    t = max((line.t for line in members), key=len)
    same = (np.array_equal(line.t, t) for line in members)
    parts = [line.v if fits else _at(line, t) for line, fits in zip(members, same, strict=True)]
    whole = {name: value for name, value in members[0].whole.items() if name not in CORES}
    return members[0]._replace(labels=labels, whole=whole, form="sum", t=t, v=np.sum(parts, axis=0))


def _at(line: Line, t: Ints) -> Floats:
    found: Floats = np.interp(t, line.t, line.v) if len(line.t) else np.zeros(len(t))
    return found


def _mean(total: Line, count: Line) -> Line | None:
    """Of what a histogram or summary observed, where it observed anything."""
    if len(total.t) != len(count.t) or not len(total.t):
        return None
    v = np.full(len(total.v), np.nan)
    np.divide(total.v, count.v, out=v, where=count.v > 0)
    return total._replace(metric=total.metric.removesuffix("_sum"), form="mean", v=v)


def as_case(lines: Iterable[Line]) -> Mapping[tuple[int, str], tuple[Ints, Floats]]:
    """As rank_causes takes them."""
    return {(line.resource, line.name): (line.t, line.v) for line in lines if len(line.t)}
