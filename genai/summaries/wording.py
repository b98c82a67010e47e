"""A model puts facts into words; what it says is held against the evidence before anybody reads it. Where that fails, the composed text
stays, and says why."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from genai import complete, prompting
from genai.answer import Answer
from genai.evidence import claims
from genai.summaries import states
from genai.summaries.kinds import KINDS, Kind
from genai.summaries.models import Digest, Summary
from genai.tracing import injection, record
from genai.tracing.models import AgentRun

AGENT = "summaries"
LEAST = 0.5  # share of claims with evidence; below it the composed text is better
UNSUPPORTED = "What the model wrote was not supported by the evidence, so the computed facts are shown."


def word(pk: int) -> bool:
    """Of a summary that waits. False where another did it, or it does not wait."""
    if not Summary.objects.filter(pk=pk, state=states.WAITING).update(state=states.WORDING):
        return False
    row = Summary.objects.get(pk=pk)
    kind = KINDS.get(row.kind)
    if kind is None:
        _end(row, error="This kind of summary is not made any more.")
        return False
    user = User.objects.filter(pk=row.data.get("asked_by") or 0, is_active=True).first()
    run = record.begin(AGENT, f"{kind.title}: {row.data.get('title', row.subject)}"[:300], user=user, subject=row.subject)
    try:
        _word(kind, row, run, user)
    except Exception:
        record.finish(run, AgentRun.State.FAILED, "A fault of the platform; see the log.")
        _end(row, error="It could not be worded because of a fault of the platform.")
        raise
    return True


def _word(kind: Kind, row: Summary, run: AgentRun, user: User | None) -> None:
    composed = str(row.data.get("composed", row.text))
    note_orders(run, composed, row.subject)
    answer = complete.complete(
        kind.purpose, variables=_variables(kind, row, composed), user=user, run=run, schema=kind.schema, max_tokens=kind.longest
    )
    text = _text_of(kind, answer)
    if not answer.whole or not text:
        record.finish(run, AgentRun.State.FAILED, answer.reason)
        _end(row, error=answer.reason or "The model gave no text.")
        return
    held, share = checked(text, row.data.get("evidence", ()), run)
    if share < LEAST:
        record.finish(run, AgentRun.State.DONE, UNSUPPORTED)
        _end(row, error=UNSUPPORTED, completion=answer.completion_id)
        return
    record.finish(run, AgentRun.State.DONE)
    _end(row, text=held, model=answer.model, completion=answer.completion_id, more=_more(kind, row, answer))


def checked(text: str, evidence: Any, run: AgentRun) -> tuple[str, float]:
    """With the citations that hold, and the share of its claims that have one."""
    with record.step(run, "guard", "evidence", "claims against the evidence they cite") as step:
        found = claims.checked(text, {int(pk) for pk in evidence})
        step.detail = f"{found.share:.0%} of {found.claims} claims have evidence that holds"
    record.evaluate(run, "evidence", found.share, f"{found.claims} claims")
    return found.text, found.share


def note_orders(run: AgentRun, text: str, where: str) -> None:
    """What tries to give orders in what came from outside. It is passed on as data; there is nothing here that it could set in motion."""
    for one in injection.look(text)[:5]:
        record.finding(run, "injection", where, one.excerpt, "passed on as data; a summary has no tools")


def _variables(kind: Kind, row: Summary, composed: str) -> dict[str, str]:
    facts = prompting.quote(composed.replace("\\", ""), f"facts about {row.subject}")
    if kind.purpose != "runbook_suggestion":
        return {"facts": facts}
    listed = "\n".join(f"- {one['key']}: {one['name']}, {one['words']}, {one['risk']} risk" for one in row.data.get("runbooks", ()))
    return {"facts": facts, "runbooks": prompting.quote(listed, "runbooks that fit")}


def _text_of(kind: Kind, answer: Answer) -> str:
    if not kind.schema:
        return answer.text.strip()
    return str(answer.data.get(kind.said, "")).strip() if isinstance(answer.data, Mapping) else ""


def _more(kind: Kind, row: Summary, answer: Answer) -> dict[str, Any]:
    """What a structured answer says beside its text; a runbook that was not offered is none."""
    data = answer.data if isinstance(answer.data, Mapping) else {}
    if kind.key == "anomaly":
        return {"verdict": str(data.get("verdict", ""))}
    offered = {one["key"] for one in row.data.get("runbooks", ())}
    return {"picked": data["key"]} if kind.schema and data.get("key") in offered else {}


def _end(
    row: Summary, *, text: str = "", model: str = "", error: str = "", completion: int | None = None, more: Mapping[str, Any] | None = None
) -> None:
    with transaction.atomic():
        mine = Summary.objects.filter(pk=row.pk, state=states.WORDING)
        mine.update(
            state=states.FAILED if error else states.DONE, text=text or row.text, model=model[:200], error=error[:300],
            completion_id=completion, data={**row.data, **(more or {}), "worded_at": timezone.now().isoformat()},
        )  # fmt: skip


# -- digests ---------------------------------------------------------------------------------------------------------------
def word_digest(digest: Digest, composed: str, evidence: list[int]) -> None:
    """Its opening; where that fails, the composed one stays."""
    if digest.model or not complete.available() or not evidence:
        return
    run = record.begin(AGENT, f"Digest: {digest}", subject=f"digest:{digest.pk}")
    note_orders(run, composed, f"digest {digest.pk}")
    span = f"the {digest.get_kind_display().lower()} from {digest.start:%Y-%m-%d %H:%M} to {digest.end:%Y-%m-%d %H:%M} UTC"
    facts = prompting.quote(composed.replace("\\", ""), "figures of the digest")
    answer = complete.complete("digest", variables={"span": span, "facts": facts}, run=run, max_tokens=700)
    if not answer.whole or not answer.text.strip():
        record.finish(run, AgentRun.State.FAILED, answer.reason)
        return
    held, share = checked(answer.text.strip(), evidence, run)
    record.finish(run, AgentRun.State.DONE, "" if share >= LEAST else UNSUPPORTED)
    if share >= LEAST:
        Digest.objects.filter(pk=digest.pk, model="").update(text=held, model=answer.model[:200])
