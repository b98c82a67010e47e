"""Senders that push, as sources: each gets one when it is first heard, and its row tells what its sender did last."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import ApiToken
from monitoring.ingest import senders
from monitoring.ingest.models import Sender
from monitoring.sources.doors import PUSHED
from monitoring.sources.models import KEPT_OUTCOMES, Source

USUAL_INTERVAL = 60  # seconds between two deliveries, as long as nobody says otherwise: after three it counts as silent
LONGEST_NAME = 150
RATED = 300_000  # ms over which a rate is a mean


def adopt(sender_id: int) -> Source | None:
    """The sender's source, made now unless it has one. None for a sender that is gone."""
    with transaction.atomic():
        sender = Sender.objects.select_for_update().filter(pk=sender_id).first()
        if sender is None:
            return None
        found = Source.objects.filter(pk=sender.source_id).first() if sender.source_id else None
        if found is None:
            found = _made(sender)
            Sender.objects.filter(pk=sender_id).update(source_id=found.pk)
    return found


def _made(sender: Sender) -> Source:
    fields = {"kind": f"{PUSHED}{sender.door}"[:32], "interval": USUAL_INTERVAL, "last_success": sender.last_seen}
    taken = set(Source.objects.filter(name__startswith=sender.name[:LONGEST_NAME]).values_list("name", flat=True))
    names = [sender.name[:LONGEST_NAME], *(f"{sender.name[: LONGEST_NAME - 6]} {number}" for number in range(2, 1000))]
    for name in names:
        if name in taken:
            continue
        try:
            with transaction.atomic():
                return Source.objects.create(name=name, **fields)
        except IntegrityError:  # somebody took the name meanwhile
            continue
    raise RuntimeError(f"no name is free for the sender {sender.name}")


def follow(now: datetime | None = None) -> int:
    """Every 15 s: what each sender did since the last time becomes an outcome of its source. Returns how many rows changed."""
    now = now or timezone.now()
    heard = list(Sender.objects.filter(last_seen__gt=now - timedelta(hours=1)).defer("refused"))
    known = Source.objects.in_bulk([sender.source_id for sender in heard if sender.source_id])
    changed = [source for sender in heard if (source := _followed(sender, known.get(sender.source_id or 0), now))]
    written = ["last_success", "last_attempt", "last_samples", "cursor", "outcomes", "last_error", "last_error_at"]
    Source.objects.bulk_update(changed, written, batch_size=100)
    return len(changed)


def _followed(sender: Sender, source: Source | None, now: datetime) -> Source | None:
    """The source with what is new on it; None where nothing is."""
    source = source or adopt(sender.pk)  # deleted, or the signal was lost
    if source is None or (source.last_attempt and source.last_success and sender.last_seen <= source.last_success):
        return None
    since = source.last_attempt
    source.last_samples = min(max(0, sender.samples - (source.cursor or 0)), 2**31 - 1)
    refused = [one for one in sender.examples if since is None or one["at"] > since.timestamp() * 1000]
    error = str(refused[-1]["sentence"]) if refused else ""
    if error:
        source.last_error, source.last_error_at = error, datetime.fromtimestamp(refused[-1]["at"] / 1000, UTC)
    outcome = [int(now.timestamp() * 1000), 0.0, source.last_samples, error[:300]]
    source.outcomes = [*source.outcomes[-(KEPT_OUTCOMES - 1) :], outcome]
    source.cursor, source.last_success, source.last_attempt = sender.samples, sender.last_seen, now
    return source


@dataclass(frozen=True)
class Delivered:
    """What a page tells of a sender."""

    sender: Sender
    token: ApiToken | None
    rate: float | None  # samples per second over the last minutes

    @property
    def refused(self) -> list[tuple[str, int]]:
        return sorted(self.sender.refused.items(), key=lambda item: -item[1])

    @property
    def refused_total(self) -> int:
        return sum(self.sender.refused.values())

    @property
    def examples(self) -> list[dict[str, Any]]:
        """Newest first."""
        return list(reversed(self.sender.examples))


def delivered(source: Source) -> Delivered | None:
    """None where the sender is gone."""
    sender = Sender.objects.filter(source_id=source.pk).order_by("-last_seen").first()
    if sender is None:
        return None
    sender = senders.summary([sender.pk]).get(sender.pk, sender)
    return Delivered(sender, ApiToken.objects.select_related("user").filter(pk=sender.token_id).first(), rate(source))


def rate(source: Source) -> float | None:
    """Samples per second, from the outcomes of late; 0 once it is silent, None where there are too few to tell."""
    if source.status == "stale":
        return 0.0
    recent = [outcome for outcome in source.outcomes if outcome[0] > source.outcomes[-1][0] - RATED]
    if len(recent) < 2:
        return None
    seconds = (recent[-1][0] - recent[0][0]) / 1000
    return sum(outcome[2] for outcome in recent[1:]) / seconds if seconds > 0 else None
