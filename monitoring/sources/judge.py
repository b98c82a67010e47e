"""How every reporting resource is: recent samples against health's limits, and what others know of it, all resources in a fixed number of
queries."""

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from monitoring.inventory import changes, concerns
from monitoring.inventory.concerns import Concern
from monitoring.inventory.health import band, judge
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.inventory.signals import resource_health_changed
from monitoring.sources.measures import BOOT_TIME, NEEDED, Line, Lines, measures, needed
from monitoring.store import StoreUnavailable, reader

log = logging.getLogger(__name__)
WINDOW, LONGEST_WINDOW = 120, 900  # seconds judged; two and a half report intervals where that is longer
REFS_AGE = 180.0  # seconds the list of series is kept: of a known resource, a new series is judged within three minutes
BOOT_SLACK = 60.0  # seconds by which the boot time wobbles with clock corrections
BEFORE = 7 * 86_400_000  # ms looked back for the last sample before a reboot
JUDGED = ["health", "reasons", "health_since", "boot_time"]


class _Known(NamedTuple):
    read_at: float
    resources: frozenset[int]
    refs: list[reader.SeriesRef]


_known = _Known(float("-inf"), frozenset(), [])


def judge_resources(now: datetime | None = None) -> int:
    """Returns how many rows changed. A store that does not answer leaves every judgement as it was."""
    now = now or timezone.now()
    fields = ("id", "kind", "name", "state", "report_interval", *JUDGED)
    found = Resource.objects.filter(state=Resource.State.REPORTING).only(*fields)
    resources = {row.pk: row for row in found}
    try:
        lines = _lines(resources, int(now.timestamp() * 1000))
        known = concerns.of(resources.keys())
        judged = [_judge(row, lines.get(pk, {}), now, known.get(pk, ())) for pk, row in resources.items()]
    except StoreUnavailable as fault:
        log.warning("resources were not judged: %s", fault)
        return 0
    return _save([one for one in judged if one.differs])


class _Judged(NamedTuple):
    row: Resource
    differs: bool
    before: int | None  # its health
    told: list[ResourceChange]


def _judge(row: Resource, lines: Lines, now: datetime, known: Sequence[Concern]) -> _Judged:
    was = {field: getattr(row, field) for field in JUDGED}
    told = _clock(row, lines)
    verdict = judge(measures(lines), row.reasons, known)
    told += filter(None, [changes.health_changed(row, row.health, verdict.health, verdict.reasons)])
    row.health_since = row.health_since if band(row.health) == band(verdict.health) else now
    row.health, row.reasons = verdict.health, verdict.reasons
    return _Judged(row, any(getattr(row, field) != value for field, value in was.items()), was["health"], told)


def _refs(resources: frozenset[int]) -> list[reader.SeriesRef]:
    global _known
    if _known.resources != resources or time.monotonic() - _known.read_at > REFS_AGE:
        refs = [ref for ref in reader.select_many(NEEDED, resources) if needed(ref.metric, ref.labels)]
        _known = _Known(time.monotonic(), resources, refs)
    return _known.refs


def _window_ms(row: Resource) -> int:
    return int(1000 * min(max(WINDOW, 2.5 * row.report_interval), LONGEST_WINDOW))


def _lines(resources: dict[int, Resource], now_ms: int) -> dict[int, Lines]:
    """By resource and metric the samples of its window."""
    if not resources:
        return {}
    windows = {pk: _window_ms(row) for pk, row in resources.items()}
    refs = _refs(frozenset(resources))
    data = reader.raw_many([ref.id for ref in refs], now_ms - max(windows.values()), now_ms + 1)
    found: dict[int, dict[str, list[Line]]] = {}
    for ref in refs:
        samples = data.get(ref.id)
        if samples is None or ref.resource_id is None:
            continue
        t, v = samples
        start = t.searchsorted(now_ms - windows[ref.resource_id])
        if start < len(t):
            line = Line(ref.labels, t[start:].tolist(), v[start:].tolist())
            found.setdefault(ref.resource_id, {}).setdefault(ref.metric, []).append(line)
    return dict(found)


def _clock(row: Resource, lines: Lines) -> list[ResourceChange]:
    """A later boot time is a reboot if the machine booted after it was last seen with the old one, else its clock was moved."""
    if BOOT_TIME not in lines:
        return []
    line = lines[BOOT_TIME][0]
    before, after = row.boot_time, line.last
    if before is not None and abs(after - before) <= BOOT_SLACK:
        return []
    row.boot_time = after
    if before is None:
        return []
    seen = _last_seen_with(row, before, line)
    if after > before and (seen is None or after * 1000 > seen - 1000 * BOOT_SLACK):
        return [changes.rebooted(row, before, after)]
    return [changes.clock_moved(row, after - before)]


def _last_seen_with(row: Resource, boot_time: float, line: Line) -> int | None:
    """ms of the last sample with that boot time; None where the store has none."""
    refs = reader.select(BOOT_TIME, line.labels, row.pk)
    for t, v in reader.raw_many([ref.id for ref in refs], line.t[-1] - BEFORE, line.t[-1] + BEFORE).values():
        old = t[abs(v - boot_time) <= BOOT_SLACK]
        if len(old):
            return int(old[-1])
    return None


def _save(judged: list[_Judged]) -> int:
    if not judged:
        return 0
    with transaction.atomic():
        list(Resource.objects.locked(pk__in=[one.row.pk for one in judged]).values_list("pk"))
        still_reporting = Resource.objects.filter(state=Resource.State.REPORTING)
        still_reporting.bulk_update([one.row for one in judged], JUDGED, batch_size=500)
        ResourceChange.objects.bulk_create([change for one in judged for change in one.told])
        for row, _differs, before, _told in judged:
            if before != row.health:
                sent = partial(resource_health_changed.send_robust, sender=Resource, resource_id=row.pk, before=before, after=row.health)
                transaction.on_commit(sent)
    return len(judged)
