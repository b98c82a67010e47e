"""What a collector yields, and how it reads the kernel's small text files."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Reading = tuple[str, dict[str, str], float]  # metric, its own labels, value
Readings = Iterator[Reading]


@dataclass(frozen=True)
class Roots:
    """Where the kernel's file systems are mounted."""

    proc: str = "/proc"
    sys: str = "/sys"


Collector = Callable[[Roots], Readings]


def text(path: str) -> str:
    """The whole file. Raises OSError. Half the cost of open(): these files are read by the hundred."""
    handle = os.open(path, os.O_RDONLY)
    try:
        content = os.read(handle, 65536)
        while len(content) % 65536 == 0 and (more := os.read(handle, 65536)):
            content += more
    finally:
        os.close(handle)
    return content.decode("utf-8", "replace")


def line(path: str) -> str:
    """The stripped content of a one-line file; empty where it cannot be read."""
    try:
        return text(path).strip()
    except OSError:
        return ""


def number(path: str) -> float | None:
    try:
        return float(text(path))
    except (OSError, ValueError):
        return None


def names(folder: str) -> list[str]:
    """The sorted entries of a folder; empty where there is none."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
