import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest

from forecasting import fit_process, predict
from forecasting.cleaning import Unpredictable
from forecasting.fit_process import FitFault, FitProcess

pytestmark = [pytest.mark.once]


@pytest.fixture
def process() -> Iterator[FitProcess]:
    process = FitProcess("forecasting.tests.misbehaving_worker")
    yield process
    process.close()


def daily(rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    times = np.datetime64("2026-01-05T00:00:00", "s") + np.arange(rows) * np.timedelta64(3600, "s")
    return times, 50 + 10 * np.sin(np.arange(rows) * 2 * np.pi / 24) + np.random.default_rng(1).normal(0, 1, rows)


def test_one_child_serves_job_after_job_and_its_noise_stays_inside(process: FitProcess, capfd: pytest.CaptureFixture) -> None:
    first, second = process.run("chatter"), process.run("chatter")
    assert first["pid"] == second["pid"] != os.getpid()
    assert first["threads"] == "1"
    assert capfd.readouterr() == ("", "")


def test_a_crash_fails_its_own_job_and_the_next_one_runs(process: FitProcess) -> None:
    before = process.run("chatter")["pid"]
    with pytest.raises(FitFault, match=r"ended by SIGSEGV"):
        process.run("crash")
    assert process.run("chatter")["pid"] != before


def test_an_exit_is_told_with_its_last_words(process: FitProcess) -> None:
    with pytest.raises(FitFault, match="ended with code 3: the optimiser gave up"):
        process.run("stop")


def test_a_hanging_job_is_ended_after_its_time_and_the_next_one_runs(process: FitProcess) -> None:
    hanging = process.run("chatter")["pid"]
    with pytest.raises(FitFault, match=r"longer than 0.5 s"):
        process.run("hang", seconds=0.5)
    assert not psutil.pid_exists(hanging)
    assert process.run("chatter")["pid"] != hanging


def test_a_failing_job_says_why_and_keeps_the_child(process: FitProcess) -> None:
    before = process.run("chatter")["pid"]
    with pytest.raises(FitFault, match="ZeroDivisionError: no variance"):
        process.run("fail")
    assert process.run("chatter")["pid"] == before


def test_an_idle_child_ends_and_gives_its_memory_back(process: FitProcess) -> None:
    process.idle = 0.2
    before = process.run("chatter")["pid"]
    assert process.child is not None
    process.child.wait(10)
    assert process.child.returncode == 0
    assert process.run("chatter")["pid"] != before


def test_threads_take_turns(process: FitProcess) -> None:
    pids: list[int] = []
    threads = [threading.Thread(target=lambda: pids.append(process.run("chatter")["pid"])) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(pids) == 6
    assert len(set(pids)) == 1


def test_a_forked_process_starts_a_child_of_its_own(process: FitProcess) -> None:
    mine = process.run("chatter")["pid"]
    read, write = os.pipe()
    if not (forked := os.fork()):
        try:
            os.write(write, str(process.run("chatter")["pid"]).encode())
            process.end()
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        theirs = int(answer.read())
    os.waitpid(forked, 0)
    assert theirs != mine
    assert process.run("chatter")["pid"] == mine


def test_it_blends_and_refits_as_in_the_same_process() -> None:
    times, values = daily()
    try:
        there = fit_process.blend(times, values, 24, level="numpy", ceiling=65.0)
        again = fit_process.refit(times, values, 24, there, ceiling=65.0)
    finally:
        fit_process.SHARED.close()
    here = predict.blend(times, values, 24, level="numpy", ceiling=65.0)
    assert np.allclose(there.mean, here.mean)
    assert there.weights == pytest.approx(here.weights)
    assert np.allclose(again.mean, here.mean)
    assert there.hi95.max() <= 65


def test_a_refusal_comes_back_as_one() -> None:
    times, values = daily()
    try:
        with pytest.raises(Unpredictable, match="constant"):
            fit_process.blend(times, np.full_like(values, 3.0), 24)
    finally:
        fit_process.SHARED.close()


def test_the_caller_is_not_held_up_while_the_child_works(process: FitProcess) -> None:
    process.run("chatter")
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(process.run, "hang", seconds=1.0)
        begun, turns = time.monotonic(), 0
        while time.monotonic() - begun < 0.5:
            turns += 1
        with pytest.raises(FitFault):
            hanging.result()
    assert turns > 10_000
