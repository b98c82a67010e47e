"""A few threads for the database work of the live room, so that the event loop never waits."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")
THREADS = 2
_pool: ThreadPoolExecutor | None = None


def _call(function: Callable[[], T]) -> T:
    close_old_connections()
    return function()


async def run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(THREADS, "live")
    return await asyncio.get_running_loop().run_in_executor(_pool, _call, partial(function, *args, **kwargs))


def close(wait: bool = False) -> None:
    global _pool
    pool, _pool = _pool, None
    if pool is not None:
        pool.shutdown(wait=wait, cancel_futures=True)
