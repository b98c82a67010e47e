"""Receivers of notices, and what they were told: a mail server and a web server on this machine."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

Group = tuple[str, ...]
COUNTS = re.compile(r"(?:([\d,]+) new)?(?:, )?(?:[\d,]+ going on)?(?:, )?(?:[\d,]+ over)?")


class Heard(NamedTuple):
    at: float  # time.time()
    event: str  # the same when the same notice comes again
    thread: str  # of its group
    new: int  # alerts told for the first time


@dataclass
class Sinks:
    """`threads`: which group a thread is about; only the webhook says so in words of its own, both have the same threads."""

    mails: list[Heard] = field(default_factory=list)
    posts: list[Heard] = field(default_factory=list)
    threads: dict[str, Mapping[str, str]] = field(default_factory=dict)
    named: set[frozenset[tuple[str, str]]] = field(default_factory=set)  # labels of alerts
    mail_port: int = 0
    web_port: int = 0

    def take_post(self, body: bytes) -> None:
        told = json.loads(body)
        self.threads[told["thread"]] = told["group_labels"]
        self.named.update(frozenset(one["labels"].items()) for one in told["alerts"])
        new = new_alerts(told["text"].split("\n", 1)[0])
        self.posts.append(Heard(time.time(), told["event_id"], told["thread"], new))

    def take_mail(self, content: bytes) -> None:
        mail = message_from_bytes(content, policy=default)
        part: Any = mail.get_body(("plain",))
        title_and_text = part.get_content().splitlines()
        thread = str(mail["X-AIOps-Event"]).split(":", 1)[0]
        self.mails.append(Heard(time.time(), str(mail["Message-ID"]), thread, new_alerts(title_and_text[2])))

    def told(self, heard: list[Heard], group_by: tuple[str, ...]) -> Counter[Group]:
        """How many alerts each group was said to have."""
        found: Counter[Group] = Counter()
        for one in list(heard):
            labels = self.threads.get(one.thread, {})
            found[tuple(labels.get(name, "") for name in group_by)] += one.new
        return found


def new_alerts(line: str) -> int:
    """A notice about one alert counts nothing."""
    found = COUNTS.fullmatch(line)
    return int((found[1] or "0").replace(",", "")) if found and line else 1


def again(heard: list[Heard]) -> int:
    """How many came another time."""
    return len(heard) - len({one.event for one in heard})


class _Mailbox:
    def __init__(self, sinks: Sinks) -> None:
        self.sinks = sinks

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.sinks.take_mail(envelope.content)
        return "250 OK"


class _Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Web"

    def do_POST(self) -> None:
        self.server.sinks.take_post(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


class _Web(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, sinks: Sinks) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.sinks = sinks


@contextmanager
def listening(mail_port: int) -> Iterator[Sinks]:
    sinks = Sinks(mail_port=mail_port)
    web, mail = _Web(sinks), Controller(_Mailbox(sinks), hostname="127.0.0.1", port=mail_port)
    sinks.web_port = web.server_port
    threading.Thread(target=web.serve_forever, args=(0.05,), daemon=True).start()
    mail.start()
    try:
        yield sinks
    finally:
        mail.stop()
        web.shutdown()
        web.server_close()
