"""The short way in for senders: a handful of threads of their own, the middleware that applies, and no queues in between.

Samples come in hundreds of small requests a second. Sessions, CSRF, compression and pages' headers do not apply to them; a body that
is whole and an answer of a few bytes need no streaming; and what waits for a commit must not hold a thread that serves people.
"""

import asyncio
import contextvars
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.utils.module_loading import import_string

from aiops.arrival import Receive, Scope, Send
from aiops.wsgi import Handler

THREADS = 4
HEADERS = [(b"x-content-type-options", b"nosniff"), (b"content-security-policy", b"default-src 'none'")]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


class ShortHandler(Handler):
    """Django with settings.SENDERS_MIDDLEWARE, none of which has hooks beside the call itself."""

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        chain = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]  # Django's own
        for name in reversed(settings.SENDERS_MIDDLEWARE):
            chain = convert_exception_to_response(import_string(name)(chain))
        self._middleware_chain = chain


class Direct:
    """Behind Arrival, which gives it the whole body in one message.

    The thread that was freed last is taken first: a pool would take them in turn, and each database connection would read again
    what another one wrote.
    """

    def __init__(self) -> None:
        self.handler = ShortHandler()
        self.free: asyncio.LifoQueue[ThreadPoolExecutor] = asyncio.LifoQueue()
        for _ in range(THREADS):
            self.free.put_nowait(ThreadPoolExecutor(1, "direct"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive()).get("body", b"") if _has_body(scope) else b""
        run = contextvars.copy_context().run
        thread = await self.free.get()
        try:
            status, headers, content = await asyncio.get_running_loop().run_in_executor(thread, run, self._answer, scope, body)
        finally:
            self.free.put_nowait(thread)
        await send({"type": "http.response.start", "status": status, "headers": headers + HEADERS})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, scope: Scope, body: bytes) -> Answer:
        begun: list[tuple[str, list[tuple[str, str]]]] = []
        start: Any = lambda status, headers, fault=None: begun.append((status, headers))  # noqa: E731
        response: Any = self.handler(_environ(scope, body), start)
        try:
            content = b"".join(response)
        finally:
            response.close()
        status, headers = begun[-1]
        given = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        if not any(name == b"content-length" for name, _ in given) and status[:3] not in ("204", "304"):
            given.append((b"content-length", str(len(content)).encode()))
        return int(status[:3]), given, content


def _has_body(scope: Scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """What WSGI asks for."""
    host, port = scope.get("server") or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 0),
        "REMOTE_ADDR": (scope.get("client") or ("", 0))[0],
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value.decode('latin-1')}" if key in environ else value.decode("latin-1")
    return environ
