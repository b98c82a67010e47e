"""What happens to models by itself: whether they answer is looked at, answers that no longer hold are thrown away."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from genai import caching, model_editing
from genai.models import ModelProvider, Spending

SPENDING_KEPT = timedelta(days=40)


@shared_task
def check_models() -> int:
    """Those that are switched on; it asks for their lists, which costs nothing."""
    rows = list(ModelProvider.objects.filter(enabled=True))
    for row in rows:
        model_editing.look(row)
    return len(rows)


@shared_task
def expire_answers() -> int:
    Spending.objects.filter(day__lt=timezone.now().date() - SPENDING_KEPT).delete()
    return caching.expire()
