import numpy as np
import pytest

from monitoring.dashboards.frames import Frames, Grid, Line, bucketed, rate
from monitoring.dashboards.panels import BY_KEY, cpu_by_mode, filesystems, memory, ranked
from monitoring.store.reader import SeriesRef

pytestmark = pytest.mark.once

STEP = 10_000


def line(*values):
    column = np.array(values, float)
    return Line(column, column, column)


def frames(series, count=12):
    """series: [(metric, labels, values)], one value each 10 s from 0."""
    refs, samples = [], {}
    for sid, (metric, labels, values) in enumerate(series, 1):
        refs.append(SeriesRef(sid, metric, labels, 1))
        known = [(at * STEP, value) for at, value in enumerate(values) if value is not None]
        samples[sid] = (np.array([t for t, _ in known], np.int64), np.array([v for _, v in known], float))
    return Frames(refs, samples, Grid(0, STEP, count), STEP)


def test_a_grid_starts_on_a_multiple_of_its_step_and_covers_the_range():
    grid = Grid.over(1_000_003, 4_600_003, 500, 5000)
    assert grid.step == 10_000
    assert grid.start == 1_000_000
    assert grid.start + grid.step * grid.count >= 4_600_003


def test_buckets_are_never_narrower_than_the_samples_interval():
    assert Grid.over(0, 60_000, 500, 15_000).step == 15_000


def test_a_window_that_slides_keeps_its_buckets():
    first, later = Grid.over(0, 3_600_000, 360, 5000), Grid.over(25_000, 3_625_000, 360, 5000)
    assert (later.start - first.start) % first.step == 0


def test_a_bucket_tells_mean_lowest_and_highest():
    found = bucketed(np.array([0, 1, 2, 10_000]), np.array([1.0, 5.0, 3.0, 7.0]), Grid(0, STEP, 2), 0)
    assert found.mean.tolist() == [3.0, 7.0]
    assert (found.low[0], found.high[0]) == (1.0, 5.0)


def test_the_pause_between_two_samples_is_bridged_and_a_gap_is_not():
    t = np.array([0, 20_000, 90_000])
    found = bucketed(t, np.array([1.0, 2.0, 3.0]), Grid(0, STEP, 10), 2)
    assert found.mean.tolist()[:3] == [1.0, 1.0, 2.0]
    assert np.isnan(found.mean[3:9]).all()
    assert found.mean[9] == 3.0


def test_nothing_is_drawn_after_the_last_sample():
    found = bucketed(np.array([0, 10_000]), np.array([1.0, 2.0]), Grid(0, STEP, 4), 2)
    assert np.isnan(found.mean[2:]).all()


def test_samples_that_are_no_numbers_leave_a_gap():
    found = bucketed(np.array([0, 10_000]), np.array([1.0, np.nan]), Grid(0, STEP, 2), 0)
    assert found.mean[0] == 1.0
    assert np.isnan(found.mean[1])


def test_a_rate_stands_at_the_later_sample():
    t, v = rate(np.array([0, 10_000, 20_000]), np.array([0.0, 50.0, 150.0]), 30_000)
    assert t.tolist() == [10_000, 20_000]
    assert v.tolist() == [5.0, 10.0]


def test_a_counter_that_starts_anew_has_no_negative_rate():
    _, v = rate(np.array([0, 10_000, 20_000]), np.array([1000.0, 1100.0, 30.0]), 30_000)
    assert v.tolist() == [10.0, 3.0]


def test_there_is_no_rate_over_a_gap():
    t, _ = rate(np.array([0, 10_000, 600_000, 610_000]), np.array([0.0, 1.0, 2.0, 3.0]), 30_000)
    assert t.tolist() == [10_000, 610_000]


def test_one_sample_has_no_rate():
    t, v = rate(np.array([5]), np.array([1.0]), 30_000)
    assert len(t) == len(v) == 0


def test_a_time_that_does_not_advance_has_no_rate():
    t, _ = rate(np.array([0, 0, 10_000]), np.array([1.0, 2.0, 3.0]), 30_000)
    assert t.tolist() == [10_000]


def cpu(user, idle, cores=2):
    return [
        ("node_cpu_seconds_total", {"cpu": str(n), "mode": mode}, values)
        for n in range(cores)
        for mode, values in (("user", user), ("idle", idle))
    ]


def test_cpu_is_the_share_of_all_modes_over_all_cores():
    found = cpu_by_mode(frames(cpu([2.5 * n for n in range(12)], [7.5 * n for n in range(12)])))
    assert found["User"].last == pytest.approx(25.0)
    assert set(found) == {"User"}


def test_cpu_survives_a_reboot():
    user = [2.5 * n for n in range(6)] + [2.5 * n for n in range(6)]
    idle = [7.5 * n for n in range(6)] + [7.5 * n for n in range(6)]
    found = cpu_by_mode(frames(cpu(user, idle)))["User"]
    assert np.nanmax(found.high) <= 100
    assert np.nanmin(found.low) >= 0


def test_memory_is_what_is_not_available():
    found = memory(frames([("node_memory_MemTotal_bytes", {}, [200.0] * 12), ("node_memory_MemAvailable_bytes", {}, [50.0] * 12)]))
    assert found["Used"].last == 75.0


def test_memory_needs_both_figures():
    assert memory(frames([("node_memory_MemTotal_bytes", {}, [200.0] * 12)])) == {}


def test_a_filesystem_without_size_is_left_out():
    where = {"mountpoint": "/"}
    found = filesystems(frames([("node_filesystem_size_bytes", where, [0.0] * 12), ("node_filesystem_avail_bytes", where, [0.0] * 12)]))
    assert found["/"].empty


def test_many_lines_become_the_seven_highest_and_the_others():
    lines = {f"/disk{n:02d}": line(float(n)) for n in range(20)}
    found = ranked(BY_KEY["filesystem"], lines)
    assert list(found)[:7] == [f"/disk{n:02d}" for n in range(19, 12, -1)]
    assert list(found)[7] == "13 others, highest"
    assert found["13 others, highest"].last == 12.0


def test_the_others_of_what_adds_up_are_their_sum():
    lines = {f"eth{n:02d}": line(1.0) for n in range(10)}
    assert ranked(BY_KEY["interfaces"], lines)["3 others"].last == 3.0


def test_eight_lines_stay_as_they_are():
    lines = {str(n): line(1.0) for n in range(8)}
    assert ranked(BY_KEY["filesystem"], lines) is lines


def test_peaks_of_a_sum_stay_peaks_in_wide_buckets():
    first = [10.0 if n == 3 else 0.0 for n in range(12)]
    held = frames([("node_load1", {"cpu": "0"}, first), ("node_load1", {"cpu": "1"}, first)])
    wide = Frames(held.refs, held.samples, Grid(0, STEP * 6, 2), STEP)
    assert wide.one("node_load1").high[0] == 20.0
