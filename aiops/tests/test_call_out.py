"""The outbound door against a real server on this machine."""

import gzip
import socket
import threading
import time
from contextlib import suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aiops import http

pytestmark = pytest.mark.once


class Peer(ThreadingHTTPServer):
    """Answers from a list of (status, headers, body), the last one for ever; keeps what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.answers = [(200, {}, b"ok")]
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        status, headers, answer = self.server.answers[0]
        if len(self.server.answers) > 1:
            self.server.answers.pop(0)
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *args):
        pass


@pytest.fixture
def peer():
    server = Peer()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def waits(monkeypatch):
    """The pauses between attempts, not slept."""
    waits = []
    monkeypatch.setattr(http.time, "sleep", waits.append)
    return waits


def names(monkeypatch, **addresses):
    asked = []

    def getaddrinfo(host, port, *args, **kwargs):
        asked.append(host)
        found = addresses.get(host, host)
        return [(2, 1, 6, "", (address, port)) for address in (found if isinstance(found, list) else [found])]

    monkeypatch.setattr(http.socket, "getaddrinfo", getaddrinfo)
    return asked


def test_an_answer_comes_back_with_what_was_sent(peer):
    peer.answers = [(404, {"X-Kind": "none"}, b"no such thing")]
    response = http.request("POST", peer.url + "hook", json={"a": 1}, headers={"Authorization": "Bearer x"}, allow_private=True)
    assert (response.status_code, response.text, response.headers["x-kind"]) == (404, "no such thing", "none")
    method, path, headers, body = peer.asked[0]
    assert (method, path, body) == ("POST", "/hook", b'{"a":1}')
    assert headers["Authorization"] == "Bearer x"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "localhost", "10.1.2.3", "169.254.169.254", "[::ffff:127.0.0.1]", "0.0.0.0", "192.168.0.9"]
)
def test_private_addresses_are_refused(host):
    with pytest.raises(http.Refused, match="private address"):
        http.request("GET", f"http://{host}:9/")


def test_a_name_that_points_to_a_private_address_is_refused(monkeypatch):
    names(monkeypatch, **{"innocent.example": "10.0.0.5"})
    with pytest.raises(http.Refused, match=r"innocent\.example is at 10\.0\.0\.5"):
        http.request("GET", "http://innocent.example/")


def test_one_private_address_among_public_ones_is_refused(monkeypatch):
    names(monkeypatch, **{"mixed.example": ["93.184.216.34", "127.0.0.1"]})
    with pytest.raises(http.Refused):
        http.request("GET", "http://mixed.example/")


def test_the_checked_address_is_the_one_connected_to(monkeypatch, peer, settings):
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    asked = names(monkeypatch, **{"pinned.example": "127.0.0.1"})
    assert http.request("GET", f"http://pinned.example:{peer.server_port}/").status_code == 200
    assert asked == ["pinned.example", "127.0.0.1"]
    assert peer.asked[0][2]["Host"] == f"pinned.example:{peer.server_port}"


def test_the_next_address_is_tried_where_the_first_does_not_answer(monkeypatch, peer):
    names(monkeypatch, **{"two.example": ["127.0.0.9", "127.0.0.1"]})
    assert http.request("GET", f"http://two.example:{peer.server_port}/", allow_private=True).status_code == 200


def test_cloud_metadata_stays_closed_for_configured_peers():
    with pytest.raises(http.Refused):
        http.request("GET", "http://169.254.169.254/latest/meta-data/", allow_private=True)


def test_a_network_can_be_allowed_by_name(peer, settings):
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    assert http.request("GET", peer.url).status_code == 200


def test_a_proxy_in_the_environment_does_not_bypass_the_guard(monkeypatch, peer):
    monkeypatch.setenv("HTTP_PROXY", peer.url)
    with pytest.raises(http.Refused):
        http.request("GET", "http://127.0.0.1:9/")
    assert peer.asked == []


def test_redirects_are_not_followed(peer):
    peer.answers = [(302, {"Location": "http://169.254.169.254/"}, b"")]
    assert http.request("GET", peer.url, allow_private=True).status_code == 302
    assert len(peer.asked) == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/", "example.org"])
def test_only_web_addresses_are_called(url):
    with pytest.raises(http.Refused, match="not an http or https address"):
        http.request("GET", url)


def test_a_fault_of_the_peer_is_tried_again(peer, waits):
    peer.answers = [(503, {}, b""), (None, {}, b""), (200, {}, b"fine")]
    assert http.request("GET", peer.url, allow_private=True).text == "fine"
    assert len(peer.asked) == 3
    assert 0.25 <= waits[0] <= 0.5
    assert 0.5 <= waits[1] <= 1.0


def test_the_last_answer_is_returned_when_tries_are_used_up(peer, waits):
    peer.answers = [(502, {}, b"bad gateway")]
    assert http.request("GET", peer.url, allow_private=True, retries=1).status_code == 502
    assert len(peer.asked) == 2


def test_a_post_is_sent_once_unless_retries_are_stated(peer, waits):
    peer.answers = [(503, {}, b"")]
    http.request("POST", peer.url, allow_private=True)
    assert len(peer.asked) == 1
    http.request("POST", peer.url, allow_private=True, retries=1)
    assert len(peer.asked) == 3


def test_our_own_mistake_is_not_tried_again(peer, waits):
    peer.answers = [(400, {}, b"")]
    http.request("GET", peer.url, allow_private=True)
    assert len(peer.asked) == 1


def test_the_peer_says_when_to_come_back(peer, waits):
    peer.answers = [(429, {"Retry-After": "7"}, b""), (503, {"Retry-After": formatdate(time.time() + 12)}, b""), (200, {}, b"")]
    assert http.request("GET", peer.url, allow_private=True).status_code == 200
    assert waits[0] == 7
    assert 10 <= waits[1] <= 12


def test_a_peer_that_asks_for_too_long_a_pause_gets_none(peer, waits):
    peer.answers = [(429, {"Retry-After": "3600"}, b"")]
    assert http.request("GET", peer.url, allow_private=True).status_code == 429
    assert (len(peer.asked), waits) == (1, [])


def test_a_peer_that_is_not_there_is_unreachable(peer, waits):
    peer.shutdown()
    peer.server_close()
    with pytest.raises(http.Unreachable, match=r"127\.0\.0\.1 cannot be reached"):
        http.request("GET", peer.url, allow_private=True)
    assert len(waits) == 2


def test_a_name_that_does_not_exist_is_unreachable(waits):
    with pytest.raises(http.Unreachable, match="cannot be resolved"):
        http.request("GET", "http://no-such-host.invalid/", retries=0)


def test_a_peer_that_does_not_answer_in_time_is_unreachable(monkeypatch, peer, waits):
    release = threading.Event()
    monkeypatch.setattr(Answers, "do_GET", lambda self: release.wait(5))
    with pytest.raises(http.Unreachable, match="timed out"):
        http.request("GET", peer.url, allow_private=True, timeout=0.1, retries=0)
    release.set()


def test_the_circuit_opens_after_failures_and_closes_after_a_good_trial(monkeypatch, peer, waits):
    now = [0.0]
    breaker = http.breaker_of(peer.url)
    breaker.clock = lambda: now[0]
    peer.answers = [(500, {}, b"")]
    for _ in range(http.BREAKER_THRESHOLD):
        http.request("GET", peer.url, allow_private=True, retries=0)
    with pytest.raises(http.Refused, match="failed 5 times in a row"):
        http.request("GET", peer.url, allow_private=True)
    assert len(peer.asked) == http.BREAKER_THRESHOLD
    peer.answers = [(200, {}, b"well again")]
    now[0] += http.BREAKER_COOLDOWN
    assert http.request("GET", peer.url, allow_private=True).text == "well again"
    assert breaker.state == "closed"


# -- limits of one answer --------------------------------------------------------------------------------------------------
@pytest.fixture
def trickle():
    """A peer that sends one byte every 50 ms and never ends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with suppress(OSError):
            connection, _ = listener.accept()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    listener.close()


