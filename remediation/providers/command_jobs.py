"""The directories in which local actions are carried out: DATA_DIR/actions/<key>. They are the memory of what was begun."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings

from remediation.providers.base import LONGEST_LINE, MOST_OUTPUT, ActionError, Line

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
SUPERVISOR = "remediation.providers.command_supervisor"
START = 15.0  # seconds the supervisor has to come up
PART = MOST_OUTPUT  # bytes read at once
# Colours and cursor moves of terminals, and other control characters besides the tab.
CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]|[\x00-\x08\x0b-\x1f\x7f]")
NONE, RUNNING, ENDED, LOST = "none", "running", "ended", "lost"


def root() -> Path:
    return Path(settings.DATA_DIR) / "actions"


def directory(key: str) -> Path:
    if not KEY.fullmatch(key):
        raise ActionError("the key of this action is not one of ours", permanent=True)
    return root() / key


def begin(key: str, job: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
    """Starts it once, however often it is asked. Raises ActionError."""
    place = directory(key)
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (place / "job.json").exists():
            (place / "job.tmp").write_text(json.dumps(job))
            os.replace(place / "job.tmp", place / "job.json")
        if not (place / "began").exists():
            _supervise(place, secrets)
    except (OSError, subprocess.SubprocessError) as fault:
        began = (place / "began").exists()
        raise ActionError(f"the action could not be started on this machine: {fault}", unclear=began) from fault
    if not (place / "began").exists():
        raise ActionError("the action could not be started on this machine: its supervisor did not come up")


def _supervise(place: Path, secrets: Mapping[str, Any]) -> None:
    """Returns when the supervisor has taken it, or somebody else's has. It gets nothing of our environment."""
    subprocess.run(  # noqa: S603
        [sys.executable, "-E", "-s", "-m", SUPERVISOR, str(place)],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
        input=json.dumps(dict(secrets)).encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=START,
        check=True,
        start_new_session=True,
    )


def standing(key: str) -> str:
    """NONE: never begun; RUNNING; ENDED; LOST: whoever carried it out died, and nobody knows how far it came."""
    place = directory(key)
    if (place / "ending.json").exists():
        return ENDED
    if not (place / "began").exists():
        return NONE
    if _held(place / "lock"):
        return RUNNING
    return ENDED if (place / "ending.json").exists() else LOST


def _held(lock: Path) -> bool:
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def ending(key: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory(key) / "ending.json").read_text())
    return found


def read(key: str, cursor: str, whole: bool) -> tuple[list[Line], str, bool]:
    """(lines, cursor, whether there is more): what was said since. An unfinished last line waits, unless `whole`: nothing follows."""
    at = int(cursor) if cursor.isdigit() else 0
    try:
        with (directory(key) / "output").open("rb") as file:
            file.seek(at)
            said = file.read(PART)
            more = bool(file.read(1))
    except FileNotFoundError:
        return [], str(at), False
    end = said.rfind(b"\n") + 1
    if (whole and not more) or (more and not end):
        end = len(said)
    return [Line(line) for line in clean_lines(said[:end])], str(at + end), more


def clean_lines(said: bytes) -> list[str]:
    """As text that any database takes."""
    text = CONTROL.sub("", said.decode(errors="replace").replace("\r\n", "\n"))
    return [_short(line) for line in text.split("\n")[: None if not text.endswith("\n") else -1]] if text else []


def _short(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 40]} … ({len(line) - LONGEST_LINE + 40:,} characters left out)"


def last_line(key: str) -> str:
    """Of all that was said; empty where nothing was."""
    try:
        with (directory(key) / "output").open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 2000))
            return next((line.strip() for line in reversed(clean_lines(file.read())) if line.strip()), "")
    except FileNotFoundError:
        return ""


def ask_to_stop(key: str) -> None:
    (directory(key) / "cancel").touch()


def forget(before: float) -> int:
    """Deletes what ended before that Unix time; how many. Keys are asked for again only while their case is under way."""
    gone = 0
    for place in root().glob("*"):
        with suppress(OSError):
            if place.stat().st_mtime < before and standing(place.name) != RUNNING:
                shutil.rmtree(place)
                gone += 1
    return gone


def age(key: str) -> float:
    """Seconds since it began, never less than 0."""
    try:
        return max(0.0, time.time() - (directory(key) / "began").stat().st_mtime)
    except OSError:
        return 0.0
