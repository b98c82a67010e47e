"""Texts are worded, and digests made, beside the pages."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from aiops.errors import when_it_answers
from genai.summaries import digests, wording
from genai.summaries.models import Digest, Summary


@shared_task
def word(pk: int) -> int:
    """After a page asked for a text that a model has not worded yet."""
    return when_it_answers("word", lambda: int(wording.word(pk)))


@shared_task
def make_digests() -> int:
    """Every 5 minutes: the digests of spans that ended, each once."""
    return when_it_answers("make_digests", digests.make_due)


@shared_task
def expire_summaries() -> int:
    """Each night."""
    before = timezone.now() - timedelta(days=settings.ASSISTANT_RETENTION_DAYS)
    return when_it_answers("expire_summaries", lambda: _expire(before))


def _expire(before: object) -> int:
    old = Summary.objects.filter(created_at__lt=before).delete()[0]
    return old + Digest.objects.filter(end__lt=before, kind=Digest.Kind.SHIFT).delete()[0]
