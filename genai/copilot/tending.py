"""Answers that nobody makes any more are marked as cut off: what was written down of them stays."""

from datetime import timedelta

from django.utils import timezone

from genai.copilot import events
from genai.copilot.conversations import OPEN
from genai.copilot.events import topic_of
from genai.copilot.keeping import ENDS
from genai.copilot.models import Turn
from genai.tracing import record
from genai.tracing.models import AgentRun
from monitoring.live import publish

SILENT = timedelta(seconds=30)  # a process says every two seconds that it still answers


def cut_off_silent() -> int:
    lost = Turn.objects.filter(state__in=OPEN, beat_at__lt=timezone.now() - SILENT).select_related("run", "conversation")
    return sum(_cut(turn) for turn in lost if events.of(turn.pk) is None)


def _cut(turn: Turn) -> bool:
    now = timezone.now()
    still = Turn.objects.filter(pk=turn.pk, state__in=OPEN, beat_at=turn.beat_at)
    if not still.update(state=Turn.State.CUT, reason=ENDS, ended_at=now, seq=turn.seq + 1):
        return False  # it was heard of meanwhile
    if turn.run is not None:
        record.finish(turn.run, AgentRun.State.CUT, ENDS)
    said = {"turn": turn.pk, "conversation": turn.conversation_id, "seq": turn.seq + 1, "kind": "state"}
    publish.publish(topic_of(turn.conversation.user_id), said | {"state": Turn.State.CUT, "reason": ENDS})
    return True
