"""The child that fits, with jobs that crash, hang and print."""

import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from forecasting import fit_worker


def crash() -> Mapping[str, Any]:
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


def stop() -> Mapping[str, Any]:
    print("the optimiser gave up", file=sys.stderr, flush=True)
    os._exit(3)


def hang() -> Mapping[str, Any]:
    time.sleep(600)
    return {}


def chatter() -> Mapping[str, Any]:
    os.system("echo noise from a program; echo more >&2")
    print("noise" * 1000, flush=True)
    return {"pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]}


def fail() -> Mapping[str, Any]:
    raise ZeroDivisionError("no variance")


if __name__ == "__main__":
    fit_worker.WORKS |= {work.__name__: work for work in (crash, stop, hang, chatter, fail)}
    fit_worker.main()
