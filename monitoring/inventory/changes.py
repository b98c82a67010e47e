"""What changed, put into sentences."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from monitoring.inventory.health import band
from monitoring.inventory.models import Resource, ResourceChange

Kind = ResourceChange.Kind

# Facts whose change is news. The others – processes, uptime – change all the time.
NOTABLE = {
    "os": "Operating system",
    "kernel": "Kernel",
    "architecture": "Architecture",
    "cores": "CPU cores",
    "cpu_model": "CPU model",
    "memory_bytes": "Memory",
    "virtualisation": "Virtualisation",
    "addresses": "Addresses",
    "driver": "Driver",
    "version": "Version",
    "model": "Model",
    "serial": "Serial number",
}


def span(seconds: float) -> str:
    """Two units at most: 2 d 6 h, 14 min, 5 s."""
    for size, unit, small, subunit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = int(seconds % size // small)
            return f"{int(seconds // size)} {unit} {rest} {subunit}" if rest and unit != "min" else f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "–"
    if key.endswith("_bytes") and isinstance(value, int | float):
        return f"{value / 1024**3:.1f} GiB"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def discovered(row: Resource) -> ResourceChange:
    return ResourceChange.of(row, Kind.DISCOVERED, "First seen", None, row.state)


def state_changed(row: Resource, after: str, now: datetime) -> ResourceChange:
    """`row` still as before."""
    silent = span((now - row.last_seen).total_seconds())
    text = {
        Resource.State.REPORTING: f"Reporting again after {silent}",
        Resource.State.STALE: f"Stopped reporting, last seen {silent} ago",
        Resource.State.GONE: f"Gone, last seen {silent} ago",
    }[Resource.State(after)]
    return ResourceChange.of(row, Kind.STATE, text, row.state, str(after))


def deleted(row: Resource, now: datetime) -> ResourceChange:
    silent = span((now - row.last_seen).total_seconds())
    return ResourceChange.of(row, Kind.DELETED, f"Removed from the inventory, last seen {silent} ago", row.state, None)


def health_changed(row: Resource, before: int | None, after: int | None, reasons: list[dict[str, Any]]) -> ResourceChange | None:
    """None while it stays in its band. A first judgement that finds it healthy is no news."""
    was, now = band(before), band(after)
    if was == now or (was == "unknown" and now == "healthy"):
        return None
    why = f": {reasons[0]['text']}" if reasons and now in ("degraded", "down") else ""
    return ResourceChange.of(row, Kind.HEALTH, f"{now.capitalize()}, was {was}{why}", before, after)


def described(row: Resource, labels: Mapping[str, Any], facts: Mapping[str, Any]) -> list[ResourceChange]:
    """Changed labels and notable facts against what held before."""
    told = [
        ResourceChange.of(
            row, Kind.FACTS, f"{name} {_shown(key, facts.get(key))} → {_shown(key, row.facts.get(key))}", facts.get(key), row.facts.get(key)
        )
        for key, name in NOTABLE.items()
        if facts.get(key) != row.facts.get(key) and key in row.facts
    ]
    different = sorted(key for key in labels.keys() | row.labels.keys() if labels.get(key) != row.labels.get(key))
    if different:
        says = ", ".join(f"{key} {_shown(key, labels.get(key))} → {_shown(key, row.labels.get(key))}" for key in different)
        told.append(ResourceChange.of(row, Kind.LABELS, f"Labels: {says}", dict(labels), row.labels))
    return told


def rebooted(row: Resource, before: float, after: float) -> ResourceChange:
    started = datetime.fromtimestamp(after).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    return ResourceChange.of(row, Kind.REBOOTED, f"Rebooted, started {started}", before, after)


def clock_moved(row: Resource, seconds: float) -> ResourceChange:
    return ResourceChange.of(
        row, Kind.CLOCK, f"Clock moved {'forward' if seconds > 0 else 'back'} by {span(abs(seconds))}", None, round(seconds, 1)
    )
