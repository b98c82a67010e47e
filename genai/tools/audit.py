"""Who did what: the audit trail, for those who may read it."""

from accounts import trail
from accounts.models import AuditEntry
from genai.tools import base, citing, times, words
from genai.tools.base import Context, Json, Result, Tool
from genai.tools.words import said

USUAL = 15
PERMISSION = "audit:read"


def audit(given: Json, context: Context) -> Result:
    start, end = times.window(given, context, times.USUAL * 24)
    chosen = {name: [given[name]] if given.get(name) else [] for name in trail.FACETS}
    rows = trail.Filters(chosen, given.get("words", ""), "", None, start, end).entries()
    total, limit = rows.count(), given.get("limit", USUAL)
    found = list(rows[:limit])
    notes = [citing.of("audit", one.pk, said(f"{one.action} {one.object_text}"), said(_who(one)), permission=PERMISSION) for one in found]
    told = [f"{words.cited(note)}{_line(one)}" for one, note in zip(found, notes, strict=True)]
    head = f"{words.many(total, 'entry', 'entries')} of the audit trail from {words.moment(start)} to {words.moment(end)}, the newest first"
    text = words.lines(head, told, total - len(found))
    return Result(text, {"total": total, "entries": [one.pk for one in found]}, [one for one in notes if one])


def _who(one: AuditEntry) -> str:
    return f"{one.actor}, {words.moment(one.time)}"


def _line(one: AuditEntry) -> str:
    """With what differs, secrets hidden as the trail has them."""
    told = [f"{said(change.field, 60)} {said(change.before, 60)} → {said(change.after, 60)}"
            for change in trail.differences(one.before or {}, one.after or {})[:6] if change.differs]  # fmt: skip
    what = f" ({'; '.join(told)})" if told else ""
    return f"{words.moment(one.time)} {said(one.actor, 120)}: {one.action} {said(one.object_text, 160)}{what}"


AUDIT = Tool(
    "audit",
    "The audit trail: who did what and when, with what it was before and after. For admins.",
    base.takes(
        words=base.text("words in actor, action, object or values", 200),
        actor=base.text("only by this person or token, as the trail names them", 300),
        action=base.text("only this action, such as rule.changed", 100),
        start=base.START,
        end=base.END,
        limit=base.LIMIT,
    ),
    PERMISSION,
    audit,
)
