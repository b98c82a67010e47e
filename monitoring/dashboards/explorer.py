"""The explorer's questions and answers: its state is the address, an answer is every query over one grid of steps."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2s
from typing import Any

import numpy as np
from django.core.exceptions import BadRequest
from django.http import QueryDict

from aiops.timerange import TimeRange
from monitoring.dashboards import query_errors, query_units, vocabulary
from monitoring.dashboards.charts import compact
from monitoring.dashboards.frames import STEPS_MS, Floats
from monitoring.query import stored
from monitoring.query.errors import ParseError, QueryError, QueryTimeout
from monitoring.query.evaluate import Limits
from monitoring.query.values import Matrix

LETTERS = "ABCDEFGH"
LONGEST = 4000  # characters of one query
POINTS, FEWEST, MOST_POINTS = 600, 50, 1500
MOST_SERIES = 60  # of one query that are drawn and listed
SECONDS = 15.0  # all queries of one answer together
VIEWS = ("lines", "stacked", "table")
DAY_MS = 86_400_000
COMPARISONS = {"": 0, "1d": DAY_MS, "7d": 7 * DAY_MS}
Json = dict[str, Any]


@dataclass(frozen=True)
class Query:
    letter: str
    text: str
    on: bool = True


@dataclass(frozen=True)
class State:
    queries: tuple[Query, ...]
    view: str = "lines"
    compare: str = ""
    points: int = POINTS

    @property
    def running(self) -> list[Query]:
        return [query for query in self.queries if query.on and query.text]


def state_of(query: QueryDict) -> State:
    """What the address asks for. BadRequest with what to write instead."""
    texts = [text.strip() for text in query.getlist("q")]
    if len(texts) > len(LETTERS):
        raise BadRequest(f"At most {len(LETTERS)} queries are shown at once, not {len(texts)}.")
    if any(len(text) > LONGEST for text in texts):
        raise BadRequest(f"A query has at most {LONGEST:,} characters.")
    off = query.get("off", "")
    queries = tuple(Query(letter, text, letter not in off) for letter, text in zip(LETTERS, texts, strict=False))
    return State(queries, _one_of(query, "view", VIEWS), _one_of(query, "compare", COMPARISONS), _points(query))


def _one_of(query: QueryDict, name: str, choices: Iterable[str]) -> str:
    known = list(choices)
    found = query.get(name, known[0])
    if found not in known:
        raise BadRequest(f"{name} must be one of {', '.join(filter(None, known))}, not {found[:40]!r}.")
    return found


def _points(query: QueryDict) -> int:
    text = query.get("points", str(POINTS))
    if len(text) > 4 or not text.isdecimal() or not FEWEST <= int(text) <= MOST_POINTS:
        raise BadRequest(f"points must be a whole number from {FEWEST} to {MOST_POINTS}, not {text[:20]!r}.")
    return int(text)


# -- the grid ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Steps:
    """Moments start, start + step … end, ms; multiples of the step, so that a window that slides asks for the same moments again."""

    start: int
    end: int
    step: int

    @classmethod
    def over(cls, span: TimeRange, points: int) -> "Steps":
        wanted = span.span_ms / points
        step = next((step for step in STEPS_MS if step >= wanted), STEPS_MS[-1])
        first, last = -(-span.start_ms // step) * step, span.end_ms // step * step
        return cls(min(first, last), last, step)

    def earlier(self, ms: int) -> "Steps":
        return Steps(self.start - ms, self.end - ms, self.step)

    @property
    def seconds(self) -> Floats:
        return np.arange(self.start, self.end + 1, self.step) / 1000


# -- answers -------------------------------------------------------------------------------------------------------------
@dataclass
class Row:
    """One series of an answer: values on the grid, NaN where there is none."""

    labels: Mapping[str, str]
    values: Floats
    then: Floats | None = None


@dataclass
class Answer:
    query: Query
    unit: str = ""
    rows: list[Row] = field(default_factory=list)
    total: int = 0
    took_ms: int = 0
    notes: list[str] = field(default_factory=list)
    error: query_errors.Mistake | None = None
    limit: bool = False  # the error is a limit of ours, no mistake in the text


@dataclass(frozen=True)
class _Patience:
    """How long somebody waits for all queries together."""

    until: float  # monotonic
    gone: Callable[[], bool] | None

    def limits(self) -> Limits:
        left = self.until - time.monotonic()
        if left <= 0:
            raise QueryTimeout("time is up")
        return Limits(seconds=left, samples=stored.limits().samples, cancel=self.gone)


def answers(state: State, span: TimeRange, gone: Callable[[], bool] | None = None) -> tuple[Steps, list[Answer]]:
    """One after another within SECONDS together, or until who asked has `gone`; a query that fails costs itself only. Raises
    StoreUnavailable."""
    steps, patience = Steps.over(span, state.points), _Patience(time.monotonic() + SECONDS, gone)
    units = {name: said.unit for name, said in vocabulary.describe(_metrics(state)).items()}
    return steps, [_answer(query, steps, COMPARISONS[state.compare], patience, units) for query in state.running]


def _metrics(state: State) -> list[str]:
    return [name for query in state.running for name in query_units.metrics_of(query.text)]


def _answer(query: Query, steps: Steps, shift: int, patience: _Patience, units: Mapping[str, str]) -> Answer:
    begun = time.perf_counter()
    answer = Answer(query, query_units.unit_of(query.text, query_units.said_by(units)))
    try:
        now = _run(query.text, steps, patience)
        then = _run(query.text, steps.earlier(shift), patience) if shift else None
    except QueryError as fault:
        answer.limit = not isinstance(fault, ParseError) and "invalid expression type" not in fault.message
        answer.error = query_errors.Mistake(_in_words(fault), 0, 0) if answer.limit else wrong_in(query.text, fault)
    else:
        _fill(answer, now, then)
    answer.took_ms = round(1000 * (time.perf_counter() - begun))
    return answer


def wrong_in(text: str, fault: QueryError) -> query_errors.Mistake:
    return query_errors.mistake(text, fault.message, fault.position)


def _run(text: str, steps: Steps, patience: _Patience) -> Matrix:
    return stored.run_range(text, steps.start, steps.end, steps.step, within=patience.limits())


def _in_words(fault: QueryError) -> str:
    if isinstance(fault, QueryTimeout):
        return f"The queries took longer than {SECONDS:.0f} seconds. A shorter range or fewer series are answered faster."
    return fault.message[:1].upper() + fault.message[1:] + ("" if fault.message.endswith(".") else ".")


def _fill(answer: Answer, now: Matrix, then: Matrix | None) -> None:
    values = np.where(now.present, now.v, np.nan)
    order = _highest(values)
    before = (
        {frozenset(labels.items()): np.where(then.present[at], then.v[at], np.nan) for at, labels in enumerate(then.labels)} if then else {}
    )
    answer.rows = [Row(now.labels[at], values[at], before.get(frozenset(now.labels[at].items()))) for at in order]
    answer.total = len(now.labels)
    answer.notes = [*now.warnings, *now.infos][:3]


def _highest(values: Floats) -> list[int]:
    """All in the order they came, or the MOST_SERIES with the highest mean."""
    if len(values) <= MOST_SERIES:
        return list(range(len(values)))
    known = np.isfinite(values)
    sums = np.where(known, values, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return [int(at) for at in np.argsort(-np.where(known.any(axis=1), sums, -np.inf), kind="stable")[:MOST_SERIES]]


# -- as JSON -------------------------------------------------------------------------------------------------------------
def as_json(state: State, span: TimeRange, steps: Steps, found: list[Answer]) -> Json:
    return {
        "t": steps.seconds, "from": span.start_ms / 1000, "to": span.end_ms / 1000, "live": span.live, "step": steps.step / 1000,
        "compare": state.compare, "queries": [_query(answer) for answer in found],
    }  # fmt: skip


def _query(answer: Answer) -> Json:
    common = common_labels([row.labels for row in answer.rows])
    return {
        "key": answer.query.letter, "text": answer.query.text, "unit": answer.unit, "total": answer.total, "ms": answer.took_ms,
        "notes": answer.notes,
        "error": error_json(answer.error) | {"limit": answer.limit} if answer.error else None,
        "series": [_series(answer.query, row, common) for row in answer.rows],
    }  # fmt: skip


def error_json(error: query_errors.Mistake) -> Json:
    return {"message": error.message, "start": error.start, "end": error.end, "fix": error.fix, "unfinished": error.unfinished}


def _series(query: Query, row: Row, common: set[str]) -> Json:
    name = full_name(row.labels)
    out = {"id": series_id(query.letter, name), "name": name, "label": short_name(row.labels, common) or query.text, "labels": row.labels}
    return out | {"data": compact(row.values), "stats": stats(row.values)} | _then(row)


def _then(row: Row) -> Json:
    if row.then is None:
        return {}
    now, before = _mean(row.values), _mean(row.then)
    change = 100 * (now - before) / abs(before) if now is not None and before else None
    return {"then": compact(row.then), "was": before, "change": change}


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def stats(values: Floats) -> Json:
    """Last, lowest, mean, highest, 95th percentile and sum's count of the known values; None where there is none."""
    known = values[np.isfinite(values)]
    if not len(known):
        return dict.fromkeys(("last", "min", "mean", "max", "p95"))
    at = float(np.percentile(known, 95))
    return {"last": float(known[-1]), "min": float(known.min()), "mean": float(known.mean()), "max": float(known.max()), "p95": at}


def common_labels(all_labels: list[Mapping[str, str]]) -> set[str]:
    """Labels that every series has with the same value: they tell nothing apart."""
    if len(all_labels) < 2:
        return set()
    first = all_labels[0]
    return {name for name, value in first.items() if all(labels.get(name) == value for labels in all_labels)}


def full_name(labels: Mapping[str, str]) -> str:
    inner = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != "__name__")
    metric = labels.get("__name__", "")
    return f"{metric}{{{inner}}}" if inner or not metric else metric


def short_name(labels: Mapping[str, str], common: set[str]) -> str:
    """For legends: values of the labels that tell the series apart."""
    if not labels:
        return ""
    apart = [value for name, value in sorted(labels.items()) if name not in common and name not in {"job", "demo"}]
    return " ".join(apart) if apart else full_name(labels)


def series_id(letter: str, name: str) -> str:
    """Six characters that stand for a series in the address: which ones are hidden."""
    return letter + blake2s(name.encode(), digest_size=3).hexdigest()
