"""Groups of alerts go into incidents, new or there already: what a batch of `correlate` writes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from monitoring.alerts.models import Alert
from monitoring.incidents import describe, memory, root
from monitoring.incidents.absorb import absorb, refresh
from monitoring.incidents.linking import Group, Known, Subject, Why
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.incidents.opening import opens
from monitoring.incidents.root import Candidate
from monitoring.incidents.steps import Status, Steps, back
from monitoring.inventory.topology import Topology

TOLD_SINGLY = 5  # alerts that join at once; more are one line of the timeline


class Batch:
    """Collects where the alerts go, then writes it with a fixed number of statements."""

    def __init__(
        self,
        now: datetime,
        alerts: Sequence[Alert],
        subjects: Sequence[Subject],
        why: Mapping[int, Why],
        topology: Topology,
        incidents: Mapping[int, Incident],
        known: Iterable[Known],
    ) -> None:
        self.alerts = {alert.pk: alert for alert in alerts}
        self.subjects = {one.pk: one for one in subjects}
        self.why, self.topology, self.incidents = why, topology, dict(incidents)
        self.known: dict[int, set[str]] = {}
        for row in known:
            self.known.setdefault(row.incident, set()).add(row.key)
        self.steps = Steps(now)
        self.new: list[tuple[Incident, list[Alert]]] = []
        self.joined: list[tuple[Incident, list[Alert]]] = []
        self.members: list[IncidentAlert] = []
        self.merged: list[tuple[Incident, list[int]]] = []
        self.bonds: list[tuple[Incident, set[str]]] = []
        self.stale: set[int] = set()  # incidents whose root and roles are to be found anew

    def take(self, group: Group) -> None:
        alerts = [self.alerts[pk] for pk in group.alerts]
        standing = [pk for pk in group.incidents if pk in self.incidents and self.incidents[pk].is_open]
        if standing:
            self.joined.append((self.incidents[standing[0]], alerts))
            self.bonds.append((self.incidents[standing[0]], group.bonds))
            if standing[1:]:
                self.merged.append((self.incidents[standing[0]], standing[1:]))
        elif any(opens(alert) for alert in alerts):
            self.new.append((Incident(), alerts))
            self.bonds.append((self.new[-1][0], group.bonds))

    def candidate(self, alert: Alert) -> Candidate:
        return Candidate(alert.pk, alert.resource_id, self.subjects[alert.pk].at, alert.severity, opens(alert))

    def save(self) -> int:
        self._begin()
        self._join()
        IncidentAlert.objects.bulk_create(self.members, batch_size=500, ignore_conflicts=True)
        memory.remember(self._seen())
        memory.narrow({incident.pk: keys for incident, keys in self.bonds if keys})
        pairs = [(target, self.incidents[pk]) for target, others in self.merged for pk in others]
        absorb(self.steps, pairs, "the same alerts concern both")
        self.stale |= {target.pk for target, _ in self.merged}
        if self.stale:
            refresh(self.steps, self.stale)
        self.steps.save()
        return len(self.members)

    def _seen(self) -> Iterator[memory.Seen]:
        bonds = {incident.pk: keys for incident, keys in self.bonds}
        for incident, alerts in self.new + self.joined:
            for alert in alerts:
                subject = self.subjects[alert.pk]
                yield from ((incident.pk, key.text, subject.at) for key in subject.keys if memory.tells(key, bonds[incident.pk]))
        yield from ((pk, memory.BOND + key, self.steps.now) for pk, keys in bonds.items() for key in keys)

    def _begin(self) -> None:
        roots = []
        for incident, alerts in self.new:
            found, parts = root.roles([self.candidate(alert) for alert in alerts], self.topology)
            assert found is not None
            incident.root_alert_id = found.pk
            describe.grow(incident, alerts)
            roots.append((incident, alerts, parts))
        summaries = describe.summaries(incident.root_alert_id for incident, _, _ in roots)
        for incident, alerts, _ in roots:
            incident.title = describe.title(summaries[incident.root_alert_id or 0], self.alerts[incident.root_alert_id or 0].name, alerts)
        Incident.objects.bulk_create([incident for incident, _, _ in roots], batch_size=200)
        for incident, alerts, parts in roots:
            self.members += [self._member(incident, alert, parts[alert.pk]) for alert in alerts]
            self.steps.begin(incident, describe.opened_by(alerts))

    def _member(self, incident: Incident, alert: Alert, role: str) -> IncidentAlert:
        why = self.why.get(alert.pk) or Why("first", "It opened the incident")
        return IncidentAlert(
            incident=incident, alert=alert, role=role, relation=why.relation, reason=why.words[:300], joined_at=self.steps.now
        )

    def _join(self) -> None:
        """Roots and roles are found anew only where something on which the incident's other alerts hang has an alert now."""
        roots = Alert.objects.only("resource_id").in_bulk({one.root_alert_id for one, _ in self.joined if one.root_alert_id})
        for incident, alerts in self.joined:
            keys = self.known.get(incident.pk, set())
            if any(f"{word}:{alert.resource_id}" in keys for alert in alerts for word in ("on", "needs")) or not incident.root_alert_id:
                self.stale.add(incident.pk)
            alerting = {alert.resource_id for alert in alerts if alert.resource_id} | {
                int(key[4:]) for key in keys if key[:4] == "own:" and key[4:].isdecimal()
            }
            top = roots.get(incident.root_alert_id or 0)
            leader = Candidate(top.pk if top else 0, top.resource_id if top else None, incident.detected_at, incident.severity)
            for alert in alerts:
                role = root.role_of(self.candidate(alert), leader, self.topology, alerting)
                self.members.append(self._member(incident, alert, role))
            describe.grow(incident, alerts)
            self._tell(incident, alerts)

    def _tell(self, incident: Incident, alerts: Sequence[Alert]) -> None:
        if incident.status == Status.MITIGATED and any(opens(alert) for alert in alerts):
            self.steps.move(incident, back(incident), "further alerts")
        if len(alerts) <= TOLD_SINGLY:
            for alert in alerts:
                why = self.why.get(alert.pk)
                text = f"{alert.name}{describe.where(alert, self.topology)} joined" + (f": {why.words}" if why else "")
                self.steps.tell(
                    incident, "alert", text, time=self.subjects[alert.pk].at, data={"alert": alert.pk}, key=f"joined {alert.pk}"
                )
        else:
            ids = sorted(alert.pk for alert in alerts)
            self.steps.tell(
                incident, "alert", f"{len(alerts):,} alerts joined: {describe.most(alerts)}", data={"alerts": ids[:200], "count": len(ids)}
            )
