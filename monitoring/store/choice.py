from functools import lru_cache

from django.conf import settings

from monitoring.store.chunkstore import ChunkStore
from monitoring.store.protocol import MetricStore


def choose() -> MetricStore:
    if not settings.METRICS_WRITE_URL:
        return _CHUNKS
    return _remote(settings.METRICS_WRITE_URL, settings.METRICS_READ_URL, tuple(settings.METRICS_HEADERS.items()))


_CHUNKS = ChunkStore()


@lru_cache(maxsize=2)
def _remote(write_url: str, read_url: str, headers: tuple[tuple[str, str], ...]) -> MetricStore:
    from monitoring.store.remote import PromStore

    return PromStore(write_url, read_url, dict(headers))
