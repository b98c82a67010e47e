"""Nested dicts and lists of numbers, strings and arrays as bytes: JSON, then the arrays' bytes, compressed. Reading them runs no code."""

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

ARRAY = "array:"  # what stands in the JSON for one, with its number
HEAD = struct.Struct(">I")  # bytes of JSON


def pack(thing: Any) -> bytes:
    """Raises TypeError for what is neither plain nor an array."""
    arrays: list[np.ndarray] = []
    plain = _apart(thing, arrays)
    text = json.dumps([plain, [[each.dtype.str, each.shape] for each in arrays]]).encode()
    return zlib.compress(b"".join([HEAD.pack(len(text)), text, *(each.tobytes() for each in arrays)]), 1)


def unpack(packed: bytes) -> Any:
    """Raises ValueError when the bytes are none of `pack`."""
    try:
        room = zlib.decompress(packed)
        start = HEAD.size + HEAD.unpack_from(room)[0]
        plain, shapes = json.loads(room[HEAD.size : start])
        return _together(plain, _arrays(room, start, shapes))
    except (ValueError, KeyError, IndexError, TypeError, struct.error, zlib.error) as fault:
        raise ValueError("this is no packed model") from fault


def _arrays(room: bytes, start: int, shapes: Sequence[tuple[str, list[int]]]) -> list[np.ndarray]:
    arrays = []
    for dtype, shape in shapes:
        count = int(np.prod(shape))
        arrays.append(np.frombuffer(room, dtype, count, start).reshape(shape).copy() if count else np.empty(shape, dtype))
        start += arrays[-1].nbytes
    return arrays


def _apart(thing: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(thing, np.ndarray):
        arrays.append(thing)
        return f"{ARRAY}{len(arrays) - 1}"
    if isinstance(thing, Mapping):
        return {key: _apart(value, arrays) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [_apart(value, arrays) for value in thing]
    return thing.item() if isinstance(thing, np.generic) and thing.dtype.kind in "fiub" else thing


def _together(thing: Any, arrays: Sequence[np.ndarray]) -> Any:
    if isinstance(thing, str) and thing.startswith(ARRAY):
        return arrays[int(thing.removeprefix(ARRAY))]
    if isinstance(thing, dict):
        return {key: _together(value, arrays) for key, value in thing.items()}
    if isinstance(thing, list):
        return [_together(value, arrays) for value in thing]
    return thing