def test_a_peer_that_trickles_is_left_at_the_deadline(trickle):
    began = time.monotonic()
    with pytest.raises(http.Unreachable, match=r"took too long|timed out"):
        http.request("GET", trickle, allow_private=True, retries=0, timeout=5, deadline=0.3)
    assert time.monotonic() - began < 3


def test_no_more_is_read_than_was_asked_for(peer):
    peer.answers = [(200, {}, b"x" * 300_000)]
    with pytest.raises(http.TooLarge, match="more than 100,000 bytes"):
        http.request("GET", peer.url, allow_private=True, most_bytes=100_000)
    assert len(http.request("GET", peer.url, allow_private=True, most_bytes=300_000).content) == 300_000


def test_the_limit_counts_what_is_unpacked(peer):
    packed = gzip.compress(b"x" * 300_000)
    peer.answers = [(200, {"Content-Encoding": "gzip"}, packed)]
    assert http.request("GET", peer.url, allow_private=True, most_bytes=300_000).text == "x" * 300_000
    with pytest.raises(http.TooLarge):
        http.request("GET", peer.url, allow_private=True, most_bytes=299_999)


def test_an_answer_that_is_not_packed_as_it_says_is_no_answer(peer):
    peer.answers = [(200, {"Content-Encoding": "gzip"}, b"plain text")]
    with pytest.raises(http.Unreachable):
        http.request("GET", peer.url, allow_private=True, retries=0, most_bytes=1000)
