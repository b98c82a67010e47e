"""Peers on this machine for pollers that go out: an HTTP server whose pages a test writes."""

import gzip
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DATA = Path(__file__).parent / "data"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Peer(ThreadingHTTPServer):
    """`pages` says what a path answers: text, bytes, (status, content type, body), or something to call with the handler."""

    request_queue_size = 256
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.pages = {}
        self.asked = []

    @property
    def address(self):
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        pass  # a client that hangs up is what some tests are about


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.partition("?")[0]
        self.server.asked.append((self.path, dict(self.headers)))
        page = self.server.pages.get(path, (404, "text/plain", b"nothing here"))
        if callable(page):
            page = page(self)
            if page is None:
                return
        status, kind, body = page if isinstance(page, tuple) else (200, TEXT, page)
        self.answer(status, kind, body if isinstance(body, bytes) else body.encode())

    do_POST = do_GET  # noqa: N815

    def answer(self, status, kind, body):
        packed = "gzip" in self.headers.get("Accept-Encoding", "")
        body = gzip.compress(body, 1) if packed else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def hang(seconds):
    """A page that does not come."""

    def page(handler):
        time.sleep(seconds)

    return page


def trickle(handler):
    """A page that comes byte by byte and never ends."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.05)


def cut_off(body):
    """A page that ends before the length it announced."""

    def page(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", TEXT)
        handler.send_header("Content-Length", str(len(body) + 100))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return page


@contextmanager
def serving():
    server = Peer()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
