"""Large arrays that come and go are cut from memory the process already has."""

import platform
import resource

import numpy as np
import pytest

from aiops.memory import keep_freed_memory

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library hands memory back as it likes")
SIZE = 1 << 20  # float64: 8 MB, 2,048 pages


def page_faults_of(rounds: int) -> int:
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for _ in range(rounds):
        np.zeros(SIZE).fill(1.0)
        np.ones(SIZE)
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before


@glibc
def test_an_array_like_the_one_before_costs_no_page_faults():
    assert keep_freed_memory()
    page_faults_of(3)
    assert page_faults_of(20) < 2 * SIZE * 8 // 4096  # one array's pages and no more: without it, twenty times two
