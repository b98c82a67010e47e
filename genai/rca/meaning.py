"""What a metric's name, and where the name says nothing its values, tell of it: what it measures and which way is worse."""

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LATENCY, ERRORS, TRAFFIC, OWN, OTHER = range(5)
NAMES = ("latency", "errors", "traffic", "own", "other")


class Meaning(NamedTuple):
    kind: int  # OWN: of the component itself (processor, memory, disk, restarts): does not spread to callers
    worse: int  # 1 up, -1 down, 0 either


AREA = r"(cpu|mem\w*|heap|rss|swap|disk|fs|storage|space|volume|inodes?|bytes)"
SPARE = r"(free|idle|avail\w*|left|remaining)"
LOST = "restarts? oom\\w* throttl\\w* evict\\w* crash\\w* retrans\\w* loss lost drops? dropped miss misses"
STRAIN = "cpu mem\\w* heap rss gc swap disk iops? iowait fs file fds? inodes? storage volume load(?!.time)"
GOOD = "avail\\w* success\\w* succ sr ok uptime up healthy health good apdex 2.?xx"
BAD = "err\\w* fail\\w* faults? exceptions? 5.?xx 4.?xx 50[0-9] timeouts? timed reject\\w* abort\\w* refused ec bad unhealthy"
SLOW = "latenc\\w* durations? response.times? resp.times? rt rtt ttfb elapsed delays? p.?[1-9][0-9]+ quantile took"
CALLS = "req\\w* rps qps tps rpm qpm throughput calls? traffic invocations? hits visits transactions? queries operations ops pv count rate"


def any_of(words: str) -> str:
    return rf"\b({'|'.join(words.split())})\b"


# The first that fits counts. Searched in the name written as words: "cpuUsage_total" → "cpu usage total".
PATTERNS: tuple[tuple[str, Meaning], ...] = (
    (any_of("hit replicas? pods? instances ready alive"), Meaning(OWN, -1)),
    (rf"\b{AREA} (.* )?{SPARE}\b|\b{SPARE} (.* )?{AREA}\b", Meaning(OWN, -1)),
    (any_of(LOST), Meaning(OWN, 1)),
    (any_of(STRAIN), Meaning(OWN, 1)),
    (any_of(GOOD), Meaning(ERRORS, -1)),
    (any_of(BAD), Meaning(ERRORS, 1)),
    (any_of(SLOW), Meaning(LATENCY, 1)),
    (any_of("time ms millis\\w* seconds?"), Meaning(LATENCY, 1)),
    (any_of(CALLS), Meaning(TRAFFIC, 0)),
)
WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|[^A-Za-z0-9]+")


@lru_cache(maxsize=20_000)
def of_name(metric: str) -> Meaning | None:
    """None where the name tells nothing."""
    words = " ".join(word for word in WORDS.split(metric) if word).lower()
    return next((meaning for pattern, meaning in PATTERNS if re.search(pattern, words)), None)


def of_values(usual: Floats, low: float, high: float) -> Meaning:
    """Of a metric of any name, by its series' medians, lowest and highest value: a share that is nearly always whole is a share of what
    went well; what is nearly always nothing counts what went wrong."""
    if any(abs(high - whole) <= 0.001 * whole and np.median(usual) >= 0.97 * whole for whole in (1.0, 100.0)):
        return Meaning(ERRORS, -1)
    if np.mean(usual == 0) >= 0.6 and low >= 0:
        return Meaning(ERRORS, 1)
    return Meaning(OTHER, 0)
