import time

import numpy as np
import pytest

from forecasting.capacity import time_to_limit, what_if
from forecasting.cleaning import Unpredictable

pytestmark = [pytest.mark.once]
DAY = 86_400
HALF_HOUR = np.timedelta64(1800, "s")


def times(rows: int) -> np.ndarray:
    return np.datetime64("2026-01-05T00:00:00", "s") + np.arange(rows) * HALF_HOUR


def filling(days: int = 20, a_day: float = 2.0, start: float = 40.0, noise: float = 0.3) -> np.ndarray:
    steps = a_day / 48 * (1 + noise * np.random.default_rng(2).standard_normal(days * 48))
    return start + np.cumsum(np.maximum(steps, 0))


def test_a_steadily_filling_disk_is_full_when_its_speed_says_so() -> None:
    told = time_to_limit(times(960), filling(), 90.0)
    expected = (90 - filling()[-1]) / 2 * DAY
    assert told["eta_seconds"] == pytest.approx(expected, rel=0.1)
    assert told["lo"] < told["eta_seconds"] < told["hi"]
    assert told["reason"] == ""


def test_what_is_left_is_followed_downwards() -> None:
    up = time_to_limit(times(960), filling(), 90.0)
    down = time_to_limit(times(960), 100 - filling(), 10.0, "down")
    assert down["eta_seconds"] == pytest.approx(up["eta_seconds"], rel=0.02)


def test_a_level_that_is_cleaned_up_every_night_is_never_full() -> None:
    day = np.concatenate([np.linspace(0, 20, 47), [0]])
    told = time_to_limit(times(960), 60 + np.tile(day, 20), 90.0)
    assert told["eta_seconds"] is None
    assert told["reason"] == "It does not reach the limit within 7 days."


def test_one_burst_is_not_taken_for_the_new_speed() -> None:
    level = filling(a_day=1.0)
    level[-10:] += 8
    told = time_to_limit(times(960), level, 90.0, horizon_days=30)
    assert told["eta_seconds"] > 10 * DAY


def test_one_clean_up_by_hand_leaves_the_speed_as_it_was() -> None:
    level = filling(a_day=4.0, start=20.0)
    level[-200:] -= 30
    told = time_to_limit(times(960), level, level[-1] + 8)
    assert told["eta_seconds"] == pytest.approx(2 * DAY, rel=0.15)


def test_a_new_speed_is_seen_after_a_day() -> None:
    level = filling(a_day=1.0)
    level[-48:] += np.arange(1, 49) / 48 * 4.0
    told = time_to_limit(times(960), level, level[-1] + 10)
    assert told["eta_seconds"] == pytest.approx(2 * DAY, rel=0.2)


def test_at_the_limit_it_is_now() -> None:
    assert time_to_limit(times(960), filling(), 50.0) == {"eta_seconds": 0.0, "lo": 0.0, "hi": 0.0, "reason": ""}


def test_a_constant_level_does_not_reach_its_limit() -> None:
    told = time_to_limit(times(960), np.full(960, 40.0), 90.0)
    assert (told["eta_seconds"], told["lo"], told["hi"]) == (None, None, None)


def test_the_same_question_gives_the_same_answer() -> None:
    assert time_to_limit(times(960), filling(), 90.0) == time_to_limit(times(960), filling(), 90.0)


@pytest.mark.parametrize(
    ("values", "limit", "direction", "sentence"),
    [
        (filling(1), 90.0, "up", "There is too little history: 24 h, at least 24.5 h are needed."),
        (filling() - 45, 90.0, "up", "There are values below zero, while the limit is 90: this is no level that fills up."),
        (np.full(960, np.nan), 90.0, "up", "There are only gaps: not one value in the time looked at."),
        (filling(), float("nan"), "up", "The limit must be a number."),
        (filling(), 90.0, "sideways", 'The direction must be "up" or "down".'),
    ],
)
def test_what_has_no_answer_says_why(values: np.ndarray, limit: float, direction: str, sentence: str) -> None:
    with pytest.raises(Unpredictable) as refusal:
        time_to_limit(times(len(values)), values, limit, direction)
    assert refusal.value.sentence == sentence


