"""Embedded mode: web server, Celery worker and beat in one process, with nothing else to install."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from celery.beat import Service
from celery.worker import WorkController
from django.db import connections

from aiops import metrics
from aiops.celery import app

CONCURRENCY = 4
HEALTHY_AFTER = 60.0  # seconds: a part that ran so long starts again without a pause
LONGEST_PAUSE = 30.0
log = logging.getLogger(__name__)


class Part:
    """A long-running service in a daemon thread, made anew and started again when it dies."""

    def __init__(self, name: str, make: Callable[[], Any], run: Callable[[Any], None], stop: Callable[[Any], None]) -> None:
        self.name, self._make, self._run, self._stop = name, make, run, stop
        self.stopping = threading.Event()
        self.service: Any = None
        self.thread = threading.Thread(target=self._keep_running, name=name, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def _keep_running(self) -> None:
        pause = 0.5
        while not self.stopping.is_set():
            started = time.monotonic()
            try:
                self.service = self._make()
                self._run(self.service)
            except BaseException:  # also SystemExit, by which Celery's parts end themselves
                log.exception("the %s ended with a fault", self.name)
            connections.close_all()
            if self.stopping.is_set():
                return
            metrics.ERRORS.labels(self.name).inc()
            pause = 0.5 if time.monotonic() - started > HEALTHY_AFTER else min(pause * 2, LONGEST_PAUSE)
            log.error("the %s ended and starts again in %.0f s", self.name, pause)
            self.stopping.wait(pause)

    def stop(self) -> None:
        self.stopping.set()
        if self.service is not None:
            try:
                self._stop(self.service)
            except Exception:
                log.exception("the %s did not stop cleanly", self.name)


def worker() -> Part:
    def make() -> WorkController:
        return WorkController(
            app=app,
            pool_cls="threads",
            concurrency=CONCURRENCY,
            loglevel="WARNING",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )

    return Part("worker", make, lambda service: service.start(), lambda service: service.stop())


def beat() -> Part:
    def make() -> Service:
        return Service(app, max_interval=5, scheduler_cls=app.conf.beat_scheduler)

    return Part("beat", make, lambda service: service.start(), lambda service: service.stop(wait=False))


class Parts:
    def __init__(self) -> None:
        self.parts = [worker(), beat()]

    def start(self) -> None:
        for part in self.parts:
            part.start()

    def stop(self, timeout: float = 3.0) -> None:
        """Lets running tasks end; what takes longer is cut off and taken up again at the next start."""
        deadline = time.monotonic() + timeout
        enders = [threading.Thread(target=part.stop, daemon=True) for part in reversed(self.parts)]
        for ender in enders:
            ender.start()
        for thread in [*enders, *(part.thread for part in self.parts)]:
            thread.join(max(0.0, deadline - time.monotonic()))
