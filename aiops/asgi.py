"""One process: pages and API as WSGI on a thread pool, senders on another (direct.py), websockets and start/stop on the loop.

The threads live as long as the process, so database connections are kept (CONN_MAX_AGE) without a pool.
"""

import asyncio
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiops.settings")

import django
from a2wsgi import WSGIMiddleware
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings

from aiops.arrival import Arrival, Receive, Scope, Send
from aiops.direct import Direct
from aiops.turnstile import Turnstile
from aiops.wsgi import Handler

THREADS = 8
QUERIES_AT_ONCE = 4  # leaves threads for everybody else
ANSWER_PARTS = 1024  # of 4 KB for a file: a thread need not wait for who reads slowly
django.setup(set_prefix=False)
in_threads = WSGIMiddleware(Handler(), workers=THREADS, send_queue_size=ANSWER_PARTS)  # type: ignore[arg-type]  # Django's own iterable
QUERIES = ("/prometheus/api/", "/explore/data", "/explore/changed")
few_queries = Turnstile(in_threads, QUERIES, QUERIES_AT_ONCE)  # type: ignore[arg-type]  # the same three, typed elsewhere
from aiops import layers, processes  # noqa: E402  after the applications are loaded
from genai.copilot.following import Following  # noqa: E402
from monitoring.ingest import senders  # noqa: E402
from monitoring.live import hub, routing, threads  # noqa: E402

pages = Following(Arrival(few_queries, settings.DATA_UPLOAD_MAX_MEMORY_SIZE))  # who waits for an answer takes no thread
doors = Arrival(Direct(), settings.INGEST_MAX_BYTES)


async def by_path(scope: Scope, receive: Receive, send: Send) -> None:
    await (doors if scope["path"].startswith("/webhooks/") else pages)(scope, receive, send)


router = ProtocolTypeRouter({"http": by_path, "websocket": URLRouter(routing.urlpatterns)})


async def lifespan(receive: Any, send: Any) -> None:
    await receive()
    layers.serve_on(asyncio.get_running_loop())
    processes.start("web")
    senders.start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await hub.current().close()
    threads.close()
    await asyncio.to_thread(senders.stop)
    await asyncio.to_thread(processes.stop)
    await send({"type": "lifespan.shutdown.complete"})


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    else:
        await router(scope, receive, send)
