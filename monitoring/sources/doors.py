"""The ways in for senders that push, as pages name and explain them. Pure: no database."""

from dataclasses import dataclass

PUSHED = "push_"  # kinds of sources that send of their own accord begin so; they are never polled


@dataclass(frozen=True)
class Door:
    label: str
    icon: str = "download"


DOORS = {
    "influxdb": Door("InfluxDB line protocol"),
    "telegraf": Door("Telegraf"),
    "prometheus": Door("Prometheus remote write"),
    "metrics": Door("JSON metrics"),
}


def of(kind: str) -> Door:
    """Of the kind of a source, push_<door>. A door without a line here still shows, as itself."""
    name = kind.removeprefix(PUSHED)
    return DOORS.get(name) or Door(name.replace("_", " ").capitalize())
