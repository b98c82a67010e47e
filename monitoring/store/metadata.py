"""What metrics are: their type, unit and help, as senders tell them."""

import threading
import time
from collections.abc import Collection, Mapping
from functools import partial
from typing import NamedTuple

from django.db import Error, transaction

from monitoring.store.errors import StoreUnavailable
from monitoring.store.keys import LONGEST_METRIC
from monitoring.store.models import MetricDescription

UNKNOWN = "unknown"
TYPES = frozenset({"counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", UNKNOWN})
LONGEST_UNIT, LONGEST_HELP = 64, 2000  # characters; the rest is cut off
AT_ONCE = 500  # metrics per statement
REMEMBERED = 100_000  # metrics
REWRITE = 600.0  # seconds: two senders that differ must not write with every batch


class Description(NamedTuple):
    """An empty unit or help, or the type "unknown", says nothing: it leaves in place what another sender told."""

    type: str = UNKNOWN
    unit: str = ""
    help: str = ""

    def over(self, earlier: "Description") -> "Description":
        """This, where it says something; `earlier` elsewhere."""
        kind = earlier.type if self.type == UNKNOWN else self.type
        return Description(kind, self.unit or earlier.unit, self.help or earlier.help)


class _Told:
    """What this process has heard and found written: what repeats itself costs a look into a dict."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self._heard: dict[str, Description] = {}
        self._when: dict[str, float] = {}

    def news(self, found: Mapping[str, Description]) -> dict[str, Description]:
        heard, recent = self._heard, time.monotonic() - REWRITE
        other = {metric: said for metric, said in found.items() if heard.get(metric) != said}
        return {metric: said for metric, said in other.items() if self._when.get(metric, recent) <= recent}

    def learn(self, told: Mapping[str, Description]) -> None:
        with self._lock:
            if len(self._heard) > REMEMBERED:
                self.forget()
            self._heard.update(told)
            self._when.update(dict.fromkeys(told, time.monotonic()))


_told = _Told()
forget = _told.forget


def record(found: Mapping[str, Description]) -> None:
    """Keeps what is new or different; may be called with every batch. Raises StoreUnavailable."""
    news = _told.news(found)
    if not news:
        return
    try:
        _write({metric: _tidy(said) for metric, said in news.items() if _can_be_kept(metric)})
    except Error as fault:
        raise StoreUnavailable(str(fault)) from fault
    transaction.on_commit(partial(_told.learn, news))


def _can_be_kept(metric: str) -> bool:
    return 0 < len(metric) <= LONGEST_METRIC and metric == _text(metric)


def _tidy(said: Description) -> Description:
    kind = said.type.lower()
    return Description(kind if kind in TYPES else UNKNOWN, _text(said.unit)[:LONGEST_UNIT], _text(said.help)[:LONGEST_HELP])


def _text(text: str) -> str:
    """Without what a database cannot keep: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="ignore").decode()


def _write(told: Mapping[str, Description]) -> None:
    known = of(told)
    merged = {metric: said.over(known.get(metric, Description())) for metric, said in told.items()}
    # in order, so that two processes that write the same metrics wait for each other instead of locking each other out
    rows = [MetricDescription(metric=metric, **said._asdict()) for metric, said in sorted(merged.items()) if known.get(metric) != said]
    MetricDescription.objects.bulk_create(
        rows, batch_size=AT_ONCE, update_conflicts=True, unique_fields=["metric"], update_fields=Description._fields
    )


def of(metrics: Collection[str] | None = None) -> dict[str, Description]:
    """Descriptions of these metrics, or of all; metrics nobody described are missing."""
    rows = MetricDescription.objects.values_list("metric", *Description._fields)
    if metrics is None:
        return {metric: Description(*said) for metric, *said in rows}
    found: dict[str, Description] = {}
    wanted = list(metrics)
    for place in range(0, len(wanted), AT_ONCE):
        found |= {metric: Description(*said) for metric, *said in rows.filter(metric__in=wanted[place : place + AT_ONCE])}
    return found
