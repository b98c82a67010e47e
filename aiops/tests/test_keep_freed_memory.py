"""Large arrays that come and go are cut from memory the process already has."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.once

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library hands memory back as it likes")
# Six arrays of 4 MB live and die together, as the columns of one query do.
ROUNDS = """
import resource
import numpy as np
{first}
def faults(rounds):
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for _ in range(rounds):
        together = [np.ones(1 << 19) for _ in range(6)]
        del together
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before
faults(3)
print(faults(20))
"""


def faults_of(first: str) -> int:
    """In a process of its own: what a test before this one kept would hide the difference."""
    return int(subprocess.run([sys.executable, "-c", ROUNDS.format(first=first)], capture_output=True, check=True).stdout)


@glibc
def test_arrays_like_those_before_cost_no_page_faults():
    kept = faults_of("from aiops.memory import keep_freed_memory; assert keep_freed_memory()")
    assert kept < 0.05 * faults_of("")
