"""Who is there: the same machines, GPUs and pods for the same seed. Pure: no database, no clock."""

import random
from dataclasses import dataclass
from functools import cached_property

GIB = 1024**3
DOMAIN = "demo"
MARK = {"demo": "true"}  # on every resource and series of the demonstration, and on nothing else
CLUSTER = "demo-cluster"


@dataclass(frozen=True)
class Role:
    """Shares are of the whole machine; profile: how its week goes (profiles.py)."""

    name: str
    count: int
    cores: tuple[int, ...]
    memory: int  # GiB
    profile: str
    cpu: tuple[float, float]  # quiet and busy hours
    memory_used: float
    disk_busy: tuple[float, float]
    network: tuple[float, float]  # bytes per second in, busy hours; quiet ones have a fifth
    service: str
    data: str = ""  # mount point of a disk of its own
    metal: bool = False


ROLES = {
    "web": Role("web", 8, (2,), 8, "evening", (0.10, 0.38), 0.42, (0.01, 0.06), (9e6, 31e6), "nginx"),
    "app": Role("app", 10, (2, 4), 16, "office", (0.09, 0.52), 0.52, (0.02, 0.09), (6e6, 7e6), "java"),
    "db": Role("db", 6, (4, 4), 32, "office", (0.10, 0.40), 0.68, (0.06, 0.35), (8e6, 14e6), "postgres", "/var/lib/postgresql", True),
    "cache": Role("cache", 3, (2,), 16, "evening", (0.08, 0.30), 0.61, (0.01, 0.02), (12e6, 24e6), "redis-server"),
    "queue": Role("queue", 2, (2,), 8, "office", (0.07, 0.28), 0.40, (0.04, 0.20), (7e6, 7e6), "beam.smp"),
    "storage": Role("storage", 5, (2, 4), 32, "nightly", (0.08, 0.34), 0.48, (0.15, 0.62), (60e6, 45e6), "minio", "/srv/data", True),
    "AI": Role("AI", 4, (4,), 64, "steady", (0.14, 0.55), 0.57, (0.03, 0.12), (9e6, 4e6), "python3", "", True),
    "batch": Role("batch", 2, (4,), 16, "nightly", (0.06, 0.48), 0.36, (0.04, 0.30), (5e6, 5e6), "spark"),
}
GPU_ROLE = Role("AI", 2, (8,), 512, "jobs", (0.12, 0.46), 0.44, (0.04, 0.22), (45e6, 40e6), "python3", "/scratch", True)
NODE_ROLE = Role("kubernetes", 4, (4,), 32, "steady", (0.14, 0.52), 0.55, (0.03, 0.14), (11e6, 12e6), "kubelet")
SITES = {"fra1": 3600.0, "iad1": -18_000.0}  # how far their clocks are ahead of UTC, seconds
KERNELS = ("Linux 6.1.0-28-amd64", "Linux 6.8.0-49-generic")
SYSTEMS = ("Debian GNU/Linux 12 (bookworm)", "Ubuntu 24.04.1 LTS")
METAL_CPUS = ("AMD EPYC 9254 24-Core Processor", "Intel(R) Xeon(R) Gold 6430")


@dataclass(frozen=True)
class Mount:
    device: str
    disk: str
    mountpoint: str
    size: int
    used: float  # share in the middle of its wandering
    fstype: str = "ext4"


@dataclass(frozen=True)
class Machine:
    kind: str  # host or node
    name: str
    role: Role
    cores: int
    memory: int  # bytes
    site: str
    rack: str
    mounts: tuple[Mount, ...]
    address: str
    model: int  # which of the kernels, systems and CPUs
    hypervisor: str = ""  # empty on metal

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name

    @cached_property
    def labels(self) -> dict[str, str]:
        place = {"site": self.site, "rack": self.rack, "role": self.role.name, "env": "production"}
        cluster = {"cluster": CLUSTER} if self.kind == "node" else {}
        on = {"hypervisor": self.hypervisor} if self.hypervisor else {}
        return {"instance": self.name, "job": "node", **place, **cluster, **on, **MARK}

    @property
    def disks(self) -> list[str]:
        return list(dict.fromkeys(mount.disk for mount in self.mounts))


@dataclass(frozen=True)
class Gpu:
    host: Machine
    index: int
    uuid: str

    @property
    def key(self) -> tuple[str, str]:
        return "gpu", f"{self.host.name} GPU {self.index}"


@dataclass(frozen=True)
class Workload:
    namespace: str
    name: str
    replicas: int
    cpu: tuple[float, float]  # cores, quiet and busy hours
    limit: int  # MiB
    used: float  # share of the limit
    network: float  # bytes per second in busy hours
    profile: str = "office"


