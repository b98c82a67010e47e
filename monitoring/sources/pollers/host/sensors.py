"""Temperatures: hwmon chips and thermal zones."""

import os
import re

from monitoring.sources.pollers.host.reading import Readings, Roots, line, names, number

SENSOR = re.compile(r"temp(\d+)_(input|crit|max|label)")
METRICS = {"input": "node_hwmon_temp_celsius", "crit": "node_hwmon_temp_crit_celsius", "max": "node_hwmon_temp_max_celsius"}


def hwmon(roots: Roots) -> Readings:
    for entry in sorted(os.listdir(f"{roots.sys}/class/hwmon")):  # many virtual machines have none: the collector says it failed
        folder = f"{roots.sys}/class/hwmon/{entry}"
        chip = _chip(folder)
        name = line(f"{folder}/name")
        if name:
            yield "node_hwmon_chip_names", {"chip": chip, "chip_name": _clean(name)}, 1.0
        yield from _sensors(folder, chip)


def _sensors(folder: str, chip: str) -> Readings:
    for file in names(folder):
        match = SENSOR.fullmatch(file)
        if not match:
            continue
        sensor = {"chip": chip, "sensor": f"temp{match[1]}"}
        if match[2] == "label":
            label = line(f"{folder}/{file}")
            if label:
                yield "node_hwmon_sensor_label", {**sensor, "label": label}, 1.0
            continue
        value = number(f"{folder}/{file}")
        if value is not None:  # a sensor that is not fitted answers with an error
            yield METRICS[match[2]], sensor, value / 1000


def _chip(folder: str) -> str:
    """A name that does not depend on the order drivers load in: bus and device, else the chip's own name."""
    device = os.path.realpath(f"{folder}/device") if os.path.exists(f"{folder}/device") else ""
    bus, name = (_clean(part) for part in device.rsplit("/", 2)[-2:]) if device.count("/") > 1 else ("", "")
    if name:
        return f"{bus}_{name}" if bus else name
    return _clean(line(f"{folder}/name")) or _clean(os.path.basename(os.path.realpath(folder)))


def _clean(name: str) -> str:
    return re.sub(r"[^a-z0-9:_]", "_", name.lower()).strip("_")


def thermal(roots: Roots) -> Readings:
    for entry in names(f"{roots.sys}/class/thermal"):
        if not entry.startswith("thermal_zone"):
            continue
        folder = f"{roots.sys}/class/thermal/{entry}"
        value = number(f"{folder}/temp")
        if value is not None:
            yield "node_thermal_zone_temp", {"type": line(f"{folder}/type"), "zone": entry.removeprefix("thermal_zone")}, value / 1000
