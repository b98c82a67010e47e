"""A rule's PromQL from plain words, without a model: "p95 latency over 400 ms" becomes a quantile of the histogram whose name comes
nearest, with the limit in the metric's own unit. The tool that drafts rules checks it and tries it on the past."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from genai.copilot.intents import Threshold
from monitoring.dashboards import query_units, vocabulary

# what people say -> what metrics are called
ALIKE: dict[str, tuple[str, ...]] = {
    "latency": ("latency", "duration", "response", "seconds"),
    "response": ("response", "duration", "latency"),
    "memory": ("memory", "mem"),
    "disk": ("disk", "filesystem"),
    "errors": ("error", "errors", "failed"),
    "error": ("error", "errors", "failed"),
    "requests": ("requests", "request"),
    "traffic": ("requests", "bytes", "receive", "transmit"),
    "network": ("network", "receive", "transmit"),
    "temperature": ("temperature", "celsius", "temp"),
    "load": ("load1", "load"),
}
# shares in per cent that no metric states: (words, the metrics it takes, what is used, what is free)
FORMULAS: tuple[tuple[tuple[str, ...], tuple[str, ...], str, str], ...] = (
    (
        ("disk", "filesystem", "volume", "storage"),
        ("node_filesystem_avail_bytes", "node_filesystem_size_bytes"),
        "100 * (1 - node_filesystem_avail_bytes / node_filesystem_size_bytes)",
        "100 * node_filesystem_avail_bytes / node_filesystem_size_bytes",
    ),
    (
        ("memory", "ram"),
        ("node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"),
        "100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
        "100 * node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
    ),
    (
        ("cpu", "processor"),
        ("node_cpu_seconds_total",),
        '100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])))',
        '100 * avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
    ),
)
FREE = re.compile(r"\b(?:free|avail\w*|left|idle|remaining)\b", re.IGNORECASE)
PER_CENT = ("%", "percent", "per cent")
BY = ("service", "job", "app", "instance")  # what a histogram is told apart by: the first of them that it has
SECONDS = {
    "µs": 1e-6, "us": 1e-6, "ms": 1e-3, "millisecond": 1e-3, "s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60,
    "h": 3600, "hour": 3600,
}  # fmt: skip
BYTES = {
    "b": 1, "byte": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
WINDOW = "5m"


class Drafted(NamedTuple):
    name: str
    expr: str
    summary: str


def words_for(threshold: Threshold) -> str:
    """What to look for among the metrics' names."""
    asked = threshold.words.lower().split()
    return " ".join(dict.fromkeys(word for one in asked for word in ALIKE.get(one, (one,))))[:200]


def best(candidates: Sequence[str], threshold: Threshold) -> str | None:
    """The metric that fits: of a quantile a histogram where there is one; never a histogram's part for anything else."""
    if threshold.quantile is not None:
        buckets = [name for name in [*candidates, *_buckets(threshold)] if name.endswith("_bucket")]
        if buckets:
            return buckets[0]
    whole = [name for name in candidates if not name.endswith(("_bucket", "_sum", "_count"))]
    fitting = [name for name in whole if _measures(name, threshold.unit)]
    return next(iter(fitting), None)


def formula(threshold: Threshold) -> str | None:
    """Of a share in per cent that is worked out from two metrics, where the store has them."""
    said = threshold.words.lower().split()
    if threshold.unit not in PER_CENT or threshold.quantile is not None:
        return None
    known = vocabulary.metrics()
    for words, metrics, used, free in FORMULAS:
        if any(word in words for word in said) and all(name in known for name in metrics):
            return free if FREE.search(threshold.words) else used
    return None


def _buckets(threshold: Threshold) -> list[str]:
    wanted = words_for(threshold).split()
    found = [name for name in vocabulary.metrics() if name.endswith("_bucket") and any(word in name.lower() for word in wanted)]
    return sorted(found, key=lambda name: (-sum(word in name.lower() for word in wanted), len(name)))


def _measures(metric: str, unit: str) -> bool:
    """Whether its unit is of the kind that was said."""
    own = unit_of(metric)
    if unit in PER_CENT:
        return own in ("%", "ratio")
    return own in ("s", "ms") if _singular(unit) in SECONDS else own == "B" if _singular(unit) in BYTES else True


def unit_of(metric: str) -> str:
    return query_units.of_metric(metric, vocabulary.describe([metric])[metric].unit)


def drafted(metric: str, threshold: Threshold) -> Drafted:
    return named(threshold, expression(metric, threshold))


def compared(formula: str, threshold: Threshold) -> Drafted:
    return named(threshold, f"{formula} {threshold.op} {threshold.value:g}")


def named(threshold: Threshold, expr: str) -> Drafted:
    limit = f"{threshold.value:g}{f' {threshold.unit}' if threshold.unit else ''}"
    share = f"p{threshold.quantile * 100:g} " if threshold.quantile is not None else ""
    told = f"{share}{threshold.words} is {'over' if threshold.op == '>' else 'under'} {limit}"
    return Drafted(camel(told.replace(" is ", " ").replace("%", "percent")), expr, f"{told[:1].upper()}{told[1:]}")


def expression(metric: str, threshold: Threshold) -> str:
    limit = f"{in_unit(threshold, unit_of(metric)):.12g}"
    quantile = threshold.quantile
    if quantile is not None and metric.endswith("_bucket"):
        labels = vocabulary.labels(metric)
        by = ", ".join(["le", *[name for name in BY if name in labels][:1]])
        left = f"histogram_quantile({quantile:g}, sum by ({by}) (rate({metric}[{WINDOW}])))"
    elif quantile is not None and f"{quantile:g}" in vocabulary.labels(metric).get("quantile", {}):
        left = f'{metric}{{quantile="{quantile:g}"}}'
    elif metric.endswith("_total"):
        left = f"rate({metric}[{WINDOW}])"
    else:
        left = f"quantile_over_time({quantile:g}, {metric}[{WINDOW}])" if quantile is not None else metric
    return f"{left} {threshold.op} {limit}"


def in_unit(threshold: Threshold, own: str) -> float:
    """The limit as the metric counts."""
    unit = _singular(threshold.unit)
    if unit in SECONDS:
        seconds = threshold.value * SECONDS[unit]
        return seconds * 1000 if own == "ms" else seconds
    if unit in PER_CENT:
        return threshold.value / 100 if own == "ratio" else threshold.value
    return threshold.value * BYTES.get(unit.removesuffix("/s"), 1)


def _singular(unit: str) -> str:
    return unit if unit in ("s", "ms", "us", "µs") else unit.removesuffix("s")


def camel(text: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", text))[:120] or "DraftedRule"
