"""A poller that does what a test tells it."""

import time

from django import forms

from aiops.plugins import PluginError
from monitoring.inventory.facts import ResourceReport
from monitoring.sources.pollers.base import Polled, Poller

script = {}  # name of the source's target → what the next poll does


class FakeConfig(forms.Form):
    target = forms.CharField(max_length=50, help_text="Where it is.")
    port = forms.IntegerField(min_value=1, max_value=65535, required=False)
    password = forms.CharField(required=True)


class Fake(Poller):
    label = "Fake device"
    icon = "device"
    usual_interval = 30
    Config = FakeConfig
    secret_fields = ("password",)
    made = 0

    def __init__(self, config, secrets, interval):
        super().__init__(config, secrets, interval)
        Fake.made += 1

    def poll(self):
        target = self.config.get("target", "x")
        deed = script.get(target)
        if isinstance(deed, Exception):
            raise deed
        if callable(deed):
            deed()
        now = time.time_ns() // 1_000_000
        report = ResourceReport("device", target, {"site": "fra"}, {"model": "F1"}, report_interval=self.interval)
        gpu = ResourceReport("gpu", f"{target} GPU", parent=("device", target))
        samples = [("up", {"target": target}, now, 1.0), ("load", {"target": target}, now, 0.5)]
        return Polled([report, gpu], [samples, [("heat", {"target": target}, now, 40.0)]])


REFUSED = PluginError("the device refused the password", permanent=True)
SILENT = PluginError("no answer from 192.0.2.1")
