"""From the POST of a sample to the slowest of 100 websockets that hears of its alert: an immediate rule, evaluated as the sample arrives.
One server process; the clients and the poster have processes of their own.
"""

import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

from bench import servers
from bench.installation import MANAGE, PYTHON, cpu_seconds, environment, serving
from bench.row import Row

CLIENTS, SAMPLES, APART, LIMIT = 100, 60, 1.0, 100.0  # APART: seconds between samples
RULE = """
from monitoring.alerts.models import AlertRule, RuleGroup
group = RuleGroup.objects.create(name="bench", interval=3600)
AlertRule.objects.create(group=group, name="Arrived", key="Arrived", expr="arriving > 50", immediate=True,
                         annotations={"summary": "{{ $labels.host }}"})
"""


def _token(env: dict[str, str], scope: str) -> str:
    command = [*MANAGE, "create_token", "--user", "admin", "--name", f"bench {scope}", "--scope", scope]
    return subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


def _measure(name: str, env: dict[str, str], server: "subprocess.Popen[str]", samples: int) -> list[Row]:
    subprocess.run([*MANAGE, "shell", "-c", RULE], env=env, stdout=subprocess.DEVNULL, check=True)
    address = f"127.0.0.1:{env['PORT']}"
    command = [PYTHON, "-m", "bench.alert_clients", f"ws://{address}/ws/alerts", _token(env, "monitoring:read"), str(CLIENTS), str(samples)]
    clients = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert clients.stdout is not None
    clients.stdout.readline()  # all of them watch
    time.sleep(3)  # rules made by another process are known after two seconds
    before = cpu_seconds(server)
    sent = _post(f"http://{address}/webhooks/metrics", _token(env, "metrics:write"), samples)
    heard = {int(n): at for n, at in json.loads(clients.communicate(timeout=120)[0]).items()}
    spent = (cpu_seconds(server) - before) / samples * 1000
    slowest = sorted((heard[n] - sent[n]) * 1000 for n in sent)
    note = (
        f"p95 of {samples}; median {statistics.median(slowest):.1f}, worst {slowest[-1]:.1f}; CPU of the server per sample {spent:.0f} ms"
    )
    return [Row(f"POST of a sample to the slowest of {CLIENTS} browsers", name, slowest[int(samples * 0.95)], "ms", LIMIT, note)]


def _post(url: str, token: str, samples: int) -> dict[int, float]:
    sent = {}
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as client:
        for n in range(samples):
            time.sleep(APART)
            sent[n] = time.time()
            client.post(url, json={"metric": "arriving", "labels": {"host": f"h{n}"}, "value": 90}).raise_for_status()
    return sent


def _embedded(samples: int) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data:
        env = environment(Path(data), AIOPS_RULE_PACKS="false")
        with serving([*MANAGE, "up", "--port", env["PORT"]], env) as server:
            return _measure("embedded", env, server, samples)


def _production(samples: int, database_url: str, redis_url: str) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data:
        extra = {"AIOPS_URL": "https://bench.example.org", "AIOPS_RULE_PACKS": "false"}
        env = environment(Path(data), database_url, redis_url, **extra)
        subprocess.run([*MANAGE, "prepare"], env=env, stdout=subprocess.DEVNULL, check=True)
        with serving([*MANAGE, "web", "--host", "127.0.0.1"], env) as server:
            return _measure("PostgreSQL, Redis", env, server, samples)


def run(scale: float) -> list[Row]:
    samples = max(20, round(SAMPLES * scale))
    rows = _embedded(samples)
    with servers.production() as addresses:
        return rows + (_production(samples, *addresses) if addresses else [])
