"""The one tool that writes: it files a proposal of remediation, as the person who asks, which policy and people then judge.

A model is not a person: what it files waits for at least one approver also where policy would let a person's proposal run by itself.
And where a text that was looked at in the same execution tried to give orders, nothing is filed at all.
"""

import msgspec

from accounts.limits import bump
from genai.evidence.kinds import address
from genai.tools import base, citing, words
from genai.tools.base import Context, Json, Refused, Result, Tool, ToolError
from genai.tools.remediation import outcome, subject
from genai.tools.words import said
from genai.tracing.models import AgentStep, SecurityFinding
from remediation import policy, propose
from remediation.drafts import Asked, Draft, ProposalError
from remediation.models import Execution, Runbook

AN_HOUR, A_RUN = 10, 2  # proposals of one person through the assistant; of one execution
NAME = "propose_remediation"


def propose_remediation(given: Json, context: Context) -> Result:
    _guarded(context)
    made = _draft(given, context)
    made.decision = asked_by_a_model(made.decision, given["reason"])
    _counted(context)
    filed = propose.keep(made, context.person)
    note = citing.of("execution", filed.pk, said(str(filed)), said(outcome(filed)))
    told = f"{words.cited(note)}Filed {filed.number}: {said(filed.title)} on {said(filed.target)}. {_said(filed)}"
    url = address("execution", filed.pk)
    block = {"type": "proposal", "execution": filed.pk, "title": filed.title, "state": filed.state, "url": url}
    return Result(told, {"execution": filed.pk, "state": filed.state, "risk": filed.risk, "url": url}, [note] if note else [], [block])


def _said(filed: Execution) -> str:
    if filed.state == Execution.State.DENIED:
        return "Policy does not allow it; nothing is done."
    if filed.dry_run:
        return "It is rehearsed only: nothing is changed."
    return "Nothing is done before an approver says yes."


def asked_by_a_model(decision: policy.Decision, reason: str) -> policy.Decision:
    """At least one approver, except for what changes nothing; and that the assistant asked, in the words people read."""
    told = f"Filed through the assistant: {said(reason, 200)}. {decision.words}"
    if not decision.automatic or decision.inputs.dry_run:
        return msgspec.structs.replace(decision, words=told)
    return msgspec.structs.replace(
        decision, verdict=policy.ONE, words=f"{told} What the assistant files needs an approver also where policy would let it run."
    )


# -- what stands against it ------------------------------------------------------------------------------------------------
def _guarded(context: Context) -> None:
    """Raises Refused where a text has tried to give orders in this execution, or it has filed enough."""
    if context.run is None:
        return
    if SecurityFinding.objects.filter(run=context.run, kind=SecurityFinding.Kind.INJECTION).exists():
        raise Refused(
            "A text that was looked at for this answer tried to give orders, so the assistant files nothing; "
            f"whoever wants it proposes it by hand at {address('remediate')}."
        )
    filed = AgentStep.objects.filter(run=context.run, name=NAME, state=AgentStep.State.OK).count()
    if filed >= A_RUN:
        raise Refused(f"One answer files at most {A_RUN} proposals.")


def _counted(context: Context) -> None:
    if bump(f"assistant-proposals:{context.person.pk}", 3600) > AN_HOUR:
        raise Refused(f"At most {AN_HOUR} proposals an hour are filed through the assistant for one person.")


# -- what is asked for -----------------------------------------------------------------------------------------------------
def _draft(given: Json, context: Context) -> Draft:
    runbook = Runbook.objects.select_related("current").filter(key=given["runbook"]).first()
    if runbook is None:
        raise ToolError(f"There is no runbook {said(given['runbook'], 60)}; list them with the tool runbooks.")
    about = subject(given, context)
    if about.alert is None and about.on is None and not about.target:
        raise ToolError("Say what it is for: an alert, an incident, a resource, or a target.")
    asked = Asked(
        runbook=runbook, parameters=given.get("parameters", {}), alert=about.alert, resource=about.resource, target=about.target,
        incident=about.incident, dry_run=given.get("dry_run", False),
    )  # fmt: skip
    try:
        return propose.draft(asked, context.person)
    except ProposalError as fault:
        raise ToolError(f"It cannot be proposed{f' ({said(fault.field, 60)})' if fault.field else ''}: {fault.sentence}") from fault


PROPOSE_REMEDIATION = Tool(
    NAME,
    "File a proposal to run a runbook, only where the person asks for it. Nothing runs before an approver says yes.",
    base.takes(
        ["runbook", "reason"],
        runbook=base.text("its key, from the tool runbooks", 100),
        reason=base.text("why, in one sentence, for the approvers", 300, minLength=3),
        alert=base.text("for the alert of this number", 40),
        incident=base.text("for the incident of this number", 40),
        resource=base.text("on the resource of this name", 255),
        target=base.text("what it acts on, where it is none of these", 300),
        parameters={"type": "object", "description": "values of the runbook's parameters", "maxProperties": 40},
        dry_run=base.yes_or_no("only rehearse it"),
    ),
    "remediation:execute",
    propose_remediation,
    writes=True,
)
