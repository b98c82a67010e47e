from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings

from monitoring.store.chunkstore import ChunkStore
from monitoring.store.protocol import MetricStore


def choose() -> MetricStore:
    write_url = settings.METRICS_WRITE_URL
    if not write_url:
        return _CHUNKS
    return _remote(write_url, settings.METRICS_READ_URL or _root(write_url), tuple(settings.METRICS_HEADERS.items()))


_CHUNKS = ChunkStore()


def _root(url: str) -> str:
    """Most engines answer queries where they take samples."""
    return urlunsplit(urlsplit(url)._replace(path="", query=""))


@lru_cache(maxsize=2)
def _remote(write_url: str, read_url: str, headers: tuple[tuple[str, str], ...]) -> MetricStore:
    from monitoring.store.remote import PromStore

    return PromStore(write_url, read_url, dict(headers))
