"""What is known of an incident now: it follows the timeline."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Q

from aiops.templatetags.ui import duration
from genai.summaries import causes_told
from genai.summaries.alert import cite as alert_cite
from genai.summaries.alert import execution_cite
from genai.summaries.facts import Cite, Facts, Line, plural, said, some, when
from monitoring.alerts.models import Alert
from monitoring.incidents import causes, similar
from monitoring.incidents.models import Incident, IncidentAlert, TimelineEntry
from monitoring.inventory.models import ResourceChange
from monitoring.inventory.topology import Topology
from remediation.models import Execution

STATUSES = {
    "open": "is open and nobody has taken it up", "acknowledged": "is acknowledged", "investigating": "is being investigated",
    "mitigated": "is mitigated", "resolved": "is resolved",
}  # fmt: skip
CASES, NOTES = 4, 2
BEFORE = timedelta(minutes=45)  # of its beginning: what changed then is worth a sentence


def gather(pk: int) -> Facts | None:
    found = Incident.objects.select_related("commander", "root_alert__resource", "merged_into").filter(pk=pk).first()
    if found is None:
        return None
    facts = Facts(f"incident:{pk}", f"{found.number} {found.title}")
    if found.merged_into:
        facts.say(Line(f"It became part of {found.merged_into.number}.", (cite(found.merged_into),)))
        return facts
    facts.say(*_state(found), *_reach(found))
    facts.say(*why(found))
    facts.say(*_done(found), *_noted(found))
    facts.say(*_before(found))
    return facts


def cite(one: Incident) -> Cite:
    return Cite("incident", {"id": one.pk}, f"{one.number} {one.title}"[:300])


def _state(found: Incident) -> Iterator[Line]:
    by = f" by {said(found.commander.name, 100)}" if found.commander else ""
    status = STATUSES[found.status] + (by if found.status in ("acknowledged", "investigating") else "")
    lasted = f" after {duration(found.resolved_at - found.started_at, 2)}" if found.resolved_at else ""
    yield Line(
        f"{found.number} {status}{lasted}: {found.severity}, impact since {when(found.started_at)}, detected "
        f"{duration(found.detected_at - found.started_at, 2)} later.",
        (cite(found),),
    )


def _reach(found: Incident) -> Iterator[Line]:
    members = IncidentAlert.objects.filter(incident=found)
    firing = members.filter(alert__state=Alert.State.FIRING).count()
    places = list(members.exclude(alert__resource=None).order_by("alert__fired_at").values_list("alert__resource__name", flat=True)[:200])
    on = f" on {some(list(dict.fromkeys(places)))}" if places else ""
    now = f"{firing:,} still firing" if firing else "none firing any more"
    if found.alert_count:
        yield Line(f"{plural(found.alert_count, 'alert')} belong{'s' if found.alert_count == 1 else ''} to it{on}, {now}.", (cite(found),))
    if found.services:
        yield Line(f"Services concerned: {some([str(one) for one in found.services], 5)}.", (cite(found),))


def why(found: Incident) -> list[Line]:
    """By the ranking of causes; while there is none, by the root alert."""
    lines = causes_told.lines(f"incident:{found.pk}")
    if lines:
        return lines
    ranked = causes.causes(found).causes
    if not ranked:
        return []
    root = (alert_cite(found.root_alert),) if found.root_alert else (cite(found),)
    return [Line(f"Of its alerts and changes, {said(ranked[0].title, 200)} ranks first: {said(ranked[0].why)}", root)]


def _done(found: Incident) -> Iterator[Line]:
    for one in cases(found)[:CASES]:
        outcome = said(one.outcome or one.get_state_display().lower(), 200)
        yield Line(f"{one.number} {said(one.title, 200)} on {said(one.target, 100)}: {outcome.rstrip('.')}.", (execution_cite(one),))


def cases(found: Incident) -> list[Execution]:
    alerts = IncidentAlert.objects.filter(incident=found).values("alert")
    rows = Execution.objects.filter(Q(incident=found) | Q(alert__in=alerts), dry_run=False).order_by("-created_at")
    return list(rows[:20])


def _noted(found: Incident) -> Iterator[Line]:
    rows = TimelineEntry.objects.filter(incident=found, kind="note").order_by("-time", "-id")[:NOTES]
    for row in reversed(list(rows)):
        yield Line(f"{said(row.actor, 100)} noted at {when(row.time)}: {said(row.text, 300).rstrip('.')}.", (cite(found),))


def _before(found: Incident) -> Iterator[Line]:
    """What changed before it, and what looked like it."""
    for change in changes(found)[:2]:
        about = f" on {said(change.resource_name, 100)}" if change.resource_name else ""
        before = duration(found.started_at - change.time, 2)
        yield Line(f"{before} before it began, this changed{about}: {said(change.text, 200).rstrip('.')}.", (change_cite(change),))
    alike = next((one for one in similar.similar(found) if one.incident.resolved_at), None)
    if alike is not None:
        helped = Execution.objects.filter(incident=alike.incident, verification=Execution.Verification.HELD).first()
        by = f"; {said(helped.title, 200)} helped then" if helped else ""
        cites = (cite(alike.incident), *((execution_cite(helped),) if helped else ()))
        yield Line(f"It looks like {alike.incident.number} {said(alike.incident.title, 200)} ({alike.share} % alike){by}.", cites)


def changes(found: Incident) -> list[ResourceChange]:
    """Of the resources concerned, up to 45 minutes before; the latest first."""
    rows = causes.changes_of(topology_of(found), found.started_at - BEFORE, found.started_at)
    return list(rows.filter(kind__in=causes.TELLING).order_by("-time")[:10])


def topology_of(found: Incident) -> Topology:
    ids = IncidentAlert.objects.filter(incident=found).exclude(alert__resource=None).values_list("alert__resource", flat=True)
    return Topology.of(list(ids[:200]))


def change_cite(change: ResourceChange) -> Cite:
    return Cite("change", {"id": change.pk}, f"{change.resource_name}: {change.text}"[:300], start=change.time, end=change.time)
