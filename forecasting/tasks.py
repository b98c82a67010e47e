"""Periodic work. Each finds in the database what is left to do, may run twice at once, and puts itself off while the store is away."""

from collections.abc import Callable

from celery import shared_task
from django.db import Error

from aiops.errors import when_it_answers
from forecasting import runs, scoring, tending
from monitoring.store import StoreUnavailable


@shared_task
def score_due() -> int:
    """Every minute: judges the new rows of watches whose step is over."""
    return _when_it_answers("score_due", scoring.score_due)


@shared_task
def forecast_due() -> int:
    """Every minute: trains and forecasts tracks whose turn it is."""
    return _when_it_answers("forecast_due", runs.forecast_due)


@shared_task
def tend_tracks() -> int:
    """Every ten minutes: tracks that ended, and those that are known well enough."""
    return _when_it_answers("tend_tracks", lambda: tending.end_silent() + tending.introduce())


@shared_task
def expire_forecasts() -> int:
    """Every night: places of ended tracks, rows that are too old."""
    return _when_it_answers("expire_forecasts", lambda: tending.sweep() + tending.expire())


def _when_it_answers(task: str, work: Callable[[], int]) -> int:
    return when_it_answers(task, work, "store", (StoreUnavailable, Error))
