"""What there is to know about an alert at a glance."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.utils import timezone

from aiops.templatetags.ui import duration, significant
from genai.summaries import causes_told
from genai.summaries.facts import Cite, Facts, Line, plural, said, sentence, when
from monitoring.alerts.models import Alert
from monitoring.incidents.models import IncidentAlert
from remediation.models import Execution

BEFORE, AFTER = timedelta(minutes=30), timedelta(minutes=10)  # of its firing: what its series shows
PAST = timedelta(days=30)


def gather(pk: int) -> Facts | None:
    alert = Alert.objects.select_related("resource", "rule").filter(pk=pk).first()
    if alert is None:
        return None
    facts = Facts(f"alert:{pk}", alert.name)
    facts.say(*_what(alert))
    facts.say(*causes_told.lines(facts.subject))
    facts.say(*_around(alert))
    return facts


def cite(alert: Alert) -> Cite:
    return Cite("alert", {"id": alert.pk}, f"{alert.name}{f' on {alert.resource.name}' if alert.resource else ''}"[:300])


def _what(alert: Alert) -> Iterator[Line]:
    on = f" on {said(alert.resource.name, 100)}" if alert.resource else ""
    state = {"firing": "has fired", "pending": "is about to fire", "resolved": "fired"}[alert.state]
    until = f" until {when(alert.resolved_at)}, {duration(alert.lasted, 2)} in all" if alert.resolved_at else ""
    since = "from" if alert.resolved_at else "since"
    yield Line(f"{said(alert.name, 200)}{on} {state} {since} {when(alert.started_at)}{until}.", (cite(alert),))
    if alert.summary != alert.name:
        yield Line(f"It says: {said(sentence(alert.summary))}", (cite(alert),))
    yield from _value(alert)


def _value(alert: Alert) -> Iterator[Line]:
    """As it was when it fired."""
    seen: dict[str, Any] = alert.evidence or {}
    values = [float(value) for _, value in seen.get("samples") or [] if value is not None]
    now = seen.get("value")
    if now is None:
        return
    limit = ""
    if seen.get("threshold") is not None:
        limit = f"; the limit is {said(seen.get('op') or '')} {significant(float(seen['threshold']))}"
    rose = f", between {significant(min(values))} and {significant(max(values))} in the half hour before" if len(values) > 2 else ""
    yield Line(f"Its value was {significant(float(now))} when it fired{rose}{limit}.", (*_series(alert, seen), cite(alert)))


def _series(alert: Alert, seen: dict[str, Any]) -> tuple[Cite, ...]:
    query, fired = str(seen.get("query") or ""), alert.fired_at or alert.started_at
    return (Cite("series", {"query": query}, f"Value of {alert.name}"[:300], "", fired - BEFORE, fired + AFTER),) if query else ()


def _around(alert: Alert) -> Iterator[Line]:
    yield from _incident(alert)
    yield from _past(alert)
    yield from _helped(alert)


def _incident(alert: Alert) -> Iterator[Line]:
    member = IncidentAlert.objects.filter(alert=alert).select_related("incident").first()
    if member is None:
        return
    one = member.incident
    others = max(0, one.alert_count - 1)
    role = {"root": "its likely root", "symptom": "a symptom in it"}.get(member.role, "one of its alerts")
    with_ = f", with {plural(others, 'other alert')}" if others else ""
    yield Line(f"It belongs to {one.number} {said(one.title, 200)}, as {role}{with_}.", (Cite("incident", {"id": one.pk}, str(one)[:300]),))


def _past(alert: Alert) -> Iterator[Line]:
    since = (alert.fired_at or alert.started_at) - PAST
    same = Alert.objects.filter(fingerprint=alert.fingerprint).exclude(pk=alert.pk)
    earlier = same.filter(started_at__gte=since, started_at__lt=alert.started_at)
    count = earlier.count()
    last = earlier.select_related("resource").order_by("-started_at").first()
    if last is not None:
        lasted = f" and lasted {duration(last.lasted, 2)}" if last.lasted else ""
        times = "once" if count == 1 else f"{count:,} times"
        yield Line(f"It fired {times} in the 30 days before, last on {when(last.started_at)}{lasted}.", (cite(last),))


def _helped(alert: Alert) -> Iterator[Line]:
    held = Execution.objects.filter(cause=alert.name, verification=Execution.Verification.HELD, dry_run=False)
    last = held.filter(created_at__gte=timezone.now() - timedelta(days=180)).order_by("-created_at").first()
    if last is not None:
        here = alert.resource_id is not None and last.resource_id == alert.resource_id
        yield Line(
            f"{said(last.title, 200)} helped against it {'here' if here else f'on {said(last.target, 100)}'} on {when(last.created_at)}.",
            (execution_cite(last),),
        )


def execution_cite(one: Execution) -> Cite:
    return Cite("execution", {"id": one.pk}, f"{one.number} {one.title}"[:300], one.outcome[:500])
