"""Series that forecasts and times to a limit are scored on, read from bench/data."""

import io
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

DATA = Path(__file__).resolve().parent.parent / "data"
HORIZON = 48
FOUR_WEEKS = 4 * 336  # half hours
FIRST = 18  # of the NAB series that are long enough


class Series(NamedTuple):
    name: str
    times: np.ndarray  # datetime64[s]
    values: np.ndarray
    day: int  # rows


def m4_hourly() -> Iterator[Series]:
    """The dates are not those of the series: any Monday does, day and week stay in step."""
    import pandas

    table = pandas.read_csv(DATA / "m4_hourly.csv.xz", index_col="hour")
    for name in table:
        y = table[name].dropna().to_numpy(float)
        yield Series(name, np.datetime64("2020-01-06T00:00:00", "s") + np.arange(len(y)) * np.timedelta64(3600, "s"), y, 24)


@cache
def nab(group: str) -> dict[str, bytes]:
    """Name → CSV of a group of the Numenta Anomaly Benchmark, in order of name."""
    with tarfile.open(DATA / "nab.tar.xz") as archive:
        held = {Path(each.name).stem: each for each in archive if f"/{group}/" in f"/{each.name}" and each.name.endswith(".csv")}
        return {name: archive.extractfile(held[name]).read() for name in sorted(held)}


def half_hours(csv: bytes, bridge: int | None) -> "tuple[np.ndarray, np.ndarray]":
    """Means of half hours; gaps of up to `bridge` rows are bridged by straight lines (None: all of them), longer ones cut out."""
    import pandas

    y = pandas.read_csv(io.BytesIO(csv), parse_dates=[0], index_col=0)["value"]
    y = y[~y.index.duplicated()].sort_index().resample("30min").mean().interpolate(limit=bridge).dropna()
    return y.index.to_numpy("datetime64[s]"), y.to_numpy(float)


def nab_half_hours() -> Iterator[Series]:
    """The last four weeks, and 48 steps more, of server, known-cause and tweet series."""
    told = 0
    for group in ("realAWSCloudwatch", "realKnownCause", "realTweets"):
        for name, csv in nab(group).items():
            times, values = (each[-(FOUR_WEEKS + HORIZON) :] for each in half_hours(csv, 48))
            if len(values) >= 600 and told < FIRST:
                told += 1
                yield Series(name, times, values, 48)


SETS = {"M4 hourly": m4_hourly, "NAB 30 min": nab_half_hours}
