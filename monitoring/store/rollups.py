"""5-minute rollups and their bytes."""

import numpy as np
from numpy.typing import NDArray

from monitoring.store import codec
from monitoring.store.batch import Ids
from monitoring.store.codec import MOST_DECIMALS, Plain
from monitoring.store.samples import Samples, Sums, aggregate
from monitoring.store.windows import ROLLUP

_NONE = np.empty(0, np.int64)
# kind, time, low, and what differs from low
_CONFIGS = [codec.STEADY] * 3 + [codec.NOISY] * 4


def rolled_up(samples: Samples) -> tuple[Ids, Sums]:
    """Buckets of settled samples and the series of each. NaN, which stale markers are too, counts as no sample."""
    keep = ~np.isnan(samples.v)
    if not keep.all():
        samples = samples.where(keep)
    key = (samples.sid.astype(np.int64) << 32) + samples.t // ROLLUP
    sums = aggregate(samples.t, samples.v, key)
    return (sums.t >> 32).astype(np.int32), sums._replace(t=(sums.t & 0xFFFFFFFF) * ROLLUP)


def rounded(sums: Sums, decimals: NDArray[np.int64]) -> Sums:
    """Takes the noise of floating point out of sums of values with few decimals: a third of the bytes. Other kinds stay."""
    scale = 10.0 ** np.where(decimals <= MOST_DECIMALS, decimals, 0)
    return sums._replace(total=np.where(decimals <= MOST_DECIMALS, np.rint(sums.total * scale) / scale, sums.total))


def encode(sums: Sums, decimals: int = 0) -> bytes:
    """Everything as its distance from `low`, which is small. The arithmetic may wrap around: decoding wraps back."""
    n = len(sums.t)
    kind, numbers = codec.plain(np.concatenate([sums.low, sums.high, sums.total, sums.last]), decimals)
    low, high, total, last = (numbers[place * n : (place + 1) * n] for place in range(4))
    if kind <= MOST_DECIMALS:
        high, total, last = high - low, total - low * sums.count, last - low
    kept = last if (last != high).any() else _NONE  # a counter's last value is its highest
    return codec.encode(
        [np.array([kind]), sums.t // ROLLUP, *(_as_is(column) for column in (low, high, total, kept)), sums.count], _CONFIGS
    )


def _as_is(column: codec.Column) -> codec.Column | Plain:
    return Plain(codec.FLOATS, column) if column.dtype == np.float64 else column


def decode(data: bytes) -> Sums:
    head, t, low, high, total, last, count = codec.decode(data, len(_CONFIGS))
    kind = int(head[0])
    last = last if len(last) else high
    if kind <= MOST_DECIMALS:
        high, total, last = high + low, total + low * count, last + low
    low, high, total, last = (codec.unscaled(kind, column) for column in (low, high, total, last))
    return Sums(t * ROLLUP, low, high, total, last, count)
