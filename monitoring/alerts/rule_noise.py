"""How much a rule speaks and what came of it: transitions of its alerts over some days, counted. Every number has its rows.

Transitions never change and their ids rise in the order of commits, so each process holds what it has counted (13 bytes a row) and reads on
from there: a page of all rules costs what has happened since the page before.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import add, or_
from typing import Any, NamedTuple

import numpy as np
from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone

from monitoring.alerts.columns import Epoch, columns
from monitoring.alerts.models import Alert, AlertTransition

DAYS = (7, 30)
SPOKE_OFTEN = 5  # fires from which on a rule can be noisy
STATE, OWNERSHIP = AlertTransition.Axis.STATE, AlertTransition.Axis.OWNERSHIP
NOTE, SUPPRESSION = AlertTransition.Axis.NOTE, AlertTransition.Axis.SUPPRESSION
FIRING, RESOLVED = Alert.State.FIRING, Alert.State.RESOLVED
TAKEN = (Alert.Ownership.ACKNOWLEDGED, Alert.Ownership.IN_PROGRESS)


class Measure(NamedTuple):
    label: str
    meaning: str
    which: Q  # of transitions


MEASURES: Mapping[str, Measure] = {
    "fires": Measure("Fired", "how often its alerts began to fire", Q(axis=STATE, after=FIRING)),
    "acks": Measure("Acks", "how often a person acknowledged or took one", Q(axis=OWNERSHIP, after__in=TAKEN)),
    "actions": Measure(
        "Actions",
        "what else persons did: assigned, rated, noted, resolved by hand",
        Q(user__isnull=False) & ~Q(axis=OWNERSHIP, after__in=TAKEN),
    ),
    "duplicates": Measure(
        "Again",
        "how often one came back within 10 minutes of its end, or began to flap",
        Q(axis=STATE, before=RESOLVED, user__isnull=True) | Q(axis=NOTE, after="flapping"),
    ),
    "real": Measure(
        "Real",
        "how often one that was hidden still fired when the silence ended",
        Q(axis=SUPPRESSION, after="", alert__fired_at__lte=F("time")),
    ),
}


@dataclass(frozen=True)
class Noise:
    fires: int = 0
    acks: int = 0
    actions: int = 0
    duplicates: int = 0
    real: int = 0

    @property
    def noisy(self) -> bool:
        """It spoke often, and fewer than one in five was worth anybody's hand; or as often as not it only came back."""
        return self.fires >= SPOKE_OFTEN and (5 * (self.acks + self.actions) < self.fires or 2 * self.duplicates >= self.fires)

    @property
    def cells(self) -> list[tuple[str, Measure, int]]:
        return [(name, measure, getattr(self, name)) for name, measure in MEASURES.items()]


NONE = Noise()
COUNTED = reduce(or_, (one.which for one in MEASURES.values()))
MARKS = reduce(  # a bit for each measure
    add,
    (
        Case(When(one.which, then=Value(1 << place)), default=Value(0), output_field=IntegerField())
        for place, one in enumerate(MEASURES.values())
    ),
)


class _Counted(NamedTuple):
    """Of transitions, a column each."""

    rule: Any  # int32
    at: Any  # int64, whole seconds
    marks: Any  # uint8

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "_Counted":
        return cls(np.array(found["rule"], np.int32), np.array(found["at"], np.int64), np.array(found["marks"], np.uint8))

    def where(self, mask: Any) -> "_Counted":
        return _Counted(*(column[mask] for column in self))


NOTHING = _Counted.of({"rule": [], "at": [], "marks": []})


class _Held:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.last: tuple[int, datetime] | None = None  # transition
        self.rows = NOTHING

    def read_on(self) -> _Counted:
        """Three statements at most. The newest transition is looked up first: what comes meanwhile is read the next time."""
        with self.lock:
            newest = AlertTransition.objects.order_by("-pk").values_list("pk", "time").first()
            if newest != self.last:
                seen = self.last[0] if self.last and AlertTransition.objects.filter(pk=self.last[0], time=self.last[1]).exists() else 0
                self.rows = _read(self.rows if seen else NOTHING, seen, newest[0] if newest else 0)
                self.last = newest
            return self.rows


_held = _Held()


def _read(known: _Counted, after: int, upto: int) -> _Counted:
    """What is known and younger than the longest time that is asked for, with what came after it."""
    oldest = since(max(DAYS))
    rows = AlertTransition.objects.filter(COUNTED, pk__gt=after, pk__lte=upto, time__gte=oldest, alert__rule__isnull=False)
    fresh = _Counted.of(columns(rows, rule="alert__rule", at=Epoch("time"), marks=MARKS))
    young = known.where(known.at >= oldest.timestamp())
    return _Counted(*map(np.concatenate, zip(young, fresh, strict=True)))


def since(days: int, now: datetime | None = None) -> datetime:
    """To the second, as what is held."""
    return (now or timezone.now()).replace(microsecond=0) - timedelta(days=days)


def of_rules(days: int, rule: int | None = None) -> dict[int, Noise]:
    """By rule; rules that said nothing are not in it."""
    held = _held.read_on()
    rows = held.where((held.at >= since(days).timestamp()) & (rule is None or held.rule == rule))
    rules, place = np.unique(rows.rule, return_inverse=True)
    counts = [np.bincount(place, (rows.marks >> bit) & 1, len(rules)).astype(int).tolist() for bit in range(len(MEASURES))]
    return {pk: Noise(*numbers) for pk, *numbers in zip(rules.tolist(), *counts, strict=True)}


def counted(rule: int, measure: str, days: int) -> QuerySet[AlertTransition]:
    """The rows behind one number, newest first."""
    rows = AlertTransition.objects.filter(MEASURES[measure].which, alert__rule=rule, time__gte=since(days))
    return rows.select_related("alert", "alert__resource").defer("alert__evidence").order_by("-id")
