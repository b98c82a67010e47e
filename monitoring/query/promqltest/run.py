"""Runs the commands of a promqltest file against the evaluator, as Prometheus' own runner does."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitoring.query.context import Semantics
from monitoring.query.errors import QueryError
from monitoring.query.evaluate import instant, range_query
from monitoring.query.frame import key_of
from monitoring.query.promqltest.compare import difference, shown
from monitoring.query.promqltest.reader import Broken, Clear, Eval, Load, commands
from monitoring.query.promqltest.series import HISTOGRAM, Described
from monitoring.query.source import Matcher, MemorySource, SeriesData, accepts
from monitoring.query.values import Matrix, RangeVector, Scalar, Text, Value, Vector

# Prometheus' tests run with delayed name removal.
SEMANTICS = Semantics(delayed_names=True)
_MINUTE = 60_000
_NATIVE = "native histograms are not supported"
_OF_THE_QUERY = re.compile(r"\b(?:start|end|range|step)\(\)", re.IGNORECASE)


@dataclass
class Failure:
    line: int
    query: str
    expected: str
    got: str


@dataclass
class Loaded(MemorySource):
    """What the file has loaded so far; native histograms are left out, but remembered."""

    series: list[SeriesData] = field(default_factory=list)
    native: list[dict[str, str]] = field(default_factory=list)
    met_native: bool = False

    def load(self, command: Load) -> None:
        for described in {key_of(one.labels): one for one in command.series}.values():
            self._append(described, command.interval)
            name = described.labels.get("__name__", "")
            if HISTOGRAM in described.samples:
                self.native.append(described.labels)
            elif command.native and name.endswith("_bucket"):
                rest = {label: value for label, value in described.labels.items() if label != "le"}
                self.native.append({**rest, "__name__": name.removesuffix("_bucket")})

    def _append(self, described: Described, interval: int) -> None:
        kept = [(k * interval, value) for k, value in enumerate(described.samples) if isinstance(value, float)]
        known = {key_of(one.labels): place for place, one in enumerate(self.series)}.get(key_of(described.labels))
        samples = dict(zip(self.series[known].t.tolist(), self.series[known].v, strict=True)) if known is not None else {}
        samples.update(kept)
        times = sorted(samples)
        merged = SeriesData(described.labels, np.array(times, np.int64), np.array([samples[t] for t in times], np.float64))
        if known is None:
            self.series.append(merged)
        else:
            self.series[known] = merged

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> list[SeriesData]:
        self.met_native = self.met_native or any(map(accepts(matchers), self.native))
        return super().select(matchers, start, end)


def run(text: str) -> Iterator[Failure | None]:
    """For every eval, and every command that cannot be read: its failure, or None when it passed."""
    loaded = Loaded()
    for command in commands(text):
        match command:
            case Broken():
                yield Failure(command.line, command.text, "a command", command.reason)
            case Clear():
                loaded = Loaded()
            case Load():
                loaded.load(command)
            case Eval():
                yield _evaluated(command, loaded)


def _evaluated(case: Eval, loaded: Loaded) -> Failure | None:
    loaded.met_native = False
    if any(HISTOGRAM in one.samples for one in case.series):
        return Failure(case.line, case.query, "a native histogram", _NATIVE)
    wrong = _wrong(case, loaded)
    if wrong and loaded.met_native:
        wrong = (wrong[0], f"{wrong[1]} ({_NATIVE})")
    return wrong and Failure(case.line, case.query, *wrong)


def _wrong(case: Eval, loaded: Loaded) -> tuple[str, str] | None:
    """(expected, got) when the case fails."""
    fail = case.expects("fail")
    try:
        value = _ask(case, loaded)
    except QueryError as error:
        if not fail:
            return _expected(case), f"error: {error.message}"
        return None if all(one.met_by(error.message) for one in fail) else (f"error: {fail[0].text}", f"error: {error.message}")
    if fail:
        return f"error: {fail[0].text}", shown(value)
    return _remarks(case, value) or _compared(case, value) or _as_range(case, value, loaded)


def _ask(case: Eval, loaded: Loaded) -> Value:
    if case.step:
        return range_query(case.query, loaded, case.start, case.end, case.step, semantics=SEMANTICS)
    return instant(case.query, loaded, case.start, semantics=SEMANTICS)


def _remarks(case: Eval, value: Value) -> tuple[str, str] | None:
    for kind, made in (("warn", value.warnings), ("info", value.infos)):
        wanted = case.expects(kind)
        if wanted and not made:
            return f"{kind} annotations", "none"
        for expectation in wanted:
            if not any(map(expectation.met_by, made)):
                return f"{kind}: {expectation.text}", "; ".join(made)
        unexpected = [text for text in made if wanted and not any(expectation.met_by(text) for expectation in wanted)]
        if unexpected or (made and case.expects(f"no_{kind}")):
            return f"no {kind} annotations" + (" but the expected" if unexpected else ""), "; ".join(unexpected or made)
    return None


def _compared(case: Eval, value: Value) -> tuple[str, str] | None:
    wrong = difference(case, value, ordered=bool(case.expects("ordered")))
    return (_expected(case), f"{shown(value)}: {wrong}") if wrong else None


def _expected(case: Eval) -> str:
    if case.scalar is not None:
        return str(case.scalar)
    if case.text is not None:
        return repr(case.text)
    return "; ".join(f"{one.labels} {one.samples}" for one in case.series) or "nothing"


def _as_range(case: Eval, value: Value, loaded: Loaded) -> tuple[str, str] | None:
    """An instant query must answer the same as the middle step of a range query."""
    if case.step or isinstance(value, Text | RangeVector) or case.expects("ordered") or _OF_THE_QUERY.search(case.query):
        return None
    try:
        matrix = range_query(case.query, loaded, case.start - _MINUTE, case.start + _MINUTE, _MINUTE, semantics=SEMANTICS)
    except QueryError as error:
        return _expected(case), f"error in range mode: {error.message}"
    wrong = difference(case, _middle(matrix, value), ordered=False)
    return (_expected(case), f"{shown(matrix)} in range mode: {wrong}") if wrong else None


def _middle(matrix: Matrix, like: Value) -> Value:
    at = int(matrix.t[1])
    rows = np.flatnonzero(matrix.present[:, 1])
    if isinstance(like, Scalar):
        return Scalar(at, float(matrix.v[0, 1]))
    return Vector([matrix.labels[row] for row in rows], at, matrix.v[rows, 1])
