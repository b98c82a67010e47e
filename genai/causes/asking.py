"""Asks for an analysis to be made by a worker, once however often it is asked for, and says how that stands."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from genai.causes import scene
from genai.causes.analyse import is_old, latest
from genai.causes.models import Analysis
from genai.causes.shapes import Hypothesis
from genai.evidence import kinds
from genai.evidence.models import Evidence
from monitoring.alerts.pacing import ask as enqueue

WAITS = timedelta(seconds=60)  # until nobody is taken to be at it
MOST_WAITING = 6  # of one person


class TooMany(ValueError):
    """One sentence."""


@dataclass(frozen=True)
class Standing:
    """`row`: the newest that is done; `pending`: one that is being made; `failed`: why the last one was not."""

    row: Analysis | None
    pending: Analysis | None = None
    failed: str = ""


def ask(found: scene.Scene, user: User | None = None, anew: bool = False) -> Analysis:
    """The one that is being made already, or a new one. Two who ask at once get two: the later is shown."""
    if not anew and (pending := _pending(found.subject, found.start)):
        return pending
    from genai.causes import tasks  # which needs the engine

    waiting = Analysis.objects.filter(user=user, state="asked", created_at__gte=timezone.now() - WAITS) if user else Analysis.objects.none()
    if waiting.count() >= MOST_WAITING:
        raise TooMany(f"{MOST_WAITING} analyses that you asked for are being made; wait for one of them.")
    row = Analysis.objects.create(subject=found.subject, start=found.start, end=found.end, user=user)
    enqueue(tasks.explain, row.pk)
    return row


def _pending(subject: str, start: datetime | None = None) -> Analysis | None:
    rows = Analysis.objects.filter(subject=subject, state="asked", created_at__gte=timezone.now() - WAITS)
    if start is not None and subject.startswith("window:"):
        rows = rows.filter(start=start)
    return rows.order_by("-pk").first()


def standing(subject: str) -> Standing:
    """Of an alert or an incident; asks where there is nothing yet, or where the trouble went on. Raises scene.Unknown."""
    row, found = latest(subject), scene.of(subject)
    newest = Analysis.objects.filter(subject=subject).order_by("-pk").first()
    if newest is not None and newest.state == "failed":
        return Standing(row, failed=newest.error)
    if newest is not None and newest.state == "asked" and newest.created_at < timezone.now() - WAITS:
        return Standing(row, failed="No worker took it up; they may be busy or not running")
    if row is None or is_old(row, found):
        return Standing(row, pending=ask(found))
    return Standing(row, pending=_pending(subject))


# -- how it is shown -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Link:
    """A piece of evidence below a sentence."""

    pk: int
    icon: str
    strong: str
    text: str
    against: bool
    line: list[float | None]


@dataclass(frozen=True)
class Said:
    text: str
    guess: bool
    against: bool
    links: list[Link]


@dataclass(frozen=True)
class Card:
    hypothesis: Hypothesis
    percent: float
    said: list[Said]
    links: list[Link]  # all, each once


def cards(row: Analysis) -> list[Card]:
    """Two statements."""
    ids = {pk for one in row.hypotheses for said in one["statements"] for pk in said["evidence"]}
    kept = Evidence.objects.in_bulk(list(ids))
    return [_card(one, kept) for one in row.hypotheses]


def _card(one: Hypothesis, kept: dict[int, Evidence]) -> Card:
    said = [
        Said(text["text"], text["guess"], text["against"], [_link(kept[pk], text["against"]) for pk in text["evidence"] if pk in kept])
        for text in one["statements"]
    ]
    links = {link.pk: link for text in said for link in text.links}
    return Card(one, 100 * one["score"], said, list(links.values()))


def _link(one: Evidence, against: bool) -> Link:
    line: Any = one.found.get("line") or []
    return Link(one.pk, kinds.kind(one.kind).icon, one.found_text, one.title, against or one.holds is False, line)
