"""Which alerts the demonstration's troubles raise, when, and how soon people see to them. Pure: no database."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from monitoring.demo.families import Key
from monitoring.demo.story import Incident

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
PEOPLE = ("A. Diaz", "S. Rossi", "T. Sato", "M. Okafor")
NIGHT = (22, 6)  # UTC hours: it takes twice as long until somebody looks


class Sign(NamedTuple):
    """An alert of a trouble. `after`: seconds from the trouble's start until the condition holds; below 0, before its end."""

    rule: str
    severity: str
    after: float
    waits: float  # until it fires
    on: str = "cause"  # cause, others or all
    op: str = ">"
    limit: float = 0.0
    value: float = 0.0


SIGNS: dict[str, tuple[Sign, ...]] = {
    "disk_filling": (
        Sign("FilesystemAlmostFull", "high", -1.2 * DAY, 5 * MINUTE, op="<", limit=10, value=9.4),
        Sign("FilesystemFull", "critical", -95 * MINUTE, 5 * MINUTE, op="<", limit=3, value=2.6),
    ),
    "memory_leak": (
        Sign("HostMemoryLow", "medium", 14 * HOUR, 5 * MINUTE, op="<", limit=10, value=9.6),
        Sign("HostSwapping", "medium", 16.6 * HOUR, 10 * MINUTE, limit=1000, value=2310),
        Sign("HostMemoryExhausted", "critical", -9 * MINUTE, MINUTE, op="<", limit=4, value=3.1),
    ),
    "pod_memory_leak": (Sign("ContainerMemoryHigh", "medium", -110 * MINUTE, 5 * MINUTE, limit=90, value=93.8),),
    "noisy_neighbour": (
        Sign("HostCpuBusy", "high", 6 * MINUTE, 10 * MINUTE, limit=95, value=98.2),
        Sign("HostLoadHigh", "medium", 12 * MINUTE, 10 * MINUTE, "others", limit=4, value=5.7),
    ),
    "outage": (
        Sign("NodeDown", "critical", 15.0, 45.0, limit=0, value=1),
        Sign("PodNotRunning", "high", 30.0, 2 * MINUTE, "others", limit=0, value=1),
    ),
    "gpu_overheating": (
        Sign("GpuHot", "medium", 18 * MINUTE, 5 * MINUTE, limit=85, value=88),
        Sign("GpuOverheating", "high", 42 * MINUTE, 2 * MINUTE, limit=90, value=93),
    ),
    "traffic_surge": (Sign("HostCpuBusyShortly", "low", 4 * MINUTE, 2 * MINUTE, "all", limit=85, value=89),),
    "network_errors": (Sign("NetworkErrors", "medium", 5 * MINUTE, 5 * MINUTE, limit=1, value=14),),
}
USUAL = {"critical": 3 * MINUTE, "high": 7 * MINUTE, "medium": 22 * MINUTE, "low": 2 * HOUR}  # until somebody acknowledges
SEEN = {"critical": 1.0, "high": 0.95, "medium": 0.6, "low": 0.08}  # how many of them anybody acknowledges


class Past(NamedTuple):
    """One alert of the past; seconds."""

    sign: Sign
    resource: Key
    began: float
    fired: float
    acknowledged: float | None
    ended: float
    by: str  # who acknowledged it
    manual: bool  # a person ended it


def alerts(trouble: Incident, now: float) -> list[Past]:
    """Of one trouble that is over, the cause's first; the same each time it is asked."""
    draw = random.Random(f"{trouble.kind} {trouble.start:.0f}")  # noqa: S311 not for secrets
    person = draw.choice(PEOPLE)
    found = [one for sign in SIGNS.get(trouble.kind, ()) for one in _of_sign(sign, trouble, draw, person, now)]
    return sorted(found, key=lambda one: (one.resource != trouble.resources[0], one.fired))


def _of_sign(sign: Sign, trouble: Incident, draw: random.Random, person: str, now: float) -> Iterator[Past]:
    which = {"cause": trouble.resources[:1], "others": trouble.resources[1:], "all": trouble.resources}[sign.on]
    onset = trouble.start + sign.after if sign.after >= 0 else trouble.end + sign.after
    for resource in which:
        began = onset + draw.uniform(0, 90)
        fired = began + sign.waits
        ended = trouble.end + draw.uniform(MINUTE, 4 * MINUTE)
        seen = fired + _delay(sign, fired, draw, now)
        acknowledged = seen if draw.random() < SEEN[sign.severity] and seen < ended else None
        if fired < ended:
            yield Past(sign, resource, began, fired, acknowledged, ended, person, acknowledged is not None and draw.random() < 0.1)


def _delay(sign: Sign, fired: float, draw: random.Random, now: float) -> float:
    """They have become quicker over the months; at night they are slower."""
    hour = datetime.fromtimestamp(fired, UTC).hour
    slow = 2.0 if hour >= NIGHT[0] or hour < NIGHT[1] else 1.0
    return USUAL[sign.severity] * draw.uniform(0.3, 1.9) * slow * (1 + (now - fired) / (150 * DAY))
