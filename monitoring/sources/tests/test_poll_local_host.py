"""The machine itself: processes, facts, GPUs, and what happens where something is missing."""

import os
import subprocess
import sys
import time

import pytest

from aiops.plugins import PluginError
from monitoring.sources.pollers.host import disks, gpu, portable, processes
from monitoring.sources.pollers.host.gpu import Gpus, parse
from monitoring.sources.pollers.host.processes import Processes
from monitoring.sources.pollers.host.reading import Roots
from monitoring.sources.pollers.local_host import PORTABLE, LocalHost

pytestmark = pytest.mark.once

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_a_poll_brings_the_host_with_labels_facts_and_samples():
    polled = LocalHost({"name": "db-1", "processes": 5}, {}, 5).poll()
    (host,) = polled.reports[:1]
    assert (host.kind, host.name, host.report_interval) == ("host", "db-1", 5)
    assert host.facts["cores"] == os.cpu_count()
    assert host.facts["memory_bytes"] > 2**20
    assert host.facts["boot_time"] < time.time()
    assert {"os", "kernel", "architecture"} <= host.facts.keys()
    (samples,) = polled.samples[:1]
    assert all(labels["instance"] == "db-1" and labels["job"] == "node" for _metric, labels, _t, _v in samples)
    assert len({t for _metric, _labels, t, _v in samples}) == 1
    assert abs(samples[0][2] - time.time() * 1000) < 10_000


@linux
def test_a_poll_costs_less_than_60_ms_of_cpu():
    poller = LocalHost({}, {}, 5)
    poller.poll()
    costs = []
    for _turn in range(5):
        before = time.process_time()
        poller.poll()
        costs.append(time.process_time() - before)
    assert min(costs) < 0.060


def test_a_process_is_seen_with_what_it_uses_and_without_its_secrets():
    spin = "import time\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", spin, "--password=hunter2", "--token", "hunter3"]) as busy:
        try:
            found = Processes(Roots(), 10)
            found.facts(2**34)
            time.sleep(0.5)
            facts = found.facts(2**34)
        finally:
            busy.kill()
    (row,) = [row for row in facts["processes"] if row["pid"] == busy.pid]
    assert row["cpu"] > 5
    assert row["resident_bytes"] > 2**20
    assert row["memory"] == round(100 * row["resident_bytes"] / 2**34, 1)
    assert row["user"]
    assert "hunter" not in row["command"]
    assert "[masked]" in row["command"]
    assert facts["process_count"] >= len(facts["processes"])


@linux
def test_a_process_that_ends_while_it_is_looked_at_is_left_out(monkeypatch):
    real = processes.text

    def vanishing(path):
        if path.endswith("/cmdline"):
            raise ProcessLookupError(path)
        return real(path)

    monkeypatch.setattr(processes, "text", vanishing)
    found = Processes(Roots(), 5)
    assert found.facts(2**34)["processes"] == []
    assert found.facts(2**34)["process_count"] > 0


@linux
def test_a_pid_used_again_does_not_inherit_cpu_time(tmp_path):
    def write(ticks, start):
        row = f"77 (a) b) x) S 1 {'0 ' * 9}{ticks} 0 0 0 20 0 1 0 {start} 1000 50 0 0"
        (tmp_path / "77" / "stat").write_text(row)

    (tmp_path / "77").mkdir()
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "stat").write_text("")
    (tmp_path / "77" / "cmdline").write_text("")
    found = Processes(Roots(proc=str(tmp_path)), 5)
    write(100, 5000)
    found.facts(0)
    write(900, 9000)
    (row,) = found.facts(0)["processes"]
    assert (row["cpu"], row["name"], row["command"]) == (0.0, "a) b) x", "[a) b) x]")


def test_no_processes_are_kept_where_none_are_asked_for():
    polled = LocalHost({"processes": 0}, {}, 5).poll()
    assert "processes" not in polled.reports[0].facts


def test_one_broken_collector_costs_its_own_metrics_only(monkeypatch):
    poller = LocalHost({}, {}, 5)

    def broken(roots):
        yield "node_half_read", {}, 1.0
        raise ValueError("a kernel of tomorrow")

    poller.collectors = {**poller.collectors, "stat": broken}
    (samples, *_rest) = poller.poll().samples
    success = {labels["collector"]: value for metric, labels, _t, value in samples if metric == "node_scrape_collector_success"}
    assert success["stat"] == 0.0
    assert success["cpu"] == 1.0
    assert "node_half_read" not in {metric for metric, *_rest in samples}


def test_a_machine_that_shows_nothing_is_an_error(tmp_path):
    poller = LocalHost({}, {}, 5, Roots(proc=str(tmp_path), sys=str(tmp_path)))

    def broken(roots):
        raise FileNotFoundError("/proc")

    poller.collectors = {"cpu": broken}
    with pytest.raises(PluginError, match="nothing of this machine"):
        poller.poll()


