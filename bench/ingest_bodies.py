"""The same samples in every form that is sent in."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import orjson

from bench.store_load import COUNTERS, METRICS, walk

STEP, DAY = 15_000, 86_400_000
OF_ONE = 250  # hosts in a body


@dataclass(frozen=True)
class Body:
    content: bytes
    headers: dict[str, str]


def bodies(form: str, hosts: int, samples: int, first: int = 0, of_one: int = OF_ONE) -> Iterator[Body]:
    """Bodies of `of_one` hosts, step after step from the first-th step of yesterday on."""
    chance = np.random.default_rng(first)
    steps = samples // (hosts * METRICS)
    start = time.time_ns() // 1_000_000 // DAY * DAY - DAY
    values = np.stack([walk(chance, metric, hosts, max(steps, 1), np.full(hosts, 1000.0 + first)) for metric in range(METRICS)])
    left = samples // (of_one * METRICS)
    for step in range(max(steps, 1)):
        for place in range(0, hosts, of_one):
            if left <= 0:
                return
            left -= 1
            yield FORMS[form](place, values[:, step, place : place + of_one], start + (first + step) * STEP)


def _names(place: int, count: int) -> list[str]:
    return [f"host-{number:04d}" for number in range(place, place + count)]


def _lines(place: int, values: np.ndarray, at: int) -> Body:
    """A third of the fields are integers, as in Telegraf's own."""
    metrics = [f"metric_{metric:02d}=" for metric in range(METRICS)]
    whole = METRICS - COUNTERS
    lines = []
    for host, column in zip(_names(place, values.shape[1]), values.T.tolist(), strict=True):
        texts = [f"{value:g}" if n < whole else f"{int(value)}i" for n, value in enumerate(column)]
        lines.append(f"node,host={host},dc=eu " + ",".join(map("".join, zip(metrics, texts, strict=True))) + f" {at}000000")
    return Body("\n".join(lines).encode(), {"Content-Type": "text/plain; charset=utf-8"})


def _json(place: int, values: np.ndarray, at: int) -> Body:
    names = [f"metric_{metric:02d}" for metric in range(METRICS)]
    reports = [
        {"host": host, "ts": at, "metrics": dict(zip(names, column, strict=True))}
        for host, column in zip(_names(place, values.shape[1]), values.T.tolist(), strict=True)
    ]
    return Body(orjson.dumps(reports), {"Content-Type": "application/json"})


@lru_cache(maxsize=100)
def _labels(place: int, count: int) -> dict[int, bytes]:
    from monitoring.store import remote_write
    from monitoring.store.batch import SeriesKey

    named = [(host, metric) for host in _names(place, count) for metric in range(METRICS)]
    keys = [SeriesKey.of(f"metric_{metric:02d}", {"instance": f"{host}:9100", "job": "node", "dc": "eu"}) for host, metric in named]
    return {sid: remote_write.label_bytes(key) for sid, key in enumerate(keys)}


def _remote_write(place: int, values: np.ndarray, at: int) -> Body:
    from monitoring.store import remote_write
    from monitoring.store.samples import Samples

    labels = _labels(place, values.shape[1])
    samples = Samples(np.arange(len(labels), dtype=np.int32), np.full(len(labels), at), values.T.reshape(-1).copy())
    return Body(remote_write.encode(samples, labels), remote_write.headers())


FORMS: dict[str, Callable[[int, np.ndarray, int], Body]] = {"line protocol": _lines, "remote write": _remote_write, "JSON, nested": _json}