WORKLOADS = (
    Workload("shop", "storefront", 4, (0.10, 0.70), 512, 0.55, 2.4e6, "evening"),
    Workload("shop", "checkout", 3, (0.06, 0.45), 768, 0.48, 0.9e6, "evening"),
    Workload("shop", "cart", 2, (0.04, 0.30), 512, 0.42, 0.6e6, "evening"),
    Workload("payments", "payments-api", 3, (0.05, 0.38), 1024, 0.44, 0.7e6),
    Workload("payments", "ledger", 2, (0.05, 0.25), 1024, 0.52, 0.3e6),
    Workload("search", "search-api", 3, (0.12, 0.85), 2048, 0.63, 1.2e6, "evening"),
    Workload("search", "indexer", 1, (0.05, 0.90), 2048, 0.50, 0.8e6, "nightly"),
    Workload("monitoring", "collector", 4, (0.06, 0.12), 512, 0.40, 0.4e6, "steady"),
    Workload("kube-system", "coredns", 2, (0.02, 0.08), 170, 0.35, 0.1e6, "steady"),
    Workload("kube-system", "kube-proxy", 4, (0.01, 0.03), 128, 0.40, 0.05e6, "steady"),
)


@dataclass(frozen=True)
class Pod:
    name: str
    workload: Workload
    node: Machine

    @property
    def key(self) -> tuple[str, str]:
        return "pod", f"{self.workload.namespace}/{self.name}"

    @property
    def labels(self) -> dict[str, str]:
        where = {"namespace": self.workload.namespace, "pod": self.name, "node": self.node.name}
        return {**where, "app": self.workload.name, "cluster": CLUSTER, "job": "kubelet", **MARK}


class Fleet:
    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311 not for secrets
        self.hosts = [_machine(draw, "host", f"{role.name.lower()}-{at:02}", role, at) for role in ROLES.values() for at in _count(role)]
        self.gpu_hosts = [_machine(draw, "host", f"gpu-{at:02}", GPU_ROLE, at) for at in _count(GPU_ROLE)]
        self.nodes = [_machine(draw, "node", f"k8s-node-{at:02}", NODE_ROLE, 2) for at in _count(NODE_ROLE)]
        self.machines = [*self.hosts, *self.gpu_hosts, *self.nodes]
        self.gpus = [Gpu(host, at, _uuid(draw)) for host in self.gpu_hosts for at in range(8)]
        self.pods = [_pod(draw, work, self.nodes[(at + len(work.name)) % 4]) for work in WORKLOADS for at in range(work.replicas)]
        self.namespaces = list(dict.fromkeys(work.namespace for work in WORKLOADS))

    def machine(self, name: str) -> Machine:
        return next(machine for machine in self.machines if machine.name == f"{name}.{DOMAIN}")

    def row(self, name: str) -> int:
        return self.machines.index(self.machine(name))


NEIGHBOURS = ("batch-02", "web-05", "web-06", "cache-02")  # share one hypervisor; the first is the noisy one


def _count(role: Role) -> range:
    return range(1, role.count + 1)


def _machine(draw: random.Random, kind: str, name: str, role: Role, at: int) -> Machine:
    site = "fra1" if at % 5 < 3 else "iad1"
    hypervisor = "" if role.metal else "hv-07" if name in NEIGHBOURS else f"hv-{draw.randrange(1, 7):02}"
    address = f"10.{20 if site == 'fra1' else 40}.{draw.randrange(1, 30)}.{draw.randrange(10, 250)}"
    return Machine(
        kind, f"{name}.{DOMAIN}", role, draw.choice(role.cores), role.memory * GIB, site, f"r{draw.randrange(1, 7):02}",
        _mounts(draw, role), address, draw.randrange(2), hypervisor,
    )  # fmt: skip


def _mounts(draw: random.Random, role: Role) -> tuple[Mount, ...]:
    disk, first = ("nvme0n1", "nvme0n1p2") if role.metal else ("vda", "vda1")
    mounts = [Mount(f"/dev/{first}", disk, "/", draw.choice((40, 60, 80)) * GIB, draw.uniform(0.28, 0.62))]
    if role.data:
        mounts.append(Mount("/dev/nvme1n1p1", "nvme1n1", role.data, draw.choice((1, 2, 4)) * 960 * GIB, draw.uniform(0.41, 0.72), "xfs"))
    return tuple(mounts)


def _uuid(draw: random.Random) -> str:
    digits = f"{draw.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _pod(draw: random.Random, work: Workload, node: Machine) -> Pod:
    letters = "bcdfghjklmnpqrstvwxz2456789"
    name = f"{work.name}-{''.join(draw.choices(letters, k=9))}-{''.join(draw.choices(letters, k=5))}"
    return Pod(name, work, node)
