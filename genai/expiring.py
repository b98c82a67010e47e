"""What the assistant keeps goes after AIOPS_ASSISTANT_RETENTION_DAYS: calls, executions, analyses, summaries, and evidence that nothing
cites any more. Conversations stay until whoever had them deletes them, digests as reports do."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from genai.models import AgentRun, Analysis, CachedAnswer, Completion, Digest, Evidence, SecurityFinding, Summary, Turn
from monitoring.incidents.models import Incident

AT_ONCE = 500
CITED = re.compile(r"\bE(\d{1,18})\b|/evidence/(\d{1,18})\b")


def expire() -> int:
    """Returns how many rows went, without what hung on them."""
    now = timezone.now()
    since = now - timedelta(days=settings.ASSISTANT_RETENTION_DAYS)
    old = [
        CachedAnswer.objects.filter(expires_at__lt=now),
        Completion.objects.filter(started_at__lt=since),
        AgentRun.objects.filter(started_at__lt=since).exclude(state=AgentRun.State.RUNNING),
        SecurityFinding.objects.filter(time__lt=since, run=None),
        Analysis.objects.filter(created_at__lt=since),
        Summary.objects.filter(created_at__lt=since),
    ]
    return sum(_expire(rows) for rows in old) + _expire_evidence(since)


def _expire(rows: QuerySet[Any]) -> int:
    gone = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        rows.model._default_manager.filter(pk__in=ids).delete()
        gone += len(ids)
    return gone


def _expire_evidence(since: datetime) -> int:
    old = list(Evidence.objects.filter(created_at__lt=since).values_list("pk", flat=True))
    gone = sorted(set(old) - set(cited())) if old else []
    for at in range(0, len(gone), AT_ONCE):
        Evidence.objects.filter(pk__in=gone[at : at + AT_ONCE]).delete()
    return len(gone)


def cited() -> Iterator[int]:
    """Ids of all evidence that something still speaks of, some more than once."""
    texts: list[QuerySet[Any, Any]] = [
        Turn.objects.values_list("answer", "blocks", "claims"),
        Summary.objects.values_list("text", "data"),
        Digest.objects.values_list("text", "figures"),
        Analysis.objects.values_list("hypotheses"),
        Incident.objects.exclude(notes_md="").values_list("notes_md"),
    ]
    for rows in texts:
        for row in rows.iterator():
            for value in row:
                yield from _cited_in(value)


def _cited_in(value: Any, evidence: bool = False) -> Iterator[int]:
    """In a text as [E12] or a link; in JSON also numbers under "evidence"."""
    if isinstance(value, str):
        yield from (int(one or other) for one, other in CITED.findall(value))
    elif isinstance(value, bool | float) or value is None:
        return
    elif isinstance(value, int):
        yield from [value] if evidence else []
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _cited_in(inner, evidence or name == "evidence")
    else:
        for inner in value:
            yield from _cited_in(inner, evidence)
