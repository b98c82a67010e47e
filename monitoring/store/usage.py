"""What the store holds, without counting its rows."""

from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from monitoring.store.database import database
from monitoring.store.models import Chunk, ChunkTally, Series
from monitoring.store.samples import RECORD
from monitoring.store.seal import GRACE
from monitoring.store.windows import WINDOW, floor, now_ms

REMEMBER = 10  # seconds
ROW = 60  # bytes SQLite spends on a chunk's row head and index entries, measured


def measure() -> dict[str, Any]:
    """Counts, bytes on disk (estimated on SQLite) and times in ms; None where there is nothing to tell of."""
    figures = cache.get("store.usage")
    if figures is None:
        figures = {"engine": "remote" if settings.METRICS_WRITE_URL else "chunks", "series": Series.objects.count(), **_hot(), **_chunks()}
        figures["samples"] = figures["hot_samples"] + figures["chunk_samples"]
        figures["bytes"] = figures["hot_bytes"] + figures["chunk_bytes"]
        figures["bytes_per_sample"] = figures["chunk_bytes"] / figures["chunk_samples"] if figures["chunk_samples"] else None
        cache.set("store.usage", figures, REMEMBER)
    return dict(figures)


def _hot() -> dict[str, Any]:
    [(rows, samples, oldest)] = database().read("SELECT count(*), coalesce(sum(count), 0), min(t1) FROM monitoring_hot")
    due = None if oldest is None else floor(oldest, WINDOW) + WINDOW + GRACE
    return {
        "hot_rows": rows,
        "hot_samples": int(samples),
        "hot_bytes": _size("monitoring_hot", int(samples) * RECORD.itemsize + rows * ROW),
        "oldest_unsealed_ms": oldest,
        "seal_lag_seconds": 0.0 if due is None else max(0.0, (now_ms() - due) / 1000),
    }


def _chunks() -> dict[str, Any]:
    tallies = {tally.tier: tally for tally in ChunkTally.objects.all()}
    chunks = sum(tally.chunks for tally in tallies.values())
    payload = sum(tally.bytes for tally in tallies.values())
    return {
        "chunks": chunks,
        "chunk_samples": sum(tally.samples for tier, tally in tallies.items() if tier != Chunk.Tier.ROLLUP),
        "chunk_bytes": _size("monitoring_chunk", payload + chunks * ROW),
    }


def _size(table: str, estimate: int) -> int:
    if connection.vendor != "postgresql":
        return estimate
    [(size,)] = database().read("SELECT pg_total_relation_size(%s::regclass)", [table])
    return int(size)
