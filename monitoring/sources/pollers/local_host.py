"""The machine AIOps runs on. Metrics carry node_exporter's names and labels, so what the Prometheus world built on them fits."""

import logging
import platform
import sys
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms

from aiops.plugins import PluginError
from monitoring.inventory.facts import ResourceReport
from monitoring.sources.pollers.base import Polled, Poller, Sample
from monitoring.sources.pollers.host import disks, kernel, network, portable, sensors
from monitoring.sources.pollers.host.gpu import Gpu, Gpus
from monitoring.sources.pollers.host.identity import Identity
from monitoring.sources.pollers.host.processes import Processes
from monitoring.sources.pollers.host.reading import Collector, Reading, Roots

log = logging.getLogger(__name__)
LINUX: dict[str, Collector] = {  # node_exporter's collector names
    "cpu": kernel.cpu,
    "diskstats": disks.diskstats,
    "filefd": kernel.filefd,
    "filesystem": disks.filesystem,
    "hwmon": sensors.hwmon,
    "loadavg": kernel.loadavg,
    "meminfo": kernel.meminfo,
    "netclass": network.netclass,
    "netdev": network.netdev,
    "netstat": kernel.netstat,
    "pressure": kernel.pressure,
    "sockstat": kernel.sockstat,
    "stat": kernel.stat,
    "thermal_zone": sensors.thermal,
    "time": kernel.clock,
    "uname": kernel.uname,
    "vmstat": kernel.vmstat,
}
PORTABLE: dict[str, Collector] = {
    "cpu": portable.cpu,
    "diskstats": portable.disks,
    "filesystem": portable.filesystem,
    "loadavg": portable.loadavg,
    "meminfo": portable.memory,
    "netdev": portable.network,
    "time": portable.clock,
    "uname": portable.uname,
}


class LocalHostConfig(forms.Form):
    name = forms.CharField(
        label="Host name",
        max_length=200,
        required=False,
        help_text="Instead of the one the system has. In a container that changes with every start.",
    )
    processes = forms.IntegerField(
        label="Processes kept",
        min_value=0,
        max_value=50,
        initial=10,
        required=False,
        help_text="How many processes to keep by CPU and by memory; 0 keeps none.",
    )


class LocalHost(Poller):
    label = "Local host"
    icon = "host"
    about = "The machine AIOps runs on, by /proc: CPU, memory, disks, network, sensors, processes, NVIDIA GPUs."
    usual_interval = 5
    usual_timeout = 10
    whole = True
    Config: ClassVar[type[forms.Form]] = LocalHostConfig

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, Any], interval: int, roots: Roots | None = None) -> None:
        super().__init__(config, secrets, interval)
        self.roots = roots or Roots()
        self.name = str(config.get("name") or platform.node() or "localhost")
        shown = config.get("processes")
        self.processes = Processes(self.roots, 10 if shown is None else int(shown))
        self.identity, self.gpus = Identity(self.roots), Gpus()
        self.collectors = LINUX if sys.platform == "linux" else PORTABLE
        self.broken: set[str] = set()  # collectors whose fault has been logged

    def poll(self) -> Polled:
        now_ms = time.time_ns() // 1_000_000
        readings = self._collect()
        facts = self._facts(readings)
        host = ResourceReport("host", self.name, {"instance": self.name, "job": "node"}, facts, report_interval=self.interval)
        gpus = self.gpus.read()
        return Polled(
            [host, *(self._gpu_report(gpu) for gpu in gpus)],
            [self._samples(readings, now_ms), *(self._samples(gpu.readings, now_ms) for gpu in gpus)],
        )

    def _collect(self) -> list[Reading]:
        """What every collector yields. One that fails costs its own metrics only; PluginError when all do."""
        readings: list[Reading] = []
        worked = 0
        for name, collector in self.collectors.items():
            found, well = self._run(name, collector)
            readings += found
            readings.append(("node_scrape_collector_success", {"collector": name}, float(well)))
            worked += well
        if not worked:
            raise PluginError("nothing of this machine can be read; /proc may not be mounted")
        return readings

    def _run(self, name: str, collector: Collector) -> tuple[list[Reading], bool]:
        try:
            found = list(collector(self.roots))
        except (OSError, ValueError, IndexError) as fault:
            if name not in self.broken:
                level = logging.DEBUG if isinstance(fault, FileNotFoundError) else logging.WARNING  # not every machine has everything
                log.log(level, "collector %s of the local host does not work: %s", name, fault)
            self.broken.add(name)
            return [], False
        self.broken.discard(name)
        return found, True

    def _facts(self, readings: list[Reading]) -> dict[str, Any]:
        facts = dict(self.identity.facts())
        boot = next((value for metric, _labels, value in readings if metric == "node_boot_time_seconds"), None)
        if boot is not None:
            facts["boot_time"] = boot
        if self.processes.shown:
            facts |= self.processes.facts(int(facts.get("memory_bytes", 0)))
        return facts

    def _gpu_report(self, gpu: Gpu) -> ResourceReport:
        labels = {"instance": self.name, "job": "node", "uuid": gpu.uuid}
        return ResourceReport("gpu", f"{self.name} GPU {gpu.index}", labels, gpu.facts, ("host", self.name), report_interval=self.interval)

    def _samples(self, readings: list[Reading], now_ms: int) -> list[Sample]:
        of = {"instance": self.name, "job": "node"}
        return [(metric, {**labels, **of}, now_ms, value) for metric, labels, value in readings]
