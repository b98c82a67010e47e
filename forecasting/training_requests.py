"""A person wants a model trained anew: the track is due at once, and its active model says who asked."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit
from forecasting.models import ForecastModel, Track


def ask(track: Track, actor: Any) -> None:
    """Audited. What trains reads params["asked"] of the active model; the version it makes is a new row without it."""
    with transaction.atomic():
        model = ForecastModel.objects.select_for_update().filter(track=track, active=True).first()
        if model is not None:
            model.params = {**model.params, "asked": str(getattr(actor, "name", actor))[:200]}
            model.save(update_fields=["params"])
        Track.objects.filter(pk=track.pk).update(due_at=timezone.now())
        audit.record("forecast.retrain", target=track, actor=actor, after={"version": model.version if model else None})
