"""The alerts of a storm, as Alertmanager has them: many names, a few of them with a large share, about pods, services, databases, nodes."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

NAMES, CLUSTERS, PODS, NODES, SERVICES, DATABASES = 90, 4, 1600, 200, 50, 25
FLUSHED_EVERY = 10.0  # seconds: Alertmanager's group_interval
GROUP_BY = ("alertname", "cluster")
Labels = dict[str, str]


class Body(NamedTuple):
    at: float  # seconds from the storm's beginning
    content: bytes
    alerts: int


def storm(count: int) -> list[Labels]:
    """Names have shares as 1, 1/2, 1/3 …: groups of one to many hundred alerts. No two have the same labels."""
    chance = random.Random(4)
    names = chance.choices(range(NAMES), [1 / (place + 1) for place in range(NAMES)], k=count)
    return [_labels(n, f"Storm{name}", chance.randrange(CLUSTERS)) for n, name in enumerate(names)]


def _labels(n: int, name: str, cluster: int) -> Labels:
    """Nine in ten about pods, the others about services, databases and nodes."""
    common = {"alertname": name, "cluster": f"cluster-{cluster}"}
    if n % 10:
        about = {"namespace": f"ns-{n % 37}", "pod": f"pod-{n % PODS}", "container": f"c{n // PODS}", "severity": "warning"}
    elif n % 3 == 0:
        about = {"service": f"service-{n % SERVICES}", "part": str(n), "severity": "critical"}
    elif n % 3 == 1:
        about = {"instance": f"database-{n % DATABASES}", "part": str(n), "severity": "critical"}
    else:
        about = {"node": f"node-{n % NODES}", "part": str(n), "severity": "info"}
    return common | about


def group_of(labels: Labels) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in GROUP_BY)


def expected(alerts: Sequence[Labels]) -> Counter[tuple[str, ...]]:
    """How many alerts every group has."""
    return Counter(map(group_of, alerts))


def flushes(alerts: Sequence[Labels], seconds: float) -> list[Body]:
    """What Alertmanager posts: every group on its own beat whatever is new in it. The last body leaves when `seconds` are over."""
    chance = random.Random(5)
    every = FLUSHED_EVERY * seconds / 60
    phase: defaultdict[tuple[str, ...], float] = defaultdict(lambda: chance.uniform(0, every))
    parts: defaultdict[tuple[float, tuple[str, ...]], list[Labels]] = defaultdict(list)
    for labels in alerts:
        group, arrives = group_of(labels), chance.uniform(0, seconds - every)
        beats = max(0, -int(-(arrives - phase[group]) // every))
        parts[phase[group] + beats * every, group].append(labels)
    return [Body(at, _content(group, some), len(some)) for (at, group), some in sorted(parts.items())]


def _content(group: tuple[str, ...], alerts: Sequence[Labels]) -> bytes:
    """Webhook, version 4."""
    labels = dict(zip(GROUP_BY, group, strict=True))
    selector = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    envelope: dict[str, Any] = {
        "version": "4", "groupKey": f"{{}}:{{{selector}}}", "truncatedAlerts": 0, "status": "firing", "receiver": "aiops",
        "groupLabels": labels, "commonLabels": labels, "commonAnnotations": {}, "externalURL": "http://alertmanager.example.org:9093",
        "alerts": [
            {"status": "firing", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": f"{place:016x}", **told}
            for place, told in enumerate(_told(alerts))
        ],
    }  # fmt: skip
    return json.dumps(envelope).encode()


def _told(alerts: Sequence[Labels]) -> Iterator[dict[str, Any]]:
    at = datetime.now(UTC).isoformat()
    for labels in alerts:
        about = next(labels[name] for name in ("pod", "service", "instance", "node") if name in labels)
        said = {"summary": f"{about} is in trouble", "description": "What it means, and what to do about it."}
        url = "http://prometheus.example.org:9090/graph?g0.expr=up"
        yield {"labels": labels, "annotations": said, "startsAt": at, "generatorURL": url}


def posts(alerts: Sequence[Labels], seconds: float, portions: int) -> list[Body]:
    """The same as Prometheus tells them to Alertmanager, evenly over `seconds`."""
    size = -(-len(alerts) // portions)
    parts = [alerts[place : place + size] for place in range(0, len(alerts), size)]
    return [Body(seconds * n / len(parts), json.dumps(list(_told(part))).encode(), len(part)) for n, part in enumerate(parts)]
