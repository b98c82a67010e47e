"""uvicorn as this project runs it."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn

APPLICATION = "aiops.asgi:application"
GRACE = 1  # seconds for open requests at the end
LAST_RESORT = 4.5  # seconds after the first signal, the process ends whatever is still busy
LARGEST_SOCKET_MESSAGE = 64 * 1024


class PortTaken(Exception):
    pass


def options(host: str, port: int) -> dict[str, Any]:
    return {
        "host": host,
        "port": port,
        "log_config": None,  # Django's logging is configured already
        "log_level": "warning",
        "access_log": False,
        "lifespan": "on",
        "server_header": False,
        "proxy_headers": False,  # Django reads them, and only behind AIOPS_TRUSTED_PROXIES
        "timeout_graceful_shutdown": GRACE,
        "ws_max_size": LARGEST_SOCKET_MESSAGE,
        "ws_per_message_deflate": False,  # an event is encoded once for all sockets
    }


def listen(host: str, port: int) -> socket.socket:
    """Taken before anything is started, so that a port in use costs one sentence. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as fault:
        listener.close()
        reason = getattr(fault, "strerror", "") or "a port is a number from 0 to 65535"
        raise PortTaken(f"Port {port} on {host} cannot be used ({reason}); set PORT to another one.") from None
    listener.set_inheritable(True)
    return listener


class Server(uvicorn.Server):
    """Ends with exit code 0 on SIGINT and SIGTERM, and in time."""

    def __init__(self, config: uvicorn.Config, when_up: Callable[[], None]) -> None:
        super().__init__(config)
        self.when_up = when_up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.when_up()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.should_exit:
            deadline = threading.Timer(LAST_RESORT, os._exit, [0])
            deadline.daemon = True
            deadline.start()
        super().handle_exit(sig, frame)


def end_quietly() -> None:
    """Until the server takes the signals over, they end the start with exit code 0 and no traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))


def serve(host: str, port: int, listener: socket.socket, when_up: Callable[[], None] = lambda: None) -> None:
    """Until SIGINT or SIGTERM. uvicorn raises the signal again when it is done; here it has nothing more to do."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    Server(uvicorn.Config(APPLICATION, **options(host, port)), when_up).run([listener])
