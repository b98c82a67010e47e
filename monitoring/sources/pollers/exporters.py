"""What is behind a page of samples: node_exporter's host, the GPUs of DCGM exporter and nvidia_gpu_exporter, or a service. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from monitoring.inventory.facts import ResourceReport
from monitoring.sources.pollers import exported_gpus
from monitoring.sources.pollers.exported_gpus import Alias, Gpu, Series
from monitoring.store.batch import SeriesKey

OF_HOSTS = ("node_", "DCGM_FI_", "nvidia_smi_")  # metrics that tell of the machine, not of a service on it
MEASURED = {"memory_bytes": "node_memory_MemTotal_bytes", "boot_time": "node_boot_time_seconds"}  # fact → metric
Measured = dict[str, tuple[tuple[int, ...], float]]  # fact → (places of the values that are its sum, factor)


class About(NamedTuple):
    """What is known of a page before it is read."""

    host: str  # the machine it comes from, as far as its address tells
    labels: Mapping[str, str]  # of its samples: job, instance …
    interval: int  # seconds


@dataclass
class Portrait:
    """Of a page with these series; values come later, so that it is drawn once and used while the series stay the same."""

    reports: list[ResourceReport]
    measured: list[Measured]  # at the same places
    owners: list[int]  # per series: place in reports
    aliases: list[tuple[int, Alias]] = field(default_factory=list)  # with the place in reports
    nodename: str = ""  # what the machine calls itself, where it says so

    def told(self, values: Sequence[float]) -> list[ResourceReport]:
        """The reports, with the facts that are values."""
        return [
            replace(report, facts={**report.facts, **_facts(measured, values)}) if measured else report
            for report, measured in zip(self.reports, self.measured, strict=True)
        ]

    def derived(self, values: Sequence[float]) -> Iterator[tuple[SeriesKey, int, float]]:
        """(key, place in reports, value) of what is given under the house's names too."""
        for report, alias in self.aliases:
            yield alias.key, report, alias.factor * sum(values[place] for place in alias.places)


def _facts(measured: Measured, values: Sequence[float]) -> dict[str, Any]:
    found = {name: factor * sum(values[place] for place in places) for name, (places, factor) in measured.items()}
    return {name: int(value) for name, value in found.items() if value - value == 0}


def portray(keys: Sequence[SeriesKey], values: Sequence[float], about: About) -> Portrait:
    """The resource that the page is about comes first, then its GPUs."""
    series = [Series(place, key.metric, dict(key.labels)) for place, key in enumerate(keys)]
    info = next((one.labels for one in series if one.metric == "node_uname_info"), {})
    gpus = exported_gpus.find(series, values)
    host = info.get("nodename") or next((gpu.hostname for gpu in gpus if gpu.hostname), "") or about.host
    portrait = Portrait([_main(series, info, host, about)], [_measured(series)], [0] * len(keys), nodename=info.get("nodename", ""))
    for gpu in gpus:
        _add(portrait, gpu, host, about)
    return portrait


def _main(series: Sequence[Series], info: Mapping[str, str], host: str, about: About) -> ResourceReport:
    if any(one.metric.startswith(OF_HOSTS) for one in series):
        return ResourceReport("host", host[:255], about.labels, _host_facts(series, info), report_interval=about.interval)
    name = f"{about.labels.get('job', '')} {about.labels.get('instance', host)}".strip()[:255]
    return ResourceReport("service", name, about.labels, {}, ("host", host), report_interval=about.interval)


def _host_facts(series: Sequence[Series], info: Mapping[str, str]) -> dict[str, Any]:
    """As the local host tells its own (host/identity.py)."""
    if not info:
        return {}
    system = next((one.labels for one in series if one.metric == "node_os_info"), {})
    cores = {one.labels.get("cpu") for one in series if one.metric == "node_cpu_seconds_total"}
    found = {
        "hostname": info.get("nodename"),
        "os": system.get("pretty_name") or system.get("name"),
        "kernel": f"{info.get('sysname', '')} {info.get('release', '')}".strip(),
        "architecture": info.get("machine"),
        "cores": len(cores) or None,
    }
    return {name: value for name, value in found.items() if value}


def _measured(series: Sequence[Series]) -> Measured:
    places = {one.metric: one.place for one in series}
    return {fact: ((places[metric],), 1.0) for fact, metric in MEASURED.items() if metric in places}


def _add(portrait: Portrait, gpu: Gpu, host: str, about: About) -> None:
    at = len(portrait.reports)
    name, labels = f"{host} GPU {gpu.number}"[:255], {**about.labels, "uuid": gpu.uuid}
    portrait.reports.append(ResourceReport("gpu", name, labels, gpu.facts, ("host", host[:255]), report_interval=about.interval))
    portrait.measured.append({"memory_bytes": gpu.memory} if gpu.memory else {})
    for place in gpu.places:
        portrait.owners[place] = at
    portrait.aliases += [(at, alias) for alias in gpu.aliases]
