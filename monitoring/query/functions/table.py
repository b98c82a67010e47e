"""Which function does what: the tables that the evaluator looks a call up in."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from monitoring.query.functions import extended, over_time, rates, trends
from monitoring.query.windows import Windows
from monitoring.store.batch import Mask, Values

Result = tuple[Values, Mask]


@dataclass(frozen=True)
class RangeFunction:
    """`compute` gets the windows and the call's scalar arguments, per step; those come before the range when `leading`."""

    compute: Callable[..., Result]
    keeps_name: bool = False
    counter: bool = False  # made for counters: a name that does not sound like one is remarked on


RANGE: dict[str, RangeFunction] = {
    "avg_over_time": RangeFunction(over_time.average),
    "changes": RangeFunction(rates.changes),
    "count_over_time": RangeFunction(over_time.count),
    "delta": RangeFunction(rates.delta),
    "deriv": RangeFunction(trends.slope),
    "double_exponential_smoothing": RangeFunction(trends.smoothed),
    "first_over_time": RangeFunction(over_time.first, keeps_name=True),
    "holt_winters": RangeFunction(trends.smoothed),
    "idelta": RangeFunction(rates.idelta),
    "increase": RangeFunction(rates.increase, counter=True),
    "irate": RangeFunction(rates.irate),
    "last_over_time": RangeFunction(over_time.last, keeps_name=True),
    "mad_over_time": RangeFunction(over_time.median_deviation),
    "max_over_time": RangeFunction(over_time.maximum),
    "min_over_time": RangeFunction(over_time.minimum),
    "present_over_time": RangeFunction(over_time.present),
    "quantile_over_time": RangeFunction(over_time.quantile),
    "rate": RangeFunction(rates.rate, counter=True),
    "resets": RangeFunction(rates.resets),
    "stddev_over_time": RangeFunction(over_time.deviation),
    "stdvar_over_time": RangeFunction(over_time.variance),
    "sum_over_time": RangeFunction(over_time.total),
    "ts_of_first_over_time": RangeFunction(over_time.time_of_first),
    "ts_of_last_over_time": RangeFunction(over_time.time_of_last),
    "ts_of_max_over_time": RangeFunction(over_time.time_of_max),
    "ts_of_min_over_time": RangeFunction(over_time.time_of_min),
}
# What may be done with ranges that are told to look beyond their ends.
EXTENDED: dict[str, dict[str, Callable[[Windows], Result]]] = {
    "anchored": {
        "changes": extended.changes,
        "delta": extended.delta,
        "increase": extended.increase,
        "rate": extended.rate,
        "resets": extended.resets,
    },
    "smoothed": {
        "delta": extended.smoothed_delta,
        "increase": extended.smoothed_increase,
        "rate": extended.smoothed_rate,
    },
}
# Answers from native histograms only; the store keeps floats.
NATIVE_HISTOGRAMS = (
    "histogram_avg",
    "histogram_count",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
)
COUNTER_ENDINGS = ("_total", "_sum", "_count", "_bucket")


def sounds_like_counter(name: str) -> bool:
    return name.endswith(COUNTER_ENDINGS)


def filled(v: Values, present: Mask, steps: int) -> Result:
    """A result with one column, of a fixed time (@), for all steps."""
    shape = (len(v), steps)
    return np.broadcast_to(v, shape), np.broadcast_to(present, shape)


def expanded(windows: Windows) -> Windows:
    """Windows of a fixed time written out for every step, for functions that also depend on the step."""
    shape = (len(windows.low), windows.steps)
    ends = np.broadcast_to(windows.ends, (windows.steps,))
    low, high = np.broadcast_to(windows.low, shape), np.broadcast_to(windows.high, shape)
    return replace(windows, low=low, high=high, ends=ends)
