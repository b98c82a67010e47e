"""What changed in a window: series ranked by how far they left their own past, which is the same length before the window and the
same hours of earlier days. Read as buckets of five minutes or more, for a bounded number of series."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import urlencode

import numpy as np
import promql_parser

from aiops.templatetags.ui import spark_path
from aiops.timerange import TimeRange
from monitoring.dashboards import departures, query_units, vocabulary
from monitoring.dashboards.charts import shown
from monitoring.dashboards.explorer import DAY_MS, full_name
from monitoring.dashboards.frames import STEPS_MS, Floats
from monitoring.dashboards.query_errors import Mistake, mistake
from monitoring.query.errors import QueryError
from monitoring.query.source import NAME, Matcher
from monitoring.store import StoreUnavailable, matching, reader
from monitoring.store.reader import SeriesRef

MOST_SERIES, MOST_DAYS = 10_000, 40_000  # series, and days of series that are read: about three CPU seconds
PATIENCE = 20.0  # seconds to wait for another ranking of this process
LISTED = 30
BUCKETS = 24  # of a window, about
FINEST = 300_000  # ms: the store's rollup
DAYS, LENGTHS = 3, 3  # earlier days, or earlier lengths of a window longer than a day
WEAK, LEAST, CAME = 5.0, 3.0, 12.0  # spreads; the last stands for what came or went
COUNTERS = ("_total", "_bucket", "_count", "_sum")
_turn = Lock()
OPERATORS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


@dataclass(frozen=True)
class Change:
    """One line of the list."""

    name: str
    metric: str
    before: str
    now: str
    score: int
    weak: bool
    onset: int | None  # ms
    word: str  # changed, new or ended
    query: str  # opens it in the explorer
    path: str  # of its sparkline: the same length before, and the window
    alike: int = 0  # others of the same metric and resource, ranked below it


@dataclass
class Found:
    changes: list[Change] = field(default_factory=list)
    looked_at: int = 0
    matched: int = 0
    total: int = 0  # that left their past
    past: str = ""
    error: Mistake | None = None


def in_window(span: TimeRange, among: str = "") -> Found:
    """Ranks the series that the selector matches, all without one; of too many the first. Raises StoreUnavailable.

    One at a time in a process: ranking is work for the processor, and pages go on meanwhile.
    """
    try:
        refs = matching.find(selector(among))
    except QueryError as fault:
        return Found(error=mistake(among, fault.message, fault.position))
    windows = Windows.of(span)
    found = Found(looked_at=min(len(refs), windows.most), matched=len(refs), past=windows.words)
    if refs:
        _in_turn(found, refs[: windows.most], windows)
    return found


def _in_turn(found: Found, refs: Sequence[SeriesRef], windows: "Windows") -> None:
    if not _turn.acquire(timeout=PATIENCE):
        raise StoreUnavailable("other rankings are being made")
    try:
        _rank(found, refs, windows)
    finally:
        _turn.release()


def selector(text: str) -> list[Matcher]:
    """Matchers of a plain selector; none for an empty text. Raises QueryError for anything else."""
    if not text:
        return []
    try:
        tree = promql_parser.parse(text) if text.count("(") + text.count("[") == 0 else None
    except ValueError as fault:
        raise QueryError(str(fault)) from None
    if not isinstance(tree, promql_parser.VectorSelector):
        raise QueryError('a plain selector is expected here, such as {instance="web-1"}', 0)
    matchers = [Matcher(one.name, OPERATORS[str(one.op)], one.value) for one in tree.matchers.matchers]
    return [*matchers, Matcher(NAME, "=", tree.name)] if tree.name else matchers


# -- windows -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Windows:
    """[start, end) on a grid of `step`, ms, and how long before it the earlier ones lie."""

    start: int
    end: int
    step: int
    offsets: tuple[int, ...]
    words: str

    @classmethod
    def of(cls, span: TimeRange) -> "Windows":
        wanted = max(span.span_ms / BUCKETS, FINEST)
        step = next((step for step in STEPS_MS if step >= wanted), STEPS_MS[-1])
        end = span.end_ms // step * step  # a bucket that still fills would look like a fall
        start = min(span.start_ms // step * step, end - step)
        length = end - start
        if length > DAY_MS:
            return cls(start, end, step, tuple(length * n for n in range(1, LENGTHS + 1)), f"the {LENGTHS} times as long before")
        days = tuple(DAY_MS * n for n in range(1, DAYS + 1))
        return cls(
            start, end, step, tuple(dict.fromkeys((length, *days))), f"the same length before and the same hours of {DAYS} earlier days"
        )

    @property
    def count(self) -> int:
        return (self.end - self.start) // self.step

    @property
    def most(self) -> int:
        """How many series can be compared over these windows."""
        days = (1 + len(self.offsets)) * -(-(self.end - self.start) // DAY_MS)
        return min(MOST_SERIES, MOST_DAYS // days)


class _Matrices:
    """Levels and paces of all series, float64[series, buckets], for the window and each earlier one."""

    def __init__(self, sids: Sequence[int], windows: Windows) -> None:
        self.sids, self.windows = sids, windows
        self.rows = np.zeros(max(sids) + 1, np.int64)  # of an id
        self.rows[list(sids)] = np.arange(len(sids))
        read = [self._read(windows.start - offset, windows.end - offset) for offset in (0, *windows.offsets)]
        self.levels, self.paces = [level for level, _ in read], [pace for _, pace in read]

    def _read(self, start: int, end: int) -> tuple[Floats, Floats]:
        """Mean and growth per second of each bucket; one bucket more is read in front, for the first growth."""
        step, count = self.windows.step, self.windows.count + 1
        found = reader.outlines(self.sids, start - step, end, step)
        row, at = self.rows[found.sid], (found.t - (start - step)) // step
        mean, last = (np.full((len(self.sids), count), np.nan) for _ in range(2))
        mean[row, at], last[row, at] = found.mean, found.last
        grown = np.diff(last, axis=1)
        return mean[:, 1:], np.where(grown < 0, last[:, 1:], grown) / (step / 1000)

    def values(self, counters: departures.Mask) -> list[Floats]:
        """Paces of counters and of what only ever grows, levels of the others; the window first."""
        grows = counters | departures.rising(np.hstack(self.levels[1::-1]))
        return [np.where(grows[:, None], pace, level) for level, pace in zip(self.levels, self.paces, strict=True)]


# -- ranking -------------------------------------------------------------------------------------------------------------
def _rank(found: Found, refs: Sequence[SeriesRef], windows: Windows) -> None:
    matrices = _Matrices([ref.id for ref in refs], windows)
    said = vocabulary.describe(list({ref.metric for ref in refs}))
    counters = np.array([said[ref.metric].type == "counter" or ref.metric.endswith(COUNTERS) for ref in refs])
    window, *past = matrices.values(counters)
    grows = counters | departures.rising(np.hstack(matrices.levels[1::-1]))
    measured = departures.measure(window, np.hstack(past))
    z = np.where(measured.appeared | measured.ended, CAME, measured.z)  # who came or went stands among the clear ones
    order = [int(row) for row in np.argsort(-np.nan_to_num(z, nan=-1.0), kind="stable") if z[row] >= LEAST]
    found.total = len(order)
    came = measured.appeared | measured.ended
    for row, alike in _distinct(order, refs, came)[:LISTED]:
        unit = query_units.of_metric(refs[row].metric, said[refs[row].metric].unit)
        line = np.concatenate([past[0][row], window[row]])
        found.changes.append(_change(refs[row], measured, row, alike, line, (bool(grows[row]), unit), windows))


def _distinct(order: Sequence[int], refs: Sequence[SeriesRef], came: departures.Mask) -> list[tuple[int, int]]:
    """(row, how many alike follow): one line for each metric of a resource, or eight cores would be eight lines; and one for all
    series of a resource that are new or ended."""
    heads: dict[tuple[str, object], int] = {}
    alike: dict[int, int] = {}
    for row in order:
        ref = refs[row]
        whose = ref.resource_id or ref.labels.get("instance") or ref.labels.get("job")
        head = heads.setdefault(("" if came[row] else ref.metric, whose), row)
        alike[head] = alike.get(head, -1) + 1
    return list(alike.items())


def _change(
    ref: SeriesRef, measured: departures.Departures, row: int, alike: int, line: Floats, shape: tuple[bool, str], windows: Windows
) -> Change:
    path = spark_path([None if np.isnan(value) else float(value) for value in line], 72, 24)
    if measured.appeared[row] or measured.ended[row]:
        return _came_or_went(ref, bool(measured.appeared[row]), alike, path)
    counter, unit = shape
    unit = query_units.per_second(unit) if counter else unit
    z, onset = float(measured.z[row]), int(measured.onset[row])
    name = full_name({NAME: ref.metric, **ref.labels})
    return Change(
        name=", ".join(filter(None, (ref.labels.get("instance", ""), *_telling(ref)))) or name, metric=ref.metric,
        before=_told(measured.before[row], unit), now=_told(measured.now[row], unit), score=departures.score(z), weak=z < WEAK,
        onset=windows.start + onset * windows.step if onset >= 0 else None, word="changed", path=path, alike=alike,
        query=urlencode({"q": f"rate({name}[{_rate_window(windows.step)}])" if counter else name}),
    )  # fmt: skip


def _came_or_went(ref: SeriesRef, new: bool, alike: int, path: str) -> Change:
    """One series, or how many of a resource: those are opened as their number over time."""
    word, whose = "new" if new else "ended", next((name for name in ("instance", "job") if ref.labels.get(name)), "")
    name = full_name({NAME: ref.metric, **ref.labels})
    several = alike and whose
    return Change(
        name=ref.labels[whose] if several else ", ".join(ref.labels.values()) or name,
        metric=f"{alike + 1} series {'appeared' if new else 'ended'}" if several else ref.metric, before="", now="",
        score=departures.score(CAME), weak=False, onset=None, word=word, path="" if several else path,
        query=urlencode({"q": f"count({full_name({whose: ref.labels[whose]})})" if several else name}),
    )  # fmt: skip


def _telling(ref: SeriesRef) -> list[str]:
    return [value for name, value in sorted(ref.labels.items()) if name not in {"instance", "job", "demo"}][:3]


def _rate_window(step: int) -> str:
    return f"{max(5, step // 60_000)}m"


def _told(value: float, unit: str) -> str:
    return shown(100 * float(value), "%") if unit == "ratio" else shown(float(value), unit)
