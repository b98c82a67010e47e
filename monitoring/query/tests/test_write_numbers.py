"""Numbers and times as Prometheus' own JSON has them."""

import numpy as np
import orjson
import pytest

from monitoring.query.rendering import Result, numbers, stamp
from monitoring.query.source import SeriesData
from monitoring.query.values import Matrix, RangeVector, Scalar, Text, Vector
from monitoring.store.batch import STALE

pytestmark = pytest.mark.once

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-2.5, "-2.5"),
        (1e6, "1000000"),
        (0.1, "0.1"),
        (1 / 3, "0.3333333333333333"),
        (100.05, "100.05"),
        (1e15, "1000000000000000"),
        (1e16, "10000000000000000"),
        (123456789012345680.0, "123456789012345680"),
        (9e20, "900000000000000000000"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (1e-5, "0.00001"),
        (1e-6, "0.000001"),
        (1.25e-6, "0.00000125"),
        (9.5e-7, "9.5e-07"),
        (5e-324, "5e-324"),
        (NAN, "NaN"),
        (INF, "+Inf"),
        (-INF, "-Inf"),
    ],
)
def test_a_number_is_written_in_the_fewest_digits(value: float, text: str) -> None:
    assert numbers(np.array([value])) == [text.encode()]
    assert numbers(np.array([1.5, value, 2.0])) == [b"1.5", text.encode(), b"2"]


def test_random_numbers_mean_the_same_when_read() -> None:
    chance = np.random.default_rng(3)
    bits = chance.integers(0, 2**63, 20_000, dtype=np.uint64).view(np.float64)
    values = np.concatenate([bits[np.isfinite(bits)], chance.normal(0, 1, 5000), 10.0 ** chance.uniform(-8, 24, 5000), np.arange(1000.0)])
    texts = numbers(values)
    assert [float(text) for text in texts] == values.tolist()
    written = zip(values.tolist(), texts, strict=True)
    assert all((b"e" in text) == (value != 0 and not 1e-6 <= abs(value) < 1e21) for value, text in written)


@pytest.mark.parametrize(
    ("t", "text"), [(0, "0"), (1500, "1.500"), (1_700_000_000_001, "1700000000.001"), (-1250, "-1.250"), (-2000, "-2")]
)
def test_times_have_three_decimals_or_none(t: int, text: str) -> None:
    assert stamp(t) == text.encode()


def test_series_of_a_range_come_in_the_order_of_their_labels_and_empty_ones_not_at_all() -> None:
    v = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], float)
    present = np.array([[True, False, True], [False] * 3, [True] * 3])
    found = Matrix([{"z": "1"}, {"y": "1"}, {"a": "2"}], np.array([0, 500, 1000]), v, present)
    assert orjson.loads(Result(found).json) == {
        "resultType": "matrix",
        "result": [
            {"metric": {"a": "2"}, "values": [[0, "7"], [0.5, "8"], [1, "9"]]},
            {"metric": {"z": "1"}, "values": [[0, "1"], [1, "3"]]},
        ],
    }


def test_an_instant_result_keeps_its_order() -> None:
    found = Vector([{"z": "1"}, {}, {"a": '"\n'}], 1500, np.array([1.0, NAN, INF]))
    assert orjson.loads(Result(found).json)["result"] == [
        {"metric": {"z": "1"}, "value": [1.5, "1"]},
        {"metric": {}, "value": [1.5, "NaN"]},
        {"metric": {"a": '"\n'}, "value": [1.5, "+Inf"]},
    ]


def test_raw_samples_are_shown_without_stale_markers() -> None:
    ended = SeriesData({"a": "1"}, np.array([1000]), np.array([STALE]))
    alive = SeriesData({"a": "0"}, np.array([1000, 2000, 3000]), np.array([1.0, STALE, NAN]))
    assert orjson.loads(Result(RangeVector([ended, alive])).json)["result"] == [{"metric": {"a": "0"}, "values": [[1, "1"], [3, "NaN"]]}]


def test_scalars_and_texts() -> None:
    assert Result(Scalar(1000, 2.0)).json == b'{"resultType":"scalar","result":[1,"2"]}'
    assert Result(Text(1000, "ü")).json == '{"resultType":"string","result":[1,"ü"]}'.encode()


def test_bytes_that_are_no_text_are_replaced() -> None:
    found = Vector([{"a": "x\udcff"}], 0, np.array([1.0]))
    assert orjson.loads(Result(found).json)["result"][0]["metric"]["a"].startswith("x\ufffd")


def test_a_limit_counts_series() -> None:
    found = Vector([{"n": str(n)} for n in range(3)], 0, np.arange(3.0))
    assert [Result(found, limit).cut for limit in (0, 2, 3)] == [False, True, False]
    assert len(orjson.loads(Result(found, 2).json)["result"]) == 2
    assert not Result(Scalar(1, 1.0), 1).cut
