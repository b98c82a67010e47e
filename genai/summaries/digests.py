"""Digests of shifts and weeks: made once when the span is over, told to people, kept as pages."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.permissions import can
from genai.evidence import claims
from genai.summaries import digest_words, figures, wording
from genai.summaries.facts import Facts
from genai.summaries.models import Digest
from monitoring.notifications.announce import Announcement, announce

Kind = Digest.Kind
LATE = timedelta(hours=36)  # a span that ended before is not caught up with


class Span(NamedTuple):
    kind: str
    start: datetime
    end: datetime


def begins(at: datetime) -> datetime:
    """Of the shift that goes on at that time."""
    day = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    starts = [(day - timedelta(days=back)).replace(hour=hour) for back in (0, 1) for hour in settings.SHIFT_HOURS]
    return max(one for one in starts if one <= at)


def week_begins(at: datetime) -> datetime:
    """Monday at the day's first shift."""
    day = at.astimezone(UTC).replace(hour=settings.SHIFT_HOURS[0], minute=0, second=0, microsecond=0)
    monday = day - timedelta(days=day.weekday())
    return monday if monday <= at else monday - timedelta(days=7)


def ended(now: datetime) -> list[Span]:
    """The latest shift and week that are over."""
    shift, week = begins(now), week_begins(now)
    return [Span(Kind.SHIFT, begins(shift - timedelta(seconds=1)), shift), Span(Kind.WEEK, week - timedelta(days=7), week)]


def going_on(kind: str, now: datetime) -> Span:
    return Span(kind, begins(now) if kind == Kind.SHIFT else week_begins(now), now)


def make_due(now: datetime | None = None) -> int:
    """Of what ended lately and has none. Telling people, and words, may be tried again; the row is made once."""
    now, made = now or timezone.now(), 0
    for span in ended(now):
        if (
            now - span.end <= LATE
            and _was_there(span.end)
            and not Digest.objects.filter(kind=span.kind, start=span.start, end=span.end).exists()
        ):
            digest = make(span)
            made += digest is not None
    for digest in Digest.objects.filter(mailed_at=None, created_at__gte=now - LATE):
        tell(digest, now)
    return made


def _was_there(at: datetime) -> bool:
    """A fresh installation has nothing to tell of the time before it."""
    return User.objects.filter(date_joined__lt=at).exists()


def make(span: Span) -> Digest | None:
    """None where another process was faster."""
    found = figures.gather(span.start, span.end)
    row = Digest(kind=span.kind, start=span.start, end=span.end, figures=found)
    written = composed(row).written()
    row.text = written.text
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return None
    wording.word_digest(row, written.text, written.evidence)
    row.refresh_from_db()
    return row


def composed(row: Digest) -> Facts:
    return digest_words.facts(row.figures, str(row))


# -- told ------------------------------------------------------------------------------------------------------------------
def tell(digest: Digest, now: datetime) -> list[str]:
    """Whom, by name: once, at the bell and by mail as each prefers. Nobody where settings say so."""
    if not Digest.objects.filter(pk=digest.pk, mailed_at=None).update(mailed_at=now):
        return []
    if settings.DIGEST_MAIL == "none" or (settings.DIGEST_MAIL == "week" and digest.kind != Kind.WEEK):
        return []
    people = [one for one in User.objects.filter(is_active=True).order_by("pk") if can(one, "genai:use")]
    return announce(_announcement(digest), people=people)


def _announcement(digest: Digest) -> Announcement:
    kind, url = digest.get_kind_display(), f"{settings.PUBLIC_URL.rstrip('/')}{reverse('digest', args=[digest.pk])}"
    title = f"{kind} digest to {digest.end:%-d %b %H:%M} UTC"
    return Announcement(
        f"digest:{digest.pk}", title, plain(digest.text), "low", url, thread=f"digest:{digest.kind}", why=f"{kind.lower()} digest"
    )


def plain(text: str) -> str:
    """Without marks of evidence and Markdown: for mails and chats."""
    bare = claims.GUESS.sub(" (a guess)", claims.CITED.sub("", text))
    return bare.replace("\\", "").replace("## ", "")


def neighbours(digest: Digest) -> dict[str, Digest]:
    """The one before and the one after, where they are there."""
    own = Digest.objects.filter(kind=digest.kind).exclude(pk=digest.pk)
    found = {"earlier": own.filter(end__lte=digest.start).first(), "later": own.filter(start__gte=digest.end).order_by("end").first()}
    return {name: one for name, one in found.items() if one}
