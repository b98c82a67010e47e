import subprocess
import sys

import numpy as np
import pytest

from forecasting import backtest, predict
from forecasting.forecasters import base
from forecasting.predict import Blended, Unpredictable, blend, forecast, refit

pytestmark = [pytest.mark.once]
BANDS = ("mean", "lo80", "hi80", "lo95", "hi95")


def times(rows: int, step: int = 3600) -> np.ndarray:
    return np.datetime64("2026-01-05T00:00:00", "s") + np.arange(rows) * np.timedelta64(step, "s")


def daily(rows: int = 600, noise: float = 0.5, seed: int = 0) -> np.ndarray:
    return 50 + 10 * np.sin(np.arange(rows) * 2 * np.pi / 24) + np.random.default_rng(seed).normal(0, noise, rows)


def test_a_daily_pattern_goes_on_within_its_band() -> None:
    whole = daily(648)
    told = forecast(times(600), whole[:600], 48, level="numpy")
    assert set(told) == set(BANDS)
    assert all(told[name].shape == (48,) and np.isfinite(told[name]).all() for name in BANDS)
    assert np.abs(told["mean"] - whole[600:]).mean() < 1.0
    for lower, upper in (("lo95", "lo80"), ("lo80", "mean"), ("mean", "hi80"), ("hi80", "hi95")):
        assert (told[lower] <= told[upper]).all()


def test_the_intervals_hold_about_what_they_promise() -> None:
    held = []
    for seed in range(12):
        whole = daily(648, noise=2.0, seed=seed)
        told = forecast(times(600), whole[:600], 48, level="numpy")
        held.append([np.mean((whole[600:] >= told[f"lo{p}"]) & (whole[600:] <= told[f"hi{p}"])) for p in (80, 95)])
    held80, held95 = np.mean(held, axis=0)
    assert 0.75 <= held80 <= 0.92
    assert 0.9 <= held95 <= 1.0


def test_it_tells_weights_errors_and_how_much_better_than_naive() -> None:
    told = blend(times(600), daily(), 48, level="numpy")
    assert sum(told.weights.values()) == pytest.approx(1)
    assert set(told.errors) == {*told.weights, "blend"}
    assert told.errors["seasonal_naive"]["mae"] > told.errors["blend"]["mae"]
    assert told.ratio == pytest.approx(told.errors["blend"]["mae"] / told.errors["seasonal_naive"]["mae"])
    assert told.predictable
    assert told.reason == ""
    assert told.folds == 3
    assert set(told.coverage) == {"80", "95"}
    assert told.origin == times(600)[-1]


def test_a_series_that_no_model_beats_the_baseline_on_is_not_predictable_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    told = blend(times(600), daily(), 48, models=["seasonal_naive"])
    assert not told.predictable
    assert told.reason == "Not predictable yet: no model does better than the same time yesterday."


def test_a_history_too_short_to_test_on_is_not_predictable_yet() -> None:
    told = blend(times(60), daily(60), 24, level="numpy")
    assert told.errors == {}
    assert told.ratio is None
    assert "too little history to test" in told.reason


def test_a_refit_keeps_weights_and_widths() -> None:
    first = blend(times(576), daily(600)[:576], 24, level="numpy")
    again = refit(times(600), daily(600), 24, first)
    assert again.weights == first.weights
    assert np.allclose(again.hi80 - again.mean, first.hi80 - first.mean)
    assert again.origin > first.origin
    assert again.rows == 600
    assert not np.allclose(again.mean, first.mean)
    longer = refit(times(600), daily(600), 48, first)
    assert longer.hi95.shape == (48,)
    assert (longer.hi95 - longer.mean)[-1] > (longer.hi95 - longer.mean)[23]


def test_a_model_is_kept_as_bytes() -> None:
    first = blend(times(600), daily(), 24, level="numpy", floor=0.0)
    kept = Blended.unpack(first.pack())
    assert kept.weights == first.weights
    assert kept.origin == first.origin
    assert np.array_equal(kept.mean, first.mean)
    assert np.array_equal(kept.params["lag_ridge"]["fit"], first.params["lag_ridge"]["fit"])
    assert len(first.pack()) < 30_000
    with pytest.raises(ValueError, match="no packed model"):
        Blended.unpack(b"something else")


