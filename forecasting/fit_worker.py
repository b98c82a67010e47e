"""The child that fits: `python -m forecasting.fit_worker <idle seconds>`. Jobs come on standard input, answers go to standard output, each
a frame of eight bytes of length and `packing`'s bytes. It ends when its input ends, after idle time, and when it has grown too large."""

import os
import resource
import select
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from forecasting import packing
from forecasting.cleaning import Unpredictable

LARGEST = 1_500_000  # KB of memory ever used, after which a fresh process takes over
HEAD = struct.Struct(">Q")

Work = Callable[..., Mapping[str, Any]]


def blend(kept: bytes | None = None, **asked: Any) -> Mapping[str, Any]:
    from forecasting import predict

    earlier = predict.Blended.unpack(kept) if kept else None
    return {"blended": as_array(predict.blend(**asked, earlier=earlier).pack())}


def refit(kept: bytes, **asked: Any) -> Mapping[str, Any]:
    from forecasting import predict

    return {"blended": as_array(predict.refit(**asked, kept=predict.Blended.unpack(kept)).pack())}


def as_array(packed: bytes) -> Any:
    import numpy as np

    return np.frombuffer(packed, np.uint8)


WORKS: dict[str, Work] = {"blend": blend, "refit": refit}


def frame(thing: Mapping[str, Any]) -> bytes:
    body = packing.pack(thing)
    return HEAD.pack(len(body)) + body


def answer(job: dict[str, Any]) -> Mapping[str, Any]:
    """What the work returns, or `unpredictable` or `fault` with one sentence."""
    kept = job.get("kept")
    try:
        return WORKS[job.pop("work")](**job | ({"kept": kept.tobytes()} if kept is not None else {}))
    except Unpredictable as refusal:
        return {"unpredictable": refusal.sentence}
    except Exception as fault:
        return {"fault": f"{type(fault).__name__}: {fault}"}


def next_job(channel: BinaryIO, idle: float) -> dict[str, Any] | None:
    """None: nothing came for the idle time, or nobody is there any more."""
    ready, _, _ = select.select([channel], [], [], idle)
    head = channel.read(HEAD.size) if ready else b""
    return packing.unpack(channel.read(*HEAD.unpack(head))) if len(head) == HEAD.size else None


def main() -> None:
    """Standard output is kept for answers alone: what libraries print goes where errors go."""
    jobs = os.fdopen(os.dup(0), "rb", buffering=0)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    os.nice(10)  # pages and ingest come first
    reader = os.fdopen(jobs.fileno(), "rb", buffering=1 << 16, closefd=False)
    idle = float(sys.argv[1])
    while (job := next_job(reader, idle)) is not None:
        answers.write(frame(answer(job)))
        answers.flush()
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > LARGEST:
            break


if __name__ == "__main__":
    main()
