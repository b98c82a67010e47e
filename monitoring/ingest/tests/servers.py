"""Whole processes for the tests: our server, Prometheus, influxd."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from monitoring.store.samples import unpack

ROOT = Path(__file__).resolve().parents[3]


def free_port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


def binary(name, in_ci=True):
    found = shutil.which(name)
    if found is None:
        if in_ci and os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")
    return found


def await_answer(url, process, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{url}: the server ended"
        try:
            if httpx.get(url, timeout=5).status_code < 300:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{url} did not answer")


class Ours:
    """`manage.py up` on a directory, which outlives the process."""

    def __init__(self, directory):
        self.directory, self.port, self.process = directory, free_port(), None
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIOPS_", "DATABASE_", "REDIS_"))}
        own = {
            "AIOPS_DATA_DIR": str(directory),
            "PORT": str(self.port),
            "AIOPS_LOCAL_HOST_SOURCE": "false",
            "DATABASE_URL": "",
            "REDIS_URL": "",
        }
        self.environment = {**inherited, **own, "AIOPS_LOG_LEVEL": "ERROR"}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([sys.executable, "manage.py", "up"], cwd=ROOT, env=self.environment, **quiet)
        try:
            await_answer(f"{self.url}/healthz", self.process)
        except AssertionError:
            self.kill()
            raise

    def kill(self):
        self.process.kill()
        self.process.wait()

    def token(self):
        command = [sys.executable, "manage.py", "create_token", "--user", "admin", "--name", "agents", "--ingest", "--days", "0"]
        return subprocess.run(command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()

    def read(self, query):
        """Rows of its database, beside the running process."""
        with closing(sqlite3.connect(f"file:{self.directory}/aiops.sqlite3?mode=ro", uri=True, timeout=20)) as database:
            return database.execute(query).fetchall()

    def stored(self, metric=""):
        """{metric: {label text: {ms: value}}} of the samples of the last hours, which are not sealed yet."""
        samples = unpack(self.read("SELECT block, t0, data FROM monitoring_hot ORDER BY id")).aligned().settled()
        series = {sid: (name, repr(sorted(json.loads(labels).items()))) for sid, name, labels in self.read(_SERIES)}
        found = {}
        for sid, t, v in zip(samples.sid.tolist(), samples.t.tolist(), samples.v.tolist(), strict=True):
            name, labels = series[sid]
            if name.startswith(metric):
                found.setdefault(name, {}).setdefault(labels, {})[t] = repr(v)
        return found


_SERIES = "SELECT id, metric, labels FROM monitoring_series"
