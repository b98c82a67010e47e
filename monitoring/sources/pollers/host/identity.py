"""What the machine is: facts that hardly ever change, read again every few minutes."""

import ipaddress
import os
import platform
import time
from typing import Any

import psutil

from monitoring.sources.pollers.host.reading import Roots, line

READ_AGAIN = 300.0  # seconds
HYPERVISORS = {  # in the firmware's vendor or product name
    "kvm": "KVM", "qemu": "KVM", "vmware": "VMware", "virtualbox": "VirtualBox", "innotek": "VirtualBox", "xen": "Xen",
    "microsoft": "Hyper-V", "amazon": "AWS", "google": "Google Cloud", "openstack": "OpenStack", "oraclecloud": "OCI",
    "digitalocean": "DigitalOcean", "hetzner": "Hetzner", "parallels": "Parallels",
}  # fmt: skip


class Identity:
    def __init__(self, roots: Roots) -> None:
        self.roots, self.read_at = roots, float("-inf")
        self.known: dict[str, Any] = {}

    def facts(self) -> dict[str, Any]:
        if time.monotonic() - self.read_at > READ_AGAIN:
            self.known, self.read_at = self._read(), time.monotonic()
        return self.known

    def _read(self) -> dict[str, Any]:
        found = {
            "hostname": platform.node(),
            "os": _system(),
            "kernel": f"{platform.system()} {platform.release()}",
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
            "cpu_model": self._cpu_model(),
            "memory_bytes": psutil.virtual_memory().total,
            "addresses": _addresses(),
            "virtualisation": self._virtualisation(),
        }
        return {name: value for name, value in found.items() if value not in (None, "", [])}

    def _cpu_model(self) -> str:
        for row in line(f"{self.roots.proc}/cpuinfo").splitlines():
            name, _, value = row.partition(":")
            if name.strip() in ("model name", "Model", "Processor", "cpu model"):
                return " ".join(value.split())
        return platform.processor()

    def _virtualisation(self) -> str:
        """A hint, such as "container on KVM"; empty on bare metal and where nothing tells."""
        dmi = f"{self.roots.sys}/class/dmi/id"
        firmware = " ".join(line(f"{dmi}/{name}") for name in ("sys_vendor", "product_name", "chassis_asset_tag")).lower()
        machine = next((label for word, label in HYPERVISORS.items() if word in firmware), "")
        if not machine and " hypervisor" in line(f"{self.roots.proc}/cpuinfo"):
            machine = "virtual machine"
        if not self._container():
            return machine
        return f"container on {machine}" if machine else "container"

    def _container(self) -> bool:
        marks = os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv")
        return marks or any(word in line(f"{self.roots.proc}/1/cgroup") for word in ("docker", "kubepods", "libpod", "lxc"))


def _system() -> str:
    try:
        release = platform.freedesktop_os_release()
        return release.get("PRETTY_NAME") or release.get("NAME", "")
    except OSError:
        return f"macOS {platform.mac_ver()[0]}" if platform.mac_ver()[0] else platform.system()


def _addresses() -> list[str]:
    """Routable addresses, IPv4 first."""
    found = set()
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            try:
                address = ipaddress.ip_address(entry.address.partition("%")[0])
            except ValueError:
                continue  # a link-layer address
            if not (address.is_loopback or address.is_link_local or address.is_unspecified):
                found.add(address)
    return [str(address) for address in sorted(found, key=lambda address: (address.version, int(address)))]
