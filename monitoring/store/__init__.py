"""The metric store. Write through `writer`, read through `reader`; both stand before the implementation the settings choose."""

from typing import TYPE_CHECKING, Any

from monitoring.store.errors import StoreUnavailable

if TYPE_CHECKING:
    from monitoring.store.protocol import MetricStore

__all__ = ["StoreUnavailable", "current", "stats"]


def current() -> "MetricStore":
    """ChunkStore, or PromStore when the settings name a remote engine."""
    from monitoring.store.choice import choose  # the models are not loaded yet when this package is

    return choose()


def stats() -> dict[str, Any]:
    """What the store holds and how far its jobs are behind; cheap enough for a page."""
    from monitoring.store.usage import measure

    return measure()
