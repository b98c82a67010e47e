"""Kills processes that write, seal and merge, and prints what the store held afterwards. Run as a program on a database of its own.

Each step is a forked child with its own connection. Failpoints are put in by the child, not by the product.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import django

SERIES, STEP, SPAN = 40, 60_000, 6 * 3_600_000


def child(work: Callable[[], None]) -> int:
    """Runs `work` in a process of its own -> the signal that ended it, or 0."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(99)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("a step failed")
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(owner: Any, name: str, after: bool, nth: int) -> None:
    """The process is gone before or after the nth call."""
    original, calls = getattr(owner, name), [0]

    def failing(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == nth and not after:
            die()
        answer = original(*args, **kwargs)
        if calls[0] == nth:
            die()
        return answer

    setattr(owner, name, failing)


def day() -> int:
    from monitoring.store.windows import DAY, floor, now_ms

    return floor(now_ms() - 2 * DAY, DAY)


def value(place: int, t: int) -> float:
    return (t // STEP * 7 + place) % 1000 / 4


def fill(metric: str) -> None:
    import numpy as np

    from monitoring.store import writer
    from monitoring.store.batch import Batch, SeriesKey

    t = np.tile(np.arange(day(), day() + SPAN, STEP), SERIES)
    index = np.repeat(np.arange(SERIES, dtype=np.int32), SPAN // STEP)
    v = np.array([value(place, when) for place, when in zip(index.tolist(), t.tolist(), strict=True)])
    writer.write(Batch([SeriesKey(metric, (("n", f"{place:02}"),)) for place in range(SERIES)], index, t, v))


def seal() -> None:
    from monitoring.store import seal as room
    from monitoring.store.windows import DAY, now_ms

    room.AT_ONCE = 1  # a transaction per block
    room.seal(now_ms() + DAY)


def merge() -> None:
    from monitoring.store import merge as room
    from monitoring.store.windows import DAY, now_ms

    room.SERIES_AT_ONCE = 16
    room.merge_days(now_ms() + 2 * DAY)


def held(metric: str) -> dict[str, int]:
    """Runs in a child: what is stored of a metric, record by record and as read."""
    from django.db.models import Sum

    from monitoring.store import reader
    from monitoring.store.fetch import ALL_TIME
    from monitoring.store.models import Chunk, ChunkTally, Hot

    refs = reader.select(metric)
    found = reader.raw_many([ref.id for ref in refs], 0, ALL_TIME)
    wrong = sum(value(int(ref.labels["n"]), t) != v for ref in refs for t, v in zip(*map(list, found.get(ref.id, ((), ()))), strict=True))
    raw = Chunk.objects.exclude(tier=Chunk.Tier.ROLLUP)
    records = (Hot.objects.aggregate(n=Sum("count"))["n"] or 0) + (raw.aggregate(n=Sum("count"))["n"] or 0)
    tally = sum(row.samples for row in ChunkTally.objects.exclude(tier=Chunk.Tier.ROLLUP))
    return {
        "records": records,
        "read": sum(len(t) for t, _ in found.values()),
        "wrong": int(wrong),
        "tally_off": tally - (raw.aggregate(n=Sum("count"))["n"] or 0),
        "hot": Hot.objects.count(),
        "windows": Chunk.objects.filter(tier=Chunk.Tier.WINDOW).count(),
        "rollups": Chunk.objects.filter(tier=Chunk.Tier.ROLLUP).count(),
    }


def tell(metric: str) -> dict[str, int]:
    reading, writing = os.pipe()
    child(lambda: os.write(writing, json.dumps(held(metric)).encode()) and None)
    os.close(writing)
    with os.fdopen(reading) as answers:
        return json.load(answers)


def empty() -> None:
    from monitoring.store.models import Chunk, ChunkTally, Hot, Series

    for model in (Hot, Chunk, ChunkTally, Series):
        model.objects.all().delete()


def fallible(step: Callable[[], None], owner: str, name: str, after: bool, nth: int) -> Callable[[], None]:
    def work() -> None:
        from monitoring.store import database, tally

        target = type(database.database()) if owner == "database" else tally.Difference
        kill_at(target, name, after, nth)
        step()

    return work


POINTS = {
    "rows deleted, nothing inserted": ("database", "insert", False, 1),
    "second transaction, nothing inserted": ("database", "insert", False, 2),
    "inserted, totals not": ("database", "insert", True, 2),
    "all done but the commit": ("tally", "save", True, 2),
}


def killed_job(name: str, point: str) -> dict[str, Any]:
    child(empty)
    child(lambda: fill("m"))
    if name == "merge":
        child(seal)
    signal_number = child(fallible(seal if name == "seal" else merge, *POINTS[point]))
    story = {"job": name, "point": point, "signal": signal_number, "expected": SERIES * SPAN // STEP, "killed": tell("m")}
    child(seal)
    child(merge)
    return {**story, "finished": tell("m")}


def keep_writing(acknowledge: int) -> None:
    """Four threads, each its own series, a line per acknowledged write."""
    from monitoring.store import writer
    from monitoring.store.batch import Batch

    def write(place: int) -> None:
        for t in range(day(), day() + 1_000 * STEP, 5 * STEP):
            times = range(t, t + 5 * STEP, STEP)
            writer.write(Batch.of([("w", {"n": str(place)}, when, value(place, when)) for when in times]))
            os.write(acknowledge, f"{place} {t}\n".encode())

    threads = [threading.Thread(target=write, args=[place]) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def killed_writer(after: int) -> dict[str, Any]:
    child(empty)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        keep_writing(writing)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as lines:
        acknowledged = [next(lines) for _ in range(after)]
        os.kill(pid, signal.SIGKILL)
        acknowledged += lines
    os.waitpid(pid, 0)
    missing = []
    reading, writing = os.pipe()
    child(lambda: os.write(writing, json.dumps(_missing(acknowledged)).encode()) and None)
    os.close(writing)
    with os.fdopen(reading) as answers:
        missing = json.load(answers)
    return {"job": "write", "acknowledged": len(acknowledged), "missing": missing, "killed": tell("w")}


def _missing(acknowledged: list[str]) -> list[str]:
    from monitoring.store import reader
    from monitoring.store.fetch import ALL_TIME

    found = {ref.labels["n"]: set(reader.raw(ref.id, 0, ALL_TIME)[0].tolist()) for ref in reader.select("w")}
    wanted = ((place, int(t) + late) for place, t in map(str.split, acknowledged) for late in range(0, 5 * STEP, STEP))
    return [f"{place} {t}" for place, t in wanted if t not in found[place]]


def main() -> None:
    django.setup()
    from django.core.management import call_command

    child(lambda: call_command("migrate", verbosity=0))
    stories = [killed_writer(after) for after in (1, 40)]
    stories += [killed_job(job, point) for job in ("seal", "merge") for point in POINTS]
    json.dump(stories, sys.stdout)


if __name__ == "__main__":
    main()
