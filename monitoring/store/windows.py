"""The grid of the store, in milliseconds UTC."""

import time

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WINDOW = 2 * HOUR  # what one seal turns into one chunk of a series
ROLLUP = 5 * MINUTE  # bucket of the long-term rollup
FUTURE = 10 * MINUTE  # samples further ahead than this are refused


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def floor(t: int, step: int) -> int:
    return t // step * step
