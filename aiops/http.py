"""The one door for outbound HTTP: time-outs, retries, a circuit breaker per host, no redirects, no way into private networks."""

import email.utils
import ipaddress
import os
import random
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

import httpcore
import httpx
from django.conf import settings

from aiops.breaker import Breaker

IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
WORTH_RETRYING = {429, 500, 502, 503, 504}
LONGEST_WAIT = 30.0  # seconds; a peer that asks for more gets no retry
BREAKER_THRESHOLD, BREAKER_COOLDOWN = 5, 30.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):
    """The request was not sent: the address is not allowed, or the circuit to its host is open."""


class Resting(Refused):
    """The circuit to the host is open: it is left alone for a while and may be tried again after it."""


class Unreachable(Exception):
    """No answer: the connection failed or timed out, also after the retries."""


class TooLarge(Exception):
    """The answer is longer than the caller wants; the rest of it was not read."""


class _Deadline(threading.local):
    """When the request under way in this thread has to be over, by time.monotonic(). A peer that trickles meets every time-out of a
    single read; only this ends it."""

    at: float | None = None

    def left(self, timeout: float | None) -> float | None:
        if self.at is None:
            return timeout
        left = self.at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the answer took too long")
        return left if timeout is None else min(timeout, left)


_deadline = _Deadline()


@contextmanager
def _within(seconds: float | None) -> Iterator[None]:
    _deadline.at = None if seconds is None else time.monotonic() + seconds
    try:
        yield
    finally:
        _deadline.at = None


class _Timed(httpcore.NetworkStream):
    """A connection that keeps to its thread's deadline."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self.stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, _deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, _deadline.left(timeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Timed(self.stream.start_tls(ssl_context, server_hostname, _deadline.left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


def _allowed(address: Address, allow_private: bool) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if any(address in ipaddress.ip_network(network, strict=False) for network in settings.ALLOWED_PRIVATE_NETWORKS):
        return True
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False  # cloud metadata lives at 169.254.169.254: opened only by name
    return allow_private or address.is_global


class _Guard(httpcore.SyncBackend):
    """Resolves a name once, checks the answer and connects to exactly that address, so that DNS cannot change its mind."""

    def __init__(self, allow_private: bool) -> None:
        self.allow_private = allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        found = self._resolve(host, port)
        for address in found[:-1]:  # localhost is often ::1 first, with nobody there
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._connect(address, port, timeout, local_address, socket_options)
        return self._connect(found[-1], port, timeout, local_address, socket_options)

    def _connect(self, address: str, port: int, timeout: float | None, *more: Any) -> httpcore.NetworkStream:
        return _Timed(super().connect_tcp(address, port, _deadline.left(timeout), *more))

    def _resolve(self, host: str, port: int) -> list[str]:
        try:
            found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as fault:
            raise httpcore.ConnectError(f"the name {host} cannot be resolved") from fault
        for address in found:
            if not _allowed(ipaddress.ip_address(address.split("%")[0]), self.allow_private):
                raise Refused(f"{host} is at {address}, a private address; AIOPS_ALLOWED_PRIVATE_NETWORKS can allow it")
        return found


class _GuardedTransport(httpx.HTTPTransport):
    def __init__(self, allow_private: bool, verify: bool) -> None:
        super().__init__()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(verify=verify),
            max_connections=50,
            max_keepalive_connections=10,
            keepalive_expiry=30,
            network_backend=_Guard(allow_private),
        )


@lru_cache(maxsize=8)
def _client(allow_private: bool, verify: bool, pid: int) -> httpx.Client:
    """Kept open for its connections; the process id keeps a forked child from sharing its parent's."""
    return httpx.Client(transport=_GuardedTransport(allow_private, verify), headers={"User-Agent": "AIOps"})


_breakers: dict[str, Breaker] = {}
_breakers_lock = threading.Lock()


