"""This machine: what is there, and what an action would do to it."""

import os
import shlex
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from remediation.providers import command_clean as clean
from remediation.providers import command_jobs as jobs
from remediation.providers.base import ActionError, Ask, Line, Preview
from remediation.providers.command_allow import NotAllowed, listed

MOST_SHOWN = 100
REHEARSAL = 15.0  # seconds


def executable(path: str) -> str:
    """Raises ActionError where it cannot be run, or where anybody could have put something else there."""
    try:
        found = os.stat(path)
    except OSError:
        raise ActionError(f"the program {path} does not exist", permanent=True) from None
    if not stat.S_ISREG(found.st_mode) or not os.access(path, os.X_OK):
        raise ActionError(f"{path} is no program", permanent=True)
    if found.st_mode & stat.S_IWOTH:
        raise ActionError(f"{path} can be changed by anybody on this machine: it is not run", permanent=True)
    return path


def processes(name: str, allowed: Sequence[str], pid: Any, started: Any, every: bool) -> dict[str, Any]:
    """{"name", "processes": [[pid, start]]} of what is meant; none where nothing of the kind runs any more. Raises NotAllowed."""
    from remediation.providers import command_kill as kill

    try:
        pid, started = (int(pid) if pid not in (None, "") else None), (float(started) if started not in (None, "") else None)
    except (TypeError, ValueError):
        raise NotAllowed("the process id and its start have to be numbers") from None
    if pid is None and not name:
        raise NotAllowed("name a process or give its id")
    if pid is not None and started is None:
        raise NotAllowed("a process id alone may mean another process by now: say when it started")
    found = kill.find(name, pid, started)
    name = listed(name or (found[0].info["name"] if found else ""), allowed, "processes") if name or found else ""
    if len(found) > 1 and not every:
        some = ", ".join(str(one.pid) for one in found[:10])
        raise NotAllowed(f"{len(found)} processes are called {name} ({some}): give the id and start of one, or say that all are meant")
    return {"name": name, "processes": [[one.pid, one.info["create_time"]] for one in found]}


def preview(job: Mapping[str, Any], ask: Ask) -> Preview:
    """Raises ActionError."""
    if job["kind"] == "clean":
        return _clean(job)
    if job["kind"] == "kill":
        return _kill(job)
    words = shlex.join(job["argv"])
    if ask.verb == "rotate_logs":
        return Preview(f"Would run: {words}", lines=_rehearsed(["/usr/sbin/logrotate", "--debug", job["argv"][-1]]))
    executable(job["argv"][0])
    return Preview(f"Would run: {words}", lines=[Line(f"{number}: {word}") for number, word in enumerate(job["argv"])])


def _clean(job: Mapping[str, Any]) -> Preview:
    path = job["directory"]
    try:
        found = clean.find(path, job["older_than"], job["pattern"], time.time())
    except OSError as fault:
        raise ActionError(f"{path} cannot be read: {fault.strerror}", permanent=True) from None
    if job["least_free"] is not None and clean.free_percent(path) >= job["least_free"]:
        return Preview(f"{clean.free_percent(path):.1f} % are free already: nothing would be deleted.", changes=False)
    if not found:
        return Preview(f"No file in {path} is that old: nothing would be deleted.", changes=False)
    size = sum(old.size for old in found)
    until = "" if job["least_free"] is None else f", oldest first until {job['least_free']:g} % are free"
    lines = [Line(f"{clean.shown(old.name)} ({old.size:,} bytes)") for old in found[:MOST_SHOWN]]
    if len(found) > MOST_SHOWN:
        lines.append(Line(f"and {len(found) - MOST_SHOWN:,} more"))
    diff = "\n".join(f"-{line.text}" for line in lines)
    return Preview(f"Would delete {len(found):,} files, {size:,} bytes, from {path}{until}.", lines=lines, diff=diff)


def _kill(job: Mapping[str, Any]) -> Preview:
    if not job["processes"]:
        return Preview("No such process runs: nothing would be ended.", changes=False)
    lines = [Line(f"{pid} {job['name']}, since {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(at))} UTC") for pid, at in job["processes"]]
    return Preview(f"Would end {len(lines)} of {job['name']}.", lines=lines)


def _rehearsed(argv: Sequence[str]) -> list[Line]:
    """What a program says that was asked to change nothing. Raises ActionError."""
    executable(argv[0])
    try:
        done = subprocess.run(  # noqa: S603
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=REHEARSAL,
            check=False,
            cwd="/",
            env={},
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise ActionError(f"the rehearsal of {argv[0]} failed: {fault}") from None
    lines = [Line(text) for text in jobs.clean_lines(done.stdout[:65536])][:500]
    if done.returncode:
        raise ActionError(f"{argv[0]} would fail: {lines[-1].text if lines else done.returncode}", permanent=True)
    return lines
