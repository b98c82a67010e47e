"""Bytes of a chunk: a format byte, a byte per column saying how it is stored, then the columns.

Measured values mostly have a few decimals. As scaled integers they are 10-20 % smaller and decode twice as fast; a column
is scaled only when every value comes back bit for bit, so NaN payloads, infinities, -0.0 and huge values stay what they are.
Integers in even steps, as the times of a steady source and a gauge at rest are, need no more than start, step and count.
"""

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pcodec import ChunkConfig, DeltaSpec, standalone

PCODEC = 1  # the format byte; another codec gets another number
# The column byte: up to MOST_DECIMALS it is the decimals of scaled float64. EVEN is added for integers in even steps.
MOST_DECIMALS = 3
GLANCE = 24
INTEGERS, FLOATS, EMPTY, EVEN = 32, 33, 34, 64
_MAGNITUDE = np.int64(2**63 - 1)  # all bits but the sign: ordered like the numbers, infinities and NaNs on top
# Largest magnitude that, scaled, is still an integer float64 tells from its neighbours.
_LIMITS = [int(np.float64(2.0**53 / 10**decimals).view(np.int64)) for decimals in range(MOST_DECIMALS + 1)]
# Looking for the best delta costs two thirds of the time: what is kept long gets it, the rest is told what suits it.
THOROUGH = ChunkConfig(compression_level=4)
STEADY = ChunkConfig(compression_level=4, delta_spec=DeltaSpec.try_consecutive(1))
NOISY = ChunkConfig(compression_level=4, delta_spec=DeltaSpec.no_op())
_STEPS = struct.Struct("<qqI")
_SIZES = [struct.Struct(f"<{max(columns - 1, 0)}I") for columns in range(16)]  # of all columns but the last

Column = NDArray[Any]  # float64 or int64


class UnknownFormat(ValueError):
    """The chunk was written by a newer version, or is damaged."""


class Plain(NamedTuple):
    """A column as it goes to the codec."""

    kind: int
    numbers: Column


def plain(column: Column, decimals: int = 0) -> Plain:
    """`decimals` is a guess that saves attempts with fewer."""
    if not len(column):
        return Plain(EMPTY, column)
    return Plain(INTEGERS, column) if column.dtype == np.int64 else _scaled(column, decimals)


def _scaled(v: NDArray[np.float64], decimals: int) -> Plain:
    largest = (v.view(np.int64) & _MAGNITUDE).max()
    while decimals <= MOST_DECIMALS and largest <= _LIMITS[decimals]:
        # A few values tell quickly which scales will not do.
        if _whole(v[:GLANCE], decimals) is not None and (whole := _whole(v, decimals)) is not None:
            return Plain(decimals, whole)
        decimals += 1
    return Plain(FLOATS, v)


def _whole(v: NDArray[np.float64], decimals: int) -> NDArray[np.int64] | None:
    scale = 10.0**decimals
    whole = np.rint(v * scale).astype(np.int64)
    return whole if ((whole / scale).view(np.int64) == v.view(np.int64)).all() else None


def unscaled(kind: int, numbers: Column) -> Column:
    decimals = kind & ~EVEN
    return numbers / 10.0**decimals if decimals <= MOST_DECIMALS else numbers


def encode(columns: Sequence[Column | Plain], configs: Sequence[ChunkConfig]) -> bytes:
    """Columns have to be contiguous; each has its config."""
    kinds, bodies = bytearray([PCODEC]), []
    for column, config in zip(columns, configs, strict=True):
        kind, numbers = column if isinstance(column, Plain) else plain(column)
        even, body = _body(kind, numbers, config)
        kinds.append(kind + even)
        bodies.append(body)
    # The last body ends where the chunk ends: its length need not be kept.
    return b"".join([kinds, _SIZES[len(bodies)].pack(*map(len, bodies[:-1])), *bodies])


def _body(kind: int, numbers: Column, config: ChunkConfig) -> tuple[int, bytes]:
    if kind == EMPTY:
        return 0, b""
    if kind != FLOATS:
        first, last, count = int(numbers[0]), int(numbers[-1]), len(numbers)
        step = int(numbers[1]) - first if count > 1 else 0
        if first + step * (count - 1) == last and (np.diff(numbers) == step).all():
            return EVEN, _STEPS.pack(first, step, count)
    return 0, standalone.simple_compress(numbers, config)


def decode(data: bytes, columns: int) -> list[Column]:
    return [unscaled(kind, numbers(kind, body)) for kind, body in split(data, columns)]


def split(data: bytes, columns: int) -> list[tuple[int, bytes]]:
    """Kind and bytes of every column. Equal ones stand for equal columns."""
    if not data or data[0] != PCODEC:
        raise UnknownFormat(f"chunk format {data[0] if data else 'missing'} is not known")
    at = 1 + columns + 4 * (columns - 1)
    found = []
    for kind, size in zip(data[1 : 1 + columns], (*_SIZES[columns].unpack_from(data, 1 + columns), len(data)), strict=True):
        found.append((kind, data[at : at + size]))
        at += size
    return found


def pair(data: bytes) -> tuple[int, bytes, int, bytes]:
    """split(data, 2), in a third of the time: queries read thousands of chunks."""
    if not data or data[0] != PCODEC:
        raise UnknownFormat(f"chunk format {data[0] if data else 'missing'} is not known")
    end = 7 + int.from_bytes(data[3:7], "little")
    return data[1], data[7:end], data[2], data[end:]


def numbers(kind: int, body: bytes) -> Column:
    """A column as the codec keeps it; `unscaled` makes values of it."""
    if kind == EMPTY:
        return np.empty(0)
    if kind & EVEN:
        first, step, count = _STEPS.unpack(body)
        return first + step * np.arange(count)
    column: Column = standalone.simple_decompress(body)
    return column
