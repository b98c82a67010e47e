"""Many series read at once: the same samples as one by one, times shared where they agree."""

from collections.abc import Iterator

import numpy as np
import pytest

from monitoring.store import fetch, gather, merge, seal, series
from monitoring.store.batch import STALE, SeriesKey
from monitoring.store.chunkstore import ChunkStore
from monitoring.store.samples import runs
from monitoring.store.windows import DAY, HOUR, MINUTE, WINDOW

pytestmark = pytest.mark.django_db
START = 20_500 * DAY
STORE = ChunkStore()


@pytest.fixture(autouse=True)
def _ids_of_this_test() -> Iterator[None]:
    series.forget()
    yield
    series.forget()


def register(count: int) -> list[int]:
    found: list[int] = series.ids([SeriesKey.of("m", {"n": str(n)}) for n in range(count)]).tolist()
    return found


def write(sid: int, t: np.ndarray, v: np.ndarray) -> None:
    STORE.write(np.full(len(t), sid, np.int32), t.astype(np.int64), v.astype(np.float64))


def one_by_one(sids: list[int], a: int, b: int) -> dict[int, tuple[list[int], list[float]]]:
    """The plain way: everything in one column, sorted."""
    found = fetch.samples(sids, a, b)
    ends = zip(*runs(found.sid), strict=True)
    return {int(found.sid[i]): (found.t[i:j].tolist(), found.v[i:j].tolist()) for i, j in ends}


def test_whatever_is_sealed_merged_late_or_repeated_it_reads_the_same() -> None:
    chance, sids = np.random.default_rng(11), register(6)
    for round_ in range(8):
        for sid in sids:
            t = START + np.sort(chance.choice(np.arange(0, 26 * HOUR, 15_000), 300, replace=False)) + (sid % 3)
            v = np.round(chance.normal(0, 100, 300), int(chance.integers(0, 5)))
            write(sid, t, np.where(chance.random(300) < 0.02, np.inf, v))
        if round_ in (2, 5):
            seal.seal(START + 3 * DAY)
        if round_ == 3:
            merge.merge_days(START + 3 * DAY)
    for a, b in [(START, START + 27 * HOUR), (START + 5 * HOUR + 7, START + 9 * HOUR), (START + 25 * HOUR, START + 25 * HOUR + 1), (0, 5)]:
        found = gather.series(sids, a, b, stale=True)
        assert {sid: (t.tolist(), v.tolist()) for sid, (t, v) in found.items()} == one_by_one(sids, a, b)
        assert all(t.dtype == np.int64 and v.dtype == np.float64 for t, v in found.values())


def test_series_that_agree_share_their_times() -> None:
    sids = register(3)
    t = START + np.arange(0, 2 * WINDOW, MINUTE)
    for sid in sids[:2]:
        write(sid, t, np.arange(len(t)) * sid)
    write(sids[2], t + 1, np.arange(len(t)))
    seal.seal(START + WINDOW + HOUR)
    found = gather.series(sids, START + HOUR, START + 2 * WINDOW)
    assert found[sids[0]][0] is found[sids[1]][0]
    assert found[sids[2]][0] is not found[sids[0]][0]
    assert found[sids[2]][0].tolist() == (t[60:] + 1).tolist()
    with pytest.raises(ValueError, match="read-only"):
        found[sids[0]][0][0] = 0


def test_a_series_of_markers_alone_is_missing_unless_they_are_asked_for() -> None:
    ended, alive = register(2)
    write(ended, np.array([START]), np.array([STALE]))
    write(alive, np.array([START, START + 1, START + 2]), np.array([1.0, STALE, np.nan]))
    assert gather.series([ended, alive], START, START + 3, stale=True).keys() == {ended, alive}
    [(sid, (t, v))] = gather.series([ended, alive], START, START + 3).items()
    assert (sid, t.tolist(), v[0]) == (alive, [START, START + 2], 1.0)
    assert np.isnan(v[1])


def test_columns_hold_what_the_series_hold():
    sids = register(4)
    for at, sid in enumerate(sids):
        write(sid, START + HOUR * at + np.arange(400) * MINUTE, np.sin(np.arange(400) + at))
    write(sids[0], np.array([START + 500 * MINUTE]), np.array([STALE]))
    seal.seal(START + 3 * HOUR)
    write(sids[1], np.array([START + HOUR + 30_000]), np.array([5.0]))  # late
    found = STORE.raw_many(sids, START, START + DAY)
    sid, t, v = STORE.flat(sids, START, START + DAY)
    assert sid.tolist() == sorted(sid.tolist())
    assert {int(one): (t[sid == one].tolist(), v[sid == one].tolist()) for one in np.unique(sid)} == {
        one: (t.tolist(), v.tolist()) for one, (t, v) in found.items()
    }
    assert [len(column) for column in STORE.flat([], START, START + DAY)] == [0, 0, 0]
