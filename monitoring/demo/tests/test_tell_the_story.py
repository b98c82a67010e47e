"""Every incident the story tells of is to be seen in the samples of its resources, when and where it says."""

import numpy as np
import pytest

from monitoring.demo import story
from monitoring.demo.story import PLOTS
from monitoring.demo.world import World

pytestmark = pytest.mark.once

SINCE, DAY = 1_795_269_120.0, 86_400.0


@pytest.fixture(scope="module")
def world():
    return World(7, SINCE)


def at(world, metric, owner, *seconds):
    """(series, moments)"""
    rows = [place for place, (name, _, of) in enumerate(world.series) if name == metric and of == owner]
    return np.concatenate(list(world.values(np.array([round(1000 * one) for one in seconds], np.int64))))[rows]


def latest(world, kind):
    """The last that had begun a while ago."""
    return [one for one in world.incidents(SINCE - 14 * DAY, SINCE - 1800) if one.kind == kind][-1]


def test_the_two_weeks_before_hold_each_of_them(world):
    told = world.incidents(SINCE - 14 * DAY, SINCE)
    assert {one.kind for one in told} == {plot.kind for plot in PLOTS}
    assert [one.start for one in told] == sorted(one.start for one in told)
    known = {owner for _, _, owner in world.series}
    assert all(one.resources and set(one.resources) <= known and one.title and one.says for one in told)
    assert all(one.start < one.end for one in told)


def test_they_come_back_as_long_as_it_runs(world):
    assert {one.kind for one in world.incidents(SINCE + 100 * DAY, SINCE + 120 * DAY)} == {plot.kind for plot in PLOTS}


def test_a_range_holds_what_touches_it(world):
    one = latest(world, "outage")
    assert one in world.incidents(one.end - 1, one.end)
    assert one in world.incidents(one.start, one.start + 1)
    assert one not in world.incidents(one.end, one.end + 1)
    assert one not in world.incidents(one.start - 1, one.start)


def test_metrics_are_those_of_the_resources(world):
    for one in world.incidents(SINCE - 14 * DAY, SINCE):
        has = {metric for metric, _, owner in world.series if owner == one.resources[0]}
        assert set(one.metrics) - {"up"} <= has


def test_the_disk_is_nearly_full_now_and_within_days(world):
    one = latest(world, "disk_filling")
    size, free = (at(world, f"node_filesystem_{what}_bytes", one.resources[0], SINCE, one.end)[-1] for what in ("size", "avail"))
    now, then = 100 * (1 - free / size)
    assert 85 < now < 92
    assert then > 97
    assert 1 < (one.end - SINCE) / DAY < 5


def test_memory_leaks_until_the_kernel_ends_the_service(world):
    one = [found for found in world.incidents(SINCE - 14 * DAY, SINCE) if found.kind == "memory_leak" and found.end < SINCE][-1]
    total, left = (
        at(world, f"node_memory_Mem{what}_bytes", one.resources[0], one.start, one.end - 300, one.end + 300)[0]
        for what in ("Total", "Available")
    )
    share = 100 * left / total
    assert share[0] > 15
    assert share[1] < 10
    assert share[2] > 30
    killed = at(world, "node_vmstat_oom_kill", one.resources[0], one.end - 60, one.end + 60)[0]
    assert killed[1] == killed[0] + 1
    swapped = at(world, "node_vmstat_pswpin", one.resources[0], one.start, one.start + 60, one.end - 3660, one.end - 3600)[0]
    assert swapped[1] == swapped[0]
    assert (swapped[3] - swapped[2]) / 60 > 200


