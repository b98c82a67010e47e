"""One process per data directory. The lock is the kernel's: it ends with the process, however that ends."""

import fcntl
import os
from pathlib import Path
from typing import TextIO


class Taken(Exception):
    """Another process holds the directory; the message is one sentence for the person at the terminal."""


def take(directory: Path) -> TextIO:
    """The lock is held as long as the returned file is open. Raises Taken, OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    file = (directory / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise Taken(
            f"Another AIOps (process {holder}) already runs on {directory}; stop it, or set AIOPS_DATA_DIR to another directory."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