def test_nothing_lies_beyond_what_can_be_measured() -> None:
    share = np.clip(daily(600, noise=8) + 38, 0, 100)
    told = forecast(times(600), share, 48, level="numpy", floor=0.0, ceiling=100.0)
    assert max(told[name].max() for name in BANDS) <= 100.0
    assert min(told[name].min() for name in BANDS) >= 0.0


class Failing(base.Forecaster):
    label = "Fails"

    def forecast(self, past: object, horizon: int, earlier: object = None) -> base.Told:
        raise RuntimeError("the optimiser did not start")


def test_a_model_that_fails_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(base.FORECASTERS, "failing", f"{__name__}.Failing")
    told = blend(times(600), daily(), 24, models=["failing", "ridge_ar"])
    assert told.faults == {"failing": "the optimiser did not start"}
    assert told.weights == {"ridge_ar": 1.0}
    with pytest.raises(Unpredictable, match="No model could be fitted: failing: the optimiser did not start"):
        blend(times(600), daily(), 24, models=["failing"])


@pytest.mark.parametrize(
    ("rows", "values", "horizon", "sentence"),
    [
        (40, daily(40), 24, "There is too little history: 40 h, at least 2 days are needed."),
        (600, np.full(600, 4.0), 24, "The series is constant: it has been 4 all the time."),
        (600, np.full(600, np.nan), 24, "There are only gaps: not one value in the time looked at."),
        (600, daily(), 0, "The horizon must be one step at least."),
    ],
)
def test_bad_input_has_one_sentence(rows: int, values: np.ndarray, horizon: int, sentence: str) -> None:
    with pytest.raises(Unpredictable) as refusal:
        forecast(times(rows), values, horizon, level="numpy")
    assert refusal.value.sentence == sentence


def test_steps_of_minutes_and_of_days_work_too() -> None:
    minutes = 50 + np.sin(np.arange(7000) * 2 * np.pi / 1440) + np.random.default_rng(0).normal(0, 0.1, 7000)
    assert blend(times(7000, 60), minutes, 48, level="numpy").folds == 3
    days = 50 + np.tile([1.0, 2, 3, 4, 5, 0, 0], 20) + np.random.default_rng(0).normal(0, 0.1, 140)
    assert blend(times(140, 86_400), days, 7, level="numpy").ratio is not None


def test_no_row_of_the_future_is_used() -> None:
    whole = daily(600)
    assert np.array_equal(
        forecast(times(500), whole[:500], 24, level="numpy")["mean"], forecast(times(600)[:500], whole[:500], 24, level="numpy")["mean"]
    )
    ends = backtest.origins(500, 24, 24)
    assert all(end + 24 <= 500 for end in ends)


@pytest.mark.parametrize("name", [name for name in base.FORECASTERS if name not in ("prophet",)])
def test_each_forecaster_continues_a_daily_pattern(name: str) -> None:
    whole = daily(28 * 24 + 24)
    told = blend(times(28 * 24), whole[: 28 * 24], 24, models=[name])
    assert told.faults == {}
    if name not in ("last_value", "day_median"):
        assert np.abs(told.mean - whole[28 * 24 :]).mean() < 2.0


def test_prophet_starts_where_it_ended_before(capfd: pytest.CaptureFixture) -> None:
    first = blend(times(240), daily(240), 24, models=["prophet"])
    assert first.faults == {}
    again = refit(times(240), daily(240), 24, Blended.unpack(first.pack()))
    assert np.allclose(again.mean, first.mean, atol=0.5)
    assert "cmdstan" not in "".join(capfd.readouterr())


def test_it_needs_no_django_set_up() -> None:
    code = """import forecasting.predict, forecasting.capacity, django.conf, sys
assert not django.conf.settings.configured
assert not {'pandas', 'prophet', 'statsforecast'} & set(sys.modules)"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PATH": "", "PYTHONPATH": "."})


def test_a_forecaster_is_found_by_name() -> None:
    assert all(backtest.forecaster(name).label for name in base.FORECASTERS)
    assert set(predict.FULL) <= set(base.FORECASTERS)
