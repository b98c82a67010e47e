"""Things that senders speak of become resources, and stay alive while they do.

A process remembers them: the usual request asks no database.
"""

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping

from django.db import models

from monitoring.ingest.naming import NOBODY, Host
from monitoring.inventory import facts
from monitoring.inventory.facts import ResourceReport
from monitoring.inventory.models import Resource

EVERY = 15.0  # seconds between two touches of a thing
ATTRIBUTES_EVERY = 60.0  # seconds between two reports of changed attributes
MOST_ATTRIBUTES, LONGEST = 64, 256  # of a thing; characters of one
AT_ONCE = 500

known: dict[tuple[str, str], Host] = {}  # by kind and name, for every sender


class _Seen:
    """When things were heard of, touched and described last, by monotonic time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.heard: dict[Host, float] = {}
        self.touched: dict[Host, float] = {}
        self.described: dict[Host, tuple[float, dict[str, str]]] = {}


_seen = _Seen()
_moves = 0  # times a thing that had a resource lost it


def moves() -> int:
    """While it is the same, everything that had a resource still has that one."""
    return _moves


def settle(hosts: Collection[Host], attributes: Mapping[Host, dict[str, str]], source_id: int | None) -> None:
    """Every one of `hosts` gets its resource; those with new attributes are reported again. Raises django.db.Error."""
    now = time.monotonic()
    unknown = {one for host in hosts if host.resource is None and host is not NOBODY for one in _line(host)}
    heard = {host: texts for host, texts in attributes.items() if host in hosts or host.resource is not None}
    told = {host: merged for host, texts in heard.items() if (merged := _news(host, texts, now)) is not None}
    if unknown or told:
        _report(unknown | told.keys(), told, source_id, now)
    with _seen.lock:
        _seen.heard.update(dict.fromkeys(hosts, now))


def _line(host: Host | None) -> Iterator[Host]:
    """A thing and what it is a part of."""
    while host is not None:
        yield host
        host = host.parent


def _news(host: Host, texts: Mapping[str, str], now: float) -> dict[str, str] | None:
    """All attributes of a thing when `texts` say something new and it is time to tell; else None."""
    when, before = _seen.described.get(host, (-ATTRIBUTES_EVERY, {}))
    short = {name[:LONGEST]: text[:LONGEST] for name, text in texts.items()}
    if short.items() <= before.items() or now - when < ATTRIBUTES_EVERY:
        return None
    return dict(list({**before, **short}.items())[-MOST_ATTRIBUTES:])


def _report(hosts: Iterable[Host], told: Mapping[Host, dict[str, str]], source_id: int | None, now: float) -> None:
    ordered = sorted(hosts, key=lambda host: (host.parent is not None, host.key))
    reports = [
        ResourceReport(
            host.kind,
            host.name,
            host.labels,
            told.get(host) or _seen.described.get(host, (0.0, {}))[1],
            host.parent.key if host.parent else None,
        )
        for host in ordered
    ]
    source = _source(source_id)
    for place in range(0, len(reports), AT_ONCE):
        rows = facts.report(reports[place : place + AT_ONCE], source)
        for host, row in zip(ordered[place : place + AT_ONCE], rows, strict=True):
            host.resource = row.pk
            known.setdefault(host.key, host)
    with _seen.lock:
        _seen.touched.update(dict.fromkeys(ordered, now))
        _seen.described.update({host: (now, texts) for host, texts in told.items()})


def _source(source_id: int | None) -> models.Model | None:
    """The source that stands for a sender. Sources know this room, so it is reached through the inventory."""
    sources = Resource._meta.get_field("source").related_model
    return sources._default_manager.filter(pk=source_id).first() if source_id else None


def touch() -> None:
    """What was heard of since it was touched last reports, at most every EVERY seconds. Raises django.db.Error."""
    now = time.monotonic()
    with _seen.lock:
        due = [host for host, heard in _seen.heard.items() if _due(heard, _seen.touched.get(host, -EVERY), now)]
    for place in range(0, len(due), AT_ONCE):
        part = due[place : place + AT_ONCE]
        _touch(part)
        with _seen.lock:
            _seen.touched.update(dict.fromkeys(part, now))


def _due(heard: float, touched: float, now: float) -> bool:
    return heard > touched and now - touched >= EVERY


def _touch(hosts: list[Host]) -> None:
    """A thing whose resource was deleted is made anew by its next samples."""
    ids = {host.resource: host for host in hosts if host.resource is not None}
    there = set(Resource.objects.filter(pk__in=list(ids)).values_list("pk", flat=True))
    facts.touch(there)
    _let_go([ids[pk] for pk in ids.keys() - there])


def _let_go(hosts: Iterable[Host]) -> None:
    global _moves
    for host in hosts:
        host.resource = None
        _moves += 1


def forget() -> None:
    """The inventory was emptied under this process."""
    _let_go(known.values())
    known.clear()
    with _seen.lock:
        _seen.heard.clear()
        _seen.touched.clear()
        _seen.described.clear()
