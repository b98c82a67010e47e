"""By what open incidents are recognised: kept, handed over, found anew."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from monitoring.alerts.models import Alert
from monitoring.alerts.transitions import portions
from monitoring.incidents.models import IncidentAlert, IncidentKey
from monitoring.incidents.opening import fired
from monitoring.incidents.relations import ABOUT, Key, keys_of
from monitoring.inventory.topology import Topology

BOND = "bond:"  # in front of a key that holds an incident together
Seen = tuple[int, str, datetime]  # incident, key, when


def remember(seen: Iterable[Seen]) -> None:
    """Inside `arranging`. Of two times of one key the later counts."""
    latest: dict[tuple[int, str], datetime] = {}
    for incident, key, at in seen:
        latest[incident, key] = max(at, latest.get((incident, key), at))
    rows = (IncidentKey(incident_id=incident, key=key, seen_at=at) for (incident, key), at in latest.items())
    IncidentKey.objects.bulk_create(
        rows, batch_size=1000, update_conflicts=True, unique_fields=["incident", "key"], update_fields=["seen_at"]
    )


def bonds_of(incident_ids: Collection[int]) -> dict[int, set[str]]:
    """What holds them together besides topology, where something does."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    rows = IncidentKey.objects.filter(incident_id__in=incident_ids, key__startswith=BOND)
    for incident, key in rows.values_list("incident_id", "key"):
        found[incident].add(key.removeprefix(BOND))
    return dict(found)


def narrow(bonds: Mapping[int, set[str]]) -> None:
    """Incidents that have bonds now are not known by any other label from now on."""
    if bonds:
        kept = set().union(*bonds.values())
        rows = IncidentKey.objects.filter(incident_id__in=list(bonds)).exclude(key__in=kept)
        rows.filter(Q(key__startswith="label:") | Q(key__startswith="beside:") | Q(key__startswith="storm:")).delete()


def hand_over(moves: Mapping[int, int]) -> None:
    """Source -> target: what the sources were recognised by, their targets are."""
    rows = IncidentKey.objects.filter(incident_id__in={*moves, *moves.values()}).values_list("incident_id", "key", "seen_at")
    seen: list[Seen] = [(moves.get(incident, incident), key, at) for incident, key, at in rows]
    forget(moves)
    remember(seen)


def forget(incident_ids: Iterable[int]) -> None:
    ids = list(incident_ids)
    if ids:
        IncidentKey.objects.filter(incident_id__in=ids).delete()


def rebuild(incident_ids: Collection[int]) -> None:
    """From their alerts, after people chose these or after an incident was opened again."""
    if not incident_ids:
        return
    bonds = bonds_of(incident_ids)
    forget(incident_ids)
    remember((incident, BOND + key, timezone.now()) for incident, keys in bonds.items() for key in keys)
    of = dict(IncidentAlert.objects.filter(incident_id__in=incident_ids).values_list("alert_id", "incident_id"))
    for ids in portions(of):
        rows = list(Alert.objects.filter(pk__in=ids).only("id", "name", "labels", "resource_id", "fired_at", "started_at"))
        remember(_seen(rows, of, bonds))


def _seen(alerts: Sequence[Alert], of: Mapping[int, int], bonds: Mapping[int, set[str]]) -> Iterable[Seen]:
    topology = Topology.of(alert.resource_id or 0 for alert in alerts)
    for alert in alerts:
        incident = of[alert.pk]
        yield from ((incident, key.text, fired(alert)) for key in keys_of(alert, topology) if tells(key, bonds.get(incident)))


def tells(key: Key, bonds: Collection[str] | None) -> bool:
    """Whether an incident with these bonds is recognised by the key."""
    return not bonds or key.sort in ABOUT or key.text in bonds
