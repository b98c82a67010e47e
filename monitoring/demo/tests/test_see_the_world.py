"""What the demonstration's series are: those a real source has, with values that fit together."""

import sys
from collections import defaultdict

import numpy as np
import pytest

from monitoring.demo import grid
from monitoring.demo.descriptions import DESCRIPTIONS
from monitoring.demo.reports import reports
from monitoring.demo.world import World
from monitoring.sources.measures import NEEDED
from monitoring.sources.pollers.host import disks, network
from monitoring.sources.pollers.host.gpu import METRICS as GPU_METRICS
from monitoring.sources.pollers.local_host import LocalHost
from monitoring.store.batch import SeriesKey
from monitoring.store.keys import digest

pytestmark = pytest.mark.once

SINCE = 1_795_269_120.0
HARDWARE = {"node_hwmon_chip_names", "node_hwmon_sensor_label", "node_hwmon_temp_celsius", "node_hwmon_temp_crit_celsius"}
UNLIKE = {"node_hwmon_temp_max_celsius", "node_network_info"}


@pytest.fixture(scope="module")
def world():
    return World(7, SINCE)


def read(world, *seconds):
    """{(metric, labels without those of every series): (times,)}"""
    values = np.concatenate(list(world.values(np.array([int(1000 * one) for one in seconds], np.int64))))
    return {SeriesKey.of(metric, labels): row for (metric, labels, _), row in zip(world.series, values, strict=True)}


def by_metric(world, metric, t, **labels):
    keys = [at for at, (name, has, _) in enumerate(world.series) if name == metric and labels.items() <= has.items()]
    return np.concatenate(list(world.values(t)))[keys]


def test_it_has_what_was_promised(world):
    kinds = defaultdict(list)
    for one in reports(world, int(SINCE * 1000), 15):
        kinds[one.kind].append(one)
    assert {kind: len(found) for kind, found in kinds.items()} == {
        "host": 42,
        "node": 4,
        "gpu": 16,
        "cluster": 1,
        "namespace": 5,
        "pod": 28,
    }
    assert {"AI", "app", "storage", "web", "db"} <= {one.labels["role"] for one in kinds["host"]}
    assert len({one.labels["site"] for one in kinds["host"]}) == 2
    assert len({(one.labels["site"], one.labels["rack"]) for one in kinds["host"]}) > 6
    assert all(one.parent and one.parent[0] == "host" for one in kinds["gpu"])
    assert all(one.parent and one.parent[0] == "node" for one in kinds["pod"])


def test_everything_carries_the_mark(world):
    assert all(labels["demo"] == "true" for _, labels, _ in world.series)
    assert all(one.labels["demo"] == "true" for one in reports(world, int(SINCE * 1000), 15))


def test_every_series_is_one_of_a_kind_and_belongs_to_a_resource(world):
    marks = [digest(SeriesKey.of(metric, labels)) for metric, labels, _ in world.series]
    assert None not in marks
    assert len(set(marks)) == len(marks)
    assert {owner for _, _, owner in world.series} <= {one.key for one in reports(world, int(SINCE * 1000), 15)}


@pytest.mark.skipif(sys.platform != "linux", reason="the real host's collectors are Linux's")
def test_names_and_labels_are_those_of_a_real_host(world):
    real = defaultdict(set)
    for metric, labels, _, _ in LocalHost({}, {}, 15).poll().samples[0]:
        real[metric] |= set(labels)
    known = (
        set(real)
        | HARDWARE
        | {name for name, _ in disks.DISK_FIELDS}
        | set(network.FIELDS)
        | {"node_network_speed_bytes", "node_network_up"}
    )
    for metric, labels, _ in world.series:
        if metric.startswith("node_"):
            assert metric in known
            assert metric not in real or set(labels) - {"demo"} == real[metric]


def test_gpus_have_the_names_of_nvidia_smi(world):
    ours = {metric for metric, _, _ in world.series if metric.startswith("nvidia_smi_")} - {"nvidia_smi_gpu_info"}
    assert ours <= {metric for metric, _ in GPU_METRICS.values()}


