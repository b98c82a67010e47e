"""What people do with incidents, except choosing their alerts (arrange.py). Each change is a row, an entry of the audit trail and, after
the commit, a signal. Raises Refused, with one sentence, where it cannot be done."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from django.utils import timezone

from accounts import audit
from accounts.models import User
from monitoring.alerts import lifecycle as alerts
from monitoring.alerts.models import RANKS, Alert
from monitoring.alerts.transitions import Actor, Who
from monitoring.incidents import memory
from monitoring.incidents.locking import arranging
from monitoring.incidents.models import Incident
from monitoring.incidents.steps import Status, Steps, back

MOST_NOTES = 100_000  # characters of a review
GOING_ON = (Status.OPEN, Status.ACKNOWLEDGED, Status.INVESTIGATING)


class Refused(ValueError):
    """With the sentence that a person is shown."""


class Verb(NamedTuple):
    before: tuple[str, ...]  # statuses in which it makes sense
    after: str  # "": the one that it had before it seemed to be over
    past: str


VERBS = {
    "acknowledge": Verb((Status.OPEN,), Status.ACKNOWLEDGED, "acknowledged"),
    "investigate": Verb((Status.OPEN, Status.ACKNOWLEDGED, Status.MITIGATED), Status.INVESTIGATING, "investigated"),
    "mitigate": Verb(GOING_ON, Status.MITIGATED, "mitigated"),
    "resolve": Verb((*GOING_ON, Status.MITIGATED), Status.RESOLVED, "resolved"),
    "reopen": Verb((Status.RESOLVED, Status.MITIGATED), "", "reopened"),
}


def move(incident_ids: Collection[int], verb: str, actor: Who, note: str = "", with_alerts: bool = False) -> list[int]:
    """Returns the ids of those that the verb fitted. Acknowledging and investigating acknowledge the alerts too; `with_alerts` resolves
    them with the incident. Who investigates what nobody leads, leads it; what a person opens again, only people resolve."""
    if verb not in VERBS:
        raise Refused(f"{verb[:40]} is not known; there are {', '.join(VERBS)}.")
    before, after, past = VERBS[verb]
    now = timezone.now()
    with arranging():
        steps = Steps(now, actor)
        found = list(Incident.counted().filter(pk__in=incident_ids, status__in=before).order_by("id"))
        for incident in found:
            if verb == "investigate" and incident.commander_id is None:
                incident.commander_id = Actor.of(actor).user_id
            if verb == "reopen":
                incident.manual, incident.acknowledged_at = True, incident.acknowledged_at or now
            steps.move(incident, after or back(incident), note)
            incident.resolution = Incident.Resolution.MANUAL if after == Status.RESOLVED else ""
        steps.save()
        if verb == "reopen":
            memory.rebuild([incident.pk for incident in found])
        if found:
            _alerts(found, verb, actor, note, with_alerts)
            _record(past, found, actor, {"note": note} if note else {})
    return [incident.pk for incident in found]


def _alerts(incidents: Collection[Incident], verb: str, actor: Who, note: str, with_alerts: bool) -> None:
    """The lifecycle of alerts is theirs: it writes their rows and tells of them."""
    takes, ends = verb in ("acknowledge", "investigate"), verb == "resolve" and with_alerts
    if not (takes or ends):
        return
    rows = Alert.objects.exclude(state=Alert.State.RESOLVED).filter(memberships__incident__in=incidents)
    ids = list(rows.values_list("pk", flat=True))
    said = note or f"with {', '.join(one.number for one in incidents)}"[:200]
    if ids and takes:
        alerts.acknowledge(ids, actor, said)
    elif ids:
        alerts.resolve(ids, actor, note=said)


def open_by_hand(title: str, severity: str, actor: Who, *, commander: User | None = None, started_at: datetime | None = None) -> Incident:
    """A trouble that no alert tells of, or not yet."""
    now = timezone.now()
    _check(title=title, severity=severity, started_at=started_at)
    user = Actor.of(actor).user_id
    with arranging():
        incident = Incident.objects.create(
            title=title.strip(), named=True, severity=severity, rated=True, manual=True, arranged=True, commander=commander,
            created_by_id=user, started_at=started_at or now, detected_at=now, opened_at=now, last_alert_at=now,
        )  # fmt: skip
        steps = Steps(now, actor)
        steps.begin(incident, f"Opened by {Actor.of(actor).name}")
        steps.save()
        _record("opened", [incident], actor, {"title": incident.title, "severity": severity})
    return incident


def edit(incident_id: int, actor: Who, **given: Any) -> Incident:
    """`title`, `severity`, `commander` (a User or None), `notes_md`, `started_at`: what is given and differs is written."""
    _check(**given)
    with arranging():
        incident = get(incident_id)
        if "started_at" in given and not incident.manual:
            raise Refused("When the impact began follows from the alerts.")
        before = {name: _plain(getattr(incident, name)) for name in given}
        for name, value in given.items():
            setattr(incident, name, value.strip() if name == "title" else value)
        after = {name: _plain(getattr(incident, name)) for name in given}
        if before == after:
            return incident
        incident.named, incident.rated = incident.named or "title" in given, incident.rated or "severity" in given
        steps = Steps(timezone.now(), actor)
        for name in (name for name in given if before[name] != after[name]):
            steps.tell(incident, "status", _said(name, before[name], after[name]), data={"field": name})
        steps.save()
        changed = audit.changes({**before, "notes_md": _length(before)}, {**after, "notes_md": _length(after)})
        audit.record("incidents.changed", target=incident, actor=actor, **changed)
    return incident


def note(incident_id: int, actor: Who, text: str) -> None:
    """A line in its timeline."""
    if not text.strip() or len(text) > 5000:
        raise Refused("A note has one to 5,000 characters.")
    with arranging():
        incident = get(incident_id)
        steps = Steps(timezone.now(), actor)
        steps.tell(incident, "note", text.strip())
        steps.save()
        _record("noted", [incident], actor, {"note": text.strip()[:1000]})


def get(incident_id: int) -> Incident:
    """One that can be changed. Incident.DoesNotExist where there is none."""
    incident = Incident.objects.get(pk=incident_id)
    if incident.merged_into_id:
        raise Refused(f"{incident.number} was merged into INC-{incident.merged_into_id}.")
    return incident


def _check(**given: Any) -> None:
    title = given.get("title")
    if title is not None and (not title.strip() or len(title) > 300 or "\0" in title):
        raise Refused("A title has one to 300 characters.")
    if "severity" in given and given["severity"] not in RANKS:
        raise Refused(f"A severity is one of {', '.join(RANKS)}.")
    if len(given.get("notes_md") or "") > MOST_NOTES:
        raise Refused("The review is longer than 100,000 characters.")
    started = given.get("started_at")
    if started is not None and started > timezone.now():
        raise Refused("The impact cannot begin in the future.")


def _plain(value: Any) -> Any:
    return value.name if isinstance(value, User) else value


def _length(said: dict[str, Any]) -> str | None:
    return f"{len(said['notes_md']):,} characters" if "notes_md" in said else None


def _said(name: str, before: Any, after: Any) -> str:
    if name == "commander":
        return f"{after} leads it" if after else f"{before} does not lead it any more"
    if name == "notes_md":
        return "The review was written" if not before else "The review was changed"
    if name == "started_at":
        return f"Impact began {after:%Y-%m-%d %H:%M} UTC, not {before:%Y-%m-%d %H:%M}"
    return f"{name.capitalize()} changed from {before} to {after}"


def _record(past: str, incidents: list[Incident], actor: Who, after: dict[str, Any]) -> None:
    if len(incidents) == 1:
        audit.record(f"incidents.{past}", target=incidents[0], after=after, actor=actor)
    else:
        numbers = {"incidents": [one.number for one in incidents[:200]], "count": len(incidents)}
        audit.record(f"incidents.{past}", target=f"{len(incidents)} incidents", after={**numbers, **after}, actor=actor)
