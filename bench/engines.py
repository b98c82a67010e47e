"""Other engines that take the same samples, where they are installed."""

import http.client
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.ingest_bodies import Body
from bench.installation import cpu_seconds, free_port

SETTLE = 5.0  # seconds
_INFLUX = """reporting-disabled = true
bind-address = "127.0.0.1:{second}"
[meta]
dir = "{data}/meta"
[data]
dir = "{data}/data"
wal-dir = "{data}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
[monitor]
store-enabled = false
"""


@dataclass(frozen=True)
class Engine:
    command: list[str]
    config: str
    ready: str
    paths: dict[str, str]  # form -> path


ENGINES = {
    "prometheus": Engine(
        [
            "prometheus",
            "--config.file={data}/config",
            "--storage.tsdb.path={data}/tsdb",
            "--web.listen-address=127.0.0.1:{port}",
            "--web.enable-remote-write-receiver",
            "--log.level=error",
        ],
        "{{}}",
        "/-/ready",
        {"remote write": "/api/v1/write"},
    ),
    "influxd": Engine(["influxd", "run", "-config", "{data}/config"], _INFLUX, "/ping", {"line protocol": "/write?db=bench"}),
    "victoria-metrics": Engine(
        ["victoria-metrics", "-storageDataPath={data}/data", "-httpListenAddr=127.0.0.1:{port}", "-loggerLevel=ERROR"],
        "",
        "/health",
        {"remote write": "/api/v1/write", "line protocol": "/write"},
    ),
}


class Running:
    def __init__(self, of: Engine, process: "subprocess.Popen[str]", port: int) -> None:
        self.of, self.process = of, process
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(self, method: str, path: str, content: bytes = b"", headers: dict[str, str] | None = None) -> int:
        self.connection.request(method, path, content, headers or {})
        answer = self.connection.getresponse()
        answer.read()
        return answer.status

    def send(self, form: str, bodies: list[Body]) -> None:
        self.connection.close()  # it may have been idle for long
        for body in bodies:
            status = self.ask("POST", self.of.paths[form], body.content, body.headers)
            if status >= 300:
                raise RuntimeError(f"the engine answered {status}")

    def cpu(self, work: Callable[[], object]) -> float:
        before = cpu_seconds(self.process)
        work()
        time.sleep(SETTLE)
        return cpu_seconds(self.process) - before


@contextmanager
def engine(name: str, data: Path) -> Iterator[Running]:
    """FileNotFoundError where it is not installed."""
    of = ENGINES[name]
    if shutil.which(of.command[0]) is None:
        raise FileNotFoundError(name)
    port, second = free_port(), free_port()
    (data / "config").write_text(of.config.format(data=data, port=port, second=second), encoding="utf-8")
    command = [part.format(data=data, port=port) for part in of.command]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    try:
        running = Running(of, process, port)
        _await(running, process)
        if name == "influxd":
            running.ask("POST", "/query?q=CREATE+DATABASE+bench")
        yield running
    finally:
        process.kill()
        process.wait()


def _await(running: Running, process: "subprocess.Popen[str]") -> None:
    for _ in range(300):
        try:
            if process.poll() is None and running.ask("GET", running.of.ready) < 300:
                return
        except (OSError, http.client.HTTPException):
            running.connection.close()
        time.sleep(0.1)
    raise subprocess.SubprocessError("it did not answer within half a minute")
