"""The store as a plain dict: what every test of settling compares with."""

import numpy as np
import pytest

from monitoring.store import reader, series
from monitoring.store.batch import Batch, SeriesKey, is_stale


class Model:
    def __init__(self) -> None:
        self.samples: dict[SeriesKey, dict[int, float]] = {}

    def write(self, batch: Batch) -> None:
        for place, t, v in zip(batch.index, batch.t.tolist(), batch.v, strict=True):
            self.samples.setdefault(batch.keys[place], {})[t] = v

    def _raw(self, key: SeriesKey, a: int, b: int) -> tuple[list[int], np.ndarray]:
        kept = sorted((t, v) for t, v in self.samples[key].items() if a <= t < b)
        return [t for t, _ in kept], np.array([v for _, v in kept], np.float64)

    def check(self, a: int, b: int) -> None:
        keys = list(self.samples)
        sids = series.ids(keys).tolist()
        found = reader.raw_many(sids, a, b, stale=True)
        for key, sid in zip(keys, sids, strict=True):
            t, v = self._raw(key, a, b)
            assert (sid in found) == bool(t), key
            if t:
                assert found[sid][0].tolist() == t
                assert found[sid][1].tobytes() == v.tobytes()  # bit for bit
        self._check_latest(keys, sids, a)

    def _check_latest(self, keys: list[SeriesKey], sids: list[int], since: int) -> None:
        expected = {}
        for key, sid in zip(keys, sids, strict=True):
            t, v = self._raw(key, since, 1 << 62)
            if t and not is_stale(v[-1:])[0]:
                expected[sid] = (t[-1], v[-1].item())
        for asked in (None, sids):
            sid, t, v = reader.latest(asked, since)
            assert dict(zip(sid.tolist(), zip(t.tolist(), v.tolist(), strict=True), strict=True)) == expected

    def check_buckets(self, key: SeriesKey, a: int, b: int, step: int) -> None:
        if key not in self.samples:
            return
        [sid] = series.ids([key]).tolist()
        found = reader.buckets(sid, a, b, step)
        expected: dict[int, list[float]] = {}
        for t, v in zip(*self._raw(key, a, b), strict=True):
            if not np.isnan(v):
                expected.setdefault(a + (t - a) // step * step, []).append(v)
        assert found.t.tolist() == sorted(expected)
        for row, values in zip(zip(*found, strict=True), expected.values(), strict=True):
            assert row[1:3] == (min(values), max(values))
            assert row[3] == pytest.approx(sum(values) / len(values), rel=1e-9)
            assert row[4:] == (values[-1], len(values))
