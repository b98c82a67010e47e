"""The load of the notification figures, and their measurement. Runs in a process of its own per database."""

import json
import sys
import threading
import time
from dataclasses import asdict
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from bench.cpu import Clock, backend_pids
from bench.row import Row

ALERTS, NAMES, BODY, SENT = 10_000, 50, 500, 1000


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append(time.perf_counter())
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass


class Bench:
    def __init__(self, scale: float) -> None:
        from django.conf import settings
        from django.db import connection
        from django.utils import timezone

        from monitoring.notifications.models import Channel, Route

        settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
        self.rows, self.count, self.names = [], round(ALERTS * scale), max(1, round(NAMES * scale))
        self.database = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
        self.clock, self.now = Clock(backend_pids()), timezone.now() - timedelta(hours=1)
        self.sink = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
        self.sink.heard = []
        threading.Thread(target=self.sink.serve_forever, args=(0.05,), daemon=True).start()
        Route.objects.all().delete()
        where = {"url": f"http://127.0.0.1:{self.sink.server_port}/"}
        self.channel = Channel.objects.create(name="sink", kind="webhook", secrets=where)
        self.route = Route.objects.create(name="all", group_by=["alertname"], group_wait=15, group_interval=30, repeat_interval=0)
        self.route.channels.add(self.channel)

    def run(self) -> list[Row]:
        from monitoring.notifications.models import page

        page("alerts")  # the addresses of pages are read once, by the first who asks
        self._storm()
        self._each_by_itself()
        self._idle()
        self._soon()
        return self.rows

    def _row(self, name: str, value: float, unit: str, limit: float | None, note: str) -> None:
        self.rows.append(Row(name, self.database, value, unit, limit, note))

    def _storm(self) -> None:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        from monitoring.notifications import grouping, send, telling
        from monitoring.notifications.models import Delivery, GroupAlert

        cpu, statements = 0.0, 0
        for place in range(0, self.count, BODY):
            self._fire(range(place, min(place + BODY, self.count)))
            self.now += timedelta(seconds=60 * BODY / self.count)

            def work() -> None:
                grouping.read_on(self.now)
                telling.tell_due(self.now)

            if place == 0:
                with CaptureQueriesContext(connection) as captured:
                    cpu += self.clock.measure(work)
                statements = len(captured)
            else:
                cpu += self.clock.measure(work)
            cpu += self.clock.measure(send.send_due)
        self.now += timedelta(seconds=120)
        cpu += self.clock.measure(lambda: telling.tell_due(self.now)) + self.clock.measure(send.send_due)
        told = GroupAlert.objects.filter(told="firing").count()
        sent = Delivery.objects.filter(status="sent").count()
        note = f"{sent} notices to one channel, {told:,} alerts told; {statements} statements for the first {min(BODY, self.count)}"
        self._row("10,000 alerts in one minute, grouped and told", cpu / self.count * ALERTS, "CPU-s", 15, note)
        if told != self.count:
            raise SystemExit(f"{self.count - told} alerts were not told")

    def _each_by_itself(self) -> None:
        from monitoring.notifications import grouping, send, telling
        from monitoring.notifications.models import Message, NotificationGroup

        NotificationGroup.objects.all().delete()
        self.route.group_by, self.route.group_wait = ["..."], 0
        self.route.save()
        self._fire(range(self.count), "Alone")

        def work() -> None:
            while grouping.read_on(self.now):
                pass
            while telling.tell_due(self.now):
                pass

        cpu = self.clock.measure(work)
        self._row("10,000 alerts, each its own message", cpu / self.count * ALERTS, "CPU-s", 60, f"{Message.objects.count():,} messages")
        few = min(SENT, self.count)
        before = self.clock.read()
        done = 0
        while done < few and (claimed := send.claim(self.channel.pk)):
            for delivery in claimed:
                send.attempt(delivery)
                done += 1
        self._row("one delivery, claimed, sent, written down", (self.clock.read() - before) / done * 1000, "ms CPU", 15, f"mean of {few:,}")

    def _idle(self) -> None:
        from monitoring.notifications import grouping, send, telling
        from monitoring.notifications.models import Delivery

        Delivery.objects.all().delete()

        def tick() -> None:
            grouping.read_on(self.now)
            telling.tell_due(self.now)
            send.waiting(self.now)

        tick()
        cpu = self.clock.measure(lambda: [tick() for _ in range(100)]) * 10
        self._row("nothing to do, every 2 s", cpu, "ms CPU", 5, "mean of 100")

    def _soon(self) -> None:
        """From the commit of an alert to the receiver, by a route that does not wait, as the task does it."""
        from monitoring.notifications import tasks
        from monitoring.notifications.lanes import lanes

        walls = []
        for place in range(20):
            self.sink.heard.clear()
            self.now = None
            self._fire([place], f"Soon{place}")
            begun = time.perf_counter()
            tasks.tend_notifications()
            while not self.sink.heard and time.perf_counter() - begun < 10:
                time.sleep(0.001)
            walls.append((self.sink.heard[0] - begun) * 1000)
            while lanes.busy:
                time.sleep(0.005)
        p95 = sorted(walls)[int(len(walls) * 0.95)]
        self._row(
            "task to receiver", p95, "ms", 1000, f"p95 of {len(walls)}, median {np.median(walls):.0f} ms; beside {self.count:,} open groups"
        )

    def _fire(self, numbers, name: str = "Storm") -> None:
        from monitoring.alerts.lifecycle import Observation, fingerprint, observe

        observed = []
        for n in numbers:
            labels = {"alertname": f"{name}{n % self.names}", "instance": f"host-{n}", "site": f"s{n % 7}"}
            mark = fingerprint("bench", {**labels, "n": str(n)})
            notes = {"summary": f"{labels['instance']} is in trouble"}
            observed.append(Observation(mark, "firing", name=labels["alertname"], labels=labels, annotations=notes, source="bench"))
        observe(observed, self.now)


def main() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    bench = Bench(float(sys.argv[1]))
    print(json.dumps([asdict(row) for row in bench.run()]))


if __name__ == "__main__":
    main()
