"""How a resource is, from 100 down: a table of limits, judged over measured values. Pure: no database.

Each limit that a value passes costs points and gives a reason. A reason once given stays until the value has moved back
by the limit's margin, so that a value that hovers at a limit does not make the score flap.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

POINTS = {"low": 5, "medium": 15, "high": 30, "critical": 60}
AGAIN = 5  # points for each further reason of a limit that has already cost its points: five full disks are one trouble
HEALTHY, DEGRADED = 90, 40  # the least score of the two upper bands


@dataclass(frozen=True)
class Measure:
    """One value of one limit, e.g. the filesystem /home. `base` moves the limit's levels: a sensor's own maximum."""

    rule: str
    value: float
    where: str = ""
    base: float = 0.0


@dataclass(frozen=True)
class Limit:
    rule: str
    says: str  # {where} and {value}, the latter with its unit
    metric: str  # the evidence
    levels: tuple[tuple[str, float], ...]  # (severity, from this value on), worst first
    margin: float  # how far back a value has to move before the reason goes
    unit: str = " %"
    below: bool = False  # low values are the bad ones
    bare: bool = False  # the sentence says it all, a limit adds nothing

    def severity(self, measure: Measure, before: str | None) -> tuple[str, float] | None:
        """The worst level passed, `before` being the severity at the last judgement; and the level."""
        for severity, level in self.levels:
            limit = measure.base + level
            slack = self.margin if before and POINTS[before] >= POINTS[severity] else 0.0
            if (measure.value <= limit + slack) if self.below else (measure.value >= limit - slack):
                return severity, limit
        return None

    def reason(self, measure: Measure, before: str | None) -> dict[str, Any] | None:
        passed = self.severity(measure, before)
        if passed is None:
            return None
        severity, limit = passed
        says = self.says.format(where=measure.where, value=f"{_number(measure.value)}{self.unit}")
        return {
            "severity": severity,
            "text": says if self.bare else f"{says}, limit {_number(limit)}{self.unit}",
            "metric": self.metric,
            "value": round(measure.value, 3),
            "limit": round(limit, 3),
            "points": POINTS[severity],
            "rule": self.rule,
            "where": measure.where,
        }


Levels = tuple[tuple[str, float], ...]
FULL: Levels = (("critical", 97), ("high", 92), ("medium", 85))  # % of something that fills up
HOT: Levels = (("critical", 0), ("high", -3), ("medium", -8))  # °C from the sensor's ceiling
GPU_HOT: Levels = (("critical", 95), ("high", 90), ("medium", 85))
SCARCE: Levels = (("critical", 2), ("high", 5), ("medium", 10))
EVER: Levels = (("high", 1),)
_uncorrected = "nvidia_smi_ecc_errors_uncorrected_volatile_total"
_working_set = "container_memory_working_set_bytes"
_stalled = "node_pressure_memory_stalled_seconds_total"

LIMITS = (
    Limit("cpu", "CPU {value} busy", "node_cpu_seconds_total", (("high", 98), ("medium", 90)), 5),
    Limit("load", "Load {value} per core", "node_load5", (("high", 4), ("medium", 2)), 0.3, unit=""),
    Limit("memory", "Memory {value} available", "node_memory_MemAvailable_bytes", SCARCE, 1.5, below=True),
    Limit("memory stall", "Stalled {value} of the time for memory", _stalled, (("high", 20), ("medium", 5)), 2),
    Limit("swap", "Swapping {value} in and out", "node_vmstat_pswpin", (("high", 2000), ("medium", 200)), 50, unit=" pages/s"),
    Limit("filesystem", "Filesystem {where} {value} used", "node_filesystem_avail_bytes", FULL, 1),
    Limit("inodes", "Filesystem {where} {value} of inodes used", "node_filesystem_files_free", FULL, 1),
    Limit("filesystem error", "Filesystem {where} cannot be read", "node_filesystem_device_error", EVER, 0, bare=True),
    Limit("disk", "Disk {where} {value} busy", "node_disk_io_time_seconds_total", (("medium", 95), ("low", 85)), 5),
    Limit("file handles", "{value} of file handles in use", "node_filefd_allocated", (("high", 95), ("medium", 85)), 3),
    Limit("temperature", "{where} {value}", "node_hwmon_temp_celsius", HOT, 2, unit=" °C"),
    Limit("container memory", "Container {where} uses {value} of its memory", _working_set, (("high", 97), ("medium", 90)), 2),
    Limit("gpu temperature", "GPU {value}", "nvidia_smi_temperature_gpu", GPU_HOT, 2, unit=" °C"),
    Limit("gpu memory", "GPU memory {value} used", "nvidia_smi_memory_used_bytes", (("medium", 98), ("low", 95)), 2),
    Limit("gpu errors", "{value} uncorrected memory errors", _uncorrected, EVER, 0, unit="", bare=True),
)
BY_RULE = {limit.rule: limit for limit in LIMITS}


@dataclass(frozen=True)
class Verdict:
    health: int | None  # None: nothing of it is measured that a limit knows
    reasons: list[dict[str, Any]]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}".removesuffix(".0")


def judge(measures: Iterable[Measure], before: Iterable[Mapping[str, Any]] = (), concerns: Iterable[Mapping[str, Any]] = ()) -> Verdict:
    """`before`: the reasons of the last judgement, for the hysteresis; `concerns`: what others know of it (concerns.py).

    Reasons come worst first; their points add up to the loss.
    """
    was = {(reason.get("rule"), reason.get("where")): reason["severity"] for reason in before}
    measures = list(measures)
    found = [BY_RULE[one.rule].reason(one, was.get((one.rule, one.where))) for one in measures]
    reasons = sorted(filter(None, found), key=lambda reason: (-reason["points"], reason["rule"], reason["where"]))
    counted: set[str] = set()
    for reason in reasons:
        if reason["rule"] in counted:
            reason["points"] = AGAIN
        counted.add(reason["rule"])
    reasons += _concerning(concerns, sum(reason["points"] for reason in reasons))
    known = measures or reasons
    return Verdict(max(0, 100 - sum(reason["points"] for reason in reasons)) if known else None, reasons)


def _concerning(concerns: Iterable[Mapping[str, Any]], lost: int) -> Iterator[dict[str, Any]]:
    """A rule mostly tells of what a limit has told of already: together they cost as much as the worse of the two."""
    for concern in sorted(concerns, key=lambda one: -POINTS[one["severity"]]):
        points = max(0, POINTS[concern["severity"]] - lost)
        lost += points
        yield {**concern, "points": points}


def band(health: int | None) -> str:
    if health is None:
        return "unknown"
    return "healthy" if health >= HEALTHY else "degraded" if health >= DEGRADED else "down"
