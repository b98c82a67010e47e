"""Labelled incidents and calm times as somebody's monitoring would have kept them: metrics of many names, sampled seldom or often, noisy,
with gaps, with trouble elsewhere that has nothing to do with it. Everything follows from the seed."""

from dataclasses import dataclass, field

import numpy as np

from bench import rca_faults, rca_topologies
from bench.rca_physics import Nature, State, Strain, nature, run
from bench.rca_topologies import HOST, Topology

STEPS = (10, 15, 30, 60, 300)
NAMES = {  # what is measured: the metric's name and its unit's factor
    "plain": {"latency_p50": "p50", "latency_p95": "p95", "error_rate": "errors", "requests": "load", "cpu": "cpu", "memory": "memory"},
    "lean": {"duration_ms": "p90"},
    "letters": {"a": "p99", "b": "good%", "c": "count", "d": "memory"},
    "averages": {"latency": "mean", "availability": "good%", "requests": "count"},
    "prometheus": {
        "http_request_duration_seconds_p99": "p99s", "http_requests_total": "counter", "http_errors_total": "error counter",
        "container_cpu_usage": "cpu", "container_memory_working_set_bytes": "bytes",
    },
    "rich": {
        "p50": "p50", "p90": "p90", "p99": "p99", "error_count": "error count", "qps": "load", "cpu_util": "cpu",
        "mem_used_percent": "memory", "disk_io": "noise", "gc_time": "noise", "threads": "noise", "network_retransmits": "network",
        "pod_restarts": "zeros",
    },
}  # fmt: skip
HELD_NAMES = {
    "short": {"rt": "mean", "sr": "good", "tps": "load"},
    "opaque": {"m1": "p95", "m2": "errors", "m3": "load", "m4": "cpu"},
    "slow only": {"avg_response_time": "mean", "Requests": "count"},
    "faults": {
        "Latency_p90": "p90s",
        "Fault_count": "error count",
        "Success_Rate": "good%",
        "Invocations": "count",
        "CPUUtilization": "cpu",
    },
}
ON_HOST = {"cpu": "cpu", "memory": "memory", "load1": "load1", "disk_io": "noise", "network_retransmits": "network"}


@dataclass
class Incident:
    graph: dict[str, list[str]]
    series: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]
    window: tuple[float, float, str]
    culprit: str | None  # None: calm
    facts: dict[str, object] = field(default_factory=dict)


@dataclass
class Times:
    step: int
    seconds: np.ndarray
    start: float
    end: float
    onset: float


def incident(seed: int, held: bool = False, calm: bool = False) -> Incident:
    rng = np.random.default_rng([seed, int(held), int(calm)])
    for _ in range(60):
        found = attempt(rng, held, calm)
        if found is not None:
            return found
    raise RuntimeError(f"seed {seed} makes no incident")


def attempt(rng, held: bool, calm: bool) -> Incident | None:
    shape = str(rng.choice(list(rca_topologies.HELD if held else rca_topologies.TUNED)))
    size = int(np.exp(rng.uniform(np.log(5), np.log(60))))
    topology = (rca_topologies.HELD if held else rca_topologies.TUNED)[shape](rng, size)
    of, times = nature(rng, topology), times_of(rng)
    level = outside(rng, times)
    names = HELD_NAMES if held else NAMES
    style = str(rng.choice(list(names)))
    nodes = len(topology.kinds)
    strain, kind, culprit = Strain.none(nodes, len(times.seconds)), "calm", None
    usual = run(topology, of, Strain.none(nodes, len(times.seconds)), level)
    if not calm:
        faults = rca_faults.HELD | ({} if rng.random() < 0.5 else rca_faults.TUNED) if held else rca_faults.TUNED
        kind = str(rng.choice(list(faults)))
        places = rca_faults.places(kind, topology, of)
        if kind == "traffic surge" and not {"load", "count", "counter"} & set(names[style].values()):
            return None
        if not places:
            return None
        culprit = int(rng.choice(places))
        faults[kind](rng, strain, culprit, over_time(rng, times), topology, of, float(np.exp(rng.normal(0.2, 0.4))))
    state = run(topology, of, strain, level) if culprit is not None else usual
    alerting = alerting_of(rng, topology, usual, state, times, culprit, names[style])
    if alerting is None:
        return None
    facts = {"shape": shape, "fault": kind, "step": times.step, "size": nodes, "names": style}
    return told(rng, topology, of, state, strain, times, alerting, culprit, names[style], facts)


