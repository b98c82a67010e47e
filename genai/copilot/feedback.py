"""Whether an answer helped, as the person who asked says it: kept with the turn, counted as an evaluation of the execution and of the
prompt's version."""

from django.db import transaction

from accounts import audit
from genai.copilot.conversations import Refused
from genai.copilot.models import Turn
from genai.tracing import record

LONGEST_COMMENT = 500
NAME = "rating"


def rate(turn: Turn, rating: int, comment: str = "") -> None:
    """1 it helped, -1 it did not, 0 takes back what was said. Raises Refused."""
    if rating not in (1, 0, -1):
        raise Refused("A rating is 1, -1 or 0.")
    if not turn.is_over:
        raise Refused("It is still being answered; rate it when it is done.", 409)
    comment = comment.replace("\0", "").strip()
    if len(comment) > LONGEST_COMMENT:
        raise Refused(f"A comment has at most {LONGEST_COMMENT} characters.")
    with transaction.atomic():
        before = {"rating": turn.rating}
        turn.rating, turn.rating_comment = rating or None, comment if rating else ""
        turn.save(update_fields=["rating", "rating_comment"])
        _credit(turn, rating, comment)
        audit.record("conversation.rate", target=turn.conversation, before=before, after={"rating": turn.rating})


def _credit(turn: Turn, rating: int, comment: str) -> None:
    if turn.run is None:
        return
    judge = f"user:{turn.conversation.user_id}"
    if rating:
        record.evaluate(turn.run, NAME, 1.0 if rating > 0 else 0.0, comment, judge)
    else:
        turn.run.evaluations.filter(name=NAME, judged_by=judge).delete()
        turn.run.completions.update(rating=None)
