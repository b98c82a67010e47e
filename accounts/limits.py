"""Counting in the cache: how often something happened within a while."""

from django.core.cache import cache


def bump(key: str, seconds: int) -> int:
    """One more; the count starts again `seconds` after its first. Safe between threads and processes."""
    cache.add(key, 0, seconds)
    try:
        return cache.incr(key)
    except ValueError:  # it ran out between the two calls
        cache.set(key, 1, seconds)
        return 1
