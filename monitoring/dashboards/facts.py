"""What sources say about a resource beyond samples, put into rows that a person can read."""

from collections.abc import Mapping
from typing import Any

from aiops.templatetags.ui import as_bytes, moment, number

# fact -> how the page head names it, in this order
HEADLINE = {
    "os": "OS",
    "kernel": "Kernel",
    "cores": "CPU",
    "memory_bytes": "Memory",
    "architecture": "Architecture",
    "virtualisation": "Virtualisation",
    "model": "Model",
}
PROCESSES = "processes"
Facts = Mapping[str, Any]


def headline(facts: Facts) -> list[tuple[str, str]]:
    return [(title, shown(name, facts[name])) for name, title in HEADLINE.items() if facts.get(name) not in (None, "", [], {})][:5]


def shown(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "boot_time" and isinstance(value, int | float):
        return moment(value * 1000)
    if name == "cores":
        return f"{value} cores" if value != 1 else "1 core"
    if name.endswith("_bytes") and isinstance(value, int | float):
        return as_bytes(value)
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list):
        return ", ".join(shown("", item) for item in value) or "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{title(key)} {shown(key, item)}" for key, item in value.items()) or "–"
    return str(value) if value not in (None, "") else "–"


TITLES = {"os": "OS", "cpu_model": "CPU model", "cores": "CPU cores", "boot_time": "Started", "process_count": "Processes"}


def title(name: str) -> str:
    if name in TITLES:
        return TITLES[name]
    words = str(name).removesuffix("_bytes").replace("_", " ")
    return words[:1].upper() + words[1:]


def grouped(facts: Facts) -> list[tuple[str, list[tuple[str, str]]]]:
    """(heading, rows): the plain facts first, then one group for each fact that has parts of its own."""
    plain, groups = [], []
    for name, value in facts.items():
        if name == PROCESSES:
            continue
        if isinstance(value, Mapping) and value:
            groups.append((title(name), [(title(key), shown(key, item)) for key, item in value.items()]))
        elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            groups.append((title(name), [_row(item, at) for at, item in enumerate(value, 1)]))
        else:
            plain.append((title(name), shown(name, value)))
    return [("This resource", plain), *groups] if plain else groups


def _row(item: Mapping[str, Any], at: int) -> tuple[str, str]:
    """A part is called by its first value that is a word."""
    name = next((key for key in ("name", "device", "mountpoint", "interface", "address") if item.get(key)), "")
    rest = {key: value for key, value in item.items() if key != name}
    return str(item.get(name, at)), shown("", rest)


def processes(facts: Facts) -> list[Mapping[str, Any]]:
    """Top processes as the source lists them; a list of mappings or nothing."""
    found = facts.get(PROCESSES)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []
