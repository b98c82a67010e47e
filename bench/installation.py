"""A whole installation for a measurement: its processes, its address, their CPU and memory."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

PYTHON = sys.executable
MANAGE = [PYTHON, "manage.py"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data: Path, database_url: str = "", redis_url: str = "", **extra: str) -> dict[str, str]:
    port = free_port()
    own = {"AIOPS_DATA_DIR": str(data), "DATABASE_URL": database_url, "REDIS_URL": redis_url, "PORT": str(port)}
    own |= {"AIOPS_LOCAL_HOST_SOURCE": "false", "AIOPS_LOG_LEVEL": "ERROR", "AIOPS_SECRET_KEY": "k" * 60}
    own |= {"DJANGO_SETTINGS_MODULE": "aiops.settings"}
    return {**os.environ, **own, **extra}


@contextmanager
def serving(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """From the first answer to a clean end."""
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        _await_health(process, f"http://127.0.0.1:{env['PORT']}/healthz")
        yield process
    finally:
        process.terminate()
        process.wait(10)


def _await_health(process: subprocess.Popen[str], url: str) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the server did not answer within a minute")


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


def resident_megabytes(process: subprocess.Popen[str]) -> float:
    return psutil.Process(process.pid).memory_info().rss / 2**20
