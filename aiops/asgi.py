"""One process, three kinds of traffic: pages and API as WSGI on a thread pool, websockets and start/stop on the loop.

The threads live as long as the process, so database connections are kept (CONN_MAX_AGE) without a pool.
"""

import asyncio
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiops.settings")

from a2wsgi import WSGIMiddleware
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.wsgi import get_wsgi_application

THREADS = 8
pages = WSGIMiddleware(get_wsgi_application(), workers=THREADS)  # type: ignore[arg-type]  # Django answers with its own iterable

from aiops import layers, processes  # noqa: E402  after the applications are loaded
from monitoring.live import hub, routing, threads  # noqa: E402

router = ProtocolTypeRouter({"http": pages, "websocket": URLRouter(routing.urlpatterns)})


async def lifespan(receive: Any, send: Any) -> None:
    await receive()
    layers.serve_on(asyncio.get_running_loop())
    processes.start("web")
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await hub.current().close()
    threads.close()
    await asyncio.to_thread(processes.stop)
    await send({"type": "lifespan.shutdown.complete"})


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    else:
        await router(scope, receive, send)
