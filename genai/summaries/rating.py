"""What people think of a text: it is kept with it, and with the call that worded it."""

from typing import Any

from django.db import transaction

from accounts import audit
from genai.models import Completion
from genai.summaries.models import Summary


def rate(row: Summary, rating: int, actor: Any) -> None:
    """1, -1, or 0 to take it back."""
    new = rating or None
    if row.rating == new:
        return
    with transaction.atomic():
        before, row.rating = row.rating, new
        Summary.objects.filter(pk=row.pk).update(rating=new)
        if row.completion_id:
            Completion.objects.filter(pk=row.completion_id).update(rating=new)
        audit.record("summary.rated", target=row, before={"rating": before}, after={"rating": new}, actor=actor)
