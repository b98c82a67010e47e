"""Every running process shows itself: a daemon thread writes its row, with its counters, every ten seconds."""

import atexit
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone

from aiops import metrics
from aiops.models import Process

INTERVAL = 10.0  # seconds
SILENT_AFTER = 30.0  # seconds without a beat: taken to be dead
FORGET_AFTER = 600.0  # seconds without a beat: the row goes
log = logging.getLogger(__name__)


class Heartbeat:
    def __init__(self, role: str) -> None:
        self.role = role
        self.host = socket.gethostname()
        self.pid = os.getpid()
        self.name = f"{role}@{self.host}:{self.pid}"
        self.started_at = timezone.now()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def beat(self) -> None:
        Process.objects.update_or_create(
            name=self.name,
            defaults={
                "role": self.role,
                "host": self.host,
                "pid": self.pid,
                "started_at": self.started_at,
                "seen_at": timezone.now(),
                "counters": metrics.snapshot(),
            },
        )
        Process.objects.filter(seen_at__lt=timezone.now() - timedelta(seconds=FORGET_AFTER)).delete()

    def _run(self) -> None:
        while True:
            close_old_connections()
            try:
                self.beat()
            except (DatabaseError, InterfaceError) as fault:
                metrics.ERRORS.labels("heartbeat").inc()
                log.warning("the heartbeat could not be written: %s", fault)
            if self.stopping.wait(INTERVAL):
                break
        connection.close()

    def stop(self) -> None:
        """Ends the thread and takes the row away, where the database lets us."""
        self.stopping.set()
        self.thread.join(2)
        try:
            Process.objects.filter(name=self.name).delete()
        except (DatabaseError, InterfaceError) as fault:
            log.warning("the row of this process stays: %s", fault)
        finally:
            connection.close()


_current: Heartbeat | None = None
_enders: list[Callable[[], object]] = []
_lock = threading.Lock()


def start(role: str) -> Heartbeat:
    """Once per process: the first role stays, also when the embedded worker and the web server say theirs later."""
    global _current
    with _lock:
        if _current is None or _current.pid != os.getpid():  # a forked child has its own row
            _current = Heartbeat(role)
            _current.thread.start()
            atexit.register(stop)
        return _current


def before_the_end(work: Callable[[], object]) -> None:
    """Called when this process ends in good order, while it still shows itself: what is under way is brought to a point where another
    process can go on. It has some seconds."""
    if work not in _enders:
        _enders.append(work)


def stop() -> None:
    global _current
    with _lock:
        beating, _current = _current, None
    if beating is None or beating.pid != os.getpid():
        return
    for work in _enders:
        try:
            work()
        except Exception:
            log.exception("something was left under way as the process ended")
    beating.stop()


def name() -> str:
    if _current is not None and _current.pid == os.getpid():
        return _current.name
    return f"{socket.gethostname()}:{os.getpid()}"


def others() -> Iterator[tuple[str, list[metrics.Family]]]:
    """(name, counters) of every other process that reported lately."""
    fresh = timezone.now() - timedelta(seconds=FORGET_AFTER)
    yield from Process.objects.filter(seen_at__gte=fresh).exclude(name=name()).order_by("name").values_list("name", "counters")


def freshest(*roles: str) -> Process | None:
    return Process.objects.filter(role__in=roles).order_by("-seen_at").first()
