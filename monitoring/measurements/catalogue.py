"""Which VMs and metrics have facts, and the series that hold them."""

import time
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from monitoring.inventory.facts import ResourceReport, report
from monitoring.measurements.facts import Pair
from monitoring.measurements.models import FactSeries
from monitoring.store import series
from monitoring.store.batch import SeriesKey
from monitoring.store.series import UNKNOWN
from monitoring.store.windows import DAY, HOUR

REPORT_INTERVAL = 1800  # seconds; facts usually come every half hour
AT_ONCE = 500
_RECENT = HOUR  # facts younger than this say that their VM reports
_TELL_AGAIN = 300.0  # seconds
MOST_REMEMBERED = 20_000
_sids: dict[Pair, int] = {}
_told: dict[str, float] = {}  # VM -> when this process said so


class Impossible(ValueError):
    """VM and metric together are longer than the store keeps."""


def key_of(pair: Pair) -> SeriesKey:
    return SeriesKey(pair.metric, (("vm", pair.vm),))


def find(pairs: Iterable[Pair]) -> dict[Pair, int]:
    """Series ids; pairs without facts are missing."""
    wanted = set(pairs)
    vms = sorted({pair.vm for pair in wanted})
    metrics = {pair.metric for pair in wanted}
    found: dict[Pair, int] = {}
    for place in range(0, len(vms), AT_ONCE):
        rows = FactSeries.objects.filter(vm__in=vms[place : place + AT_ONCE])
        if len(metrics) <= AT_ONCE:
            rows = rows.filter(metric__in=metrics)
        found |= {pair: sid for sid, vm, metric in rows.values_list("series_id", "vm", "metric") if (pair := Pair(vm, metric)) in wanted}
    return found


def register(pairs: Iterable[Pair]) -> dict[Pair, int]:
    """The same, with those that are new made known. Raises Impossible."""
    wanted = list(pairs)
    found = find(wanted)
    missing = [pair for pair in wanted if pair not in found]
    if not missing:
        return found
    with transaction.atomic():
        owners = tell({pair.vm for pair in missing})
        sids = series.ids([key_of(pair) for pair in missing], [owners[pair.vm] for pair in missing]).tolist()
        if UNKNOWN in sids:
            raise Impossible("vm and metric are too long together.")
        new = [FactSeries(series_id=sid, vm=pair.vm, metric=pair.metric) for pair, sid in zip(missing, sids, strict=True)]
        FactSeries.objects.bulk_create(new, ignore_conflicts=True)
    return found | dict(zip(missing, sids, strict=True))


def tell(vms: Iterable[str]) -> dict[str, int]:
    """Reports the VMs to the inventory; their resource ids."""
    names = sorted(vms)
    rows = report([ResourceReport("vm", name, report_interval=REPORT_INTERVAL) for name in names], None)
    now = time.monotonic()
    _told.update(dict.fromkeys(names, now))
    return {row.name: row.pk for row in rows}


def tell_of_recent(newest: Mapping[str, int], now: int) -> None:
    """VM -> ms of its newest fact: who sends facts of this hour reports. Said at most every few minutes."""
    rested = time.monotonic() - _TELL_AGAIN
    due = {vm for vm, t in newest.items() if t > now - _RECENT and _told.get(vm, float("-inf")) < rested}
    if due:
        tell(due)


def rows(vm: str | None, metric: str | None, after: Pair | None = None) -> QuerySet[FactSeries]:
    """In the order of VM and metric; `after` leaves out what comes before it."""
    found = FactSeries.objects.order_by("vm", "metric")
    if vm is not None:
        found = found.filter(vm=vm)
    if metric is not None:
        found = found.filter(metric=metric)
    if after is not None:
        found = found.filter(Q(vm__gt=after.vm) | Q(vm=after.vm, metric__gte=after.metric))
    return found


def sid_of(pair: Pair) -> int | None:
    """As this process remembers it: the series may have been forgotten since, and is empty then."""
    found = _sids.get(pair)
    if found is None:
        found = FactSeries.objects.filter(vm=pair.vm, metric=pair.metric).values_list("series_id", flat=True).first()
        if found is not None:
            if len(_sids) >= MOST_REMEMBERED:
                _sids.clear()
            _sids[pair] = found
    return found


def promised() -> dict[int, int]:
    """Facts are kept longer than other raw samples: series id -> ms."""
    kept = int(settings.FACTS_RETENTION_DAYS * DAY)
    return dict.fromkeys(FactSeries.objects.values_list("series_id", flat=True), kept)
