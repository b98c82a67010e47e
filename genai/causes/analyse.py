"""Why: gathers what is known around a trouble, ranks what may have caused it, and keeps that with its evidence."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from accounts.models import User
from genai.causes import busy, departing, lines, neighbours, scene, signs, weigh
from genai.causes.lines import Line, Read
from genai.causes.models import Analysis
from genai.causes.neighbours import Neighbours
from genai.causes.scene import Scene
from genai.causes.shapes import Hypothesis
from genai.causes.tell import Teller
from genai.causes.weigh import Left
from monitoring.store import StoreUnavailable

BRIEF = timedelta(minutes=5)
PAST = timedelta(hours=2)  # before the window: what is usual
PATIENCE = 30.0  # seconds to wait for another analysis of this process: it is work for the processor
KEPT = 10  # analyses of one subject
log = logging.getLogger(__name__)
_turn = threading.Lock()


def analyse(subject: str, start: datetime | None = None, end: datetime | None = None, *, user: User | None = None) -> Analysis:
    """Now; about three seconds of the processor at most. Raises scene.Unknown, ValueError for a subject of another form, and
    StoreUnavailable, also while too many others are being made."""
    found = scene.of(subject, start, end)
    row = Analysis.objects.create(subject=subject, start=found.start, end=found.end, user=user)
    return run(row, found)


def run(row: Analysis, found: Scene) -> Analysis:
    """Fills a row that was asked for."""
    if not _turn.acquire(timeout=PATIENCE):
        raise _failed(row, StoreUnavailable("other analyses are being made"))
    begun = time.thread_time()
    try:
        looked = _look(found)
        row.hypotheses = hypotheses(looked)
    except StoreUnavailable as fault:
        raise _failed(row, fault) from fault
    finally:
        _turn.release()
    row.looked_at, row.state = _told(looked), "done"
    row.cpu_ms = round(1000 * (time.thread_time() - begun))
    row.save()
    _drop_older(row.subject)
    return row


def _failed(row: Analysis, fault: StoreUnavailable) -> StoreUnavailable:
    row.state, row.error = "failed", f"The metric store did not answer: {fault}"[:500]
    row.save(update_fields=["state", "error"])
    return fault


def latest(subject: str) -> Analysis | None:
    """The newest that is done."""
    return Analysis.objects.filter(subject=subject, state="done").order_by("-created_at", "-pk").first()


def _drop_older(subject: str) -> None:
    """Those nobody looks at any more; one that a link leads to stays until it expires."""
    old = Analysis.objects.filter(subject=subject, user=None).order_by("-created_at", "-pk").values_list("pk", flat=True)[KEPT:]
    Analysis.objects.filter(pk__in=list(old)).delete()


# -- looking ---------------------------------------------------------------------------------------------------------------
class Looked(NamedTuple):
    scene: Scene
    around: Neighbours
    read: Read
    left: list[Left]
    signs: list[signs.Sign]
    turn: int  # ms: before it lies the past


def _look(found: Scene) -> Looked:
    around = neighbours.of(found.focus)
    past, start, end = (int(moment.timestamp() * 1000) for moment in (found.start - PAST, found.start, found.end))
    nearest = sorted(around.places, key=lambda pk: around.steps.get(pk, neighbours.FAR))
    read = lines.read(nearest, past, start, end)
    turn = _turned(found, read, start)
    left = _left(found, read.lines, departing.grid_of(past, turn, end, read.interval))
    return Looked(found, around, read, left, [*signs.of(found, around), *busy.signs(found)], turn)


def _turned(found: Scene, read: Read, start: int) -> int:
    """From when on things may have left their past: of what has hardly one, the last minutes before the trouble began."""
    first = min((int(line.t[0]) for line in read.lines if len(line.t)), default=start)
    latest = int((found.onset - BRIEF).timestamp() * 1000)
    return start if start - first >= 3 * BRIEF / timedelta(milliseconds=1) else max(start, latest)


def _left(found: Scene, read: Sequence[Line], grid: departing.Grid) -> list[Left]:
    values = departing.bucketed([(line.t, line.v) for line in read], grid)
    symptoms = found.symptoms
    departed = departing.measure(values, grid)
    return [Left(read[one.row], one, (read[one.row].resource, read[one.row].metric) in symptoms) for one in departed]


def hypotheses(looked: Looked) -> list[Hypothesis]:
    """Best first, with their evidence put down."""
    shares = weigh.ranked(looked.scene, looked.around, looked.left, looked.read.lines, looked.turn)
    teller = Teller(looked.scene, looked.around)
    found = weigh.candidates(looked.scene, looked.around, looked.left, shares, looked.signs)
    return [teller.hypothesis(one) for one in found]


def _told(looked: Looked) -> dict[str, int]:
    kinds = Counter(sign.kind for sign in looked.signs)
    return {
        "resources": len(looked.around.places), "series": looked.read.looked_at, "left": len(looked.left),
        "changes": kinds["change"] + kinds["silent"] + kinds["execution"], "alerts": kinds["alert"], "past": kinds["past"],
        "left_out": looked.read.left_out + looked.around.left_out,
    }  # fmt: skip


def is_old(row: Analysis, found: Scene) -> bool:
    """Whether the trouble went on so far that another look may show more."""
    went_on = found.end - row.end > max(timedelta(minutes=2), (row.end - row.start) / 20)
    return went_on and timezone.now() - row.created_at > timedelta(minutes=1)
