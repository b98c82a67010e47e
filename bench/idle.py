"""CPU of the embedded process (`manage.py up`) over 60 s, 30 s after its start, with nobody looking: once with the local host
not watched, which is what the process costs beyond the poll, and once with the poll every 5 s. Memory is its resident size at
the end of the second.
"""

import tempfile
import time
from pathlib import Path

from bench.installation import MANAGE, cpu_seconds, environment, resident_megabytes, serving
from bench.row import Row

SETTLE, WATCH = 30.0, 60.0  # seconds


def _measure(poll: bool, scale: float) -> tuple[float, float]:
    """Percent of a core, resident MB."""
    with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data:
        env = environment(Path(data), AIOPS_LOCAL_HOST_SOURCE=str(poll))
        with serving([*MANAGE, "up"], env) as server:
            time.sleep(SETTLE * scale)
            before, began = cpu_seconds(server), time.monotonic()
            time.sleep(max(10.0, WATCH * scale))
            spent = (cpu_seconds(server) - before) / (time.monotonic() - began)
            return spent * 100, resident_megabytes(server)


def run(scale: float) -> list[Row]:
    idle, _ = _measure(False, scale)
    polling, resident = _measure(True, scale)
    return [
        Row("idle, beyond the poll", "embedded", idle, "%", 3.0, "of one core; worker, beat, heartbeat, event loop"),
        Row("idle, with the 5 s poll", "embedded", polling, "%", None, "of one core"),
        Row("resident memory", "embedded", resident, "MB", 250.0, "one process"),
    ]
