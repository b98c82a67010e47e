"""What the ranking of causes says, as sentences of a summary."""

from collections.abc import Iterator
from datetime import timedelta

from genai.causes.models import Analysis
from genai.causes.shapes import Hypothesis
from genai.summaries.facts import Line, said, sentence

LEAST = 0.2  # of a hypothesis that is worth a sentence
MOST_STATEMENTS = 2
FRESH = timedelta(days=30)


def latest(subject: str) -> Analysis | None:
    return Analysis.objects.filter(subject=subject, state="done").order_by("-created_at").first()


def lines(subject: str, most: int = 1) -> list[Line]:
    """Of the best ones; nothing where nothing stood out."""
    found = latest(subject)
    return [line for one in (found.hypotheses[:most] if found else []) if one["score"] >= LEAST for line in _told(one)]


def _told(one: Hypothesis) -> Iterator[Line]:
    facts = [told for told in one["statements"] if not told["guess"] and not told["against"]][:MOST_STATEMENTS]
    known = tuple(dict.fromkeys(pk for told in facts for pk in told["evidence"]))
    yield Line(f"Most likely cause, {one['score']:.0%}: {said(sentence(one['title']))}", known=known, guess=not known)
    for told in facts:
        yield Line(said(sentence(told["text"])), known=tuple(told["evidence"]))


def top(subject: str) -> Hypothesis | None:
    found = latest(subject)
    best: Hypothesis | None = found.hypotheses[0] if found and found.hypotheses else None
    return best if best and best["score"] >= LEAST else None
