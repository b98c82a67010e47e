"""From the names of other systems to Prometheus' names, and from labels to the thing they are about. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from monitoring.ingest.errors import Malformed

_NOT_METRIC, _NOT_LABEL = re.compile(r"[^a-zA-Z0-9_:]"), re.compile(r"[^a-zA-Z0-9_]")
_PORT = re.compile(r":\d{1,5}\Z")
HOST_LABELS = ("host", "hostname", "Hostname", "node", "instance")  # the first that is there names the machine
GPU_LABELS = ("uuid", "UUID", "gpu_uuid")
ABOUT = frozenset(  # labels that say something about the machine, not about the series
    {"role", "env", "environment", "dc", "datacenter", "region", "zone", "rack", "cluster", "site", "team", "os", "demo"}
)
LONGEST_NAME = 255


@lru_cache(maxsize=20_000)
def metric(name: str) -> str:
    clean = _NOT_METRIC.sub("_", name)
    return f"_{clean}" if clean[:1].isdigit() else clean


@lru_cache(maxsize=20_000)
def label(name: str) -> str:
    """Names that begin with two underscores are Prometheus' own."""
    clean = _NOT_LABEL.sub("_", name)
    if clean.startswith("__"):
        clean = "_" + clean.lstrip("_")
    return f"_{clean}" if clean[:1].isdigit() else clean


def labels(tags: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Tags under Prometheus' names; `host` is also the instance. Raises Malformed where two become one, for series would melt together."""
    found: dict[str, str] = {}
    for name, value in tags:
        clean = label(name)
        if clean in found:
            raise Malformed("labels", f"two tags become the same label {clean[:60]!r}")
        found[clean] = value
    if found.get("host"):
        found.setdefault("instance", found["host"])
    return found


@dataclass(eq=False, slots=True)
class Host:
    """What a series is about. One object per thing and process, so that it carries what this process knows of it."""

    kind: str
    name: str
    labels: dict[str, str] = field(default_factory=dict)
    parent: "Host | None" = None
    resource: int | None = None  # id, once it is in the inventory

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name


NOBODY = Host("", "")


def about(given: Mapping[str, str]) -> list[Host]:
    """The thing that labels name, last, behind what it is a part of; empty where they name none.

    A GPU is told by its uuid, a virtual machine by `vm`, a machine by the labels in HOST_LABELS, without a port.
    """
    machine = next((given[name] for name in HOST_LABELS if given.get(name)), "")
    found = [_thing("host", _PORT.sub("", machine), given)] if machine else []
    if vm := given.get("vm", ""):
        found.append(_thing("vm", vm, given))
    gpu = next((given[name] for name in GPU_LABELS if given.get(name)), "")
    if gpu and machine:
        index = given.get("gpu") or given.get("index") or gpu
        found.append(_thing("gpu", f"{found[0].name} GPU {index}", given, {"uuid": gpu.removeprefix("GPU-").lower()}))
    for part, whole in zip(found[1:], found, strict=False):
        part.parent = whole
    return [one for one in found if one.name.strip() and len(one.name) <= LONGEST_NAME and "\0" not in one.name]


def _thing(kind: str, name: str, given: Mapping[str, str], more: Mapping[str, str] | None = None) -> Host:
    own = {name: value for name, value in given.items() if name in ABOUT and value}
    instance = {"instance": given["instance"]} if given.get("instance") and kind != "vm" else {}
    return Host(kind, name, {**own, **instance, **(more or {})})