@pytest.mark.parametrize("name", PORTABLE)
def test_psutil_alone_gives_every_portable_collector(name):
    readings = list(PORTABLE[name](Roots()))
    assert readings or name == "diskstats"
    assert all(metric.startswith("node_") and isinstance(value, float) for metric, _labels, value in readings)


def test_without_proc_the_processes_come_from_psutil():
    found = Processes(Roots(proc="/nowhere"), 50)
    facts = found.facts(2**34)
    assert facts["process_count"] > 0
    assert os.getpid() in [process.pid for process in processes._portable()]


def test_psutil_and_proc_agree_on_memory():
    values = {metric: value for metric, _labels, value in portable.memory(Roots())}
    polled = {metric: value for metric, _labels, _t, value in LocalHost({}, {}, 5).poll().samples[0]}
    assert values["node_memory_MemTotal_bytes"] == polled["node_memory_MemTotal_bytes"]


# -- file systems that do not answer -------------------------------------------------------------------------------------
def test_a_dead_file_server_costs_a_second_once_and_is_told(monkeypatch):
    monkeypatch.setattr(disks, "PATIENCE", 0.05)
    answering = []
    monkeypatch.setattr(disks.os, "statvfs", lambda path: answering.append(path) or time.sleep(0.5) or os.stat("/"))
    labels = {"device": "nas:/x", "fstype": "nfs4", "mountpoint": "/nas"}
    assert disks._usage(labels, False) == [("node_filesystem_device_error", labels, 1.0)]
    begun = time.perf_counter()
    assert disks._usage(labels, False)[0][2] == 1.0
    assert time.perf_counter() - begun < 0.05
    assert answering == ["/nas"]
    disks._stuck["/nas"].join(5)


# -- GPUs ----------------------------------------------------------------------------------------------------------------
ROW = (
    "GPU-AB12, NVIDIA A100, 550.54.15, 92.00.19, 00000000:0B:00.0, 0, 87, 40, 40960, 30000, 10960, 71, 250.12, 400.00,"
    " 1410, 1410, 1215, [N/A], 0, P0"
)


def test_a_gpu_is_read_in_base_units_and_without_what_it_does_not_have():
    (found,) = parse(ROW)
    values = {metric: value for metric, _labels, value in found.readings}
    assert values["nvidia_smi_utilization_gpu_ratio"] == pytest.approx(0.87)
    assert values["nvidia_smi_memory_used_bytes"] == 30000 * 1024**2
    assert values["nvidia_smi_clocks_current_sm_clock_hz"] == 1.41e9
    assert values["nvidia_smi_power_draw_watts"] == 250.12
    assert values["nvidia_smi_pstate"] == 0
    assert "nvidia_smi_fan_speed_ratio" not in values
    assert {labels["uuid"] for _metric, labels, _value in found.readings} == {"ab12"}
    assert found.facts["memory_bytes"] == 40960 * 1024**2


def test_an_answer_in_another_shape_is_no_gpu():
    assert parse("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.") == []


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    def install(script):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\necho called >> {tmp_path}/calls\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return tmp_path / "calls"

    return install


def test_each_gpu_is_a_resource_below_its_host(nvidia_smi):
    nvidia_smi(f"echo '{ROW}'")
    polled = LocalHost({"name": "train-1"}, {}, 5).poll()
    host, card = polled.reports
    assert (card.kind, card.name, card.parent) == ("gpu", "train-1 GPU 0", ("host", "train-1"))
    assert card.facts["model"] == "NVIDIA A100"
    metric, labels, _t, _v = polled.samples[1][0]
    assert metric == "nvidia_smi_gpu_info"
    assert (labels["instance"], labels["name"]) == ("train-1", "NVIDIA A100")
    assert host.name == "train-1"


def test_a_driver_that_hangs_or_fails_is_left_alone_for_a_while(nvidia_smi, monkeypatch):
    monkeypatch.setattr(gpu, "PATIENCE", 0.3)
    calls = nvidia_smi("exec sleep 20")
    gpus = Gpus()
    assert gpus.read() == []
    assert gpus.read() == []
    assert calls.read_text().count("called") == 1
    gpus.not_before = 0.0
    nvidia_smi("exit 9")
    assert gpus.read() == []
    assert calls.read_text().count("called") == 2


def test_absence_is_remembered(monkeypatch):
    looked = []
    monkeypatch.setattr(gpu.shutil, "which", lambda name: looked.append(name))
    gpus = Gpus()
    assert gpus.read() == gpus.read() == []
    assert looked == ["nvidia-smi"]
