"""Alerts that fire and those that ended within a day, held by each process for lists and counts of thousands.

Every change of an alert is a transition and their ids rise in the order of commits: what is held is brought up to date by what came after
the last one seen. What changes without a transition (a resource's name, a value in a sentence) is seen within a minute.
"""

import threading
import time
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from sys import intern
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from monitoring.alerts.models import Alert, AlertTransition
from monitoring.alerts.transitions import portions

DAY = timedelta(days=1)
RENEWED_EVERY = 60.0  # seconds
MOST_RESOLVED, MOST_PENDING = 5000, 2000  # the newest
MOST_CHANGES = 5000  # beyond, everything is read anew
READ = (
    "pk", "state", "severity", "ownership", "assignee_id", "suppressed_by", "source", "name", "kind", "flapping", "resource_id",
    "resource__name", "resource__kind", "rule_id", "fired_at", "started_at", "resolved_at", "labels", "annotations",
)  # fmt: skip


class Traits(NamedTuple):
    """What facets count; alike for many alerts."""

    state: str
    severity: str
    ownership: str
    assignee: str  # user id, or none
    suppressed: tuple[str, ...]  # kinds of what does it, or none
    source: str
    name: str
    kind: str  # of its resource
    origin: str  # real, anomaly or predictive
    flapping: str  # yes or ""


class Member(NamedTuple):
    pk: int
    traits: Traits
    resource: int | None
    resource_name: str
    rule: int | None
    silences: tuple[int, ...]
    since: float  # seconds
    resolved: float | None  # seconds
    labels: tuple[str, ...]  # name:value
    text: str  # all words that a search looks at, in small letters


class _Held:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self.members: dict[int, Member] = {}
        self.last: tuple[int, datetime] | None = None  # transition
        self.read_at = 0.0
        self.renewing = False


_held = _Held()
_traits: dict[Traits, Traits] = {}


def forget() -> None:
    """For tests, whose databases forget too."""
    _held.forget()


def members() -> list[Member]:
    """Those that fire, and the newest of those that ended within a day."""
    with _held.lock:
        _catch_up()
        old = time.monotonic() - _held.read_at > RENEWED_EVERY and not _held.renewing
        _held.renewing = _held.renewing or old
        found = list(_held.members.values())
    if old:
        threading.Thread(target=_renew, name="standing alerts", daemon=True).start()
    return found


def pending() -> list[Member]:
    """Not held: what was pending and never fired leaves nothing to notice it by."""
    return list(_read(Alert.objects.filter(state=Alert.State.PENDING).order_by("-pk")[:MOST_PENDING]))


def horizon() -> datetime:
    """From when on those that ended are among the members."""
    return timezone.now() - DAY - timedelta(minutes=1)


def resolved(start: datetime, end: datetime) -> list[Member]:
    """The newest of those that ended in [start, end)."""
    rows = Alert.objects.filter(state=Alert.State.RESOLVED, resolved_at__gte=start, resolved_at__lt=end)
    return list(_read(rows.order_by("-resolved_at")[:MOST_RESOLVED]))


def _catch_up() -> None:
    seen = _held.last[0] if _held.last else 0
    rows = AlertTransition.objects.filter(pk__gte=seen).order_by("pk").values_list("pk", "time", "alert_id")[: MOST_CHANGES + 2]
    news = list(rows)
    if not _held.read_at or len(news) > MOST_CHANGES + 1 or (news[0][:2] if news else None) != _held.last:
        _read_all()
        return
    changed = {alert for _, _, alert in news[1:]}
    if changed:
        _take(changed)
        _held.last = news[-1][:2]


def _take(changed: Collection[int]) -> None:
    for ids in portions(changed):
        found = {one.pk: one for one in _read(_wanted().filter(pk__in=ids))}
        for pk in ids:
            _held.members.pop(pk, None)
        _held.members.update(found)


def _everything() -> tuple[tuple[int, datetime] | None, dict[int, Member]]:
    """The transition is read first: what comes meanwhile is read twice, never missed."""
    last = AlertTransition.objects.order_by("-pk").values_list("pk", "time").first()
    fire = _read(Alert.objects.filter(state=Alert.State.FIRING))
    ended = resolved(horizon(), timezone.now() + DAY)
    return last, {one.pk: one for one in (*fire, *ended)}


def _read_all() -> None:
    _held.last, _held.members = _everything()
    _held.read_at = time.monotonic()


def _renew() -> None:
    """Beside the readers: they go on with what is held."""
    try:
        last, found = _everything()
        with _held.lock:
            _held.last, _held.members, _held.read_at = last, found, time.monotonic()
    finally:
        _held.renewing = False
        connection.close()


def _wanted() -> QuerySet[Alert]:
    fires = Alert.objects.filter(state=Alert.State.FIRING)
    return fires | Alert.objects.filter(state=Alert.State.RESOLVED, resolved_at__gte=horizon())


def _read(rows: QuerySet[Alert]) -> Iterator[Member]:
    for values in rows.values_list(*READ).iterator(chunk_size=2000):
        yield _member(dict(zip(READ, values, strict=True)))


def _member(row: dict[str, Any]) -> Member:
    labels = {str(name): str(value) for name, value in row["labels"].items()}
    since, ended, name = row["fired_at"] or row["started_at"], row["resolved_at"], row["resource__name"] or ""
    return Member(
        row["pk"], _traits_of(row), row["resource_id"], name, row["rule_id"],
        tuple(one["silence"] for one in row["suppressed_by"]), since.timestamp(), ended.timestamp() if ended else None,
        tuple(intern(f"{name}:{value}") for name, value in labels.items()),
        "\n".join((row["name"], name, row["source"], *labels.values(), *_said(row["annotations"].values()))).lower(),
    )  # fmt: skip


def _said(texts: Iterable[Any]) -> Iterator[str]:
    return (str(text)[:500] for text in texts)


def _traits_of(row: dict[str, Any]) -> Traits:
    kinds = tuple(sorted({str(one["kind"]) for one in row["suppressed_by"]})) or ("none",)
    found = Traits(
        row["state"], row["severity"], row["ownership"], str(row["assignee_id"] or "none"), kinds, row["source"], row["name"],
        row["resource__kind"] or "", row["kind"], "yes" if row["flapping"] else "",
    )  # fmt: skip
    if len(_traits) > 100_000:
        _traits.clear()
    return _traits.setdefault(found, found)