def test_health_has_all_it_judges_by(world):
    assert set(NEEDED) - UNLIKE <= {metric for metric, _, _ in world.series}


def test_every_metric_is_described(world):
    assert {metric for metric, _, _ in world.series} == set(DESCRIPTIONS)


def test_history_and_live_join_without_a_seam(world):
    t = np.arange(0, 4 * grid.HOUR, 15_000, dtype=np.int64) + int(SINCE * 1000) - 2 * grid.HOUR
    together = np.concatenate(list(world.values(t)))
    for at in (0, 100, 480, 959):
        alone = np.concatenate(list(world.values(t[at : at + 1])))[:, 0]
        np.testing.assert_array_equal(alone, together[:, at])


def test_another_moment_of_making_leaves_the_series_alone_and_another_seed_does_not(world):
    keys = [(metric, labels) for metric, labels, _ in world.series]
    assert [(metric, labels) for metric, labels, _ in World(7, SINCE + 86_400).series] == keys
    assert [(metric, labels) for metric, labels, _ in World(8, SINCE).series] != keys


def test_counters_fall_only_where_something_was_restarted(world):
    t = np.arange(int((SINCE - 4 * 86_400) * 1000), int(SINCE * 1000), 150_000, dtype=np.int64)
    started = by_metric(world, "container_start_time_seconds", t)
    fallen = set()
    for (metric, _labels, owner), row in zip(world.series, np.concatenate(list(world.values(t))), strict=True):
        assert np.isfinite(row).all()
        if DESCRIPTIONS[metric].type == "counter" and (np.diff(row) < 0).any():
            fallen.add(owner)
    restarted = {owner for at, owner in enumerate(pod.key for pod in world.fleet.pods) if len(set(started[at])) > 1}
    silent = {key for one in world.incidents(SINCE - 4 * 86_400, SINCE) if one.kind == "outage" for key in one.resources}
    assert fallen == restarted | silent


def test_cpu_time_adds_up_to_the_time_that_passed(world):
    t = np.array([int(SINCE * 1000) - 3_600_000, int(SINCE * 1000)])
    grown = np.diff(by_metric(world, "node_cpu_seconds_total", t))[:, 0]
    cores = sum(machine.cores for machine in world.fleet.machines)
    assert grown.sum() == pytest.approx(cores * 3600, rel=0.0001)
    assert (grown >= 0).all()


def test_nothing_ever_uses_more_than_there_is(world):
    machines = world.machines
    t = (SINCE + np.arange(-14 * 86_400, 300 * 86_400, 1200.0)).reshape(1, -1)
    cpu, core = machines.cpu.value(t), 2 * 0.006
    assert (0.97 * 0.74 * cpu - core >= 0).all()
    assert (1.03 * cpu + core + machines.wait.value(t) + machines.steal.value(t) <= 1).all()
    assert (machines.disk.value(t) > 0).all()
    assert (machines.disk.value(t) < 1).all()
    state = machines.at(t)
    for share in (state.memory, state.mounts):
        assert share.min() > 0.05
        assert share.max() < 0.99
    for level in (machines.received, machines.sent, machines.wait, machines.steal):
        assert (level.value(t) >= 0).all()


def test_weekends_and_nights_are_quieter(world):
    monday = int((SINCE - SINCE % 604_800 + 345_600 - 604_800) * 1000)  # of the week before
    hour = np.arange(0, grid.HOUR, 60_000, dtype=np.int64)

    def busy(day, at):
        idle = by_metric(world, "node_load5", monday + day * grid.DAY + at * grid.HOUR + hour, instance="app-01.demo")
        return float(idle.mean())

    assert busy(2, 12) > 1.8 * busy(2, 2)
    assert busy(2, 12) > 1.8 * busy(5, 12)


def test_load_of_one_minute_moves_more_than_of_fifteen(world):
    t = np.arange(0, 6 * grid.HOUR, 60_000, dtype=np.int64) + int(SINCE * 1000)
    unrest = [np.abs(np.diff(by_metric(world, f"node_load{minutes}", t))).mean() for minutes in (1, 5, 15)]
    assert unrest[0] > unrest[1] > unrest[2]