def breaker_of(url: str | httpx.URL) -> Breaker:
    parts = httpx.URL(url)
    key = f"{parts.scheme}://{parts.host}:{parts.port}"
    with _breakers_lock:
        return _breakers.setdefault(key, Breaker(BREAKER_THRESHOLD, BREAKER_COOLDOWN))


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    content: bytes | None = None,
    params: Mapping[str, Any] | None = None,
    timeout: float = 10.0,
    retries: int | None = None,
    allow_private: bool = False,
    verify: bool = True,
    deadline: float | None = None,
    most_bytes: int | None = None,
) -> httpx.Response:
    """Sends one request and returns whatever the peer answered, also 4xx and, after the retries, 5xx.

    `retries` is 2 for idempotent methods and 0 for others unless stated. `allow_private` opens private and loopback
    addresses for peers an operator configured, `verify` False takes any certificate. `timeout` limits each read, `deadline` a
    whole attempt, both in seconds; `most_bytes` the answer, unpacked. Raises Refused, Unreachable, TooLarge.
    """
    if httpx.URL(url).scheme not in ("http", "https"):
        raise Refused(f"{url} is not an http or https address")
    if retries is None:
        retries = 2 if method.upper() in IDEMPOTENT else 0
    breaker = breaker_of(url)
    client = _client(allow_private, verify, os.getpid())
    outgoing = client.build_request(method, url, headers=headers, json=json, content=content, params=params, timeout=timeout)
    for attempt in range(retries + 1):
        if not breaker.allows():
            raise Resting(f"{outgoing.url.host} failed {breaker.failures} times in a row and is left alone for a while")
        with _within(deadline):
            response, fault = _attempt(client, outgoing, breaker, most_bytes)
        wait = _wait(response, attempt)
        if attempt == retries or wait is None:
            break
        time.sleep(wait)
    if response is None:
        raise Unreachable(f"{outgoing.url.host} cannot be reached: {fault or 'no answer'}") from fault
    return response


def client(allow_private: bool = False, verify: bool = True) -> httpx.Client:
    """For an SDK that brings its own requests: the same guard, no redirects. Nobody closes it."""
    return _client(allow_private, verify, os.getpid())


@contextmanager
def stream(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    connect: float = 5.0,
    idle: float = 20.0,
    deadline: float | None = None,
    allow_private: bool = False,
    verify: bool = True,
) -> Iterator[httpx.Response]:
    """An answer that is read while it comes; no retries. `idle` limits the wait for each part, `deadline` the whole, both in seconds.
    Raises Refused; httpx's own errors while it is read."""
    if httpx.URL(url).scheme not in ("http", "https"):
        raise Refused(f"{url} is not an http or https address")
    limits = httpx.Timeout(idle, connect=connect)
    plain = {"Accept-Encoding": "identity", **(headers or {})}  # packed answers wait in proxies
    with _within(deadline), client(allow_private, verify).stream(method, url, headers=plain, json=json, timeout=limits) as response:
        yield response


def _attempt(
    client: httpx.Client, outgoing: httpx.Request, breaker: Breaker, most_bytes: int | None
) -> tuple[httpx.Response | None, Exception | None]:
    try:
        response = client.send(outgoing, stream=most_bytes is not None)
        if most_bytes is not None:
            response = _read(response, most_bytes)
    except (httpx.TransportError, httpx.DecodingError) as fault:
        breaker.failed()
        return None, fault
    breaker.failed() if response.status_code >= 500 else breaker.succeeded()
    return response, None


def _read(response: httpx.Response, most_bytes: int) -> httpx.Response:
    """The same answer with its body. Raises TooLarge before more than the limit is kept."""
    parts, size = [], 0
    try:
        for part in response.iter_bytes(65536):
            size += len(part)
            if size > most_bytes:
                raise TooLarge(f"{response.url.host} answers with more than {most_bytes:,} bytes")
            parts.append(part)
    finally:
        response.close()
    headers = [(name, value) for name, value in response.headers.multi_items() if name not in ("content-encoding", "content-length")]
    return httpx.Response(response.status_code, headers=headers, content=b"".join(parts), request=response.request)


def _wait(response: httpx.Response | None, attempt: int) -> float | None:
    """Seconds until the next attempt, None when there should be none."""
    backoff = random.uniform(0.5, 1.0) * 0.5 * 2**attempt  # noqa: S311
    if response is None:
        return backoff
    if response.status_code not in WORTH_RETRYING:
        return None
    asked = retry_after(response.headers.get("Retry-After", ""))
    if asked is None:
        return backoff
    return asked if asked <= LONGEST_WAIT else None


def retry_after(value: str) -> float | None:
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
