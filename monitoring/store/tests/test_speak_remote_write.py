"""The bytes of remote write, and what PromStore does when an engine is unwell. Real engines: test_keep_the_contract."""

import struct
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import cramjam
import httpx
import numpy as np
import orjson
import pytest

from aiops import http
from monitoring.store import StoreUnavailable, promql, remote_write, series, writer
from monitoring.store.batch import Batch, SeriesKey
from monitoring.store.remote import ATTEMPTS, PromStore
from monitoring.store.samples import Samples
from monitoring.store.windows import now_ms

NOW = 1_750_000_000_123


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """A protobuf reader of its own: field numbers and raw values."""
    at = 0

    def varint() -> int:
        nonlocal at
        number = shift = 0
        while True:
            byte = data[at]
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        elif tag & 7 == 1:
            at += 8
            yield tag >> 3, struct.unpack("<d", data[at - 8 : at])[0]
        else:
            size = varint()
            at += size
            yield tag >> 3, data[at - size : at]


def _decoded(body: bytes) -> dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]:
    found = {}
    for _, one in _fields(bytes(cramjam.snappy.decompress_raw(body))):
        parts = list(_fields(one))
        labels = tuple(tuple(text.decode() for _, text in _fields(part)) for field, part in parts if field == 1)
        found[labels] = [(dict(_fields(part))[2], dict(_fields(part))[1]) for field, part in parts if field == 2]
    return found


def test_a_request_holds_labels_in_order_and_samples_by_series() -> None:
    long = "x" * 300
    keys = {7: SeriesKey.of("up", {"zone": "ü", "Az": long}), 9: SeriesKey("down")}
    samples = Samples(np.array([7, 7, 9], np.int32), np.array([NOW, NOW + 1, 1 << 36], np.int64), np.array([1.5, -2.0, float("inf")]))
    found = _decoded(remote_write.encode(samples, {sid: remote_write.label_bytes(key) for sid, key in keys.items()}))
    assert found == {
        (("Az", long), ("__name__", "up"), ("zone", "ü")): [(NOW, 1.5), (NOW + 1, -2.0)],
        (("__name__", "down"),): [(1 << 36, float("inf"))],
    }


def test_a_selector_holds_what_the_series_share() -> None:
    one, two = SeriesKey.of("a.b", {"host": 'x"\\', "disk": "1"}), SeriesKey.of("c", {"host": 'x"\\', "disk": "2"})
    assert promql.selector([one, two]) == '{__name__=~"a\\\\.b|c",host="x\\"\\\\"}'
    assert promql.selector([one]) == '{__name__="a.b",disk="1",host="x\\"\\\\"}'


class _Engine:
    """Answers as told and keeps what it was asked."""

    def __init__(self, answer: Callable[[str, bytes], httpx.Response]) -> None:
        self.answer, self.asked = answer, list[bytes]()

    def __call__(self, method: str, url: str, *, content: bytes, **_: Any) -> httpx.Response:
        self.asked.append(content)
        return self.answer(url, content)

    def store(self) -> PromStore:
        return PromStore("http://engine/api/v1/write", "http://engine/", {"X-Scope-OrgID": "7"}, self)


def _columns(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sids = series.ids([SeriesKey("up", (("n", str(place)),)) for place in range(n)])
    return sids, np.full(n, NOW, np.int64), np.arange(n, dtype=np.float64)


@pytest.mark.django_db
def test_an_engine_that_does_not_want_one_sample_gets_the_others() -> None:
    def choosy(_: str, body: bytes) -> httpx.Response:
        values = [v for samples in _decoded(body).values() for _, v in samples]
        return httpx.Response(400, text="out of order sample") if 13.0 in values else httpx.Response(204)

    engine = _Engine(choosy)
    assert engine.store().write(*_columns(40)) == 1
    taken = [v for body in engine.asked for rows in _decoded(body).values() for _, v in rows if choosy("", body).status_code == 204]
    assert sorted(taken) == [float(place) for place in range(40) if place != 13]


@pytest.mark.django_db
def test_an_engine_that_wants_nothing_is_not_asked_for_ever() -> None:
    engine = _Engine(lambda *_: httpx.Response(400))
    assert engine.store().write(*_columns(400)) == 400
    assert len(engine.asked) <= 2 * ATTEMPTS


@pytest.mark.django_db
@pytest.mark.parametrize("status", [401, 404, 413, 429, 500, 503])
def test_an_engine_that_is_unwell_or_set_up_wrongly_makes_the_store_unavailable(status: int) -> None:
    engine = _Engine(lambda *_: httpx.Response(status, text="no"))
    with pytest.raises(StoreUnavailable, match=str(status)):
        engine.store().write(*_columns(2))
    with pytest.raises(StoreUnavailable, match=str(status)):
        engine.store().raw_many(_columns(2)[0].tolist(), 0, NOW)


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [http.Unreachable("no answer"), http.Refused("left alone for a while")])
def test_an_engine_that_is_away_makes_the_store_unavailable(fault: Exception) -> None:
    def away(*_: object) -> httpx.Response:
        raise fault

    with pytest.raises(StoreUnavailable, match=str(fault)):
        _Engine(away).store().write(*_columns(1))


@pytest.mark.django_db
def test_answers_about_other_series_are_left_out() -> None:
    [sid] = series.ids([SeriesKey.of("up", {"host": "a"})]).tolist()
    rows = [
        {"metric": {"__name__": "up", "host": "a"}, "values": [[NOW / 1000, "1"], [NOW / 1000 + 1, "NaN"]]},
        {"metric": {"__name__": "up", "host": "a", "job": "other"}, "values": [[NOW / 1000, "2"]]},
    ]
    engine = _Engine(lambda *_: httpx.Response(200, content=orjson.dumps({"status": "success", "data": {"result": rows}})))
    found = engine.store().raw_many([sid], NOW - 10, NOW + 5000)
    assert {one: (t.tolist(), v.tolist()) for one, (t, v) in found.items()} == {sid: ([NOW], [1.0])}
    assert parse_qs(engine.asked[0].decode())["query"] == ['{__name__="up",host="a"}[5010ms]']


@pytest.mark.django_db
def test_refused_samples_are_reported_to_the_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = _Engine(lambda *_: httpx.Response(400))
    monkeypatch.setattr("monitoring.store.choice.choose", engine.store)
    written = writer.write(Batch.of([("up", {}, now_ms(), 1.0)]))
    assert (written.accepted, written.refused) == (0, {"engine": 1})


@pytest.mark.django_db
def test_a_read_address_is_the_root_of_the_write_address_unless_given(settings: object) -> None:
    from monitoring import store

    settings.METRICS_WRITE_URL, settings.METRICS_READ_URL = "http://vm:8428/api/v1/write", ""  # type: ignore[attr-defined]
    assert store.current().read_url == "http://vm:8428"  # type: ignore[attr-defined]
