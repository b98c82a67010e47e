"""Alerts become incidents: those that belong together by time, topology or labels are one (relations.py says by what).

Set-based: a batch takes a fixed number of statements whatever it holds. The database alone says what is left to do, so a batch that
is lost with its process is done by the next call, and a second call finds nothing.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from monitoring.alerts.models import Alert
from monitoring.incidents import memory
from monitoring.incidents.grow import Batch
from monitoring.incidents.linking import Known, Subject, link
from monitoring.incidents.locking import arranging
from monitoring.incidents.models import Incident, IncidentAlert, IncidentKey, TakenOut
from monitoring.incidents.opening import fired, which_open
from monitoring.incidents.relations import RELATIONS, STORM, STORM_WINDOW, counterparts, keys_of, text, window
from monitoring.inventory.topology import Topology

AT_ONCE = 1000  # alerts in one transaction: nobody else waits long
LONGEST_REACH = max(one.windows for one in RELATIONS.values())
NEEDED = ("id", "name", "severity", "kind", "labels", "resource_id", "fired_at", "started_at", "state")


def correlate(alert_ids: Collection[int] = (), now: datetime | None = None) -> int:
    """Every alert that opens incidents and is in none gets one; of the others, `alert_ids` join where they belong. Returns how many."""
    now, placed = now or timezone.now(), 0
    while True:
        with arranging():
            found = place(list(_openers()[:AT_ONCE]), now)
        placed += found
        if found < AT_ONCE:
            break
    return placed + join(alert_ids, now)


def join(alert_ids: Collection[int], now: datetime | None = None) -> int:
    """Alerts that open nothing by themselves belong to what others opened; where there is nothing, they stay alone."""
    now, placed, listed = now or timezone.now(), 0, sorted(set(alert_ids))
    since = now - LONGEST_REACH * window()
    if not listed or not Incident.objects.exclude(status=Incident.Status.RESOLVED).filter(last_alert_at__gte=since).exists():
        return 0
    for start in range(0, len(listed), AT_ONCE):
        with arranging():
            placed += place(list(_waiting().filter(pk__in=listed[start : start + AT_ONCE])), now)
    return placed


def join_latest(now: datetime | None = None) -> int:
    """As `join`, for all that fired so lately that they may belong to something."""
    now = now or timezone.now()
    recent = Q(fired_at__gte=now - window()) | Q(started_at__gte=now - window())
    joiners = _waiting().exclude(which_open()).filter(recent)
    return join(list(joiners.values_list("pk", flat=True)), now)


def _waiting() -> QuerySet[Alert]:
    """They fire, nothing keeps them quiet, they are in no incident and nobody took them out of one."""
    rows = Alert.objects.filter(state=Alert.State.FIRING, suppressed=False).only(*NEEDED)
    member, out = IncidentAlert.objects.filter(alert=OuterRef("pk")), TakenOut.objects.filter(alert=OuterRef("pk"))
    return rows.filter(~Exists(member), ~Exists(out)).order_by("fired_at", "id")


def _openers() -> QuerySet[Alert]:
    return _waiting().filter(which_open())


def place(alerts: Sequence[Alert], now: datetime) -> int:
    """Inside `arranging`. Returns how many of the alerts are in an incident now."""
    if not alerts:
        return 0
    topology = Topology.of(alert.resource_id or 0 for alert in alerts)
    subjects = [Subject(alert.pk, fired(alert), keys_of(alert, topology)) for alert in alerts]
    known = _known(subjects)
    incidents = Incident.objects.in_bulk({row.incident for row in known})
    bonds = memory.bonds_of(incidents) if incidents else {}
    loose = [pk for pk, one in incidents.items() if pk not in bonds and is_loose(one)]
    found = link(subjects, known, _storms(alerts), loose, bonds)
    batch = Batch(now, alerts, subjects, found.why, topology, incidents, known)
    for group in found.groups:
        batch.take(group)
    return batch.save()


def is_loose(incident: Incident) -> bool:
    """Nobody has touched it, so nobody minds when it becomes part of another. (One that a label holds together stays what it is.)"""
    untouched = incident.status in (Incident.Status.OPEN, Incident.Status.MITIGATED) and incident.commander_id is None
    return untouched and not (incident.manual or incident.arranged or incident.named or incident.rated or incident.notes_md)


def _known(subjects: Sequence[Subject]) -> list[Known]:
    """What open incidents have in common with these."""
    wanted = {other for one in subjects for key in one.keys for other in counterparts(key.text)}
    since = min(one.at for one in subjects) - LONGEST_REACH * window()
    return list(_keys(wanted, since))


def _keys(wanted: Collection[str], since: datetime) -> Iterator[Known]:
    listed = sorted(wanted)
    for at in range(0, len(listed), 5000):
        rows = IncidentKey.objects.filter(key__in=listed[at : at + 5000], seen_at__gte=since)
        for row in rows.values_list("incident_id", "key", "seen_at"):
            yield Known(*row)


def _storms(alerts: Sequence[Alert]) -> set[str]:
    """Keys of the names that fire in many places at the time of these."""
    times = [alert.fired_at for alert in alerts if alert.fired_at]
    if not times:
        return set()
    rows = Alert.objects.filter(state=Alert.State.FIRING, name__in={alert.name for alert in alerts})
    rows = rows.filter(fired_at__range=(min(times) - STORM_WINDOW, max(times) + STORM_WINDOW))
    counts = rows.order_by().values_list("name").annotate(Count("pk"))
    return {text("storm", name) for name, count in counts if count >= STORM}
