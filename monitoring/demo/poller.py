"""Keeps the demonstration alive: a poll is the world's values of this moment."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from django import forms

from monitoring.demo import grid, story
from monitoring.demo.descriptions import DESCRIPTIONS
from monitoring.demo.reports import reports
from monitoring.demo.world import SEED, world
from monitoring.sources.pollers.base import Polled, Poller
from monitoring.store.batch import Batch, SeriesKey


class DemoConfig(forms.Form):
    seed = forms.IntegerField(label="Seed", min_value=0, max_value=2**31, initial=SEED, help_text="Another one makes other machines.")
    since = forms.IntegerField(
        label="Made at, milliseconds UTC", min_value=0, max_value=2**53, help_text="What goes wrong is placed by this moment."
    )


class Demo(Poller):
    label = "Demonstration"
    icon = "flask"
    about = "Machines that do not exist, to look around with."
    offered = False  # made by `make demo`, which writes its history too
    usual_interval = grid.INTERVAL
    Config: ClassVar[type[forms.Form]] = DemoConfig

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, Any], interval: int) -> None:
        super().__init__(config, secrets, interval)
        self.world = world(int(config["seed"]), int(config["since"]))
        self.keys = [SeriesKey.of(metric, labels) for metric, labels, _ in self.world.series]

    def poll(self) -> Polled:
        return self.at(time.time_ns() // 1_000_000)

    def at(self, now_ms: int) -> Polled:
        """On the grid of the history, so that both join, and a poll that comes twice says nothing new."""
        t = np.array([now_ms // (self.interval * 1000) * self.interval * 1000])
        values = np.concatenate(list(self.world.values(t)))[:, 0]
        silent = bool(self.world.silent(t)[0])
        said = self._said(int(t[0]), silent)
        place = {one.key: at for at, one in enumerate(said)}
        speaking = np.flatnonzero(~self.world.dark) if silent else np.arange(len(self.keys))
        owners = [place[self.world.series[at][2]] for at in speaking.tolist()]
        keys = [self.keys[at] for at in speaking.tolist()]
        index = np.arange(len(keys), dtype=np.int32)
        batch = Batch(keys, index, np.full(len(keys), t[0]), values[speaking], owners)
        return Polled(said, batches=[batch], descriptions=DESCRIPTIONS)

    def _said(self, now_ms: int, silent: bool) -> list[Any]:
        mute = set(story.involved(self.world.fleet, story.OUTAGE)) if silent else set()
        return [one for one in reports(self.world, now_ms, self.interval) if one.key not in mute]
