"""Operators on values, without any labels."""

from collections.abc import Callable

import numpy as np

from monitoring.store.batch import Mask, Values

ARITHMETIC: dict[str, Callable[[Values, Values], Values]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,  # the sign of the dividend
    "^": np.power,
    "atan2": np.arctan2,
}
COMPARISON: dict[str, Callable[[Values, Values], Mask]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
SETS = ("and", "or", "unless")


def combine(op: str, left: Values, right: Values, *, as_bool: bool) -> tuple[Values, Mask | None]:
    """(values, which of them stay): a comparison without bool keeps the left values where it holds."""
    if op in ARITHMETIC:
        return ARITHMETIC[op](left, right), None
    holds = COMPARISON[op](left, right)
    if as_bool:
        return holds.astype(np.float64), None
    return np.broadcast_to(left, holds.shape), holds