def times_of(rng) -> Times:
    step = int(rng.choice(STEPS, p=(0.1, 0.15, 0.25, 0.25, 0.25)))
    inside = int(rng.integers(4, 15)) if step == 300 else int(rng.integers(max(8, 600 // step), max(20, 5400 // step)))
    inside = min(inside, 240)
    before = int(inside * rng.choice([0.0, 0.5, 1, 3, 6], p=(0.05, 0.1, 0.2, 0.35, 0.3)))
    before = max(before, int(rng.integers(12, 40)) if before and step == 300 else before)
    begin = 1_750_000_000 + int(rng.integers(0, 86_400 * 30))
    seconds = begin + np.arange(before + inside) * step
    start = begin + before * step
    place = rng.uniform(0.2, 0.7) if not before or rng.random() < 0.55 else float(rng.choice([0.0, -0.05, 0.05]))
    return Times(step, seconds, start, start + inside * step, start + place * inside * step)


def outside(rng, times: Times) -> np.ndarray:
    """What comes from outside, times the usual: the day's course, slow changes, noise."""
    day = 1 + rng.uniform(0, 0.5) * np.sin(2 * np.pi * times.seconds / 86_400 + rng.uniform(0, 6))
    slow = np.exp(wandering(rng, len(day), 0.995, rng.uniform(0, 0.1)))
    return np.maximum(day * slow * np.exp(rng.normal(0, rng.uniform(0.01, 0.1), len(day))), 0.05)


def wandering(rng, length: int, memory: float, spread: float) -> np.ndarray:
    pushes = rng.normal(0, spread * np.sqrt(1 - memory**2), length)
    pushes[0] = rng.normal(0, spread)
    fading = memory ** np.arange(min(length, int(7 / (1 - memory))))
    return np.convolve(pushes, fading)[:length]


def over_time(rng, times: Times) -> np.ndarray:
    """How far the fault is on, 0-1."""
    since = times.seconds - times.onset
    on = (since >= 0).astype(float)
    form = rng.choice(["step", "ramp", "passing", "flapping"], p=(0.55, 0.2, 0.15, 0.1))
    length = times.end - times.onset
    if form == "ramp":
        on *= np.clip(since / (0.4 * length), 0.05, 1)
    if form == "passing":
        on *= since < max(0.6 * length, 3 * times.step)
    if form == "flapping":
        on *= rng.random(len(on)) < 0.7
    return on


def felt(usual: State, state: State, times: Times, metrics: dict[str, str]) -> np.ndarray:
    """How much of it each component's metrics show, 1 = enough for an alert. [component]"""
    rows = (times.seconds >= max(times.start, times.onset)) & (times.seconds < times.end)
    slower = np.log((state.latency[:, rows].mean(axis=1) + 1e-9) / np.maximum(usual.latency[:, rows].mean(axis=1), 1e-9)) / np.log(1.4)
    if not any(what.startswith(("err", "good")) for what in metrics.values()):
        return slower
    return np.maximum(slower, (state.errors - usual.errors)[:, rows].mean(axis=1) / 0.03)


def alerting_of(
    rng, topology: Topology, usual: State, state: State, times: Times, culprit: int | None, metrics: dict[str, str]
) -> int | None:
    services = [node for node, kind in enumerate(topology.kinds) if kind != HOST]
    if culprit is None:
        return int(rng.choice(topology.entries if rng.random() < 0.7 else services))
    notice = felt(usual, state, times, metrics)
    able = [node for node in services if notice[node] >= 1]
    if not able:
        return None
    if culprit in able and (len(able) == 1 or rng.random() < 0.15):
        return culprit if rng.random() < 0.3 else None
    able = [node for node in able if node != culprit]
    first = [node for node in able if node in topology.entries]
    return int(rng.choice(first if first and rng.random() < 0.7 else able))


def told(
    rng, topology, of, state, strain, times: Times, alerting: int, culprit: int | None, metrics: dict[str, str], facts: dict
) -> Incident:
    names = [f"{kind}-{number}" for number, kind in enumerate(topology.kinds)]
    noise = {
        "spread": float(np.exp(rng.uniform(np.log(0.02), np.log(0.2)))),
        "form": str(rng.choice(["normal", "heavy", "lasting", "spikes"])),
    }
    blind = culprit is not None and culprit != alerting and rng.random() < 0.06
    dark = rng.random(len(names)) < float(rng.choice([0, 0, 0, 0.1, 0.3]))  # report nothing
    lacking = float(rng.choice([0, 0, 0.05, 0.15]))
    series = {}
    for node, name in enumerate(names):
        if (blind and node == culprit) or (dark[node] and node not in (culprit, alerting)):
            continue
        measured = ON_HOST if topology.kinds[node] == HOST else metrics
        for metric, what in measured.items():
            if rng.random() >= lacking or node == alerting:
                values = measure(rng, what, node, of, state, strain, times, noise)
                series[name, metric] = kept(rng, times, values)
    elsewhere = [node for node in range(len(names)) if node not in (culprit, alerting)]
    for node in rng.choice(elsewhere, min(len(elsewhere), int(rng.choice([0, 0, 1, 2]))), replace=False) if elsewhere else []:
        blip(rng, names[node], series, times)
    graph = {name: [names[call.callee] for call in topology.calls if call.caller == node] for node, name in enumerate(names)}
    for caller, callee in topology.back:
        graph[names[caller]].append(names[callee])
    facts |= {
        "noise": noise["form"],
        "blind": blind,
        "own": culprit == alerting,
        "past": bool((times.seconds < times.start).any()),
    }
    return Incident(graph, series, (times.start, times.end, names[alerting]), None if culprit is None else names[culprit], facts)


def noisy(rng, length: int, noise: dict, scale: float = 1.0) -> np.ndarray:
    """Factors around 1."""
    spread = noise["spread"] * scale
    drawn = {
        "normal": lambda: rng.normal(0, spread, length),
        "heavy": lambda: rng.standard_t(3, length) * spread * 0.6,
        "lasting": lambda: wandering(rng, length, 0.9, spread),
        "spikes": lambda: rng.normal(0, spread * 0.6, length) + (rng.random(length) < 0.015) * rng.uniform(0.5, 1.5, length),
    }[noise["form"]]()
    return np.exp(np.clip(drawn, -2, 2))


def measure(rng, what: str, node: int, of: Nature, state: State, strain: Strain, times: Times, noise: dict) -> np.ndarray:
    length = len(times.seconds)
    calls = rng.poisson(np.maximum(state.load[node] * times.step, 0))
    failed = rng.binomial(calls, np.clip(state.errors[node] + 0.001 * (rng.random() < 0.3), 0, 1))
    few = np.sqrt(1 + 4 / np.maximum(calls, 1))
    if what in ("mean", "p50", "p90", "p95", "p99", "p90s", "p99s"):
        tail = {"mean": 1.0, "p50": 0.8, "p90": 1.7, "p95": 2.1, "p99": 3.0}[what.rstrip("s")]
        latency = state.latency[node] * tail * noisy(rng, length, noise, few.mean() * tail**0.5)
        return np.where(calls > 0, latency, np.nan if rng.random() < 0.5 else 0.0) / (1000 if what.endswith("s") else 1)
    share = failed / np.maximum(calls, 1)
    used = np.clip(5 + 70 * state.busy[node] + strain.processor[node] + rng.normal(0, 2, length), 0, 100) * np.clip(
        noisy(rng, length, noise, 0.5), 0, 1.6
    )
    memory = np.clip(of.memory[node] + wandering(rng, length, 0.99, 1.5) + strain.memory[node], 0, 99)
    return {
        "errors": lambda: share, "good": lambda: 1 - share, "good%": lambda: 100 * (1 - share), "error count": lambda: failed.astype(float),
        "load": lambda: calls / times.step, "count": lambda: calls.astype(float), "counter": lambda: 1000.0 + np.cumsum(calls),
        "error counter": lambda: np.cumsum(failed).astype(float), "cpu": lambda: used, "load1": lambda: used / 20, "memory": lambda: memory,
        "bytes": lambda: memory * 4e7, "noise": lambda: 50 * noisy(rng, length, noise, 2), "zeros": lambda: np.zeros(length),
        "network": lambda: rng.poisson(2 + 400 * strain.network[node]).astype(float),
    }[what]()  # fmt: skip


def kept(rng, times: Times, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As a store gives them back: some samples lost, some not a number, times a little off."""
    seconds = times.seconds + (rng.uniform(0, 0.2) * times.step if rng.random() < 0.3 else 0.0)
    if rng.random() < 0.15:
        stay = rng.random(len(values)) > 0.1
        seconds, values = seconds[stay], values[stay]
    if rng.random() < 0.03 and times.step < 60:
        seconds, values = seconds[::4], values[::4]
    return seconds, values


def blip(rng, name: str, series: dict, times: Times) -> None:
    """Something at another component that nobody else feels."""
    own = [key for key in series if key[0] == name]
    if not own:
        return
    key = own[int(rng.integers(len(own)))]
    seconds, values = series[key]
    begin = rng.uniform(times.start - 0.3 * (times.end - times.start), times.end)
    rows = (seconds >= begin) & (seconds < begin + rng.uniform(0.1, 0.6) * (times.end - times.start))
    series[key] = seconds, np.where(rows, values * rng.uniform(1.5, 4), values)
