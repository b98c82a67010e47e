"""Ends processes that are still the ones that were meant: asks first, forces after a while."""

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psutil

SAME = 1.5  # seconds by which two readings of one start may differ
FORCED = 5.0  # seconds until a process that was killed is gone


def find(name: str, pid: int | None, started: float | None) -> list[psutil.Process]:
    """Those of this name; with a pid, that one if it has the name and began then. We and who started us are never among them."""
    ours = {psutil.Process().pid, *(process.pid for process in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter(["name", "create_time"]):
        if process.pid in ours or pid not in (None, process.pid):
            continue
        if name and process.info["name"] != name:
            continue
        if started is not None and abs((process.info["create_time"] or 0) - started) > SAME:
            continue
        found.append(process)
    return found


def _alive(process: psutil.Process) -> bool:
    """One that has ended and only waits for its parent to take notice is not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _wait(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that are left after at most so long."""
    until = time.monotonic() + seconds
    while (left := [process for process in processes if _alive(process)]) and time.monotonic() < until:
        time.sleep(0.02)
    return left


def main(job: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    """`processes`: [pid, start] of each."""
    alive: list[psutil.Process] = []
    for pid, started in job["processes"]:
        found = find(job["name"], pid, started)
        if not found:
            print(f"process {pid} has ended already", flush=True)
        for process in found:
            print(f"asking process {pid} ({job['name']}) to end", flush=True)
            with suppress(psutil.NoSuchProcess):
                process.terminate()
            alive.append(process)
    left = _wait(alive, job["grace"])
    for process in left:
        print(f"process {process.pid} did not end within {job['grace']:g} s: it is killed", flush=True)
        with suppress(psutil.NoSuchProcess):
            process.kill()
    stubborn = _wait(left, FORCED)
    if stubborn:
        print("still there: " + ", ".join(str(process.pid) for process in stubborn), flush=True)
        sys.exit(1)
    return {"ended": len(alive) - len(left), "killed": len(left)}
