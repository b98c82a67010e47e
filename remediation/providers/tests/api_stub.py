"""An HTTP peer whose answers a test writes: (method, path) → what it says, every request kept."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit


class Asked(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class Said(NamedTuple):
    """`body`: text, or what becomes JSON."""

    status: int
    body: Any = None
    headers: dict[str, str] = {}


class Api(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Callable[[Asked], Said | None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.asked: list[Asked] = []
        self.instead: list[Said | None] = []  # said to the next changes in place of the answer; None: the line is cut after it was done

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def of(self, method: str) -> list[Asked]:
        return [one for one in self.asked if one.method == method]


class Handler(BaseHTTPRequestHandler):
    server: Api

    def handle_one(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        asked = Asked(self.command, parts.path, query, {k.lower(): v for k, v in self.headers.items()}, json.loads(raw) if raw else None)
        self.server.asked.append(asked)
        changes = self.command in ("POST", "PATCH")
        instead = self.server.instead.pop(0) if changes and self.server.instead else False
        said = instead if instead else self.server.answer(asked) or Said(404, {})
        if instead is None:
            self.close_connection = True
            self.connection.close()
            return
        assert isinstance(said, Said)
        content = said.body.encode() if isinstance(said.body, str) else b"" if said.body is None else json.dumps(said.body).encode()
        self.send_response(said.status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **said.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = handle_one  # noqa: N815

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def serving(answer: Callable[[Asked], Said | None]) -> Iterator[Api]:
    with Api(answer) as api:
        thread = threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield api
        finally:
            api.shutdown()
            thread.join()
