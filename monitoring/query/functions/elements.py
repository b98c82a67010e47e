"""Functions of single values: they change each value of an instant vector and drop the metric name."""

from collections.abc import Callable

import numpy as np

from monitoring.store.batch import Values

_DAY = 86_400


def rounded(v: Values, nearest: Values | float = 1.0) -> Values:
    """To a multiple of `nearest`, ties upward. Multiplied by the inverse, as Prometheus does, so that tenths stay tenths."""
    inverse = 1.0 / np.asarray(nearest, np.float64)
    found: Values = np.floor(v * inverse + 0.5) / inverse
    return found


def clamped(v: Values, low: Values, high: Values) -> Values:
    return larger(low, smaller(high, v))


def smaller(a: Values, b: Values) -> Values:
    """As Go's Min: NaN wins over everything but -Inf."""
    return np.where((a == -np.inf) | (b == -np.inf), -np.inf, np.minimum(a, b))


def larger(a: Values, b: Values) -> Values:
    return np.where((a == np.inf) | (b == np.inf), np.inf, np.maximum(a, b))


def _sign(v: Values) -> Values:
    return np.where(v > 0, 1.0, np.where(v < 0, -1.0, v))


PLAIN: dict[str, Callable[[Values], Values]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": lambda v: v * 180 / np.pi,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "rad": lambda v: v * np.pi / 180,
    "sgn": _sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}


def _dates(v: Values, unit: str) -> np.ndarray:
    return _seconds(v).astype("datetime64[s]").astype(f"datetime64[{unit}]")


def _seconds(v: Values) -> np.ndarray:
    """Whole seconds; what is no time counts as 1970."""
    return np.where(np.abs(v) < 2**55, np.nan_to_num(v), 0).astype(np.int64)


def _month(v: Values) -> np.ndarray:
    return _dates(v, "M").astype(np.int64) % 12 + 1


def _day_of_month(v: Values) -> np.ndarray:
    return (_dates(v, "D") - _dates(v, "M").astype("datetime64[D]")).astype(np.int64) + 1


def _day_of_year(v: Values) -> np.ndarray:
    return (_dates(v, "D") - _dates(v, "Y").astype("datetime64[D]")).astype(np.int64) + 1


def _days_in_month(v: Values) -> np.ndarray:
    month = _dates(v, "M")
    return ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)


# Of Unix times in UTC.
CALENDAR: dict[str, Callable[[Values], np.ndarray]] = {
    "day_of_month": _day_of_month,
    "day_of_week": lambda v: (_seconds(v) // _DAY + 4) % 7,
    "day_of_year": _day_of_year,
    "days_in_month": _days_in_month,
    "hour": lambda v: _seconds(v) // 3600 % 24,
    "minute": lambda v: _seconds(v) // 60 % 60,
    "month": _month,
    "year": lambda v: _dates(v, "Y").astype(np.int64) + 1970,
}
