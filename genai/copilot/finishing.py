"""An answer is made final: what it claims is held against its evidence, what could carry something away is taken out, and then it is
written down and everybody who looks is told."""

import time
from typing import Any

from django.utils import timezone

from genai.copilot import cleaning
from genai.copilot.conversations import OPEN
from genai.copilot.events import Progress
from genai.copilot.models import Turn
from genai.copilot.rounds import Made
from genai.copilot.toolbox import elapsed, shown
from genai.evidence import claims, sentences
from genai.evidence.models import Evidence
from genai.tracing import record
from genai.tracing.models import AgentRun

STEP = "check evidence"
ENDED = {Turn.State.DONE: "done", Turn.State.STOPPED: "stopped", Turn.State.CUT: "cut", Turn.State.FAILED: "failed"}  # AgentRun.State


def finish(turn: Turn, progress: Progress, run: AgentRun, made: Made) -> None:
    text, share = _checked(made, progress, run)
    progress.replace(text)
    there = progress.so_far()
    kept: dict[str, Any] = {
        "answer": text, "claims": listed(text), "steps": there["steps"], "blocks": there["blocks"], "seq": there["seq"] + 1,
        "state": made.state, "reason": made.reason[:500], "model": made.model[:200], "ended_at": timezone.now(),
    }  # fmt: skip
    if share is not None:
        record.evaluate(run, "evidence", share)
    record.finish(run, ENDED[Turn.State(made.state)], made.reason if made.state != Turn.State.DONE else "")
    if Turn.objects.filter(pk=turn.pk, state__in=OPEN).update(**kept):
        progress.ended(made.state, made.reason[:500])


def _checked(made: Made, progress: Progress, run: AgentRun) -> tuple[str, float | None]:
    """The text as it may be shown, and the share of its claims that evidence supports; None where it claims nothing."""
    text = cleaning.clean(shown(made.text)).strip()
    if not text:
        return "", None
    n, began = progress.step(STEP), time.monotonic()
    with record.step(run, "guard", STEP) as step:
        checked = claims.checked(text, made.allowed)
        held = round(checked.share * checked.claims)
        step.detail = f"{held} of {checked.claims} claims rest on evidence" if checked.claims else "nothing is claimed"
    progress.step_ended(n, "ok", step.detail, elapsed(began))
    return checked.text, checked.share if checked.claims else None


def listed(text: str) -> list[dict[str, Any]]:
    """The claims of a checked text: [{"text", "evidence": [ids], "holds", "guess"}]."""
    holds = dict(Evidence.objects.filter(pk__in=claims.cited(text)).values_list("pk", "holds"))
    found = []
    for piece in sentences.pieces(text):
        ids, guess = claims.cited(piece.text), claims.GUESS.search(piece.text) is not None
        if piece.prose and (ids or guess):
            bare = claims.GUESS.sub("", claims.CITED.sub("", piece.text)).strip()
            found.append({"text": bare[:500], "evidence": ids, "holds": _all(holds.get(one) for one in ids), "guess": guess})
    return found


def _all(verdicts: Any) -> bool | None:
    """False where one does not hold, None where one cannot be told."""
    given = list(verdicts)
    return False if False in given else None if None in given or not given else True