def test_more_load_fills_a_disk_faster() -> None:
    asked = what_if(times(960), filling(), 90.0, load=1.3)
    assert asked.then["eta_seconds"] == pytest.approx(asked.now["eta_seconds"] / 1.3, rel=0.05)
    assert asked.level == filling()[-1]


def test_more_load_lifts_a_gauge() -> None:
    gauge = 60 + 5 * np.sin(np.arange(960) * 2 * np.pi / 48)
    asked = what_if(times(960), gauge, 80.0, load=1.3)
    assert asked.now["eta_seconds"] is None
    assert asked.level == pytest.approx(gauge[-1] * 1.3)
    assert asked.then["eta_seconds"] is not None


def test_a_removed_node_leaves_its_share_to_the_others() -> None:
    asked = what_if(times(960), filling(a_day=0.5, start=50.0), 90.0, nodes=4)
    assert asked.level == pytest.approx(filling(a_day=0.5, start=50.0)[-1] * 4 / 3)


def test_a_lower_limit_is_reached_sooner() -> None:
    asked = what_if(times(960), filling(), 90.0, new_limit=85.0)
    assert asked.then["eta_seconds"] < asked.now["eta_seconds"]
    assert asked.limit == 85.0


def test_what_is_left_can_be_lifted_where_its_total_is_known() -> None:
    left = 100 - filling()
    asked = what_if(times(960), left, 10.0, "down", nodes=10, total=100.0)
    assert asked.level == pytest.approx(100 - filling()[-1] * 10 / 9)
    with pytest.raises(Unpredictable, match="the total is needed"):
        what_if(times(960), left, 10.0, "down", nodes=10)


@pytest.mark.parametrize(("asked", "sentence"), [({"load": 0.0}, "above zero"), ({"nodes": 1}, "cannot be removed")])
def test_what_makes_no_sense_is_refused(asked: dict, sentence: str) -> None:
    with pytest.raises(Unpredictable, match=sentence):
        what_if(times(960), filling(), 90.0, **asked)


def test_it_is_fast_enough_to_move_a_slider() -> None:
    what_if(times(960), filling(), 90.0, load=1.1)
    begun = time.process_time()
    for _ in range(10):
        what_if(times(960), filling(), 90.0, load=1.3)
    assert (time.process_time() - begun) / 10 < 0.03  # 10 ms on a quiet machine


def with_clean_ups(days_ago: list[int], days: int = 21) -> np.ndarray:
    """Half hours; four points a day, and 30 gone in one of them so many days before the end."""
    rows = days * 48
    steps = 4 / 48 + np.random.default_rng(3).normal(0, 0.02, rows)
    for ago in days_ago:
        steps[rows - ago * 48 - 20] -= 30
    level = np.cumsum(steps)
    return level - level[-1] + 80


@pytest.mark.parametrize("ago", [8, 10, 13, 18])
def test_a_clean_up_by_hand_long_ago_says_nothing_of_how_it_grows_now(ago):
    level = with_clean_ups([ago])
    said = time_to_limit(times(len(level)), level, 92.0)
    assert said["eta_seconds"] == pytest.approx(3 * DAY, rel=0.25)
    assert said["lo"] <= 3 * DAY <= said["hi"]


@pytest.mark.parametrize("ago", [[1, 8], [3], [2, 6, 12]])
def test_clean_ups_of_late_are_counted_on(ago):
    """Whoever cleaned up this week may do it again: no clean-up is certain, and none is ruled out."""
    level = with_clean_ups(ago)
    said = time_to_limit(times(len(level)), level, 92.0)
    assert said["hi"] is None
