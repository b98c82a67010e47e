"""The demonstration's fortnight, judged by the shipped watches from nothing, and its disk foretold; against what was done (story.py)."""

from collections import defaultdict
from datetime import UTC, datetime

import numpy as np

from bench.row import Row

SEED, DAYS = 7, 14
STEP, HOUR, DAY = 150_000, 3_600_000, 86_400_000
PORTION = 200  # moments written at once
BEFORE, AFTER = 1800, 6 * 3600  # seconds around a trouble in which an anomaly of its machine is of it
DISK = ("db-03.demo", "/var/lib/postgresql")
FOUND = ("noisy_neighbour", "memory_leak", "pod_memory_leak", "traffic_surge", "network_errors", "gpu_overheating")


class Fortnight:
    def __init__(self) -> None:
        from forecasting import watches
        from monitoring.dashboards.query_units import metrics_of
        from monitoring.demo.world import World
        from monitoring.store.windows import floor, now_ms

        packs = ("hosts", "filesystems", "network", "gpus", "clusters")
        self.watches = [watch for pack in packs for watch in watches.read((watches.PACKS / f"{pack}.yml").read_text())]
        self.end = floor(now_ms() - HOUR, HOUR)
        self.world = World(SEED, self.end / 1000)
        self.wanted = {name for watch in self.watches for name in metrics_of(watch.expr)}

    def run(self) -> list[Row]:
        self.fill()
        self.judge()
        return [*self.told(), *self.disk()]

    def fill(self) -> None:
        from monitoring.store import merge, seal, writer
        from monitoring.store.batch import Batch, SeriesKey

        kept = [
            row
            for row, (metric, labels, _) in enumerate(self.world.series)
            if metric in self.wanted and labels.get("mode", "idle") in ("idle", "steal")
        ]
        keys = [SeriesKey.of(*self.world.series[row][:2]) for row in kept]
        dark = self.world.dark[kept]
        times = np.arange(self.end - DAYS * DAY, self.end + 1, STEP)
        for place in range(0, len(times), PORTION):
            t = times[place : place + PORTION]
            values = np.vstack(list(self.world.values(t)))[kept].T
            said = ~(self.world.silent(t)[:, None] & dark[None, :])
            index = np.broadcast_to(np.arange(len(keys), dtype=np.int32), said.shape)[said]
            writer.write(Batch(keys, index, np.repeat(t, len(keys)).reshape(said.shape)[said], values[said]))
        seal.seal()
        merge.merge_days()

    def judge(self) -> None:
        """A day at a time; each row is judged from those before it, as when they come one by one."""
        from forecasting import scoring
        from forecasting.models import Watch

        Watch.objects.all().delete()
        for watch in self.watches:
            watch.save()
        for day in range(DAYS + 1):
            now = datetime.fromtimestamp((self.end - (DAYS - day) * DAY) / 1000 + 30 + (600 if day == 0 else 0), UTC)
            Watch.objects.update(due_at=now)
            scoring.score_due(now)

    def told(self) -> list[Row]:
        from forecasting.models import Anomaly, Track

        troubled = defaultdict(list)
        incidents = self.world.incidents(self.end / 1000 - DAYS * 86_400 + 2 * 86_400, self.end / 1000)  # after the quiet start
        for one in incidents:
            for _, name in one.resources:
                troubled[name.partition(" ")[0].rpartition("/")[2]].append(one)
        found, false = set(), 0
        for anomaly in Anomaly.objects.select_related("track"):
            at = anomaly.started_at.timestamp()
            mine = [one for one in troubled[anomaly.track.vm] if one.start - BEFORE <= at <= one.end + AFTER]
            found.update((one.kind, one.start) for one in mine)
            false += not mine
        things = len(set(Track.objects.values_list("vm", flat=True)))
        weeks = things * (DAYS - 2) / 7
        note = f"{false} anomalies outside of any trouble of {things} hosts and pods in {DAYS - 2} days, after two days of learning"
        rows = [Row("false alarms", "demonstration", false / weeks, "per host-week", 1.0, note)]
        for kind in FOUND:
            starts = {one.start for one in incidents if one.kind == kind}
            seen = len({start for name, start in found if name == kind})
            rows.append(Row(f"{kind.replace('_', ' ')}: seen", "demonstration", seen, "times", None, f"of {len(starts)}"))
        return rows

    def disk(self) -> list[Row]:
        """What `capacity` said on each of the days before it was full, from histories as runs keep them."""
        t, used = filling_disk(self.world, self.end)
        full = full_at(self.world, self.end)
        ahead, held = [], []
        for days in (1, 2, 3, 4, 5):
            said = asked(t, used, full - days * 86_400)
            if said["eta_seconds"] is not None:
                at = full - days * 86_400
                ahead.append(days)
                held.append(said["lo"] <= full - at <= (said["hi"] or np.inf))
        note = f"of the days before, {len(ahead)} of 5 foresaw it, {sum(held)} with the truth in the interval"
        return [Row("the disk that fills up: foreseen", "demonstration", max(ahead, default=0), "days ahead", 3, note, least=True)]


def filling_disk(world: object, end: int) -> tuple[np.ndarray, np.ndarray]:
    """(seconds, per cent used) of the disk, each quarter of an hour, over the fortnight before `end` (ms) and the days to come."""
    t = np.arange(end - DAYS * DAY, end + 4 * DAY, 900_000)
    names = [(metric, labels.get("instance"), labels.get("mountpoint")) for metric, labels, _ in world.series]
    values = dict(zip(names, _rows(world, t), strict=True))
    free, size = (values[(f"node_filesystem_{what}_bytes", *DISK)] for what in ("avail", "size"))
    return t / 1000, 100 * (1 - free / size)


def _rows(world: object, t: np.ndarray) -> np.ndarray:
    return np.vstack(list(world.values(t)))


def full_at(world: object, end: int, limit: float = 95.0) -> float:
    """Seconds: when it reaches the limit, which is after `end`."""
    t, used = filling_disk(world, end)
    coming = int(np.searchsorted(t, end / 1000))
    return float(t[coming + int(np.argmax(used[coming:] >= limit))])


def asked(t: np.ndarray, used: np.ndarray, at: float) -> dict:
    from forecasting import capacity

    known = t <= at
    return capacity.time_to_limit(t[known], used[known], 95.0, "up")
