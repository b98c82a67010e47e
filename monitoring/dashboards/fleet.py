"""What the overview shows: the fleet by health, what needs attention, how busy it is, what changed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from aiops.templatetags.ui import sprite
from aiops.timerange import TimeRange
from monitoring.dashboards import kinds, utilisation
from monitoring.dashboards.members import Member
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.sources.models import Source

LATELY_MS = 15 * 60_000  # what a small fleet's CPU line shows
SMALL = 12  # up to so many resources have a line each instead of a cell
LARGE = 300  # above that the panel of cells is tall, and so is the list beside it
MOST_CELLS = 600  # per group; a larger one shows those that need attention first and says how many are left out
ATTENTION, MORE_ATTENTION, CHANGES, LOOKED_AT = 6, 14, 8, 60
BARS = 48
ORDER = {status: at for at, status in enumerate(kinds.STATUSES)}


@dataclass
class Group:
    key: str
    label: str
    icon: str
    query: str  # opens the list of what it holds
    members: list[Member] = field(default_factory=list)

    @property
    def troubled(self) -> int:
        return sum(member.status != "healthy" for member in self.members)

    @property
    def left_out(self) -> int:
        return max(0, len(self.members) - MOST_CELLS)

    def cells(self) -> SafeString:
        """Written here and not by a template: a thousand of them are most of the page."""
        shown = self.members
        if self.left_out:
            shown = sorted(self.members, key=lambda member: (ORDER[member.status], member.name))[:MOST_CELLS]
        looks, address = {status: _look(status) for status in kinds.STATUSES}, reverse("resources")
        return mark_safe("".join(_cell(member, address, looks[member.status], at) for at, member in enumerate(shown)))  # noqa: S308 - escaped


def _look(name: str) -> tuple[str, str, str]:
    """Class, word and glyph of a cell."""
    status = kinds.STATUSES[name]
    glyph = f'<svg class="icon" aria-hidden="true"><use href="{sprite()}#i-{status.cell_icon}"/></svg>' if status.cell_icon else ""
    return f"cell {status.cell}".strip(), status.label, glyph


def _cell(resource: Member, address: str, look: tuple[str, str, str], at: int) -> str:
    css, word, glyph = look
    name = escape(resource.name)
    label = f'title="{name} · {word}" aria-label="{name}, {word.lower()}"'
    return f'<li><a class="{css}" href="{address}{resource.pk}/"{" tabindex=-1" if at else ""} {label}>{glyph}</a></li>'


def groupings(fleet: Iterable[Member], chosen: str) -> list[tuple[str, str]]:
    """What the fleet can be grouped by: its kind, and the labels that tell it apart without being one's own; the chosen one always."""
    values: dict[str, Counter[str]] = {}
    for resource in fleet:
        for name, value in resource.labels.items():
            values.setdefault(name, Counter())[str(value)] += 1
    telling = [name for name, counts in values.items() if 1 < len(counts) <= sum(counts.values()) / 2]
    labels = sorted(telling, key=lambda name: (-sum(values[name].values()), name))[:3]
    if chosen != "kind" and chosen not in labels:
        labels.append(chosen)
    return [("kind", "Kind"), *((name, name.replace("_", " ").capitalize()) for name in labels)]


def grouped(fleet: Iterable[Member], by: str) -> list[Group]:
    groups: dict[str, Group] = {}
    for resource in fleet:
        key = resource.kind if by == "kind" else str(resource.labels.get(by, ""))
        if key not in groups:
            groups[key] = _group(by, key)
        groups[key].members.append(resource)
    return sorted(groups.values(), key=lambda group: (group.key == "", -len(group.members), group.label))


def _group(by: str, key: str) -> Group:
    if by == "kind":
        kind = kinds.kind(key)
        return Group(key, kind.many, kind.icon, f"kind={escape(key)}")
    return Group(key, key or f"No {by}", "resources", f"label={escape(by)}:{escape(key)}")


def attention(limit: int) -> list[Resource]:
    """Lowest health first, then what went silent last."""
    troubled = Resource.objects.filter(Q(state=Resource.State.STALE) | Q(health__lt=90)).select_related("source")
    return list(troubled.order_by(F("health").asc(nulls_last=True), "-last_seen")[:limit])


# -- utilisation ---------------------------------------------------------------------------------------------------------
@dataclass
class UseRow:
    kind: kinds.Kind
    key: str
    cpu: utilisation.Spread | None
    memory: utilisation.Spread | None
    disk: utilisation.Spread | None
    network: utilisation.Spread | None


def use_by_kind(fleet: Iterable[Member], use: dict[int, utilisation.Use]) -> list[UseRow]:
    members: dict[str, list[utilisation.Use]] = {}
    for resource in fleet:
        if resource.pk in use and resource.state == Resource.State.REPORTING:
            members.setdefault(resource.kind, []).append(use[resource.pk])
    rows = []
    for key, uses in sorted(members.items(), key=lambda item: -len(item[1])):
        columns = {name: utilisation.spread([getattr(one, name) for one in uses]) for name in utilisation.COLUMNS}
        if any(columns.values()):
            rows.append(UseRow(kinds.kind(key), key, **columns))
    return rows


