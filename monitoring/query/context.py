"""What one evaluation carries along: where samples come from, its limits, and what it has to say beside the result."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from monitoring.query.errors import QueryCanceled, QueryTimeout, TooManySamples
from monitoring.query.source import Source
from monitoring.store.batch import Times

LOOKBACK = 300_000
# A range query is evaluated in parts rather than with more than so many values (series times steps) or samples in memory.
CELLS_AT_ONCE = 2_000_000
SAMPLES_AT_ONCE = 10_000_000
PARTS = 8  # where nobody knows how many samples there would have been


@dataclass(frozen=True)
class Limits:
    """`samples` counts those read from the source and those computed in between; `cancel` is asked now and then."""

    seconds: float = 30
    samples: int = 50_000_000
    cancel: Callable[[], bool] | None = None


@dataclass(frozen=True)
class Semantics:
    """Where engines differ.

    closed_ranges: ranges and lookback include the sample at their left end, as before Prometheus 3.
    delayed_names: the metric name is dropped when the whole query is done, not by the function that drops it
    (Prometheus' promql-delayed-name-removal; its own tests run so).
    """

    closed_ranges: bool = False
    delayed_names: bool = False


@dataclass
class Notes:
    warnings: dict[str, None] = field(default_factory=dict)
    infos: dict[str, None] = field(default_factory=dict)

    def warn(self, text: str) -> None:
        self.warnings[f"PromQL warning: {text}"] = None

    def inform(self, text: str) -> None:
        self.infos[f"PromQL info: {text}"] = None


@dataclass
class Budget:
    limits: Limits
    deadline: float
    samples: int = 0

    @classmethod
    def of(cls, limits: Limits) -> "Budget":
        return cls(limits, time.monotonic() + limits.seconds)

    def check(self) -> None:
        """Raises when the query was canceled or has run too long."""
        if self.limits.cancel is not None and self.limits.cancel():
            raise QueryCanceled("query was canceled in expression evaluation")
        if time.monotonic() > self.deadline:
            raise QueryTimeout("query timed out in expression evaluation")

    def spend(self, samples: int) -> None:
        self.samples += samples
        if self.samples > self.limits.samples:
            raise TooManySamples("query processing would load too many samples into memory in query execution")
        self.check()


class TooWide(Exception):
    """The steps asked for take too much memory at once; in so many parts they should not."""

    def __init__(self, parts: int) -> None:
        super().__init__(parts)
        self.parts = parts


@dataclass(frozen=True)
class Context:
    source: Source
    times: Times  # of the steps evaluated now, ms
    start: int  # of the whole query, for start() and end()
    end: int
    step: int
    lookback: int
    semantics: Semantics
    budget: Budget
    notes: Notes
    subquery_step: int = 60_000

    @property
    def steps(self) -> int:
        return len(self.times)

    @property
    def seconds(self) -> np.ndarray:
        return self.times / 1000.0

    def at(self, times: Times) -> "Context":
        return replace(self, times=times)

    def check_width(self, cells: int, samples: int = 0) -> None:
        """Raises TooWide where the steps of a range query had better be evaluated in parts."""
        parts = math.ceil(max(cells / CELLS_AT_ONCE, samples / SAMPLES_AT_ONCE))
        if self.steps > 1 and parts > 1:
            raise TooWide(min(parts, self.steps))

    def narrow(self) -> None:
        """Raises TooWide unless this is one step already: fewer steps may see few enough samples."""
        if self.steps > 1:
            raise TooWide(min(PARTS, self.steps))
