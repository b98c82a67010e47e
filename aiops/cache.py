"""Django's Redis cache with one client for the process.

Django keeps a cache object, and with it a pool of connections, for every context, and makes a client for every command. Each of our
requests has a context of its own: each would open a connection of its own, a fifth of the CPU of taking samples in.
"""

from functools import cached_property, lru_cache
from typing import Any

from django.core.cache.backends import redis


class _Client(redis.RedisCacheClient):
    """redis-py's clients may be used by all threads, and their pools notice a fork."""

    _client: Any  # what the base class has, and its stubs do not name
    _get_connection_pool: Any
    _get_connection_pool_index: Any

    def __init__(self, servers: list[str], **options: Any) -> None:
        super().__init__(servers, **options)
        self._clients: dict[int, Any] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        place = self._get_connection_pool_index(write)
        if place not in self._clients:
            self._clients[place] = self._client(connection_pool=self._get_connection_pool(write))
        return self._clients[place]


@lru_cache(maxsize=8)
def _client(servers: tuple[str, ...], options: tuple[tuple[str, Any], ...]) -> _Client:
    return _Client(list(servers), **dict(options))


class RedisCache(redis.RedisCache):
    _servers: list[str]
    _options: dict[str, Any]

    @cached_property
    def _cache(self) -> _Client:
        return _client(tuple(self._servers), tuple(sorted(self._options.items())))
