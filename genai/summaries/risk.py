"""Why policy decided as it did about a case, in sentences. Policy itself is a table; no model has a say in it."""

from collections.abc import Iterator

import msgspec

from genai.summaries.alert import cite as alert_cite
from genai.summaries.alert import execution_cite
from genai.summaries.facts import Facts, Line, said, sentence
from remediation import track_record
from remediation.case_card import Card
from remediation.models import Execution
from remediation.policy import Decision, Factor

RAISES = 3  # of five steps: from here on a factor is worth a sentence
MOST = 3


def gather(pk: int) -> Facts | None:
    found = Execution.objects.select_related("alert__resource", "runbook", "rule", "resource").filter(pk=pk).first()
    if found is None:
        return None
    facts = Facts(f"risk:{pk}", f"{found.number} {found.title}")
    try:
        decision = Decision.of(found.decision)
    except msgspec.ValidationError:
        return facts
    facts.say(*_score(found, decision), *_factors(found, decision))
    facts.say(*_record(found), *_follows(found))
    return facts


def _score(found: Execution, decision: Decision) -> Iterator[Line]:
    yield Line(f"Policy rates it {decision.risk} risk, {decision.score} of 100: {said(sentence(decision.words))}", (execution_cite(found),))


def _factors(found: Execution, decision: Decision) -> Iterator[Line]:
    raising = sorted((one for one in decision.factors if one.step >= RAISES), key=lambda one: -one.step)[:MOST]
    calming = [one for one in decision.factors if one.step == 1][:2]
    if raising:
        yield Line(f"What raises it: {_named(raising)}.", (execution_cite(found),))
    if calming:
        yield Line(f"What lowers it: {_named(calming)}.", (execution_cite(found),))


def _named(factors: list[Factor]) -> str:
    return "; ".join(f"{said(one.label, 60).lower()} ({said(one.words, 120).rstrip('.')})" for one in factors)


def _record(found: Execution) -> Iterator[Line]:
    record = track_record.of(found.runbook, found.target_key, found.cause, found.rule)
    if record.runs:
        share = f", {record.rate:.0%} of those that could be judged" if record.rate is not None else ""
        yield Line(f"Before, {record.words} {record.of}{share}.", (execution_cite(found),))
    if found.alert is not None:
        yield Line(f"It is proposed for {said(found.alert.name, 200)}.", (alert_cite(found.alert),))


def _follows(found: Execution) -> Iterator[Line]:
    card = Card(found, None)
    if card.if_it_fails:
        yield Line(f"If it fails: {said(sentence(card.if_it_fails))}", (execution_cite(found),))
    if not card.fixed_when:
        yield Line("Nothing measures whether it helped.", (execution_cite(found),))
