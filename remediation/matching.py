"""Alerts that begin to fire are held against the rules, in the order in which they fired: match, guard, propose.

The cursor is moved after the work: after a crash the same firings are looked at again, and what is written down of them already is seen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from aiops.prepared import Prepared
from monitoring.alerts.models import Alert, AlertTransition
from remediation import drafts, match, propose, rulebook, silenced, switches
from remediation.decisions import Outcome, Writer, settled, to_ask_again
from remediation.drafts import Asked, Draft, ProposalError
from remediation.guard import LOOK_AGAIN, Held, Known, Near, Run, at_target, before
from remediation.match import Verdict
from remediation.models import AutomationRule, Execution, KillSwitch, MatchedUntil, Runbook, RunbookVersion
from remediation.rulebook import Ready

AT_ONCE = 200  # firings
OLDEST = timedelta(hours=1)  # what fired longer ago when nobody was there to look is left to people
MOST_RUNS = 100
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
_runbook = Prepared(lambda pk: Runbook.objects.filter(pk=pk).order_by(), pk=int)
_version = Prepared(lambda pk: RunbookVersion.objects.filter(pk=pk).order_by(), pk=int)
_stopped = Prepared(lambda: KillSwitch.objects.filter(on=True).values_list("scope", "reason"))
_open_case = Prepared(
    lambda alert: Execution.objects.filter(alert_id=alert, state__in=Execution.OPEN, dry_run=False).order_by("pk").values_list("pk")[:1],
    alert=int,
)
_runs = Prepared(
    lambda rule, since: (
        Execution.objects.filter(rule_id=rule, dry_run=False, created_at__gt=since)
        .order_by("-created_at", "-pk")
        .values_list("pk", "created_at", "state", "escalated_at", "finished_at")[:MOST_RUNS]
    ),
    rule=int,
    since=datetime,
)
_stands_at = Prepared(lambda: MatchedUntil.objects.filter(pk=1).values_list("transition"))
_firings = Prepared(
    lambda after: (
        AlertTransition.objects.filter(pk__gt=after, axis=AlertTransition.Axis.STATE, after=Alert.State.FIRING)
        .order_by("pk")
        .values_list("pk", "alert_id", "time")[:AT_ONCE]
    ),
    after=int,
)
_near = Prepared(
    lambda target, since: (
        Execution.objects.filter(target_key=target, dry_run=False, created_at__gte=since)
        .order_by("-created_at", "-pk")
        .values_list("pk", "title", "created_at", "state", "runbook_id", "rule_id")[:MOST_RUNS]
    ),
    target=str,
    since=datetime,
)


class Firing(NamedTuple):
    transition: int
    alert: int
    at: datetime


def look() -> int:
    """All that began to fire since the last look. Returns how many cases were proposed."""
    proposed = 0
    while firings := _next(cursor()):
        proposed += _each([one for one in firings if one.at > timezone.now() - OLDEST])
        _move(firings[-1].transition)
        if len(firings) < AT_ONCE:
            break
    return proposed


def look_again() -> int:
    """What a guard held back until now."""
    return _each([Firing(0, alert, at) for alert, at in to_ask_again()])


def cursor() -> int:
    """At first it stands at what has happened so far: rules act on what fires from now on."""
    for (transition,) in _stands_at():
        return int(transition)
    row, _ = MatchedUntil.objects.get_or_create(pk=1, defaults={"transition": _last()})
    return row.transition


def _last() -> int:
    return AlertTransition.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _next(after: int) -> list[Firing]:
    return [Firing(*row) for row in _firings(after=after)]


def _move(to: int) -> None:
    MatchedUntil.objects.filter(pk=1, transition__lt=to).update(transition=to)


def _each(firings: Sequence[Firing]) -> int:
    book = rulebook.current()
    if not book.rules or not firings:
        return 0
    alerts = {one.pk: one for one in Alert.objects.filter(pk__in=[one.alert for one in firings]).select_related("resource")}
    return sum(_one(book, alerts[one.alert], one.at) for one in firings if one.alert in alerts)


def _one(book: rulebook.Book, alert: Alert, firing: datetime) -> bool:
    """Whether a case was proposed."""
    if alert.state != Alert.State.FIRING:
        return False
    concerning = book.concerning(match.seen(alert, firing))
    return bool(concerning) and decide(alert, firing, concerning)


def decide(alert: Alert, firing: datetime, concerning: Iterable[tuple[Ready, Verdict]]) -> bool:
    """Proposal and decisions in one transaction, one at a time: whoever looks at the same firing finds it settled."""
    with transaction.atomic():
        MatchedUntil.objects.select_for_update().filter(pk=1).first()
        if settled(alert, firing):
            return False
        written = Writer(alert, firing)
        acted = _ask_all(alert, concerning, written)
        written.write()
    return acted is not None


def _ask_all(alert: Alert, concerning: Iterable[tuple[Ready, Verdict]], written: Writer) -> Execution | None:
    """The first rule that matches and is let through acts; one that rehearses lets the next one act."""
    acted: tuple[AutomationRule, Execution] | None = None
    known: Known | None = None
    for ready, said in concerning:
        if not said.matched:
            written.not_matched(ready.rule, said)
        elif acted is not None:
            written.held(ready.rule, Held("first", f"The rule {acted[0].name} came first: {acted[1].number}."))
        else:
            known = known or of_alert(alert)
            made = _enforce(ready, alert, known, written)
            acted = (ready.rule, made) if made else None
    return acted[1] if acted else None


def _enforce(ready: Ready, alert: Alert, known: Known, written: Writer) -> Execution | None:
    rule = ready.rule
    known = of_rule(rule, known)
    if held := before(ready.guards, known):
        written.held(rule, held)
        return None
    try:
        with transaction.atomic():
            made = drafts.draft(asked_by(rule, alert), person=False)
            if held := held_at_target(ready, made, known):
                written.held(rule, held)
                return None
            return _act(rule, made, written)
    except ProposalError as fault:
        written.add(rule, Outcome.FAILED, fault.field or "proposal", fault.sentence)
        return None


def _act(rule: AutomationRule, made: Draft, written: Writer) -> Execution | None:
    decision = made.decision
    facts = {"title": made.plan.title, "verdict": decision.verdict, "score": decision.score, "risk": decision.risk}
    if rule.dry_run:
        would = f"It would have proposed “{made.plan.title}”. {decision.words}"
        written.add(rule, Outcome.REHEARSED, "dry_run", would, {**facts, "steps": [step.title for step in made.plan.steps]})
        return None
    row = propose.keep(made)
    written.add(rule, Outcome.PROPOSED, "proposed", f"{row.number}: {decision.words}", facts, row)
    return row


def asked_by(rule: AutomationRule, alert: Alert | None) -> Asked:
    """The runbook as it is now: its current version may be younger than the rule."""
    return Asked(
        runbook=_book(rule.runbook_id) if rule.runbook_id else None,
        action=rule.action or None,
        parameters=rule.parameters,
        alert=alert,
        rule=rule,
    )


def _book(pk: int) -> Runbook | None:
    found: Runbook | None = next(iter(_runbook(pk=pk)), None)
    if found is not None and found.current_id:
        found.current = next(iter(_version(pk=found.current_id)), None)
    return found


# -- what guards look at -------------------------------------------------------------------------------------------------
def of_alert(alert: Alert) -> Known:
    """What is the same for every rule."""
    now = timezone.now()
    stops = {scope: reason or "no reason given" for scope, reason in _stopped()}
    case = _open_case(alert=alert.pk)
    quiet = silenced.reasons(alert, now)
    return Known(
        now, stopped=stops.get(switches.ALL, ""), stops=stops, open_case=f"RUN-{case[0][0]}" if case else "", maintenance=quiet.maintenance,
        silenced=quiet.silence,
    )  # fmt: skip


def of_rule(rule: AutomationRule, known: Known) -> Known:
    return replace(known, enabled=rule.enabled, runs=runs(rule) if rule.enabled else ())


def runs(rule: AutomationRule) -> list[Run]:
    """Of the rule, newest first, since its breaker was reset. What people denied or let expire is neither well nor failed."""
    found = _runs(rule=rule.pk, since=rule.breaker_reset_at or ALWAYS)
    return [Run(pk, made, _failed(state, told), told or over) for pk, made, state, told, over in found]


def _failed(state: str, escalated_at: datetime | None) -> bool | None:
    if escalated_at is not None:
        return True
    return False if state == Execution.State.SUCCEEDED else None


def held_at_target(ready: Ready, made: Draft, known: Known) -> Held | None:
    for one in made.doings:
        if why := known.stops.get(switches.of_provider(one.provider.pk)):
            return Held("stopped", f"Remediation through {one.provider.name} is stopped: {why}.", known.now + LOOK_AGAIN)
    found = near(made, known.now - timedelta(seconds=ready.guards.cooldown))
    return at_target(ready.guards, known, found, made.reach.size, made.reach.words)


def near(made: Draft, since: datetime) -> list[Near]:
    """Cases on the target that are open or not older."""
    found = _near(target=made.target_key, since=min(since, timezone.now() - OLDEST * 24))
    return [
        Near(pk, title, at, state in Execution.OPEN, _same(made, runbook, rule))
        for pk, title, at, state, runbook, rule in found
        if at >= since or state in Execution.OPEN
    ]


def _same(made: Draft, runbook: int | None, rule: int | None) -> bool:
    asked = made.asked
    if asked.runbook is not None:
        return runbook == asked.runbook.pk
    return asked.rule is not None and rule == asked.rule.pk
