import pytest

from monitoring.store import reader, writer
from monitoring.store.batch import Batch
from monitoring.store.windows import MINUTE, now_ms

pytestmark = pytest.mark.django_db


def test_a_written_sample_is_read_back() -> None:
    now = now_ms()
    written = writer.write(Batch.of([("up", {"instance": "a"}, now - 1000, 1.0), ("up", {"instance": "b"}, now, 0.5)]))
    assert (written.accepted, written.refused) == (2, {})
    [ref] = reader.select("up", {"instance": "b"})
    t, v = reader.raw(ref.id, now - MINUTE, now + 1)
    assert (t.tolist(), v.tolist()) == ([now], [0.5])
    sid, t, v = reader.latest(None, now - MINUTE)
    assert v.tolist() == [1.0, 0.5]
    assert reader.reduce(sid.tolist(), now - MINUTE, now + 1).tolist() == [1.0, 0.5]
    assert reader.buckets(ref.id, now - MINUTE, now + MINUTE, MINUTE).mean.tolist() == [0.5]
