"""The text about something as it is now: made of its facts at once, and worded by a model beside the page, where there is one.

A page is never held up: it shows what is composed. One subject is worded at most once in REST, however much happens to it.
"""

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from genai import complete
from genai.summaries import tasks
from genai.summaries.facts import Facts
from genai.summaries.kinds import Kind
from genai.summaries.models import Summary
from genai.summaries.states import DONE, UNDER_WAY, WAITING
from monitoring.alerts.pacing import ask

REST = timedelta(minutes=2)
LOST = timedelta(minutes=5)  # one that is worded for so long was lost with its process
KEPT = 5  # texts of one subject


def current(kind: Kind, pk: int) -> Summary | None:
    """None where there is no such thing. What it was made from before is not written again."""
    facts = kind.gather(pk)
    if facts is None:
        return None
    found = Summary.objects.filter(kind=kind.key, subject=facts.subject, basis=facts.basis).first()
    return found or _made(kind, facts)


def _made(kind: Kind, facts: Facts) -> Summary:
    written = facts.written()
    data = {**facts.data, "title": facts.title, "composed": written.text, "evidence": written.evidence}
    row = Summary(kind=kind.key, subject=facts.subject, basis=facts.basis, text=written.text, data=data, state=DONE)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _forget(row)
    except IntegrityError:  # another page asked for the same at this moment
        return Summary.objects.get(kind=row.kind, subject=row.subject, basis=row.basis)
    return row


def _forget(row: Summary) -> None:
    """All but the newest of the subject."""
    own = Summary.objects.filter(kind=row.kind, subject=row.subject).order_by("-created_at", "-pk")
    Summary.objects.filter(pk__in=list(own.values_list("pk", flat=True)[KEPT:])).delete()


def is_composed(row: Summary) -> bool:
    return not row.model


def has_words(row: Summary) -> bool:
    """There is something that a model could say better."""
    return bool(row.data.get("evidence"))


def ask_for_words(kind: Kind, row: Summary, user: Any, by_hand: bool = False) -> bool:
    """Whether a model words it now. Not where one did, failed to, or did so for the same subject a moment ago."""
    now = timezone.now()
    under_way = row.state in UNDER_WAY and not _lost(row, now)
    if row.model or under_way or not has_words(row) or not complete.available():
        return False
    if not by_hand and (kind.asked or row.error or _rests(row, now)):
        return False
    data = {**row.data, "asked_at": now.isoformat(), "asked_by": getattr(user, "pk", None)}
    claimed = Summary.objects.filter(pk=row.pk, state=row.state, model="").update(state=WAITING, error="", data=data)
    if claimed:
        row.state, row.data, row.error = WAITING, data, ""
        ask(tasks.word, row.pk)
    return bool(claimed)


def _lost(row: Summary, now: Any) -> bool:
    return str(row.data.get("asked_at", "")) < (now - LOST).isoformat()


def _rests(row: Summary, now: Any) -> bool:
    """Another text of the subject was worded, or is being worded, since a moment."""
    others = Summary.objects.filter(kind=row.kind, subject=row.subject, created_at__gte=now - REST).exclude(pk=row.pk)
    return any(one.model or one.state in UNDER_WAY or one.error for one in others.only("model", "state", "error"))
