import numpy as np
import pytest

from aiops.timerange import TimeRange
from monitoring.dashboards import charts
from monitoring.dashboards.frames import Grid
from monitoring.dashboards.rolled import RolledFrames
from monitoring.store import merge, reader, seal, writer
from monitoring.store.batch import Batch
from monitoring.store.reader import Buckets, SeriesRef

HOUR, DAY = 3_600_000, 86_400_000


def buckets(values, step=HOUR, start=0, count=240):
    known = [(start + at * step, value) for at, value in enumerate(values) if value is not None]
    t, v = np.array([t for t, _ in known], np.int64), np.array([v for _, v in known], float)
    return Buckets(t, v - 1, v + 1, v, v, np.full(len(t), count))


def frames(values, metric="node_load1", start=0, **given):
    return RolledFrames([SeriesRef(1, metric, {}, 1)], {1: buckets(values, start=start, **given)}, Grid(0, HOUR, 6))


def test_a_gauge_keeps_the_lowest_and_highest_of_its_samples():
    line = frames([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).one("node_load1")
    assert line.mean.tolist() == [1, 2, 3, 4, 5, 6]
    assert line.low.tolist() == [0, 1, 2, 3, 4, 5]
    assert line.high.tolist() == [2, 3, 4, 5, 6, 7]


def test_a_gap_stays_a_gap():
    assert np.isnan(frames([1.0, None, 3.0, 4.0, 5.0, 6.0]).one("node_load1").mean[1])


def test_a_counters_rate_is_that_between_two_buckets_ends():
    line = frames([0.0, 3600.0, 10800.0], "node_forks_total", start=-HOUR).counter("node_forks_total")[""]
    assert line.mean[:2].tolist() == [1.0, 2.0]


def test_a_counter_that_was_reset_has_no_negative_rate():
    line = frames([7200.0, 3600.0], "node_forks_total", start=-HOUR).counter("node_forks_total")[""]
    assert line.mean[0] == 1.0


def test_no_rate_leads_over_a_gap():
    line = frames([0.0, None, None, 7200.0, 10800.0], "node_forks_total").counter("node_forks_total")[""]
    assert np.isnan(line.mean[1:3]).all()
    assert line.mean[3] < 0.001  # its own samples grew by 1, not by 7200
    assert line.mean[4] == 1.0


def test_the_first_bucket_has_the_rate_of_its_own_samples():
    one = Buckets(*(np.array([value]) for value in (0, 100.0, 700.0, 400.0, 700.0, 121)))
    line = RolledFrames([SeriesRef(1, "x_total", {}, 1)], {1: one}, Grid(0, HOUR, 1)).counter("x_total")[""]
    assert line.mean[0] == pytest.approx(600 / 3570, rel=0.01)  # 120 pauses of 3600 / 121 s


def told(counts, growth, step=HOUR):
    """A counter that grows by `growth` a sample, with so many samples in each bucket; None: nothing came."""
    last = np.cumsum([growth * (count or 0) for count in counts], dtype=float)
    known = [at for at, count in enumerate(counts) if count]
    t, count = np.array(known, np.int64) * step, np.array([counts[at] for at in known], np.int64)
    low = last[known] - growth * (count - 1)
    return Buckets(t, low, last[known], last[known], last[known], count)


@pytest.mark.parametrize("pace", [15_000, None])
def test_history_kept_at_another_pace_than_the_promised_begins_and_goes_on_without_a_peak(pace):
    one = told([12, 24, 20, None, None, 10, 24, 24], 150.0)  # every 150 s
    line = RolledFrames([SeriesRef(1, "x_total", {}, 1)], {1: one}, Grid(0, HOUR, 8), pace).counter("x_total")[""]
    assert np.nanmax(line.mean) == pytest.approx(1.0)
    assert np.nanmin(line.mean) == pytest.approx(1.0)


def test_the_bucket_that_is_still_filling_does_not_fall():
    one = told([240, 240, 240, 8], 15.0)
    line = RolledFrames([SeriesRef(1, "x_total", {}, 1)], {1: one}, Grid(0, HOUR, 4), 15_000).counter("x_total")[""]
    assert line.mean[-1] == pytest.approx(1.0)


def test_a_counter_sampled_less_often_than_a_bucket_keeps_its_rate():
    one = told([1, None, 1, None, 1, None, 1], 7200.0)
    line = RolledFrames([SeriesRef(1, "x_total", {}, 1)], {1: one}, Grid(0, HOUR, 7), 7_200_000).counter("x_total")[""]
    assert line.mean[[2, 4, 6]].tolist() == [1.0, 1.0, 1.0]


def test_one_sample_alone_has_no_rate():
    line = frames([5.0], "x_total", count=1).counter("x_total")
    assert np.isnan(line[""].mean).all()


def test_a_series_sampled_less_often_than_a_bucket_is_held():
    line = RolledFrames([SeriesRef(1, "x", {}, 1)], {1: buckets([1.0, None, 2.0, None, 3.0, None], count=1)}, Grid(0, HOUR, 6)).one("x")
    assert line.mean.tolist()[:5] == [1, 1, 2, 2, 3]


@pytest.mark.django_db
def test_a_month_of_a_host_is_drawn_from_rollups_with_the_figures_of_its_samples(watch, now_ms, django_assert_max_num_queries):
    host = watch("db-1")
    first = (now_ms - 25 * DAY) // DAY * DAY
    moments = range(first, now_ms, 10 * 60_000)
    samples = [("node_load1", {}, t, 2.0 if t % HOUR else 8.0) for t in moments]
    writer.write(Batch.of(samples + [("node_context_switches_total", {}, t, (t - first) / 100) for t in moments], host.pk))
    seal.seal()
    merge.merge_days()
    end = moments[-1] // HOUR * HOUR
    span = TimeRange(end - 20 * DAY, end, "20 days", None, False)
    with django_assert_max_num_queries(4):
        drawn = {one.panel.key: one.lines for one in charts.of_resource(host, span).drawn}
    load = next(iter(drawn["load"].values()))
    assert np.nanmax(load.high) == 8.0
    assert np.nanmin(load.low) == 2.0
    assert np.nanmean(load.mean) == pytest.approx(3.0, rel=0.02)
    assert len(reader.raw_many([ref.id for ref in reader.select("node_load1")], first, now_ms)) == 1
