"""Our readings beside those of Prometheus' own node_exporter on the same machine: names, labels, kinds, units."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitoring.sources.pollers.host import disks, network, sensors
from monitoring.sources.pollers.host.reading import Roots
from monitoring.sources.pollers.local_host import LocalHost

pytestmark = pytest.mark.once

PROGRAM = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
DEFAULTS = [  # upstream's; Debian's package excludes more
    r"--collector.filesystem.mount-points-exclude=^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
    r"--collector.netdev.device-exclude=^lo$",
]
FIXED = (
    "node_boot_time_seconds", "node_filefd_maximum", "node_filesystem_files", "node_filesystem_readonly", "node_filesystem_size_bytes",
    "node_memory_HugePages_Total", "node_memory_Hugepagesize_bytes", "node_memory_MemTotal_bytes", "node_memory_SwapTotal_bytes",
    "node_memory_VmallocTotal_bytes", "node_network_info", "node_network_mtu_bytes", "node_network_up", "node_scrape_collector_success",
    "node_uname_info",
)  # fmt: skip


def exporter_readings(*options):
    """({(metric, labels): value}, {metric: type}) of one scrape."""
    if PROGRAM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("prometheus-node-exporter is not installed")
        pytest.skip("prometheus-node-exporter is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [PROGRAM, f"--web.listen-address=127.0.0.1:{port}", "--no-collector.systemd", *DEFAULTS, *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return _parsed(_scrape(f"http://127.0.0.1:{port}/metrics"))
    finally:
        process.terminate()
        process.wait(10)


def _scrape(url):
    for _attempt in range(100):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.05)
    raise AssertionError("node_exporter did not start")


def _parsed(text):
    values, kinds = {}, {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values[sample.name, frozenset(sample.labels.items())] = sample.value
            kinds[sample.name] = family.type
    return values, kinds


def own_readings():
    polled = LocalHost({"name": "here"}, {}, 5).poll()
    return {
        (metric, frozenset((name, value) for name, value in labels.items() if name not in ("instance", "job"))): value
        for metric, labels, _t, value in polled.samples[0]
    }


@pytest.fixture(scope="module")
def both():
    if sys.platform != "linux":
        pytest.skip("node_exporter's names are Linux's here")
    theirs, kinds = exporter_readings()
    before = own_readings()
    theirs_again, _kinds = exporter_readings()
    return theirs, before, theirs_again, kinds


def test_every_metric_and_its_labels_are_node_exporters(both):
    theirs, ours, theirs_again, _kinds = both
    assert len(ours) > 200
    unknown = sorted(key for key in ours if key not in theirs and key not in theirs_again)
    assert unknown == []


def test_the_collectors_we_cover_are_covered_in_full(both):
    """All series of these families; what is left out on purpose is listed."""
    theirs, ours, _again, _kinds = both
    families = (
        "node_cpu_", "node_memory_", "node_load", "node_vmstat_", "node_sockstat_", "node_pressure_", "node_filefd_", "node_procs_",
        "node_filesystem_", "node_network_receive_", "node_network_transmit_", "node_netstat_", "node_disk_",
    )  # fmt: skip
    left_out = ("node_network_receive_nohandler_total", "node_network_transmit_queue_length", "node_disk_info")
    missing = {
        name
        for name, labels in theirs
        if name.startswith(families) and name not in left_out and (name, labels) not in ours and ("device", "zram0") not in labels
    }
    assert missing == set()


def test_what_is_fixed_has_the_same_value(both):
    theirs, ours, _again, _kinds = both
    fixed = {key: value for key, value in ours.items() if key[0] in FIXED}
    assert {name for name, _labels in fixed} >= {"node_memory_MemTotal_bytes", "node_filesystem_size_bytes", "node_uname_info"}
    assert {key: theirs[key] for key in fixed} == fixed


def test_counters_stand_between_the_exporters_before_and_after(both):
    theirs, ours, again, kinds = both
    counted = {key: value for key, value in ours.items() if kinds[key[0]] == "counter" and key in theirs and key in again}
    cores = len({dict(labels)["cpu"] for name, labels in ours if name == "node_cpu_seconds_total"})
    assert len(counted) > 8 * cores + 20  # eight modes a core; how many disks and interfaces there are is the machine's affair
    assert [key for key, value in counted.items() if not theirs[key] - 0.05 <= value <= again[key] + 0.05] == []


def test_gauges_are_of_the_same_size(both):
    """What moves between two looks: a wrong unit or a wrong column would be off by far more."""
    theirs, ours, again, kinds = both
    moving = {key: value for key, value in ours.items() if kinds[key[0]] != "counter" and key[0] not in FIXED}
    wrong = []
    for key, value in moving.items():
        low, high = sorted((theirs.get(key, value), again.get(key, value)))
        slack = 0.3 * abs(high) + (256 * 1024**2 if "bytes" in key[0] else 500)
        if not low - slack <= value <= high + slack:
            wrong.append((key, low, value, high))
    assert wrong == []


def test_counters_are_named_as_counters(both):
    _theirs, ours, _again, kinds = both
    for name in {name for name, _labels in ours}:
        if kinds[name] == "counter":
            assert name.endswith("_total"), name
        elif kinds[name] == "gauge":
            assert not name.endswith("_total"), name


def tree(root, files):
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    return root


@pytest.fixture
def machine(tmp_path):
    """A machine with sensors, as its kernel shows it."""
    sys_root = tree(
        tmp_path / "sys",
        {
            "devices/platform/coretemp.0/hwmon/hwmon0/name": "coretemp\n",
            "devices/platform/coretemp.0/hwmon/hwmon0/temp1_input": "63600\n",
            "devices/platform/coretemp.0/hwmon/hwmon0/temp1_crit": "100000\n",
            "devices/platform/coretemp.0/hwmon/hwmon0/temp1_max": "90000\n",
            "devices/platform/coretemp.0/hwmon/hwmon0/temp1_label": "Package id 0\n",
            "devices/platform/coretemp.0/hwmon/hwmon0/temp2_input": "nonsense\n",
            "devices/virtual/hwmon/hwmon1/name": "acpitz\n",
            "devices/virtual/hwmon/hwmon1/temp1_input": "27800\n",
            "devices/virtual/thermal/thermal_zone0/type": "x86_pkg_temp\n",
            "devices/virtual/thermal/thermal_zone0/temp": "61000\n",
            "devices/virtual/thermal/thermal_zone0/policy": "step_wise\n",
            "devices/virtual/thermal/cooling_device0/type": "Processor\n",
            "devices/virtual/net/eth0/operstate": "up\n",
            "devices/virtual/net/eth0/speed": "1000\n",
            "devices/virtual/net/eth0/mtu": "1500\n",
            "devices/virtual/net/eth0/carrier_changes": "2\n",
            "devices/virtual/net/eth0/address": "02:00:00:00:00:01\n",
            "devices/virtual/net/eth0/broadcast": "ff:ff:ff:ff:ff:ff\n",
            "devices/virtual/net/eth0/duplex": "full\n",
            "devices/virtual/net/eth0/ifalias": "up link\n",
            "devices/virtual/net/dn0/operstate": "down\n",
            "devices/virtual/net/dn0/speed": "-1\n",
            "devices/virtual/net/dn0/mtu": "1400\n",
            "class/net/bonding_masters": "\n",
        },
    )
    for name, target in {
        "class/hwmon/hwmon0": "devices/platform/coretemp.0/hwmon/hwmon0",
        "class/hwmon/hwmon1": "devices/virtual/hwmon/hwmon1",
        "class/thermal/thermal_zone0": "devices/virtual/thermal/thermal_zone0",
        "class/thermal/cooling_device0": "devices/virtual/thermal/cooling_device0",
        "class/net/eth0": "devices/virtual/net/eth0",
        "class/net/dn0": "devices/virtual/net/dn0",
        "devices/platform/coretemp.0/hwmon/hwmon0/device": "devices/platform/coretemp.0",
    }.items():
        (sys_root / name).parent.mkdir(parents=True, exist_ok=True)
        (sys_root / name).symlink_to(sys_root / target)
    return Roots(sys=str(sys_root))


def read(collector, roots):
    return {(metric, frozenset(labels.items())): value for metric, labels, value in collector(roots)}


def test_temperatures_are_named_as_node_exporter_names_them(machine):
    theirs, _kinds = exporter_readings(f"--path.sysfs={machine.sys}")
    ours = read(sensors.hwmon, machine) | read(sensors.thermal, machine)
    assert len(ours) == 8
    assert {key: theirs.get(key) for key in ours} == ours


def test_sensors_are_all_there(machine):
    ours = read(sensors.hwmon, machine)
    package = frozenset({("chip", "platform_coretemp_0"), ("sensor", "temp1")})
    assert ours["node_hwmon_temp_celsius", package] == 63.6
    assert ours["node_hwmon_temp_crit_celsius", package] == 100.0
    assert ours["node_hwmon_sensor_label", package | {("label", "Package id 0")}] == 1.0


def test_interfaces_are_named_as_node_exporter_names_them(machine):
    theirs, _kinds = exporter_readings(f"--path.sysfs={machine.sys}")
    ours = read(network.netclass, machine)
    up = {dict(labels)["device"]: value for (metric, labels), value in ours.items() if metric == "node_network_up"}
    assert up == {"eth0": 1.0, "dn0": 0.0}
    assert {key: theirs.get(key) for key in ours} == ours


def test_odd_mounts_are_told_apart(tmp_path):
    lines = [
        "/dev/sda1 / ext4 rw,relatime 0 0",
        r"/dev/sdb1 /my\040disk xfs ro,relatime 0 0",
        "proc /proc proc rw 0 0",
        "overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0",
        "/dev/loop1 /snap/core squashfs ro 0 0",
        "/dev/sda1 / ext4 rw,relatime 0 0",
        "short line",
    ]
    tree(tmp_path, {"1/mounts": "\n".join(lines)})
    found = disks._mounts(Roots(proc=str(tmp_path)))
    assert [(device, place) for device, place, _type, _options in found] == [("/dev/sda1", "/"), ("/dev/sdb1", "/my disk")]
