"""What a storm came to, as figures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.row import Row
from bench.storm_alerts import GROUP_BY, Labels, expected
from bench.storm_pages import PAGES, Pages, Shown, p95
from bench.storm_sender import Sending
from bench.storm_sinks import Group, Heard, Sinks, again

LIST_LIMIT = 150.0  # ms
SLACK = 10.0  # seconds beside the wait that the route asks for


@dataclass
class Storm:
    name: str
    alerts: Sequence[Labels]
    sending: Sending
    sinks: Sinks
    pages: Pages
    found: dict[str, Any]  # storm_load.count
    cpu: dict[str, float]
    before: float  # time.time() since when pages were asked for
    told_at: float  # the last notice
    waits: int  # seconds between two notices about a group: the route's, and Alertmanager's before it


def rows(storm: Storm) -> list[Row]:
    return [*_kept(storm), *_told(storm), *_shown(storm), _cpu(storm)]


def _row(storm: Storm, name: str, value: float, unit: str, limit: float | None, note: str) -> Row:
    return Row(name, storm.name, value, unit, limit, note)


def _kept(storm: Storm) -> list[Row]:
    found, sending, many = storm.found, storm.sending, len(storm.alerts)
    lasted = sending.ended - sending.begun
    stored = f"{found['fingerprints']:,} of {many:,} stored, {found['stored'] - found['fingerprints']} twice"
    bodies = f"{len(sending.walls)} bodies of up to {sending.largest}, {sending.repeats} sent again, all answered after {lasted:.0f} s"
    note = f"{stored}; {bodies}, one in {p95(sending.walls):.0f} ms p95, worst {max(sending.walls):.0f}"
    lost = many - found["fingerprints"] + abs(found["stored"] - found["fingerprints"]) + sending.refused
    incidents = f"{found['in_incidents']:,} in {found['incidents']:,} incidents, the others are of severity low and join where they belong"
    return [
        _row(storm, "alerts lost", lost, "alerts", 0, note),
        _row(storm, "alerts without an incident, of those that open one", found["alone"], "alerts", 0, incidents),
    ]


def _told(storm: Storm) -> list[Row]:
    due, sinks = expected(storm.alerts), storm.sinks
    mails, posts = sinks.told(sinks.mails, GROUP_BY), sinks.told(sinks.posts, GROUP_BY)
    twice = sum(map(_surplus, (mails, posts), (due, due))) + again(sinks.mails) + again(sinks.posts)
    late = storm.told_at - storm.sending.ended
    limit = storm.waits + SLACK
    waiting = f"by configuration up to {storm.waits} s pass between two notices about a group"
    named = f", {len(sinks.named):,} alerts by name"
    bell = f"{storm.found['bell']:,} to the bell; {storm.found['waiting']} not sent, {storm.found['again']} tried more than once"
    return [
        _row(storm, "alerts that no mail told of", _surplus(due, mails), "alerts", 0, _notices(sinks.mails, mails)),
        _row(storm, "alerts that no webhook told of", _surplus(due, posts), "alerts", 0, _notices(sinks.posts, posts) + named),
        _row(storm, "told twice on one channel", twice, "alerts", 0, f"and notices that came twice; {bell}"),
        _row(storm, "last notice after the last alert", late, "s", limit, waiting),
    ]


def _notices(heard: Sequence[Heard], told: Counter[Group]) -> str:
    return f"{len(heard):,} notices about {len(told):,} groups, {told.total():,} alerts in them"


def _surplus(one: Counter[Group], other: Counter[Group]) -> int:
    """What the one has more than the other."""
    return (one - other).total()


def _shown(storm: Storm) -> list[Row]:
    found, failed, asked = [], 0, 0
    begun, over = storm.sending.begun, storm.told_at
    for name in PAGES:
        before, during = storm.pages.between(name, storm.before, begun), storm.pages.between(name, begun, over)
        failed, asked = failed + sum(not one.ok for one in before + during), asked + len(before + during)
        limit = LIST_LIMIT if name == "alerts" else None
        note = f"{_times(during)}, of {len(during)}; before {_times(before)}"
        found.append(_row(storm, f"page of {name}, p95 in the storm", p95([one.cpu for one in during]), "ms CPU", limit, note))
    heard = sum(many for _, many in storm.pages.live)
    last = storm.pages.live[-1][0] - storm.sending.ended if storm.pages.live else 0.0
    live = f"{heard:,} in {len(storm.pages.live)} events, the last {last:.1f} s after the last alert"
    return [
        *found,
        _row(storm, "pages that failed", failed, "pages", 0, f"of {asked}"),
        _row(storm, "alerts the websocket did not tell of", max(0, len(storm.alerts) - heard), "alerts", 0, live),
    ]


def _times(shown: Sequence[Shown]) -> str:
    cpu, app, wall = (p95([getattr(one, name) for one in shown]) for name in ("cpu", "app", "wall"))
    return f"{cpu:.0f} ms CPU, {app:.0f} ms in the server, {wall:.0f} ms at the browser"


def _cpu(storm: Storm) -> Row:
    parts = ", ".join(f"{name} {spent:.0f}" for name, spent in storm.cpu.items())
    note = f"from the first alert to the last notice, {storm.told_at - storm.sending.begun:.0f} s, pages included: {parts}"
    return _row(storm, "CPU of all processes", sum(storm.cpu.values()), "CPU-s", None, note)
