"""What the overview shows: the fleet by health, what needs attention, how busy it is, what changed."""

from collections import Counter
from collections.abc import Iterable
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
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.sources.models import Source

MOST_CELLS = 600  # per group; a larger one shows those that need attention first and says how many are left out
ATTENTION, CHANGES = 6, 8
BARS = 48
ORDER = {status: at for at, status in enumerate(kinds.STATUSES)}


@dataclass
class Group:
    key: str
    label: str
    icon: str
    query: str  # opens the list of what it holds
    members: list[Resource] = field(default_factory=list)

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
        return mark_safe("".join(_cell(member, at) for at, member in enumerate(shown)))  # noqa: S308 - names are escaped in _cell


def _cell(resource: Resource, at: int) -> str:
    status, name = kinds.STATUSES[resource.status], escape(resource.name)
    tone = f" {status.cell}" if status.cell else ""
    glyph = f'<svg class="icon" aria-hidden="true"><use href="{sprite()}#i-{status.cell_icon}"/></svg>' if status.cell_icon else ""
    tab = ' tabindex="-1"' if at else ""
    label = f'title="{name} · {status.label}" aria-label="{name}, {status.label.lower()}"'
    return f'<li><a class="cell{tone}" href="{_base()}{resource.pk}/"{tab} {label}>{glyph}</a></li>'


def _base() -> str:
    return reverse("resources")


def resources() -> list[Resource]:
    """Everything that is watched, without what only its own page shows."""
    return list(Resource.objects.only("kind", "name", "labels", "state", "health", "last_seen", "health_since").order_by("name"))


def groupings(fleet: Iterable[Resource], chosen: str) -> list[tuple[str, str]]:
    """What the fleet can be grouped by: its kind and the labels that most resources carry; the chosen one always."""
    common = Counter(name for resource in fleet for name in resource.labels)
    labels = [name for name, _ in common.most_common(3)]
    if chosen != "kind" and chosen not in labels:
        labels.append(chosen)
    return [("kind", "Kind"), *((name, name.replace("_", " ").capitalize()) for name in labels)]


def grouped(fleet: Iterable[Resource], by: str) -> list[Group]:
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


def attention(limit: int = ATTENTION) -> list[Resource]:
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


def use_by_kind(fleet: Iterable[Resource], use: dict[int, utilisation.Use]) -> list[UseRow]:
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
    events = []
    for row in rows:
        icon, tone, _, _ = kinds.change(row.kind, row.after)
        url = reverse("resource", args=[row.resource_id]) if row.resource_id else ""
        events.append(
            {"time": row.time, "icon": icon, "tone": tone, "text": row.text, "name": row.resource_name if named else "", "url": url}
        )
    return events


def changes(span: TimeRange) -> tuple[list[dict[str, Any]], int, dict[str, Any] | None]:
    """The newest changes, how many there are in the range, and the activity chart. Two statements."""
    inside = ResourceChange.objects.filter(time__gte=span.start, time__lt=span.end)
    marks = list(inside.order_by("-time").values_list("time", "kind", "after")[:20_000])
    return timeline(inside.order_by("-time")[:CHANGES]), len(marks), activity(marks, span)


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
