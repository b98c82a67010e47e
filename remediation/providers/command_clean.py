"""Finds old files below a directory and deletes them, oldest first. It follows no link and stays on the file system it began on."""

import fnmatch
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

MOST_FILES = 500_000  # looked at
MOST_NAMED = 500  # said by name


@dataclass(frozen=True)
class Old:
    name: str  # relative to the directory
    size: int  # bytes it takes on the disk
    modified: float  # Unix seconds


def open_directory(path: str) -> int:
    """A descriptor of it, reached without a link on any part of the way."""
    held = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    for part in os.path.normpath(path).strip("/").split("/"):
        if part:
            try:
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=held)
            finally:
                os.close(held)
            held = below
    return held


def find(path: str, older_than: float, pattern: str, now: float) -> list[Old]:
    """Regular files that were not changed for that many seconds, oldest first. Raises OSError."""
    top = open_directory(path)
    try:
        return sorted(_walk(top, now - older_than, pattern or "*"), key=lambda one: (one.modified, one.name))
    finally:
        os.close(top)


def _walk(top: int, before: float, pattern: str) -> Iterator[Old]:
    device, seen = os.fstat(top).st_dev, 0
    for folder, folders, files, held in os.fwalk(".", dir_fd=top, follow_symlinks=False):
        if os.fstat(held).st_dev != device:
            folders.clear()
            continue
        for name in files:
            seen += 1
            if seen > MOST_FILES:
                return
            with suppress(OSError):  # gone meanwhile
                found = os.stat(name, dir_fd=held, follow_symlinks=False)
                if stat.S_ISREG(found.st_mode) and found.st_mtime <= before and fnmatch.fnmatchcase(name, pattern):
                    yield Old(os.path.normpath(os.path.join(folder, name)), found.st_blocks * 512, found.st_mtime)


def free_percent(path: str) -> float:
    """As df counts it for who is not root."""
    found = os.statvfs(path)
    size = found.f_blocks - found.f_bfree + found.f_bavail
    return 100.0 * found.f_bavail / size if size else 0.0


def shown(name: str) -> str:
    """A name on one line, whatever is in it."""
    return name if name.isprintable() else repr(name)


def _delete(path: str, old: Old) -> bool:
    """False where it is gone or may not be deleted. The way is walked again without links: it may have changed since."""
    folder, name = os.path.split(old.name)
    try:
        held = open_directory(os.path.join(path, folder))
    except OSError:
        return False
    try:
        found = os.stat(name, dir_fd=held, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode) or found.st_mtime > old.modified:
            return False
        os.unlink(name, dir_fd=held)
    except OSError as fault:
        print(f"{shown(old.name)}: {fault.strerror}", flush=True)
        return False
    finally:
        os.close(held)
    return True


def main(job: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    path, least_free = job["directory"], job.get("least_free")
    found = find(path, job["older_than"], job["pattern"], time.time())
    deleted = size = 0
    for old in found:
        if least_free is not None and free_percent(path) >= least_free:
            break
        if _delete(path, old):
            deleted, size = deleted + 1, size + old.size
            if deleted <= MOST_NAMED:
                print(f"deleted {shown(old.name)} ({old.size:,} bytes)", flush=True)
    if deleted > MOST_NAMED:
        print(f"and {deleted - MOST_NAMED:,} more")
    print(f"{deleted:,} of {len(found):,} files deleted, {size:,} bytes; {free_percent(path):.1f} % are free now", flush=True)
    return {"files": deleted, "bytes": size, "found": len(found), "free_percent": round(free_percent(path), 2)}
