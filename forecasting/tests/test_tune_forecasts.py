from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import AuditEntry
from forecasting import fit_process, scoring, training
from forecasting.models import ForecastModel
from forecasting.tests.conftest import daily, put
from monitoring.store.windows import MINUTE, floor, now_ms

pytestmark = pytest.mark.django_db


def test_all_rivals_are_weighed_anew_and_the_version_says_so(watch, monkeypatch) -> None:
    blend = training.predict.blend
    light = lambda t, x, horizon, **options: blend(t, x, horizon, level="numpy")  # noqa: E731
    monkeypatch.setattr(fit_process, "blend", light)
    watch("load", forecast=True, detect=False)
    end = floor(now_ms(), 5 * MINUTE)
    put("load", daily(8, end=end), end, instance="a")
    scoring.score_due(timezone.now())
    said = StringIO()
    call_command("tune_forecasts", watch="load", stdout=said)
    model = ForecastModel.objects.get()
    assert (model.why, model.level, model.active) == ("asked", "full", True)
    assert "1 of 1 tracks have a new model" in said.getvalue()
    assert AuditEntry.objects.last().action == "forecasts.tuned"


def test_a_track_that_does_not_exist_is_said(db) -> None:
    with pytest.raises(CommandError, match="no track like that"):
        call_command("tune_forecasts", vm="nobody")
