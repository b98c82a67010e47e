"""The draft of what is written after an incident. A person edits it: nothing of it is published by itself."""

import re
from collections.abc import Iterator

from django.urls import reverse

from aiops.templatetags.ui import duration
from genai.summaries import incident as told
from genai.summaries.alert import execution_cite
from genai.summaries.facts import Facts, Line, plural, said, sentence, some, when
from monitoring.incidents import story
from monitoring.incidents.models import Incident
from remediation.models import Execution

EVENTS = 25  # lines of what happened
CITED = re.compile(r"\s*\[E(\d{1,18})\]")


def gather(pk: int) -> Facts | None:
    found = Incident.objects.select_related("commander", "root_alert__resource").filter(pk=pk, merged_into=None).first()
    if found is None:
        return None
    facts = Facts(f"review:{pk}", f"{found.number} {found.title}")
    facts.say(*_happened(found), heading="What happened")
    facts.say(*_impact(found), heading="What it did to whom")
    facts.say(*_why(found), heading="Why it happened")
    facts.say(*_helped(found), heading="What helped")
    facts.say(*_next(found), heading="What we do so that it does not happen again")
    return facts


def _happened(found: Incident) -> Iterator[Line]:
    events = [one for one in story.story(found, most=200) if one.get("kind") != "notification"]
    for one in list(reversed(events))[:EVENTS]:
        about = f"{said(one['name'], 100)}: " if one.get("name") else ""
        yield Line(f"{when(one['time'])}: {about}{said(sentence(one['text']), 300)}", (told.cite(found),), item=True)
    if not events:
        yield Line("The timeline is empty; to be written.")


def _impact(found: Incident) -> Iterator[Line]:
    lasted = f"It lasted {duration(found.resolved_at - found.started_at, 2)}" if found.resolved_at else "It still goes on"
    taken = f", acknowledged {duration(found.acknowledged_at - found.detected_at, 2)} later" if found.acknowledged_at else ""
    detected = duration(found.detected_at - found.started_at, 2)
    yield Line(f"{lasted}. It was detected {detected} after it began{taken}.", (told.cite(found),))
    where = f" in {some([str(one) for one in found.services], 6)}" if found.services else ""
    yield Line(f"{plural(found.alert_count, 'alert')}{where}. Who noticed it, and how: to be written.", (told.cite(found),))


def _why(found: Incident) -> list[Line]:
    return told.why(found) or [Line("Nothing stood out; to be written.")]


def _helped(found: Incident) -> Iterator[Line]:
    cases = told.cases(found)
    for one in cases:
        yield Line(
            f"{one.number} {said(one.title, 200)}: {said(sentence(one.outcome or one.get_state_display()), 200)}",
            (execution_cite(one),),
            item=True,
        )
    if not cases:
        yield Line("Nothing was done through the platform; to be written.")


def _next(found: Incident) -> Iterator[Line]:
    """Proposals, each a guess for people to judge."""
    held = [one for one in told.cases(found) if one.verification == Execution.Verification.HELD]
    by_hand = [one for one in held if one.rule_id is None and one.runbook_id]
    if by_hand:
        yield Line(f"☐ Let a rule propose {said(by_hand[0].title, 200)}: a person had to ask for it.", guess=True, item=True)
    if found.detected_at - found.started_at > told.BEFORE / 9:
        yield Line("☐ Detect it earlier: the condition held for minutes before an alert fired.", guess=True, item=True)
    if told.changes(found):
        yield Line("☐ Look at how the change before it is tested and rolled out.", guess=True, item=True)
    yield Line("☐ To be written.", item=True)


def as_notes(text: str) -> str:
    """For the incident's own notes: citations as links, tasks as boxes, guesses said in words."""
    linked = CITED.sub(lambda mark: f" ([{mark[1]}]({reverse('evidence', args=[int(mark[1])])}))", text)
    return linked.replace("- ☐ ", "- [ ] ").replace("[guess]", "*(a guess)*")
