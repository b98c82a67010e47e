"""A clock in hand, a channel that writes down what it is given, and the engine run by them."""

from datetime import UTC, datetime, timedelta

from monitoring.alerts.lifecycle import Observation, fingerprint, observe
from monitoring.alerts.models import Alert
from monitoring.notifications import grouping, send, telling
from monitoring.notifications.channels.base import CHANNELS, HEARD_WITH_OWNERSHIP, Transport
from monitoring.notifications.models import Channel, Route
from monitoring.notifications.notice import Answer

T0 = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday


class Probe(Transport):
    """Answers what the test scripts, one after the other: an exception is raised. Without a script it takes everything."""

    label = "Probe"
    heard: list = []
    script: list = []
    hears = HEARD_WITH_OWNERSHIP
    threads = True

    def send(self, notice):
        Probe.heard.append((self.config.get("name", ""), notice, self.earlier))
        if Probe.script:
            answer = Probe.script.pop(0)
            if isinstance(answer, Exception):
                raise answer
        return Answer(200, "taken", f"id-{len(Probe.heard)}")


class Engine:
    def __init__(self):
        Probe.heard, Probe.script = [], []
        CHANNELS["probe"] = "monitoring.notifications.tests.engine.Probe"
        self.now = T0

    def channel(self, name="ops", **fields):
        return Channel.objects.create(name=name, kind=fields.pop("kind", "probe"), config={"name": name}, **fields)

    def route(self, *channels, name="all", **fields):
        usual = {"group_wait": 10, "group_interval": 60, "repeat_interval": 3600}
        route = Route.objects.create(name=name, **{**usual, **fields})
        route.channels.set(channels)
        return route

    def see(self, *names, state="firing", **fields):
        labels = fields.pop("labels", {})
        observe(
            [
                Observation(
                    fingerprint("test", {"alertname": name, **labels}), state, name=name, labels={"alertname": name, **labels},
                    source="test", **fields,
                )
                for name in names
            ],
            self.now,
        )  # fmt: skip
        return list(Alert.objects.filter(name__in=names).order_by("id"))

    def over(self, *names, **fields):
        return self.see(*names, state="resolved", **fields)

    def wait(self, seconds=0.0):
        """Lets time pass and does what is due; returns what the channels heard meanwhile, as (channel, kind, title)."""
        self.now += timedelta(seconds=seconds)
        before = len(Probe.heard)
        while grouping.read_on(self.now):
            pass
        while telling.tell_due(self.now):
            pass
        self.send()
        return [(name, notice.kind, notice.title) for name, notice, _ in Probe.heard[before:]]

    def send(self):
        for channel in sorted(send.waiting(self.now)):
            while claimed := send.claim(channel, self.now):
                send.Hand(claimed, lambda: self.now).run()

    @property
    def notices(self):
        return [notice for _, notice, _ in Probe.heard]
