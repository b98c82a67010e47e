"""Fits in a child process, so that the process that serves pages is never held up. It is started when first needed, used again, ends after
idle time, and a fit that crashes or hangs takes down nothing but itself."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike

from forecasting import packing
from forecasting.cleaning import Unpredictable, epoch
from forecasting.fit_worker import HEAD, frame
from forecasting.predict import Blended

TIMEOUT = 120.0  # seconds of one fit, the start of the child included
IDLE = 300.0  # seconds without a job, after which the child ends
ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "STAN_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)


class FitFault(Exception):
    """This fit failed; others are not touched. The message is one sentence for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Gone(Exception):
    """The child ended by itself before it took the job."""


class FitProcess:
    """One child for all threads of a process; they take turns. After a fork the new process starts a child of its own."""

    def __init__(self, module: str = "forecasting.fit_worker", idle: float = IDLE) -> None:
        self.module = module
        self.idle = idle
        self.turn = threading.Lock()
        self.child: subprocess.Popen[bytes] | None = None
        self.owner = 0  # process id that started the child
        self.said: IO[bytes] | None = None  # what the child and its libraries print

    def run(self, work: str, seconds: float = TIMEOUT, **asked: Any) -> dict[str, Any]:
        """What the child answers. Raises Unpredictable, or FitFault when it fails, crashes or takes longer than `seconds`."""
        job = frame({"work": work, **asked})
        with self.turn:
            try:
                told = self.exchange(job, seconds)
            except Gone:
                told = self.exchange(job, seconds)
        if "unpredictable" in told:
            raise Unpredictable(told["unpredictable"])
        if "fault" in told:
            raise FitFault(f"The fit failed: {told['fault']}.")
        return told

    def exchange(self, job: bytes, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        child = self.running()
        assert child.stdin is not None
        try:
            child.stdin.write(job)
            child.stdin.flush()
            size = HEAD.unpack(self.read(child, HEAD.size, deadline))[0]
            return packing.unpack(self.read(child, size, deadline))
        except TimeoutError:
            self.end()
            raise FitFault(f"The fit took longer than {seconds:g} s and was ended.") from None
        except (BrokenPipeError, EOFError):
            raise self.passed_away(child) from None

    def read(self, child: subprocess.Popen[bytes], size: int, deadline: float) -> bytes:
        """Raises TimeoutError, or EOFError when the child ends."""
        assert child.stdout is not None
        got = bytearray()
        while len(got) < size:
            ready, _, _ = select.select([child.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            if not (part := os.read(child.stdout.fileno(), size - len(got))):
                raise EOFError
            got += part
        return bytes(got)

    def running(self) -> subprocess.Popen[bytes]:
        if self.child is None or self.owner != os.getpid() or self.child.poll() is not None:
            self.owner = os.getpid()
            self.said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the child lives
            self.child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", self.module, str(self.idle)],
                cwd=ROOT,
                env=os.environ | ONE_THREAD,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.said,
                start_new_session=True,  # a group of its own: cmdstan's processes end with it
            )
        return self.child

    def passed_away(self, child: subprocess.Popen[bytes]) -> Exception:
        """Gone when the child ended in good order (idle), else FitFault with how it ended."""
        self.end()
        if child.returncode == 0:
            return Gone()
        how = f"by {signal.Signals(-child.returncode).name}" if child.returncode < 0 else f"with code {child.returncode}"
        return FitFault(f"The process that fits ended {how}{self.last_words()}.")

    def last_words(self) -> str:
        if self.said is None:
            return ""
        self.said.seek(max(0, self.said.seek(0, os.SEEK_END) - 400))
        lines = self.said.read().decode(errors="replace").split("\n")
        return next((f": {line.strip().rstrip('.')}" for line in reversed(lines) if line.strip()), "")

    def end(self) -> None:
        """Ends the child and what it started; the next job starts a new one."""
        child, self.child = self.child, None
        if child is None or self.owner != os.getpid():
            return
        if child.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()
        try:
            child.wait(0.2)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def close(self) -> None:
        with self.turn:
            self.end()


SHARED = FitProcess()


def blend(timestamps: ArrayLike, values: ArrayLike, horizon: int, *, seconds: float = TIMEOUT, **options: Any) -> Blended:
    """`predict.blend` in the child. options: level, models, floor, ceiling, earlier. Raises Unpredictable, FitFault."""
    earlier: Blended | None = options.pop("earlier", None)
    return asked("blend", seconds, earlier, timestamps, values, {"horizon": horizon, **options})


def refit(timestamps: ArrayLike, values: ArrayLike, horizon: int, kept: Blended, *, seconds: float = TIMEOUT, **options: Any) -> Blended:
    """`predict.refit` in the child. options: floor, ceiling. Raises Unpredictable, FitFault."""
    return asked("refit", seconds, kept, timestamps, values, {"horizon": horizon, **options})


def asked(work: str, seconds: float, kept: Blended | None, timestamps: ArrayLike, values: ArrayLike, options: Mapping[str, Any]) -> Blended:
    model = {} if kept is None else {"kept": np.frombuffer(kept.pack(), np.uint8)}
    series = {"timestamps": epoch(np.asarray(timestamps)), "values": np.asarray(values, np.float64)}
    return Blended.unpack(SHARED.run(work, seconds, **series, **model, **options)["blended"].tobytes())
