import numpy as np
import pytest

from forecasting.packing import pack, unpack

pytestmark = [pytest.mark.once]


def test_numbers_texts_and_arrays_come_back() -> None:
    thing = {"a": [1, 2.5, None, "text"], "b": {"c": np.arange(6.0).reshape(2, 3), "d": np.array([], np.int64), "e": np.float64(1.5)}}
    back = unpack(pack(thing))
    assert back["a"] == [1, 2.5, None, "text"]
    assert np.array_equal(back["b"]["c"], thing["b"]["c"])
    assert back["b"]["d"].dtype == np.int64
    assert back["b"]["e"] == 1.5


@pytest.mark.parametrize(
    "packed", [b"", b"something else", pack({"a": np.arange(9)})[:-6], b"x" + pack({})], ids=["empty", "other", "cut", "more"]
)
def test_other_bytes_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="no packed model"):
        unpack(packed)


def test_a_thing_without_a_plain_form_is_refused() -> None:
    with pytest.raises(TypeError):
        pack({"a": object()})
