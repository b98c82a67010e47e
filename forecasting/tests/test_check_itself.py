from datetime import timedelta

import pytest
from django.utils import timezone

from forecasting.self_check import check

pytestmark = pytest.mark.django_db


def test_a_fresh_installation_is_well(watch) -> None:
    watch(due_at=timezone.now())
    assert (check().status, check().detail) == ("ok", "nothing has been judged yet")


def test_watches_that_wait_for_long_are_said(watch) -> None:
    watch(last_evaluated=timezone.now(), due_at=timezone.now() - timedelta(hours=1))
    assert check().status == "degraded"
    assert "1 watches wait" in check().detail


def test_a_watch_that_cannot_be_evaluated_is_named(watch) -> None:
    watch(last_evaluated=timezone.now(), due_at=timezone.now(), last_error="no")
    assert check().detail == "cannot be evaluated: Load"


def test_what_is_judged_in_time_is_well(watch) -> None:
    watch(last_evaluated=timezone.now() - timedelta(seconds=30), due_at=timezone.now())
    assert check().status == "ok"
    assert 25 < check().age_seconds < 60
