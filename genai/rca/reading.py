"""What a caller hands over, in whichever of its forms, as one plain case. Pure numpy.

Times become seconds: numbers are epoch seconds, or milli-, micro-, nanoseconds when they are that large; a naive datetime is UTC.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Component = Hashable

STARTS = ("start", "begin", "since", "from", "start_time", "starts_at", "from_")
ENDS = ("end", "until", "to", "stop", "end_time", "ends_at", "finish")
ALERTING = ("component", "alerting", "alerting_component", "service", "resource", "target", "node", "subject", "alert")
SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # a number beyond the first is counted in 1/second of a second


class Window(NamedTuple):
    start: float
    end: float
    component: Component | None  # the one that alerts


class Track(NamedTuple):
    """One series: seconds, oldest first; finite values of the same length."""

    component: int  # place in Case.components
    metric: str
    times: Floats
    values: Floats


class Case(NamedTuple):
    components: list[Component]
    edges: Ints  # [edge, (caller, callee)]
    in_graph: NDArray[np.bool_]
    tracks: list[Track]
    window: Window
    alerting: int | None


def case_of(graph: Any, series: Any, window: Any) -> Case:
    pairs = list(calls(graph))
    nodes = list(dict.fromkeys([node for pair in pairs for node in pair if node is not None]))
    lines = list(keyed(series))
    components = list(dict.fromkeys(nodes + [component for component, _, _ in lines]))
    place = {component: number for number, component in enumerate(components)}
    edges = np.array([(place[a], place[b]) for a, b in pairs if b is not None and a != b], dtype=np.int64).reshape(-1, 2)
    span = window_of(window, place)
    clock = Clock()
    tracks = [track for component, metric, line in lines if (track := clock.track(place[component], metric, line)) is not None]
    alerting = None if span.component is None else place.get(span.component)
    return Case(components, edges, np.arange(len(components)) < len(nodes), tracks, span, alerting)


def calls(graph: Any) -> Iterable[tuple[Component, Component | None]]:
    """(caller, callee); (node, None) for a node that calls nobody."""
    if not isinstance(graph, Mapping):
        yield from (tuple(edge)[:2] for edge in getattr(graph, "edges", graph) or ())
        return
    for caller, callees in graph.items():
        yield caller, None
        for callee in [callees] if isinstance(callees, str) else callees or ():
            yield caller, callee


def keyed(series: Any) -> Iterable[tuple[Component, str, Any]]:
    """(component, metric, line), also from {component: {metric: line}}."""
    for key, line in series.items():
        if isinstance(key, tuple) and len(key) >= 2:
            yield key[0], str(key[1]), line
        elif isinstance(line, Mapping):
            yield from ((key, str(metric), inner) for metric, inner in line.items())


def window_of(window: Any, known: Mapping[Component, int]) -> Window:
    if isinstance(window, Mapping):
        found = [named(window.get, names) for names in (STARTS, ENDS, ALERTING)]
    elif isinstance(window, Sequence) and not hasattr(window, "_fields"):
        found = ordered(list(window), known)
    else:
        found = [named(lambda name: getattr(window, name, None), names) for names in (STARTS, ENDS, ALERTING)]
    start, end = (seconds_of(moment) for moment in found[:2])
    component = found[2]
    if isinstance(component, tuple) and component not in known and component:
        component = component[0]
    return Window(min(start, end), max(start, end), component)


def named(get: Any, names: Iterable[str]) -> Any:
    return next((value for name in names if (value := get(name)) is not None), None)


def ordered(parts: list[Any], known: Mapping[Component, int]) -> list[Any]:
    """Start, end, component of a sequence: the component is the one that is known as such, else the last."""
    at = next((number for number, part in enumerate(parts) if isinstance(part, Hashable) and part in known), 2)
    component = parts.pop(at) if at < len(parts) else None
    return [*parts[:2], component]


def seconds_of(moment: Any) -> float:
    found = seconds([moment])
    if not np.isfinite(found[0]):
        raise ValueError(f"a window's start and end are times, not {moment!r}")
    return float(found[0])


def seconds(times: Any) -> Floats:
    """Any timestamps as seconds; what is no time is NaN."""
    given = np.asarray(times)
    if given.dtype.kind == "M":
        return np.where(np.isnat(given), np.nan, given.astype("datetime64[us]").astype(np.int64) / 1e6)
    if given.dtype.kind not in "fiu":
        return np.array([one_second(moment) for moment in np.ravel(np.asarray(times, dtype=object))], dtype=np.float64)
    numbers: Floats = given.astype(np.float64).ravel()
    largest = np.nanmax(np.abs(numbers)) if len(numbers) and not np.isnan(numbers).all() else 0.0
    return numbers / next((scale for least, scale in SCALES if largest > least), 1.0)


def one_second(moment: Any) -> float:
    if isinstance(moment, str):
        with suppress(ValueError):
            moment = datetime.fromisoformat(moment)
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if isinstance(moment, np.datetime64):
        return float(seconds(np.array([moment]))[0])
    try:
        return float(seconds(np.array([float(moment)]))[0])
    except (TypeError, ValueError):
        return float("nan")


class Clock:
    """Reads series; timestamps that many series share are read once."""

    def __init__(self) -> None:
        self.read: dict[int, tuple[Any, Floats]] = {}  # the object is kept, so its id is not given to another

    def track(self, component: int, metric: str, line: Any) -> Track | None:
        """None where there is nothing to read."""
        times, values = two(line)
        t, y = self.seconds(times), numbers(values)
        if len(t) != len(y):
            rows = min(len(t), len(y))
            t, y = t[:rows], y[:rows]
        known = np.isfinite(t) & np.isfinite(y)
        if not known.all():
            t, y = t[known], y[known]
        if not len(t):
            return None
        if len(t) > 1 and (t[1:] < t[:-1]).any():
            order = np.argsort(t, kind="stable")
            t, y = t[order], y[order]
        return Track(component, metric, t, y)

    def seconds(self, times: Any) -> Floats:
        if id(times) not in self.read:
            self.read[id(times)] = (times, seconds(times))
        return self.read[id(times)][1]


def numbers(values: Any) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        return np.array([number(value) for value in values], dtype=np.float64)


def number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def two(line: Any) -> tuple[Any, Any]:
    """Timestamps and values of (timestamps, values), of {timestamp: value}, or of pairs."""
    if isinstance(line, Mapping):
        return list(line), list(line.values())
    if len(line) == 2 and all(hasattr(part, "__len__") and not isinstance(part, str) for part in line):
        return line[0], line[1]
    rows = [tuple(row) for row in line]
    return [row[0] for row in rows], [row[1] for row in rows]
