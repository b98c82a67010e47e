"""A real Alertmanager between who sends alerts and the installation."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.installation import free_port
from bench.storm_alerts import GROUP_BY

GROUP_WAIT, GROUP_INTERVAL = 2, 10  # seconds


def program() -> str | None:
    named = os.environ.get("ALERTMANAGER")
    return named or shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")


@contextmanager
def running(command: str, data: Path, target: str, token: str) -> Iterator[tuple[str, int]]:
    """The address that takes alerts, and the process' id. JSON is YAML."""
    port = free_port()
    hook = {"url": target, "send_resolved": True, "http_config": {"authorization": {"credentials": token}}}
    route = {"receiver": "aiops", "group_by": list(GROUP_BY), "group_wait": f"{GROUP_WAIT}s", "group_interval": f"{GROUP_INTERVAL}s"}
    config = {"route": {**route, "repeat_interval": "4h"}, "receivers": [{"name": "aiops", "webhook_configs": [hook]}]}
    written = data / "alertmanager.yml"
    written.write_text(json.dumps(config), encoding="utf-8")
    arguments = [f"--config.file={written}", f"--storage.path={data / 'alertmanager'}", f"--web.listen-address=127.0.0.1:{port}"]
    process = subprocess.Popen([command, *arguments, "--cluster.listen-address=", "--log.level=error"])
    try:
        _await(f"http://127.0.0.1:{port}/-/ready")
        yield f"http://127.0.0.1:{port}/api/v2/alerts", process.pid
    finally:
        process.terminate()
        process.wait(30)


def _await(url: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("Alertmanager did not become ready within 30 s")
