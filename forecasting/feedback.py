"""What people say of anomalies tunes how sensitive their watch is: within bounds, audited, and to be taken back."""

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import ApiToken, User
from forecasting.models import LEAST_SENSITIVE, MOST_SENSITIVE, Adjustment, Anomaly, Watch

FACTORS = {Anomaly.Feedback.EXPECTED: 0.95, Anomaly.Feedback.NOISE: 0.9, Anomaly.Feedback.USEFUL: 1.05}
Who = User | ApiToken


class NotAdjustable(ValueError):
    """One sentence."""


def give(anomaly: Anomaly, word: str, actor: Who) -> Adjustment | None:
    """Notes what a person says; another word takes the place of the one before, with what it did, an empty one takes it back.
    None where nothing is to be adjusted."""
    if word and word not in Anomaly.Feedback.values:
        raise NotAdjustable(f"{word[:20]} is not known here; say expected, useful or noise.")
    with transaction.atomic():
        row = Anomaly.objects.select_for_update().select_related("track__watch").get(pk=anomaly.pk)
        if row.feedback == word:
            return None
        _take_back(row, actor)
        before, row.feedback = row.feedback, word
        row.feedback_by, row.feedback_at = (_person(actor), timezone.now()) if word else (None, None)
        row.save(update_fields=["feedback", "feedback_by", "feedback_at"])
        made = _adjust(row, word, actor) if word else None
        sensitivity = {"sensitivity": made.after} if made else {}
        audit.record("anomaly.feedback", target=row, before={"feedback": before}, after={"feedback": word, **sensitivity}, actor=actor)
    return made


def revert(adjustment: Adjustment, actor: Who) -> Watch:
    """Takes one back: its factor leaves the watch, those made since stay. Raises NotAdjustable."""
    with transaction.atomic():
        row = Adjustment.objects.select_for_update().select_related("watch").get(pk=adjustment.pk)
        if row.reverted_at is not None:
            raise NotAdjustable("This adjustment has been taken back already.")
        before = row.watch.sensitivity
        _undo(row, actor)
        audit.record("watch.adjustment_reverted", target=row.watch, actor=actor, **_moved(before, row.watch.sensitivity))
    return row.watch


def _moved(before: float, after: float) -> audit.Changes:
    return audit.changes({"sensitivity": before}, {"sensitivity": after})


def _person(actor: Who) -> User:
    return actor.user if isinstance(actor, ApiToken) else actor


def _adjust(anomaly: Anomaly, word: str, actor: Who) -> Adjustment | None:
    watch = Watch.objects.select_for_update().get(pk=anomaly.track.watch_id)
    after = bounded(watch.sensitivity * FACTORS[Anomaly.Feedback(word)])
    if after == watch.sensitivity:
        return None  # at its bound
    made = Adjustment.objects.create(
        watch=watch, anomaly=anomaly, actor=_person(actor).name[:200], feedback=word, before=watch.sensitivity, after=after
    )
    Watch.objects.filter(pk=watch.pk).update(sensitivity=after)
    return made


def _take_back(anomaly: Anomaly, actor: Who) -> None:
    for row in Adjustment.objects.filter(anomaly=anomaly, reverted_at=None).select_related("watch"):
        _undo(row, actor)


def _undo(row: Adjustment, actor: Who) -> None:
    row.watch.sensitivity = bounded(row.watch.sensitivity * row.before / row.after)
    row.watch.save(update_fields=["sensitivity"])
    row.reverted_at, row.reverted_by = timezone.now(), _person(actor).name[:200]
    row.save(update_fields=["reverted_at", "reverted_by"])


def bounded(sensitivity: float) -> float:
    return round(min(max(sensitivity, LEAST_SENSITIVE), MOST_SENSITIVE), 4)