def test_the_pod_restarts_when_its_limit_is_reached(world):
    one = [found for found in world.incidents(SINCE - 14 * DAY, SINCE) if found.kind == "pod_memory_leak" and found.end < SINCE][-1]
    used = at(world, "container_memory_working_set_bytes", one.resources[0], one.end - 180, one.end + 180)[0]
    limit = at(world, "container_spec_memory_limit_bytes", one.resources[0], one.end)[0]
    assert used[0] > 0.95 * limit
    assert used[1] < 0.4 * limit
    restarts = at(world, "kube_pod_container_status_restarts_total", one.resources[0], one.end - 60, one.end + 60)[0]
    assert restarts[1] == restarts[0] + 1
    cpu = at(world, "container_cpu_usage_seconds_total", one.resources[0], one.end - 60, one.end + 60)[0]
    assert cpu[1] < cpu[0]


def test_the_noisy_neighbour_makes_the_others_wait(world):
    one = latest(world, "noisy_neighbour")
    middle = (one.start + one.end) / 2
    before = one.start - 1800
    for key in one.resources:
        busy = at(world, "node_disk_io_time_seconds_total", key, before, before + 300, middle, middle + 300)[0]
        assert (busy[3] - busy[2]) / 300 > 0.55
        assert (busy[1] - busy[0]) / 300 < 0.5
    for key in one.resources[1:]:
        rows = [labels["mode"] for name, labels, owner in world.series if name == "node_cpu_seconds_total" and owner == key]
        grown = np.diff(at(world, "node_cpu_seconds_total", key, middle, middle + 300))[:, 0]
        stolen = sum(seconds for mode, seconds in zip(rows, grown, strict=True) if mode == "steal")
        assert stolen / grown.sum() > 0.15


def test_the_outage_silences_a_node_and_its_pods_and_nobody_else(world):
    one = latest(world, "outage")
    t = np.array([round(1000 * moment) for moment in (one.start - 1, one.start, one.end - 1, one.end)])
    assert world.silent(t).tolist() == [False, True, True, False]
    dark = {owner for silent, (_, _, owner) in zip(world.dark, world.series, strict=True) if silent}
    assert dark == set(one.resources)
    assert one.resources[0][0] == "node"
    assert {kind for kind, _ in one.resources[1:]} == {"pod"}
    boots = at(world, "node_boot_time_seconds", one.resources[0], one.start - 1, one.end)[0]
    assert boots[1] == one.end > boots[0]


def test_the_gpu_gets_hot_and_slow(world):
    one = latest(world, "gpu_overheating")
    middle = (one.start + one.end) / 2
    assert at(world, "nvidia_smi_temperature_gpu", one.resources[0], one.start - 60, middle)[0].tolist() == pytest.approx([55, 92], abs=25)
    assert at(world, "nvidia_smi_temperature_gpu", one.resources[0], middle)[0, 0] >= 90
    clock = at(world, "nvidia_smi_clocks_current_sm_clock_hz", one.resources[0], one.start - 60, middle)[0]
    assert clock[1] < 0.7 * clock[0]


def test_the_surge_reaches_every_web_server(world):
    one = latest(world, "traffic_surge")
    middle = (one.start + one.end) / 2
    assert len(one.resources) == 8
    for key in one.resources:
        received = at(world, "node_network_receive_bytes_total", key, one.start - 600, one.start - 300, middle, middle + 300)[0]
        assert received[3] - received[2] > 1.5 * (received[1] - received[0])


def test_frames_are_broken_only_while_the_cable_is(world):
    one = latest(world, "network_errors")
    errors = at(world, "node_network_receive_errs_total", one.resources[0], one.start - 3600, one.start, one.end, one.end + 3600)[0]
    assert errors[1] == errors[0]
    assert errors[2] > errors[1] + 1000
    assert errors[3] == errors[2]


def test_between_the_plots_a_pulse_is_nothing():
    pulse = story.pulse(story.NOISY, SINCE, [1.0, 2.0])
    outside = [end + 1 for _, end in story.NOISY.occurrences(SINCE, SINCE - 5 * DAY, SINCE - DAY)]
    np.testing.assert_array_equal(pulse.value(np.array([outside])), 0.0)
