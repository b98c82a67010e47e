"""Why policy decided as it did about a case, in sentences. Policy itself is a table; no model has a say in it."""

from collections.abc import Iterator

import msgspec

from genai.summaries.alert import cite as alert_cite
from genai.summaries.alert import execution_cite
from genai.summaries.facts import Facts, Line, said, sentence
from remediation import track_record
from remediation.models import Execution
from remediation.policy import Decision, Factor, score_of

BASE = "action"  # the factor whose weight is points


def gather(pk: int) -> Facts | None:
    found = Execution.objects.select_related("alert__resource", "runbook", "rule", "resource").filter(pk=pk).first()
    if found is None:
        return None
    facts = Facts(f"risk:{pk}", f"{found.number} {found.title}")
    try:
        decision = Decision.of(found.decision)
    except msgspec.ValidationError:
        return facts
    facts.say(*_score(found, decision))
    facts.say(*_record(found))
    return facts


def _score(found: Execution, decision: Decision) -> Iterator[Line]:
    yield Line(said(sentence(decision.words)), (execution_cite(found),))
    others = [one for one in decision.factors if one.name != BASE]
    raising = max(others, key=lambda one: one.weight, default=None)
    if raising is not None and raising.weight > 1:
        without = f"{without_it(decision, raising)} of 100"
        yield Line(
            f"{said(raising.label, 60)} weighs most ({said(raising.words, 120)}): without it the score would be {without}.",
            (execution_cite(found),),
        )
    calming = min(others, key=lambda one: one.weight, default=None)
    if calming is not None and calming.weight < 1:
        yield Line(f"{said(calming.label, 60)} lowers it ({said(calming.words, 120)}).", (execution_cite(found),))


def without_it(decision: Decision, factor: Factor) -> int:
    """The score is a product: what it would be were this factor one."""
    return score_of([one for one in decision.factors if one.name != factor.name])


def _record(found: Execution) -> Iterator[Line]:
    record = track_record.of(found.runbook, found.target_key, found.cause, found.rule)
    if record.runs:
        share = f", {record.rate:.0%} of those that could be judged" if record.rate is not None else ""
        yield Line(f"Before, {record.words} {record.of}{share}.", (execution_cite(found),))
    if found.alert is not None:
        yield Line(f"It is proposed for {said(found.alert.name, 200)}.", (alert_cite(found.alert),))
