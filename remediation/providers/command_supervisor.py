"""Carries out one action apart from whoever asked for it: `python -m remediation.providers.command_supervisor DIRECTORY`.

It outlives our own process. The directory tells what is asked (`job.json`), that it was begun (`began`, made once and for all), what was
said (`output`) and how it ended (`ending.json`); `cancel` in it asks to stop. While it works it holds a lock on `lock`. Nothing of Django
or of the product's settings is needed here, so that it starts at once; what must not be on a disk comes by standard input.
"""

import ctypes
import fcntl
import importlib
import json
import os
import pwd
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

BUILT_IN = {  # module with a `main(job, secrets) -> facts`; what it raises or exits with is the action's failure
    "clean": "remediation.providers.command_clean",
    "kill": "remediation.providers.command_kill",
    "ssh": "remediation.providers.ssh_run",
    "terraform": "remediation.providers.terraform_apply",
}
TICK = 0.1  # seconds between two looks at the clock and at `cancel`
GRACE = 5.0  # seconds between asking it to end and ending it
DRAIN = 0.5  # seconds that output is waited for after the end: a grandchild may hold the pipe for ever
MOST_FACTS = 16 * 1024
NOT_STARTED = 127  # exit status, as shells have it


def take(directory: Path) -> int | None:
    """The held lock, or None where this was begun already, by whomever."""
    lock = os.open(directory / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    for _ in range(500):  # somebody who only looks holds it for a moment
        if (directory / "began").exists():
            return None
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        time.sleep(0.01)
    else:
        return None
    with suppress(FileExistsError):
        began = os.open(directory / "began", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        _sync(began, directory)
        return lock
    return None


def _sync(file: int, directory: Path) -> None:
    """It is still there after the machine went down."""
    os.fsync(file)
    os.close(file)
    folder = os.open(directory, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


class Output:
    """What is said, kept up to a limit."""

    def __init__(self, path: Path, most: int) -> None:
        self.file: BinaryIO = path.open("ab", buffering=0)
        self.left, self.cut = most, 0

    def add(self, said: bytes) -> None:
        kept = said[: self.left]
        self.left -= len(kept)
        self.cut += len(said) - len(kept)
        if kept:
            self.file.write(kept)


class Watched:
    """The child that does it, and what is known of it."""

    def __init__(self, job: Mapping[str, Any], secrets: Mapping[str, Any], directory: Path) -> None:
        self.job, self.directory = job, directory
        self.output = Output(directory / "output", job["most_output"])
        self.facts = b""
        self.stopped = ""  # why it was stopped: time, cancelled
        self.kill_at: float | None = None
        self.started = time.monotonic()
        self.said, out = os.pipe()
        self.found, facts = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            _become(job, secrets, out, facts)
        os.close(out)
        os.close(facts)
        self.open = {self.said, self.found}

    def wait(self) -> int:
        """Its exit status, negative for a signal."""
        while True:
            self.read(TICK)
            self.look()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                if self.stopped:
                    self.send(signal.SIGKILL)  # what it started may not have listened
                self.drain()
                return os.waitstatus_to_exitcode(status)

    def read(self, seconds: float) -> None:
        if not self.open:
            time.sleep(seconds)
            return
        for pipe in select.select(self.open, [], [], seconds)[0]:
            said = os.read(pipe, 65536)
            if not said:
                self.open.discard(pipe)
            elif pipe == self.said:
                self.output.add(said)
            else:
                self.facts = (self.facts + said)[:MOST_FACTS]

    def look(self) -> None:
        now = time.monotonic()
        if not self.stopped:
            if now - self.started > self.job["timeout"]:
                self.stop("time")
            elif (self.directory / "cancel").exists():
                self.stop("cancelled")
        elif self.kill_at is not None and now > self.kill_at:
            self.kill_at = None
            self.send(signal.SIGKILL)

    def stop(self, why: str) -> None:
        self.stopped, self.kill_at = why, time.monotonic() + GRACE
        self.send(signal.SIGTERM)

    def send(self, what: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, what)

    def drain(self) -> None:
        until = time.monotonic() + DRAIN
        while self.open and time.monotonic() < until:
            self.read(0.05)


def _become(job: Mapping[str, Any], secrets: Mapping[str, Any], out: int, facts: int) -> NoReturn:
    """The child: nobody's terminal, the user it is to be, then the program or the function."""
    status = NOT_STARTED
    try:
        os.setsid()
        _die_with_parent()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        work = None if job["kind"] == "program" else _built_in(job["kind"])
        _be(job.get("user", ""))
        os.chdir(job.get("cwd") or "/")
        os.umask(0o027)
        if work is None:
            os.execve(job["argv"][0], job["argv"], job["env"])  # noqa: S606 – no shell, on purpose
        else:
            os.write(facts, json.dumps(work(job, secrets)).encode())
            status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else 1
    except BaseException as fault:
        os.write(1, f"{fault}\n".encode(errors="replace"))
        status = NOT_STARTED if isinstance(fault, OSError) and job["kind"] == "program" else 1
    finally:
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(status)


def _built_in(kind: str) -> Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]:
    """Imported before the user is changed, who may not be allowed to read it."""
    found: Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]] = importlib.import_module(BUILT_IN[kind]).main
    return found


def _be(name: str) -> None:
    if not name or pwd.getpwuid(os.geteuid()).pw_name == name:
        return
    user = pwd.getpwnam(name)
    os.initgroups(name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def _die_with_parent() -> None:
    """Where the system can: a program without anyone to keep its time limit does not go on."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def carry_out(job: Mapping[str, Any], secrets: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    watched = Watched(job, secrets, directory)
    status = watched.wait()
    facts: Any = {}
    with suppress(ValueError):
        facts = json.loads(watched.facts)
    seconds = round(time.monotonic() - watched.started, 3)
    return {"exit": status, "stopped": watched.stopped, "cut": watched.output.cut, "seconds": seconds, "facts": facts}


def _write(directory: Path, ending: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    with (directory / "ending.tmp").open("w") as file:
        json.dump(ending, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(directory / "ending.tmp", directory / "ending.json")


def main(directory: Path) -> None:
    job = json.loads((directory / "job.json").read_text())
    secrets = json.loads(sys.stdin.read() or "{}")
    if take(directory) is None or os.fork():
        os._exit(0)  # who asked waits for this only; the lock is the child's now
    os.setsid()
    _write(directory, carry_out(job, secrets, directory))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
