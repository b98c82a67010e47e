"""What is seen of alerts becomes rows: opened, continued, kept up to date, ended. A fixed number of statements per thousand alerts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from django.db.models import Q
from django.utils import timezone

from monitoring.alerts import silences
from monitoring.alerts.models import RANKS, Alert, AlertTransition
from monitoring.alerts.signals import alert_opened, alert_resolved
from monitoring.alerts.transitions import Change, changing, portions, tell, write
from monitoring.inventory.merging import storable

REOPENS_WITHIN = timedelta(minutes=10)  # what comes back so soon is the same alert
REFRESHED_EVERY = timedelta(minutes=1)  # value and annotations of an open alert
FLAPS, FLAP_WINDOW = 4, timedelta(hours=1)  # so often within so long
PENDING, FIRING, RESOLVED = Alert.State.PENDING, Alert.State.FIRING, Alert.State.RESOLVED
STATE, SEVERITY, NOTE = AlertTransition.Axis.STATE, AlertTransition.Axis.SEVERITY, AlertTransition.Axis.NOTE
LOOKED_UP = 900  # fingerprints in one statement
WRITTEN = [
    "rule", "severity", "labels", "annotations", "resource", "state", "ownership", "value", "started_at", "fired_at", "absent_since",
    "observed_at", "resolved_at", "resolution", "flapping", "fires", "reopened", "evidence", "suppressed_by", "suppressed",
]  # fmt: skip


@dataclass(frozen=True)
class Observation:
    """What somebody sees of one alert now. `state` resolved ends it; absent_since says that it is only kept firing, its labels may then
    be left out."""

    fingerprint: str
    state: str
    name: str = ""
    value: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    severity: str = "medium"
    rule: int | None = None  # AlertRule id
    source: str = "rule"
    resource: int | None = None  # Resource id
    started_at: datetime | None = None  # None = now
    kind: str = "real"
    evidence: Mapping[str, Any] = field(default_factory=dict)
    resolution: str = "recovered"
    absent_since: datetime | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.state not in Alert.State.values or self.severity not in RANKS:
            raise ValueError(f"{self.state}, {self.severity}: not a state and severity")


def fingerprint(source: str, labels: Mapping[str, str]) -> str:
    """Of who raises an alert, and its labels: 32 characters."""
    text = "\xff".join([source, *(f"{name}\xfe{value}" for name, value in sorted(labels.items()))])
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def observe(observations: Iterable[Observation], now: datetime | None = None) -> list[Alert]:
    """Returns the alerts that were touched. Of two observations of one fingerprint the later counts. Idempotent."""
    latest = {one.fingerprint: one for one in observations}
    if not latest:
        return []
    with changing():
        work = _Work(now or timezone.now())
        known = _known(list(latest), work.now)
        for one in latest.values():
            work.take(one, known.get(one.fingerprint))
        work.save()
    return [*work.new, *work.changed, *work.ended]


def _known(fingerprints: Sequence[str], now: datetime) -> dict[str, Alert]:
    """The open alert of each, else the one that ended a short while ago."""
    wanted = ~Q(state=RESOLVED) | Q(resolved_at__gte=now - REOPENS_WITHIN)
    found: dict[str, Alert] = {}
    for place in range(0, len(fingerprints), LOOKED_UP):
        rows = Alert.objects.filter(wanted, fingerprint__in=fingerprints[place : place + LOOKED_UP]).order_by("resolved_at", "id")
        for row in rows:
            before = found.get(row.fingerprint)
            if before is None or not before.is_open:
                found[row.fingerprint] = row
    return found


class _Work:
    """What one call does to alerts, collected and then written."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.new: list[Alert] = []
        self.changed: list[Alert] = []
        self.ended: list[Alert] = []
        self.dropped: list[int] = []  # pending ones that never fired
        self.confirmed: list[int] = []  # nothing new about them
        self.opened: list[Alert] = []
        self.changes: list[Change] = []

    def take(self, one: Observation, known: Alert | None) -> None:
        if one.state == RESOLVED:
            if known is not None and known.is_open:
                self._end(known, one)
        elif known is None:
            self._begin(one)
        elif known.is_open:
            self._go_on(known, one)
        elif one.started_at is None or one.started_at != known.started_at:  # else an old notice, delivered late
            self._continue(known, one)

    def _begin(self, one: Observation) -> None:
        alert = Alert(
            fingerprint=one.fingerprint, rule_id=one.rule, source=one.source, name=one.name[:200], severity=one.severity, kind=one.kind,
            labels=storable(one.labels), annotations=storable(one.annotations), resource_id=one.resource, value=_finite(one.value),
            started_at=one.started_at or self.now, observed_at=self.now, state=PENDING, evidence=storable(one.evidence),
            absent_since=one.absent_since,
        )  # fmt: skip
        self.new.append(alert)
        if one.state == FIRING:
            self._fire(alert, one, "")
        else:
            self.changes.append(Change(alert, STATE, "", PENDING, one.reason))

    def _go_on(self, alert: Alert, one: Observation) -> None:
        fires = one.state == FIRING and alert.state == PENDING
        worse = one.severity != _said(alert)  # else a person may have rated it otherwise, which counts
        absent = one.absent_since != alert.absent_since
        if worse:
            self.changes.append(Change(alert, SEVERITY, alert.severity, one.severity, one.reason))
        if fires:
            self._update(alert, one)
            self._fire(alert, one, PENDING)
            self.changed.append(alert)
        elif worse or absent or self._differs(alert, one):
            self._update(alert, one)
            self.changed.append(alert)
        elif self._is_old(alert):
            self.confirmed.append(alert.pk)

    def _is_old(self, alert: Alert) -> bool:
        return self.now - alert.observed_at >= REFRESHED_EVERY

    def _differs(self, alert: Alert, one: Observation) -> bool:
        said = (dict(alert.labels), dict(alert.annotations), alert.value)
        return bool(one.labels) and self._is_old(alert) and said != (dict(one.labels), dict(one.annotations), _finite(one.value))

    def _update(self, alert: Alert, one: Observation) -> None:
        alert.severity = one.severity if one.severity != _said(alert) else alert.severity
        alert.observed_at = self.now
        alert.absent_since, alert.rule_id = one.absent_since, one.rule or alert.rule_id
        if one.labels:  # else nothing is seen of it but that it goes on
            alert.value, alert.labels, alert.annotations = _finite(one.value), storable(one.labels), storable(one.annotations)
        alert.resource_id = one.resource or alert.resource_id

    def _continue(self, alert: Alert, one: Observation) -> None:
        """It came back so soon that it is the same: its owner keeps it."""
        self._update(alert, one)
        alert.resolved_at, alert.resolution, alert.state = None, "", PENDING
        alert.started_at = one.started_at or self.now
        alert.reopened += 1
        self.changed.append(alert)
        if one.state == FIRING:
            self._fire(alert, one, RESOLVED)
        else:
            self.changes.append(Change(alert, STATE, RESOLVED, PENDING, one.reason or "came back"))

    def _fire(self, alert: Alert, one: Observation, before: str) -> None:
        alert.state, alert.fired_at = FIRING, alert.fired_at or self.now
        alert.evidence = storable(one.evidence) or alert.evidence
        since = (self.now - FLAP_WINDOW).timestamp() * 1000
        alert.fires = [*(at for at in alert.fires if at >= since), int(self.now.timestamp() * 1000)][-20:]
        reason = one.reason or ("came back" if before == RESOLVED else "")
        self.changes.append(Change(alert, STATE, before, FIRING, reason))
        if len(alert.fires) >= FLAPS and not alert.flapping:
            alert.flapping = True
            self.changes.append(Change(alert, NOTE, "", "flapping", f"fired {len(alert.fires)} times within an hour"))
        self.opened.append(alert)

    def _end(self, alert: Alert, one: Observation) -> None:
        if alert.state == PENDING and alert.fired_at is None:
            self.dropped.append(alert.pk)
            return
        self.changes.append(Change(alert, STATE, alert.state, RESOLVED, one.reason or one.resolution))
        alert.resolution = one.resolution
        self.ended.append(alert)

    def save(self) -> None:
        self._quieten()
        Alert.objects.bulk_create(self.new, batch_size=500)
        if self.changed:
            Alert.objects.bulk_create(self.changed, batch_size=500, update_conflicts=True, unique_fields=["id"], update_fields=WRITTEN)
        for ids in portions(self.confirmed):
            Alert.objects.filter(pk__in=ids).update(observed_at=self.now)
        for ids in portions(self.dropped):
            Alert.objects.filter(pk__in=ids).delete()
        silent = end(self.ended, self.now)
        write(self.changes, self.now)
        tell(alert_opened, self.opened)
        tell(alert_resolved, [alert for alert in self.ended if alert.pk not in silent])

    def _quieten(self) -> None:
        """A silence holds from the first moment, before anybody is told."""
        fresh = self.new + [alert for alert in self.opened if alert.pk]
        for alert, before, after in silences.quieten(fresh, self.now) if fresh else ():
            self.changes.append(Change(alert, AlertTransition.Axis.SUPPRESSION, before, after, silences.reason_of(alert)))


def end(alerts: Sequence[Alert], now: datetime) -> set[int]:
    """Writes that they are over; returns the ids of those that did not fire at that moment. Inside `changing`."""
    silent = {alert.pk for alert in alerts if alert.state == PENDING}
    for resolution in {alert.resolution for alert in alerts}:
        for ids in portions([alert.pk for alert in alerts if alert.resolution == resolution]):
            rows = Alert.objects.filter(pk__in=ids).exclude(state=RESOLVED)
            rows.update(state=RESOLVED, resolved_at=now, resolution=resolution, absent_since=None, suppressed_by=[], suppressed=False)
    for alert in alerts:
        alert.state, alert.resolved_at = RESOLVED, now
    return silent


def attach(evidence: Mapping[str, Mapping[str, Any]]) -> None:
    """Puts what was to be seen, by fingerprint, beside open alerts: read after they fire, so that nobody waits for it."""
    with changing():
        for mark, found in evidence.items():
            Alert.objects.filter(fingerprint=mark).exclude(state=RESOLVED).update(evidence=storable(found))


def _said(alert: Alert) -> str:
    """The severity that whoever raised it gave it last."""
    return str(alert.labels.get("severity") or alert.severity)


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None