# -- a small fleet: every resource on a line of its own -------------------------------------------------------------------
@dataclass
class Card:
    resource: Member
    kind: kinds.Kind
    status: kinds.Status
    use: utilisation.Use
    busy: list[float | None]  # CPU lately


def cards(fleet: Sequence[Member], use: dict[int, utilisation.Use], span: TimeRange) -> list[Card]:
    """Not healthy first. Two statements for what CPU was lately."""
    busy = utilisation.cpu_history([one.pk for one in fleet], span.end_ms - LATELY_MS, span.end_ms)
    ordered = sorted(fleet, key=lambda one: (ORDER[one.status], one.kind, one.name))
    nothing = utilisation.Use()
    return [Card(one, kinds.kind(one.kind), kinds.STATUSES[one.status], use.get(one.pk, nothing), busy.get(one.pk, [])) for one in ordered]


# -- sources -------------------------------------------------------------------------------------------------------------
@dataclass
class SourceRow:
    source: Source
    trouble: str

    @property
    def since(self) -> datetime | None:
        return self.source.last_success


def sources(now: datetime | None = None) -> list[SourceRow]:
    rows = [SourceRow(source, _trouble(source, now or timezone.now())) for source in Source.objects.order_by("name")]
    return sorted(rows, key=lambda row: not row.trouble)


def _trouble(source: Source, now: datetime) -> str:
    if not source.enabled:
        return ""
    if source.failures:
        return source.last_error.splitlines()[0][:200] if source.last_error else f"{source.failures} polls failed in a row"
    if source.last_success is None:
        return "Not polled yet" if source.last_attempt is None else "Nothing received yet"
    late = now - source.last_success > timedelta(seconds=max(60, source.interval * 5))
    return "No answer for longer than five intervals" if late else ""


# -- changes -------------------------------------------------------------------------------------------------------------
def timeline(rows: Iterable[ResourceChange], named: bool = True) -> list[dict[str, Any]]:
    """As ui/_timeline.html shows it."""
    events: list[dict[str, Any]] = []
    for row in rows:
        event = _event(row, named)
        if named and events and _alike(events[-1], event):
            events[-1]["more"] += 1
        else:
            events.append(event)
    return events


def _event(row: ResourceChange, named: bool) -> dict[str, Any]:
    icon, tone, _, _ = kinds.change(row.kind, row.after)
    url = reverse("resource", args=[row.resource_id]) if row.resource_id else ""
    name = row.resource_name if named else ""
    return {"time": row.time, "icon": icon, "tone": tone, "text": row.text, "name": name, "url": url, "more": 0}


def _alike(event: dict[str, Any], other: dict[str, Any]) -> bool:
    """The same thing happened to another resource within the minute: told once, with how many."""
    return event["text"] == other["text"] and event["name"] != other["name"] and abs((event["time"] - other["time"]).total_seconds()) < 60


def changes(span: TimeRange) -> tuple[list[dict[str, Any]], int, dict[str, Any] | None]:
    """The newest changes, how many there are in the range, and the activity chart. Three statements.

    A thousand resources that are discovered at once are one line, so that they hide nothing else.
    """
    inside = ResourceChange.objects.filter(time__gte=span.start, time__lt=span.end).order_by("-time")
    marks = list(inside.values_list("time", "kind", "after")[:20_000])
    found = inside.filter(kind=ResourceChange.Kind.DISCOVERED)
    events = timeline(inside.exclude(kind=ResourceChange.Kind.DISCOVERED)[:LOOKED_AT])
    for event in timeline(found[:1]):
        event["more"] = sum(kind == ResourceChange.Kind.DISCOVERED for _, kind, _ in marks) - 1
        events.append(event)
    newest = sorted(events, key=lambda event: event["time"], reverse=True)[:CHANGES]
    return newest, len(marks), activity(marks, span)


TONES = (("Trouble", "--critical-fill"), ("Recovered", "--ok-fill"), ("Other", "--low-fill"))


def _sort_of(kind: str, after: Any) -> int:
    _, tone, _, _ = kinds.change(kind, after)
    return 1 if tone == "h-ok" else 0 if kind in {"state", "health"} else 2


def activity(marks: list[tuple[datetime, str, Any]], span: TimeRange) -> dict[str, Any] | None:
    """Changes per bucket, as a chart of bars. None where nothing happened."""
    if not marks:
        return None
    step = span.span_ms / BARS
    counts = np.zeros((len(TONES), BARS), int)
    for time, kind, after in marks:
        at = int((time.timestamp() * 1000 - span.start_ms) // step)
        counts[_sort_of(kind, after), min(max(at, 0), BARS - 1)] += 1
    series = [
        {"id": name, "label": name, "color": at + 1, "tone": tone, "data": counts[at]}
        for at, (name, tone) in enumerate(TONES)
        if counts[at].any()
    ]
    middles = (span.start_ms + step * (np.arange(BARS) + 0.5)) / 1000
    return {"t": middles, "unit": "", "series": series, "stacked": True, "bars": True, "alone": True}
