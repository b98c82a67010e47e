"""CPU, memory, load, kernel counters: everything that stands in a fixed file under /proc."""

import os
import re
import time

from monitoring.sources.pollers.host.reading import Readings, Roots, line, text

TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
VMSTAT = re.compile(r"oom_kill|pgpg|pswp|pg.*fault")
SCALARS = {  # /proc/stat
    "intr": "node_intr_total",
    "ctxt": "node_context_switches_total",
    "processes": "node_forks_total",
    "btime": "node_boot_time_seconds",
    "procs_running": "node_procs_running",
    "procs_blocked": "node_procs_blocked",
}
PRESSURE = {  # file, line → metric
    ("cpu", "some"): "node_pressure_cpu_waiting_seconds_total",
    ("io", "some"): "node_pressure_io_waiting_seconds_total",
    ("io", "full"): "node_pressure_io_stalled_seconds_total",
    ("memory", "some"): "node_pressure_memory_waiting_seconds_total",
    ("memory", "full"): "node_pressure_memory_stalled_seconds_total",
}
NETSTAT = re.compile(
    r"(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)"
    r"|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts)"
    r"|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)"
    r"|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))"
)


def cpu(roots: Roots) -> Readings:
    for row in text(f"{roots.proc}/stat").splitlines():
        name, *ticks = row.split()
        if not name.startswith("cpu") or name == "cpu":
            continue
        number = name[3:]
        for mode, value in zip(CPU_MODES, ticks, strict=False):
            yield "node_cpu_seconds_total", {"cpu": number, "mode": mode}, int(value) / TICK
        for mode, value in zip(("user", "nice"), ticks[8:10], strict=False):
            yield "node_cpu_guest_seconds_total", {"cpu": number, "mode": mode}, int(value) / TICK


def stat(roots: Roots) -> Readings:
    for row in text(f"{roots.proc}/stat").splitlines():
        name, _, rest = row.partition(" ")
        if name in SCALARS:
            yield SCALARS[name], {}, float(rest.split(" ", 1)[0])


def meminfo(roots: Roots) -> Readings:
    for row in text(f"{roots.proc}/meminfo").splitlines():
        key, _, rest = row.partition(":")
        value, *unit = rest.split()
        name = key.replace("(", "_").replace(")", "")
        yield (f"node_memory_{name}_bytes", {}, float(value) * 1024) if unit else (f"node_memory_{name}", {}, float(value))


def loadavg(roots: Roots) -> Readings:
    for minutes, value in zip((1, 5, 15), text(f"{roots.proc}/loadavg").split(), strict=False):
        yield f"node_load{minutes}", {}, float(value)


def vmstat(roots: Roots) -> Readings:
    for row in text(f"{roots.proc}/vmstat").splitlines():
        name, _, value = row.partition(" ")
        if VMSTAT.match(name):
            yield f"node_vmstat_{name}", {}, float(value)


def filefd(roots: Roots) -> Readings:
    allocated, _unused, maximum = text(f"{roots.proc}/sys/fs/file-nr").split()
    yield "node_filefd_allocated", {}, float(allocated)
    yield "node_filefd_maximum", {}, float(maximum)


def sockstat(roots: Roots) -> Readings:
    for row in (text(f"{roots.proc}/net/sockstat") + line(f"{roots.proc}/net/sockstat6")).splitlines():
        protocol, _, rest = row.partition(":")
        words = rest.split()
        for name, value in zip(words[::2], words[1::2], strict=True):
            yield f"node_sockstat_{protocol}_{name}", {}, float(value)
            if name == "mem":
                yield f"node_sockstat_{protocol}_mem_bytes", {}, float(value) * PAGE


def netstat(roots: Roots) -> Readings:
    rows = (text(f"{roots.proc}/net/netstat") + text(f"{roots.proc}/net/snmp")).splitlines()
    pairs = [
        (f"{head.partition(':')[0]}_{name}", value)
        for head, body in zip(rows[::2], rows[1::2], strict=False)
        for name, value in zip(head.split()[1:], body.split()[1:], strict=False)
    ]
    six = [row.split() for row in line(f"{roots.proc}/net/snmp6").splitlines()]
    pairs += [(re.sub(r"^(\w+?6)", r"\1_", name), value) for name, value in six]
    for name, value in pairs:
        if NETSTAT.fullmatch(name):
            yield f"node_netstat_{name}", {}, float(value)


def pressure(roots: Roots) -> Readings:
    """Absent before Linux 4.20 and where it is turned off."""
    for resource in ("cpu", "io", "memory"):
        for row in line(f"{roots.proc}/pressure/{resource}").splitlines():
            metric = PRESSURE.get((resource, row.split(" ", 1)[0]))
            if metric:
                yield metric, {}, int(row.rpartition("total=")[2]) / 1e6


def uname(roots: Roots) -> Readings:
    name = os.uname()
    labels = {key: getattr(name, key) for key in ("machine", "nodename", "release", "sysname", "version")}
    yield "node_uname_info", {**labels, "domainname": line(f"{roots.proc}/sys/kernel/domainname") or "(none)"}, 1.0


def clock(roots: Roots) -> Readings:
    yield "node_time_seconds", {}, time.time()
