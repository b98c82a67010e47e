"""Every formula against cases that were worked out by hand."""

import numpy as np
import pytest

from monitoring.kpis import compute
from monitoring.kpis.compute import Period, Spans, Troubles, ledger, spans, without

pytestmark = pytest.mark.once


def troubles(*rows, names=("A", "B")):
    """(began, opened, acknowledged, resolved, severity, resource, name)"""
    columns = np.array(rows, np.int64).reshape(-1, 7).T
    off = np.zeros(len(rows), bool)
    return Troubles(
        np.arange(1, len(rows) + 1), *columns, acted=columns[2] > 0, lapsed=off.copy(), quiet=off.copy(), flapped=off.copy(), names=names
    )


ROWS = troubles(
    (90, 100, 160, 400, 3, 7, 0),  # 10 to detect, 60 to acknowledge, 300 to resolve
    (180, 200, 0, 260, 2, 7, 1),  # 20, never, 60
    (300, 300, 330, 0, 1, 8, 0),  # 0, 30, still open
)


def tuples(found: Spans):
    return list(zip(*(column.tolist() for column in found), strict=True))


def test_time_to_detect_counts_every_row():
    found = compute.to_detect(ROWS).spread
    assert (found.n, found.mean, found.median) == (3, 10.0, 10.0)


def test_time_to_acknowledge_counts_those_that_were():
    found = compute.to_acknowledge(ROWS).spread
    assert (found.n, found.mean, found.median) == (2, 45.0, 45.0)


def test_time_to_resolve_leaves_out_what_is_open_and_what_lapsed():
    assert compute.to_resolve(ROWS).spread[:3] == (2, 180.0, 180.0)
    lapsed = troubles((0, 0, 0, 10, 1, 0, 0))
    lapsed.lapsed[0] = True
    assert compute.to_resolve(lapsed).spread.n == 0


def test_percentiles_are_between_the_values():
    found = compute.spread(np.arange(0, 101))
    assert (found.median, found.p90) == (50.0, 90.0)


def test_of_nothing_there_is_no_value():
    assert compute.spread(np.empty(0, np.int64)) == (0, None, None, None)
    assert compute.noise(troubles()).share is None
    assert compute.share(np.empty(0, bool)) is None


def test_a_clock_that_was_set_back_makes_no_negative_time():
    assert compute.to_detect(troubles((100, 90, 0, 0, 1, 0, 0))).seconds.tolist() == [0]


def test_noise_is_the_share_of_ended_alerts_nobody_acted_on():
    found = compute.noise(ROWS)  # two are over, one of these was acknowledged
    assert (found.share, found.ignored.tolist()) == (50.0, [False, True, False])


def test_a_period_holds_its_start_and_not_its_end():
    assert ROWS.within(Period(100, 300)).id.tolist() == [1, 2]
    assert Period(100, 300).before == Period(-100, 100)


class TestIntervals:
    def test_what_overlaps_or_touches_is_one(self):
        found = without(spans([(1, 0, 10), (1, 5, 20), (1, 20, 30), (1, 40, 50), (2, 5, 8)]), spans([]))
        assert tuples(found) == [(1, 0, 30), (1, 40, 50), (2, 5, 8)]

    def test_what_is_left_out_splits(self):
        assert tuples(without(spans([(1, 0, 100)]), spans([(1, 20, 30), (1, 90, 200), (2, 0, 100)]))) == [(1, 0, 20), (1, 30, 90)]

    def test_nothing_is_left_of_what_is_covered(self):
        assert tuples(without(spans([(1, 10, 20)]), spans([(1, 0, 15), (1, 15, 40)]))) == []
        assert tuples(without(spans([]), spans([(1, 0, 5)]))) == []

    def test_it_agrees_with_counting_seconds(self):
        chance = np.random.default_rng(5)
        for _ in range(50):
            held = spans(
                [(int(chance.integers(1, 4)), a := int(chance.integers(0, 50)), a + int(chance.integers(1, 20))) for _ in range(8)]
            )
            out = spans([(int(chance.integers(1, 4)), a := int(chance.integers(0, 50)), a + int(chance.integers(1, 20))) for _ in range(4)])
            seconds = {(pk, t) for pk, a, b in tuples(held) for t in range(a, b)} - {
                (pk, t) for pk, a, b in tuples(out) for t in range(a, b)
            }
            found = without(held, out)
            assert {(pk, t) for pk, a, b in tuples(found) for t in range(a, b)} == seconds
            assert found.seconds == len(seconds)


class TestAvailability:
    watched = spans([(1, 0, 1000), (2, 500, 1000)])
    outages = spans([(1, 100, 150), (1, 950, 1200), (2, 990, 1000)])

    def test_it_is_watched_time_less_downtime(self):
        found = ledger(self.watched, self.outages, Period(0, 1000)).uptime()
        assert (found.resources, found.observed, found.down, found.failures) == (2, 1500, 110, 3)
        assert found.percent == pytest.approx(100 * (1 - 110 / 1500))
        assert found.between_failures == pytest.approx((1500 - 110) / 3)

    def test_of_one_service(self):
        found = ledger(self.watched, self.outages, Period(0, 1000)).uptime(np.array([2, 99]))
        assert (found.resources, found.observed, found.down, found.failures) == (1, 500, 10, 1)

    def test_an_outage_that_began_before_is_downtime_and_no_failure(self):
        found = ledger(self.watched, self.outages, Period(120, 900)).uptime()
        assert (found.down, found.failures, found.between_failures) == (30, 0, None)

    def test_what_was_not_watched_has_no_availability(self):
        assert ledger(self.watched, self.outages, Period(5000, 6000)).uptime().percent is None

    @pytest.mark.parametrize(("percent", "left"), [(100.0, 100.0), (99.95, 50.0), (99.9, 0.0), (99.8, -100.0), (None, None)])
    def test_the_budget_is_what_the_objective_allows(self, percent, left):
        assert compute.budget_left(percent, 99.9) == (left if left is None else pytest.approx(left))


def test_trends_count_and_average_by_part():
    limits = np.array([0, 150, 250, 350])
    assert compute.counted(ROWS.opened, limits).tolist() == [1, 1, 1]
    assert compute.means(compute.to_resolve(ROWS), limits) == [300.0, 60.0, None]


def test_the_top_is_what_there_is_most_of_with_the_time_it_was_open():
    first, second = compute.top(ROWS.name, ROWS, Period(0, 500), 5)
    assert (first.key, first.rows, first.seconds) == (0, 2, 300 + 200)  # open ones until the end of the period
    assert (second.key, second.rows, second.seconds) == (1, 1, 60)
    assert compute.top(ROWS.name, ROWS, Period(0, 500), 1) == [first]
