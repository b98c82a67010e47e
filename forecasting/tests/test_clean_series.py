import numpy as np
import pytest

from forecasting.cleaning import Unpredictable, moving, regular

pytestmark = [pytest.mark.once]
START = 1_767_600_000  # seconds, a Monday


def hourly(rows: int) -> np.ndarray:
    return START + 3600 * np.arange(rows)


def test_a_clean_series_stays_as_it_is() -> None:
    series = regular(hourly(100), np.arange(100.0))
    assert series.step == 3600
    assert series.day == 24
    assert np.array_equal(series.values, np.arange(100.0))
    assert series.times[0] == np.datetime64(START, "s")
    assert series.notes == []


def test_times_may_be_of_any_precision_and_out_of_order() -> None:
    times = hourly(50).astype("datetime64[s]").astype("datetime64[ns]")
    order = np.random.default_rng(0).permutation(50)
    assert np.array_equal(regular(times[order], np.arange(50.0)[order]).values, np.arange(50.0))


def test_of_the_same_time_the_last_value_holds() -> None:
    times, values = np.append(hourly(30), START), np.append(np.arange(30.0), 7.0)
    assert regular(times, values).values[0] == 7.0


def test_small_gaps_and_not_a_number_are_bridged_and_told() -> None:
    values = np.arange(100.0)
    values[[10, 11, 40]] = np.nan, np.inf, -np.inf
    series = regular(hourly(100), values)
    assert np.allclose(series.values, np.arange(100.0))
    assert series.notes == ["3.0% of the values were missing and are bridged by straight lines."]


def test_uneven_times_come_on_a_grid() -> None:
    times = hourly(200) + np.random.default_rng(0).integers(-300, 300, 200)
    series = regular(times, np.arange(200.0))
    assert np.ptp(np.diff(series.times.astype(np.int64))) == 0
    assert abs(series.step - 3600) < 60


def test_a_counter_goes_on_where_it_started_anew() -> None:
    counted = np.concatenate([np.arange(0, 50, 1.0), np.arange(0, 50, 1.0)])
    series = regular(hourly(100), counted, counter=True)
    assert np.all(np.diff(series.values) >= 0)
    assert series.notes == ["The counter started anew 1 times; it is read as if it had gone on."]


def test_after_a_huge_gap_only_the_rest_is_used() -> None:
    times = np.concatenate([hourly(100), hourly(100) + 200 * 3600])
    series = regular(times, np.arange(200.0))
    assert len(series.values) == 100
    assert series.notes == ["There is a gap of 4.21 days before 13 January 2026; what came before is not used."]


def test_after_a_change_of_resolution_only_the_rest_is_used() -> None:
    times = np.concatenate([START + 300 * np.arange(300), START + 90_000 + 3600 * np.arange(200)])
    series = regular(times, np.arange(500.0))
    assert series.step == 3600
    assert len(series.values) == pytest.approx(200, abs=2)
    assert series.notes == ["The resolution changed from 5 min to 1 h on 6 January 2026; what came before is not used."]


def test_a_missing_hour_is_no_change_of_resolution() -> None:
    times = np.delete(START + 300 * np.arange(2000), np.r_[500:512, 900:906])
    assert len(regular(times, np.arange(1982.0)).values) == 2000


@pytest.mark.parametrize(
    ("times", "values", "sentence"),
    [
        (hourly(0), np.empty(0), "There is too little history: no values, at least 12 are needed."),
        (hourly(5), np.arange(5.0), "There is too little history: 5 values, at least 12 are needed."),
        (hourly(50), np.full(50, np.nan), "There are only gaps: not one value in the time looked at."),
        (hourly(50), np.arange(49.0), "There must be one value for each time."),
        (
            np.concatenate([hourly(100), hourly(20) + 300 * 3600]),
            np.arange(120.0),
            "There is a gap of 8.38 days before 17 January 2026, and there is too little history since then.",
        ),
        (
            np.concatenate([START + 300 * np.arange(300), START + 90_000 + 3600 * np.arange(30)]),
            np.arange(330.0),
            "The resolution changed from 5 min to 1 h on 6 January 2026, and there is too little history since then.",
        ),
        (
            np.sort(np.random.default_rng(0).choice(hourly(4000), 1500, replace=False)),
            np.arange(1500.0),
            "",
        ),
    ],
)
def test_what_cannot_be_used_says_why(times: np.ndarray, values: np.ndarray, sentence: str) -> None:
    with pytest.raises(Unpredictable) as refusal:
        regular(times, values)
    assert sentence in refusal.value.sentence
    assert refusal.value.sentence.endswith(".")


def test_a_series_that_never_changes_is_refused() -> None:
    with pytest.raises(Unpredictable, match=r"The series is constant: it has been 3\.5 all the time\."):
        moving(regular(hourly(100), np.full(100, 3.5)))
