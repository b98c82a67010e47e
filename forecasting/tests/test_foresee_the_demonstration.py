"""What the demonstration does to its disk, as a pure function of time, and what is foretold of it."""

import numpy as np
import pytest

from forecasting import capacity
from monitoring.demo.world import World

DAY = 86_400
NOW = 1_795_294_800
pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def disks() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(seconds, {machine and mount point: per cent used}) each hour of four weeks and the three days to come."""
    world = World(7, NOW)
    t = np.arange(NOW - 28 * DAY, NOW + 4 * DAY, 3600)
    found: dict[str, dict[str, np.ndarray]] = {}
    names = [(metric, f"{labels.get('instance')} {labels.get('mountpoint')}") for metric, labels, _ in world.series]
    for (metric, name), values in zip(names, np.vstack(list(world.values(t * 1000))), strict=True):
        if metric in ("node_filesystem_avail_bytes", "node_filesystem_size_bytes"):
            found.setdefault(name, {})[metric] = values
    used = {name: 100 * (1 - two["node_filesystem_avail_bytes"] / two["node_filesystem_size_bytes"]) for name, two in found.items()}
    return t, used


FILLING = "db-03.demo /var/lib/postgresql"


@pytest.mark.parametrize("days", [1, 2, 3])
def test_the_filling_disk_is_foreseen_days_ahead_with_an_interval_that_holds(disks, days) -> None:
    t, used = disks
    full = t[(t > NOW) & (used[FILLING] >= 95)][0]
    known = t <= full - days * DAY
    said = capacity.time_to_limit(t[known], used[FILLING][known], 95.0, "up")
    assert said["eta_seconds"] == pytest.approx(days * DAY, rel=0.25)
    assert said["lo"] <= days * DAY
    assert said["hi"] is None or said["hi"] >= days * DAY


def test_no_other_disk_is_said_to_fill_up(disks) -> None:
    t, used = disks
    known = t <= NOW
    said = {name: capacity.time_to_limit(t[known], values[known], 95.0, "up")["eta_seconds"] for name, values in used.items()}
    assert [name for name, eta in said.items() if eta is not None and eta < 3 * DAY] == [FILLING]
