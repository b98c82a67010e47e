"""Block devices and mounted file systems."""

import os
import re
import threading

from monitoring.sources.pollers.host.reading import Reading, Readings, Roots, text

SECTOR = 512
IGNORED_DEVICES = re.compile(r"(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+")
IGNORED_MOUNTS = re.compile(r"/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)")
IGNORED_TYPES = re.compile(
    "autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|erofs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay"
    "|procfs|proc|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs"
)
REMOTE = ("nfs", "cifs", "smb", "fuse.", "ceph", "9p", "afs", "gluster", "lustre", "virtiofs")
PATIENCE = 1.0  # seconds; a dead server never answers
DISK_FIELDS = (  # /proc/diskstats after major, minor, name; factor
    ("node_disk_reads_completed_total", 1.0),
    ("node_disk_reads_merged_total", 1.0),
    ("node_disk_read_bytes_total", SECTOR),
    ("node_disk_read_time_seconds_total", 0.001),
    ("node_disk_writes_completed_total", 1.0),
    ("node_disk_writes_merged_total", 1.0),
    ("node_disk_written_bytes_total", SECTOR),
    ("node_disk_write_time_seconds_total", 0.001),
    ("node_disk_io_now", 1.0),
    ("node_disk_io_time_seconds_total", 0.001),
    ("node_disk_io_time_weighted_seconds_total", 0.001),
    ("node_disk_discards_completed_total", 1.0),
    ("node_disk_discards_merged_total", 1.0),
    ("node_disk_discarded_sectors_total", 1.0),
    ("node_disk_discard_time_seconds_total", 0.001),
    ("node_disk_flush_requests_total", 1.0),
    ("node_disk_flush_requests_time_seconds_total", 0.001),
)
_stuck: dict[str, threading.Thread] = {}  # mounts whose server does not answer


def diskstats(roots: Roots) -> Readings:
    for row in text(f"{roots.proc}/diskstats").splitlines():
        _major, _minor, device, *values = row.split()
        if IGNORED_DEVICES.fullmatch(device):
            continue
        for (metric, factor), value in zip(DISK_FIELDS, values, strict=False):  # older kernels have fewer
            yield metric, {"device": device}, int(value) * factor


def filesystem(roots: Roots) -> Readings:
    for device, mountpoint, fstype, options in _mounts(roots):
        labels = {"device": device, "fstype": fstype, "mountpoint": mountpoint}
        yield from _usage(labels, "ro" in options.split(","))


def _mounts(roots: Roots) -> list[tuple[str, str, str, str]]:
    """Of all mounts on one place the last is seen, but each (device, place) once."""
    try:
        rows = text(f"{roots.proc}/1/mounts").splitlines()
    except OSError:
        rows = text(f"{roots.proc}/self/mounts").splitlines()
    fields = [row.split(" ") for row in rows]
    found = {(_plain(row[0]), _plain(row[1]), row[2]): row[3] for row in fields if len(row) > 3}
    return [
        (device, mountpoint, fstype, options)
        for (device, mountpoint, fstype), options in found.items()
        if not IGNORED_TYPES.fullmatch(fstype) and not IGNORED_MOUNTS.match(mountpoint)
    ]


def _plain(escaped: str) -> str:
    """The kernel writes blanks and the like as \\040."""
    return re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), escaped) if "\\" in escaped else escaped


def _usage(labels: dict[str, str], readonly: bool) -> list[Reading]:
    try:
        remote = labels["fstype"].startswith(REMOTE)
        stat = _patient_statvfs(labels["mountpoint"]) if remote else os.statvfs(labels["mountpoint"])
    except OSError:
        return [("node_filesystem_device_error", labels, 1.0)]
    values = {
        "size_bytes": stat.f_blocks * stat.f_frsize,
        "free_bytes": stat.f_bfree * stat.f_frsize,
        "avail_bytes": stat.f_bavail * stat.f_frsize,
        "files": stat.f_files,
        "files_free": stat.f_ffree,
        "readonly": readonly,
        "device_error": 0,
    }
    return [(f"node_filesystem_{name}", labels, float(value)) for name, value in values.items()]


def _patient_statvfs(path: str) -> os.statvfs_result:
    """In a thread of its own: a dead NFS server would hang the whole poll. Raises TimeoutError, an OSError."""
    waiting = _stuck.get(path)
    if waiting and waiting.is_alive():
        raise TimeoutError(path)
    result: list[os.statvfs_result | OSError] = []
    thread = threading.Thread(target=_into, args=(path, result), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        _stuck[path] = thread
        raise TimeoutError(path)
    _stuck.pop(path, None)
    if isinstance(result[0], OSError):
        raise result[0]
    return result[0]


def _into(path: str, result: list[os.statvfs_result | OSError]) -> None:
    try:
        result.append(os.statvfs(path))
    except OSError as fault:
        result.append(fault)
