"""Texts are worded, and digests made, beside the pages."""

from celery import shared_task

from aiops.errors import when_it_answers
from genai.summaries import digests, wording


@shared_task
def word(pk: int) -> int:
    """After a page asked for a text that a model has not worded yet."""
    return when_it_answers("word", lambda: int(wording.word(pk)))


@shared_task
def make_digests() -> int:
    """Every 5 minutes: the digests of spans that ended, each once."""
    return when_it_answers("make_digests", digests.make_due)
