from itertools import pairwise

import numpy as np
import pytest

from monitoring.demo import grid

pytestmark = pytest.mark.once

NOW = 1_795_269_114_321


def laid(now=NOW, since=NOW - grid.DAYS * grid.DAY):
    return [(day, one) for day, stretches in grid.days(now, since) for one in stretches]


@pytest.mark.parametrize("now", [NOW, NOW // grid.DAY * grid.DAY, NOW // grid.DAY * grid.DAY + 1, NOW // grid.DAY * grid.DAY - 1])
def test_times_rise_to_the_last_poll_with_steps_a_chart_takes_for_no_gap(now):
    t = np.concatenate([one.t for _, one in laid(now, now - 14 * grid.DAY)])
    steps = np.diff(t)
    assert t[-1] == grid.until(now)
    assert now - 14 * grid.DAY <= t[0] < now - 14 * grid.DAY + 150_000
    assert (steps > 0).all()
    assert steps.max() <= 150_000  # two samples within every five minutes
    assert (steps[:-1] / steps[1:]).max() <= 10


def test_neighbouring_steps_differ_by_three_at_most():
    seconds = [step for step, _ in grid.STEPS]
    assert all(older <= 3 * newer for older, newer in pairwise(seconds))
    assert all(step % grid.INTERVAL == 0 for step in seconds)


def test_a_stretch_is_even_and_of_one_day():
    for day, one in laid():
        assert set(np.diff(one.t).tolist()) <= {one.step}
        assert day <= one.t[0] <= one.t[-1] < day + grid.DAY


def test_nothing_is_laid_where_there_is_no_time():
    assert laid(NOW, NOW + 60_000) == []
