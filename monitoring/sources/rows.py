"""A source as pages show it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count

from monitoring.sources.models import KEPT_OUTCOMES, Source, Target

STATUS = {  # icon, tone, word, tint in page heads
    "ok": ("ok", "h-ok", "Healthy", ""),
    "partly": ("degraded", "h-degraded", "Partly down", "tint-medium"),  # it works, but not all of its targets answer
    "failing": ("degraded", "h-degraded", "Failing", "tint-medium"),
    "broken": ("down", "h-down", "Circuit open", "tint-critical"),
    "stale": ("stale", "h-stale", "Stale", "tint-high"),
    "waiting": ("clock", "h-unknown", "Not polled yet", ""),
    "disabled": ("pause", "h-unknown", "Disabled", ""),
}
ORDER = ("broken", "failing", "stale", "partly", "waiting", "ok", "disabled")
STRIP_WIDTH = 120


@dataclass(frozen=True)
class Outcome:
    time: int  # ms
    duration_ms: float
    samples: int
    error: str
    x: float  # in the strip

    @property
    def seconds(self) -> float:
        return self.duration_ms / 1000


@dataclass
class Row:
    source: Source
    resources: int = 0
    down: int = 0  # of its targets
    targets: int = 0
    status: str = field(init=False)

    def __post_init__(self) -> None:
        self.status = self.source.status
        if self.status == "ok" and self.down:
            self.status = "partly"

    @property
    def icon(self) -> str:
        return self.source.icon

    @property
    def pill(self) -> dict[str, str]:
        icon, tone, word, tint = STATUS[self.status]
        word = "Nothing yet" if self.status == "waiting" and self.source.pushed else word
        return {"icon": icon, "tone": tone, "label": word, "tint": tint}

    @property
    def stale_since(self) -> datetime | None:
        """The time of the last data, where it is older than it should be."""
        return self.source.last_success if self.status in ("failing", "broken", "stale") else None

    @property
    def outcomes(self) -> list[Outcome]:
        """Oldest first, placed so that the newest stands at the right."""
        step = STRIP_WIDTH / KEPT_OUTCOMES
        start = STRIP_WIDTH - step * len(self.source.outcomes)
        return [
            Outcome(t, took, samples, error, round(start + place * step, 2))
            for place, (t, took, samples, error) in enumerate(self.source.outcomes)
        ]

    @property
    def strip_label(self) -> str:
        bad = sum(1 for entry in self.source.outcomes if entry[3])
        total = len(self.source.outcomes)
        if self.source.pushed:
            return f"Something refused in {bad} of the last {total} quarters of a minute" if bad else "Nothing refused of late"
        return f"{bad} of the last {total} polls failed" if bad else f"The last {total} polls worked" if total else "Not polled yet"

    @property
    def seconds(self) -> float | None:
        return None if self.source.last_duration_ms is None else self.source.last_duration_ms / 1000

    @property
    def sort_key(self) -> tuple[int, str]:
        return ORDER.index(self.status), self.source.name.lower()


def rows_of(sources: Iterable[Source]) -> list[Row]:
    """With how many targets each has. The sources come with `reporting`, how many resources they report."""
    found: dict[int, dict[bool | None, int]] = {}
    for pk, up, count in Target.objects.values_list("source", "up").annotate(Count("pk")):
        found.setdefault(pk, {})[up] = count
    return [
        Row(source, source.reporting, found.get(source.pk, {}).get(False, 0), sum(found.get(source.pk, {}).values()))  # type: ignore[attr-defined]
        for source in sources
    ]


def counts(rows: list[Row]) -> list[dict[str, Any]]:
    """How many of each status there are, worst first."""
    return [
        {"value": status, "label": STATUS[status][2], "count": number, "icon": STATUS[status][0], "tone": STATUS[status][1]}
        for status in ORDER
        if (number := sum(1 for row in rows if row.status == status))
    ]
