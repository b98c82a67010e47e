"""A server of ours that takes samples, its sender, and the CPU of every process that works for it."""

import http.client
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cpu import spent
from bench.ingest_bodies import Body
from bench.installation import MANAGE, PYTHON, cpu_seconds, environment, serving

PATHS = {
    "text/plain; charset=utf-8": "/webhooks/influxdb/api/v2/write",
    "application/json": "/webhooks/metrics",
    "application/x-protobuf": "/webhooks/prometheus",
}


class Server:
    def __init__(self, env: dict[str, str], process: "subprocess.Popen[str]", database_url: str = "") -> None:
        self.env, self.process, self.database_url = env, process, database_url
        command = [*MANAGE, "create_token", "--user", "admin", "--name", "bench", "--ingest", "--days", "0"]
        self.token = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
        self.connection = http.client.HTTPConnection("127.0.0.1", int(env["PORT"]))

    def send(self, bodies: list[Body]) -> None:
        self.connection.close()  # it may have been idle for long
        for body in bodies:
            headers = {**body.headers, "Authorization": f"Bearer {self.token}"}
            self.connection.request("POST", PATHS[body.headers["Content-Type"]], body.content, headers)
            answer = self.connection.getresponse()
            told = answer.read()
            if answer.status >= 300:
                raise RuntimeError(f"answered {answer.status}: {told[:300]!r}")

    def cpu(self, work: Callable[[], object]) -> float:
        """Of the server and of its database while `work` is done, in seconds."""
        before = self._spent()
        work()
        return sum(seconds - before.get(pid, 0.0) for pid, seconds in self._spent().items())

    def _spent(self) -> dict[int, float]:
        return {self.process.pid: cpu_seconds(self.process)} | {pid: spent(pid) for pid in self._database_pids()}

    def _database_pids(self) -> list[int]:
        if not self.database_url:
            return []
        import psycopg

        with psycopg.connect(self.database_url) as server:
            query = "SELECT pid FROM pg_stat_activity WHERE (datname = current_database() AND pid <> pg_backend_pid()) OR backend_type IN"
            return [pid for (pid,) in server.execute(f"{query} ('checkpointer', 'background writer', 'walwriter')").fetchall()]

    def jobs(self, samples: int) -> float:
        """CPU seconds of sealing and merging what was sent; every sample has to be there afterwards."""
        command = [PYTHON, "-m", "bench.ingest_jobs", str(samples)]
        answer = subprocess.run(command, env=self.env, stdout=subprocess.PIPE, check=True, text=True)
        return float(answer.stdout.splitlines()[-1])


@contextmanager
def embedded() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data:
        env = environment(Path(data))
        with serving([*MANAGE, "up"], env) as process:
            yield Server(env, process)


@contextmanager
def production(database_url: str, redis_url: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data:
        env = environment(Path(data), database_url, redis_url, AIOPS_URL="https://bench.example.org")
        for command in ("prepare", "create_admin"):
            subprocess.run([*MANAGE, command], env=env, stdout=subprocess.DEVNULL, check=True)
        with serving([*MANAGE, "web", "--host", "127.0.0.1"], env) as process:
            yield Server(env, process, database_url)
