"""Receivers on this machine: an HTTP server that answers what a test scripts, and a real SMTP server."""

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message


class Peer(ThreadingHTTPServer):
    """`answers` are given one after the other, the last one for ever: (status, body) or (status, body, headers)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.answers = [(200, "ok")]
        self.asked = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def bodies(self):
        return [json.loads(one["body"]) for one in self.asked]


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append({"path": self.path, "headers": dict(self.headers), "body": body})
        answers = self.server.answers
        status, text, *headers = answers.pop(0) if len(answers) > 1 else answers[0]
        text = (text(self) if callable(text) else text).encode()
        self.send_response(status)
        for name, value in (headers[0] if headers else {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *args):
        pass


@contextmanager
def serving():
    server = Peer()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class Mailbox(Message):
    """Takes mail; `refuses` is {address or "DATA": answer}."""

    def __init__(self):
        super().__init__()
        self.mails, self.refuses, self.envelopes, self.connections = [], {}, [], []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if "DATA" in self.refuses:
            return self.refuses["DATA"]
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        self.connections.append(session.peer)
        return await super().handle_DATA(server, session, envelope)

    def handle_message(self, message):
        self.mails.append(message)


@contextmanager
def smtp_server(**options):
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        box.port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **options)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
