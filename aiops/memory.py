"""How the C library hands memory back: large arrays come and go with every query, and each return costs a page fault per 4 KB."""

import ctypes
import sys

# glibc, malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_FROM_HEAP = 32 * 2**20  # the most glibc accepts: arrays up to here are cut from memory that was used before
KEPT = 64 * 2**20  # bytes free at the top of the heap before they are handed back


def keep_freed_memory() -> bool:
    """Whether this C library could be told. A mean over 240,000 samples then takes a third less CPU."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_FROM_HEAP) and mallopt(M_TRIM_THRESHOLD, KEPT))
