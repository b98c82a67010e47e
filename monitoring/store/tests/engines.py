"""Real engines for the contract: started on a free port with an empty directory, ended with the test run."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ENGINES = {
    "victoria-metrics": [
        "-storageDataPath={data}",
        "-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=10y",
        "-dedup.minScrapeInterval=1ms",
        "-loggerLevel=ERROR",
    ],
    "prometheus": [
        "--config.file={data}/prometheus.yml",
        "--storage.tsdb.path={data}/tsdb",
        "--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--log.level=error",
    ],
}
# Prometheus takes late samples only when told how late they may be.
CONFIG = "storage: {tsdb: {out_of_order_time_window: 6h}}\n"


def hasten(name: str, root: str) -> None:
    """VictoriaMetrics shows new samples after some seconds, or when told to."""
    if name == "victoria-metrics":
        httpx.get(f"{root}/internal/force_flush", timeout=10)


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


def _binary(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is not installed"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def running(name: str, data: Path) -> Iterator[str]:
    """The engine's root address."""
    port = _free_port()
    (data / "prometheus.yml").write_text(CONFIG)
    command = [_binary(name), *(part.format(data=data, port=port) for part in ENGINES[name])]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_until_ready(root: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{root}/api/v1/query?query=1").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("the engine did not start")
