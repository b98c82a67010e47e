"""A poll that brought something is a tick on its resources, on the fleet and on the list of sources."""

import threading
import time
from collections.abc import Callable
from typing import Any

from django.dispatch import receiver

from monitoring.live import alert_events as _alert_events  # noqa: F401  # its receivers
from monitoring.live.publish import publish_many
from monitoring.sources.signals import source_failed, source_polled

FLEET_PAUSE = 1.0  # seconds: hundreds of sources make no more than one tick a second on the topics everybody watches


class Pace:
    """Lets one through per pause."""

    def __init__(self, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.pause, self.clock = pause, clock
        self.next_at = 0.0
        self._lock = threading.Lock()

    def lets_through(self) -> bool:
        with self._lock:
            now = self.clock()
            if now < self.next_at:
                return False
            self.next_at = now + self.pause
            return True


fleet_pace, sources_pace = Pace(FLEET_PAUSE), Pace(FLEET_PAUSE)


@receiver(source_polled)
def on_source_polled(source_id: int, resource_ids: list[int], t_ms: int, **kwargs: Any) -> None:
    ticks: list[tuple[str, dict[str, Any]]] = [(f"resource:{resource}", {"t": t_ms}) for resource in resource_ids]
    if fleet_pace.lets_through():
        ticks.append(("fleet", {"t": t_ms}))
    if sources_pace.lets_through():
        ticks.append(("sources", {"t": t_ms, "source": source_id}))
    publish_many(ticks)


@receiver(source_failed)
def on_source_failed(source_id: int, error: str, t_ms: int, **kwargs: Any) -> None:
    publish_many([("sources", {"t": t_ms, "source": source_id, "error": error})])
