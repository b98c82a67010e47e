"""What the demonstration says of its resources: labels, facts, who is part of whom. Pure: no database."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from monitoring.demo import gpus
from monitoring.demo.families import Key
from monitoring.demo.fleet import CLUSTER, GIB, KERNELS, MARK, METAL_CPUS, SYSTEMS, WORKLOADS, Gpu, Machine, Pod
from monitoring.demo.world import World
from monitoring.inventory.facts import ResourceReport

MINUTE_MS = 60_000
SERVICES = {  # what runs beside the kernel: name, share of the CPU in use, share of the memory in use, user, command
    "nginx": ((("nginx", 0.55, 0.12, "www-data", "nginx: worker process"), ("php-fpm8.2", 0.33, 0.48, "www-data", "php-fpm: pool www"))),
    "java": ((("java", 0.86, 0.78, "app", "java -XX:MaxRAMPercentage=70 -jar /srv/orders/orders-api.jar"),)),
    "postgres": (
        ("postgres", 0.44, 0.52, "postgres", "postgres: 16/main: shop checkout 10.20.4.31(52114) SELECT"),
        ("postgres", 0.21, 0.14, "postgres", "postgres: 16/main: walwriter"),
        ("postgres", 0.12, 0.12, "postgres", "postgres: 16/main: autovacuum worker shop"),
    ),
    "redis-server": (("redis-server", 0.81, 0.84, "redis", "redis-server 0.0.0.0:6379"),),
    "beam.smp": (("beam.smp", 0.84, 0.70, "rabbitmq", "beam.smp -W w -MBas ageffcbf -- -root /usr/lib/erlang"),),
    "minio": (("minio", 0.78, 0.55, "minio", "minio server /srv/data"), ("rclone", 0.09, 0.06, "backup", "rclone sync /srv/data offsite:")),
    "python3": (
        ("python3", 0.62, 0.66, "ml", "python3 -m serving.worker --model ranking"),
        ("python3", 0.21, 0.14, "ml", "python3 -m features.refresh --every 300"),
    ),
    "spark": (("java", 0.88, 0.74, "spark", "java -cp /opt/spark/jars/* org.apache.spark.executor.CoarseGrainedExecutorBackend"),),
    "kubelet": (
        ("containerd", 0.17, 0.06, "root", "/usr/bin/containerd"),
        ("kubelet", 0.14, 0.05, "root", "/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml"),
        ("search-api", 0.31, 0.22, "nobody", "/bin/search-api --listen :8080"),
        ("storefront", 0.24, 0.11, "nobody", "/bin/storefront --listen :8080"),
    ),
}
EVERYWHERE = (("node_exporter", 0.012, 0.008, "prometheus", "node_exporter"), ("systemd", 0.004, 0.004, "root", "/sbin/init"))


def reports(world: World, now_ms: int, interval: int) -> list[ResourceReport]:
    """Everything there is, parents first."""
    return [
        *_machines(world, now_ms, interval),
        *(_gpu(one, interval) for one in world.fleet.gpus),
        ResourceReport(
            "cluster",
            CLUSTER,
            {"cluster": CLUSTER, **MARK},
            {"version": "v1.31.3", "nodes": len(world.fleet.nodes)},
            report_interval=interval,
        ),
        *_namespaces(world, interval),
        *(_pod(one, interval) for one in world.fleet.pods),
    ]


def _machines(world: World, now_ms: int, interval: int) -> Iterator[ResourceReport]:
    minute = now_ms // MINUTE_MS * MINUTE_MS  # processes change once a minute: what has not changed costs less to store
    now = world.machines.at(np.array([[minute / 1000]]))
    for at, machine in enumerate(world.machines.all):
        facts = _about(machine) | {"boot_time": float(now.boot[at, -1])}
        facts |= _processes(machine, float(now.busy[at, 0]), float(now.memory[at, 0]))
        yield ResourceReport(machine.kind, machine.name, machine.labels, facts, _above(machine), report_interval=interval)


def _above(machine: Machine) -> Key | None:
    return ("cluster", CLUSTER) if machine.kind == "node" else None


def _about(machine: Machine) -> dict[str, Any]:
    return {
        "hostname": machine.name,
        "os": SYSTEMS[machine.model],
        "kernel": KERNELS[machine.model],
        "architecture": "x86_64",
        "cores": machine.cores,
        "cpu_model": METAL_CPUS[machine.model] if machine.role.metal else "QEMU Virtual CPU version 2.5+",
        "memory_bytes": machine.memory,
        "addresses": [machine.address],
        **({"virtualisation": "KVM"} if not machine.role.metal else {}),
    }


def _processes(machine: Machine, busy: float, used: float) -> dict[str, Any]:
    memory = machine.role.memory * GIB
    rows = [
        {
            "pid": 800 + 137 * at + machine.model * 11,
            "name": name,
            "cpu": round(100 * machine.cores * busy * cpu, 1),
            "memory": round(100 * used * share, 1),
            "resident_bytes": int(memory * used * share),
            "user": user,
            "command": command,
        }
        for at, (name, cpu, share, user, command) in enumerate((*SERVICES[machine.role.service], *EVERYWHERE))
    ]
    return {"processes": sorted(rows, key=lambda row: -row["cpu"]), "process_count": 92 + 17 * machine.cores}


def _gpu(gpu: Gpu, interval: int) -> ResourceReport:
    labels = {"instance": gpu.host.name, "job": "node", "uuid": gpu.uuid, **MARK}
    facts = {
        "model": gpus.MODEL,
        "driver": gpus.DRIVER,
        "memory_bytes": int(gpus.MEMORY * gpus.MIB),
        "bus": f"00000000:{0x19 + 4 * gpu.index:02X}:00.0",
    }
    return ResourceReport(*gpu.key, labels, facts, gpu.host.key, report_interval=interval)


def _namespaces(world: World, interval: int) -> Iterator[ResourceReport]:
    for name in world.fleet.namespaces:
        pods = sum(work.replicas for work in WORKLOADS if work.namespace == name)
        labels = {"namespace": name, "cluster": CLUSTER, **MARK}
        yield ResourceReport("namespace", f"{CLUSTER}/{name}", labels, {"pods": pods}, ("cluster", CLUSTER), report_interval=interval)


def _pod(pod: Pod, interval: int) -> ResourceReport:
    work = pod.workload
    facts = {
        "namespace": work.namespace,
        "workload": work.name,
        "image": f"registry.example/{work.namespace}/{work.name}:1.{len(work.name)}.0",
        "memory_limit_bytes": work.limit * 1024**2,
    }
    return ResourceReport(*pod.key, pod.labels, facts, pod.node.key, report_interval=interval)
