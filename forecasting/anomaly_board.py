"""The list of anomalies: ranked, with facets. All of its state is in the address."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
from django.core.cache import cache
from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.http import QueryDict

from aiops.facets import Facet, Value, without
from aiops.timerange import TimeRange
from forecasting import forecast_board, history, sparks, words
from forecasting.models import Anomaly, Track
from monitoring.dashboards import kinds
from monitoring.incidents.models import Incident, IncidentAlert

PER_PAGE, MOST_VALUES = 50, 40
LEAST = 60  # score of 100 from which an anomaly is shown, unless asked otherwise
LOWER = {60: 30, 30: 0}
FACETS = {"state": "State", "reason": "Reason", "kind": "Kind", "site": "Site", "feedback": "Feedback"}
STATES = {"open": "Open now", "ended": "Ended"}
POINTS, KEPT = 48, 120  # of a sparkline; seconds that its past is kept
FIELDS = {"reason": "reason", "kind": "track__resource__kind", "site": "track__resource__labels__site", "feedback": "feedback"}
Traits = tuple[dict[str, str], bool, int]  # {facet: value}, above the limit, how many


@dataclass
class Row:
    anomaly: Anomaly
    spark: sparks.Banded | None
    incident: Incident | None = None

    @property
    def track(self) -> Track:
        return self.anomaly.track

    @property
    def score(self) -> int:
        return round(100 * self.anomaly.score)

    @property
    def width(self) -> float:
        """Of its bar, of 32."""
        return round(32 * min(1.0, self.anomaly.score), 1)

    @property
    def what(self) -> str:
        return forecast_board.what(self.track)

    @property
    def name(self) -> str:
        return self.track.resource.name if self.track.resource else self.track.vm

    @property
    def kind(self) -> kinds.Kind:
        return kinds.kind(self.track.resource.kind if self.track.resource else "resources")

    @property
    def told(self) -> str:
        """Value against usual."""
        unit = self.track.watch.unit
        value, usual = words.figure(self.anomaly.value, unit), words.ranged(self.anomaly.low, self.anomaly.high, unit)
        return f"{value}, usual {usual}" if usual != words.NONE else value

    @property
    def reason(self) -> str:
        return self.anomaly.reason

    @property
    def lasted(self) -> timedelta | None:
        return self.anomaly.ended_at - self.anomaly.started_at if self.anomaly.ended_at else None

    @property
    def feedback(self) -> words.Sign | None:
        return words.FEEDBACK.get(self.anomaly.feedback)


@dataclass
class Board:
    query: QueryDict
    span: TimeRange

    @cached_property
    def text(self) -> str:
        return self.query.get("q", "").strip().replace("\0", "")[:200]

    @cached_property
    def least(self) -> int:
        asked = self.query.get("least", str(LEAST))
        if not (asked.isdecimal() and asked.isascii() and int(asked) <= 100):
            raise BadRequest(f"least is a score from 0 to 100, not {asked[:40]!r}.")
        return int(asked)

    @property
    def lower(self) -> int:
        """The next lower limit."""
        return next((to for limit, to in LOWER.items() if self.least >= limit), 0)

    @cached_property
    def chosen(self) -> dict[str, set[str]]:
        chosen = {name: set(self.query.getlist(name)) - {""} for name in FACETS}
        if unknown := chosen["state"] - set(STATES):
            raise BadRequest(f"state is one of {', '.join(STATES)}, not {min(unknown)[:40]!r}.")
        return chosen

    @property
    def filters_set(self) -> int:
        return sum(map(len, self.chosen.values()))

    @cached_property
    def _base(self) -> QuerySet[Anomaly]:
        """Those of the range and the words, whatever is ticked; what is open has no end."""
        rows = Anomaly.objects.filter(started_at__lt=self.span.end).filter(Q(ended_at=None) | Q(ended_at__gte=self.span.start))
        for word in self.text.split()[:10]:
            named = Q(track__vm__icontains=word) | Q(track__series__icontains=word) | Q(track__watch__name__icontains=word)
            rows = rows.filter(named | Q(reason__icontains=word))
        return rows

    @property
    def _above(self) -> Q:
        """As it is rounded on the page."""
        return Q(score__gte=(self.least - 0.5) / 100)

    @cached_property
    def _traits(self) -> list[Traits]:
        """Counted by the database: one row for each way to be."""
        said = {"over": Q(ended_at__isnull=False), "above": self._above, "at": KeyTextTransform("site", "track__resource__labels")}
        fields = ("over", *("at" if name == "site" else field for name, field in FIELDS.items()), "above")
        found = self._base.order_by().annotate(**said).values_list(*fields).annotate(Count("pk"))
        return [
            ({"state": "ended" if over else "open", **{name: value or "none" for name, value in zip(FIELDS, rest, strict=True)}}, above, n)
            for over, *rest, above, n in found
        ]

    def _kept(self, but: str = "") -> Iterable[Traits]:
        wanted = {name: values for name, values in self.chosen.items() if values and name != but}
        return (one for one in self._traits if all(one[0][name] in values for name, values in wanted.items()))

    @property
    def below(self) -> int:
        return sum(n for _, above, n in self._kept() if not above)

    def __post_init__(self) -> None:
        """What cannot be asked is refused whatever there is to show."""
        _ = self.least, self.chosen

    def _ticked(self) -> QuerySet[Anomaly]:
        rows = self._base.filter(self._above)
        for name, field in FIELDS.items():
            if values := self.chosen[name]:
                empty = Q(**{field: ""}) if "none" in values else Q()
                rows = rows.filter(forecast_board.among(field, values) | empty)
        if len(states := self.chosen["state"]) == 1:
            rows = rows.filter(ended_at__isnull="open" in states)
        return rows

    @cached_property
    def page(self) -> Page[Any]:
        ids = self._ticked().order_by("-score", "-started_at", "-pk").values_list("pk", flat=True)
        page: Page[Any] = Paginator(ids, PER_PAGE).get_page(self.query.get("page"))
        page.object_list = shown(list(page.object_list), self.span)
        return page

    # -- facets ----------------------------------------------------------------------------------------------------------
    def facets(self) -> list[Facet]:
        found = [self._facet(name) for name in FACETS]
        return [one for one in found if len(one.all) > 1 or any(value.checked for value in one.all)]

    def _facet(self, name: str) -> Facet:
        counts: Counter[str] = Counter()
        for one, _, n in self._kept(name):
            counts[one[name]] += n
        for value in self.chosen[name]:
            counts.setdefault(value, 0)
        values = [Value(key, label(name, key), count, key in self.chosen[name]) for key, count in counts.items()]
        return Facet(name, FACETS[name], sorted(values, key=lambda one: (-one.count, one.label))[:MOST_VALUES])

    def chips(self) -> list[dict[str, str]]:
        chips = []
        for name, values in self.chosen.items():
            for key in sorted(values):
                chips.append({"title": FACETS[name], "value": label(name, key), "url": without(self.query, name, key)})
        return chips


LABELS: dict[str, Callable[[str], str]] = {
    "state": lambda key: STATES.get(key, key),
    "reason": lambda key: key or "Unusual",
    "kind": lambda key: kinds.kind(key).one if key != "none" else "No resource",
    "site": lambda key: key if key != "none" else "No site",
    "feedback": lambda key: words.FEEDBACK[key].label if key in words.FEEDBACK else "None yet",
}


def label(name: str, key: str) -> str:
    return LABELS[name](key)


def shown(ids: Sequence[int], span: TimeRange) -> list[Row]:
    """Rows of these ids, in their order."""
    found = {one.pk: one for one in Anomaly.objects.filter(pk__in=ids).select_related("track__watch", "track__resource", "feedback_by")}
    rows = [found[pk] for pk in ids if pk in found]
    drawn, incidents = _sparked(rows, span), _incidents(rows)
    return [Row(one, drawn.get(one.pk), incidents.get(one.track.resource_id or 0)) for one in rows]


def _sparked(rows: Sequence[Anomaly], span: TimeRange) -> dict[int, sparks.Banded]:
    """Over the range; the worst value stands at its time, however short it was."""
    step = max(15_000, span.span_ms // POINTS // 15_000 * 15_000)
    end = span.end_ms // step * step
    start = end - step * (POINTS - 1)
    past = _pasts({one.track_id: one.track for one in rows}, start, end, step)
    found = {}
    for one in rows:
        values = past.get(one.track_id, np.empty(0)).copy()
        since = (int(one.started_at.timestamp() * 1000) - start) // step
        peak = (int(one.peak_at.timestamp() * 1000) - start) // step
        if 0 <= peak < len(values):
            values[peak] = one.value
        if len(values):
            found[one.pk] = sparks.anomaly(values, one.low, one.high, int(since))
    return found


def _pasts(tracks: dict[int, Track], start: int, end: int, step: int) -> dict[int, history.Floats]:
    keys = {pk: f"anom:{pk}:{start}:{step}" for pk in tracks}
    kept = cache.get_many(list(keys.values()))
    missing = [track for pk, track in tracks.items() if keys[pk] not in kept]
    read = history.of_tracks(missing, start, end, step) if missing else {}
    fresh = {keys[track.pk]: read.get(track.pk, np.empty(0)).tolist() for track in missing}
    if fresh:
        cache.set_many(fresh, KEPT)
    return {pk: np.asarray((kept | fresh)[key], float) for pk, key in keys.items()}


def _incidents(rows: Sequence[Anomaly]) -> dict[int, Incident]:
    """The open incident that has an alert about the resource, by resource."""
    wanted = {one.track.resource_id for one in rows if one.is_open and one.track.resource_id}
    if not wanted:
        return {}
    members = IncidentAlert.objects.filter(alert__resource__in=wanted).exclude(incident__status=Incident.Status.RESOLVED)
    return {one.alert.resource_id or 0: one.incident for one in members.select_related("incident", "alert").order_by("pk")}


# -- figures above the list ----------------------------------------------------------------------------------------------
def standing() -> dict[str, Any]:
    """Open now; of those that people rated, how many were worth knowing."""
    rated = dict(Anomaly.objects.exclude(feedback="").order_by().values_list("feedback").annotate(Count("pk")))
    total = sum(rated.values())
    return {
        "open": Anomaly.objects.filter(ended_at=None).count(), "rated": total,
        "useful": 100 * rated.get(Anomaly.Feedback.USEFUL, 0) / total if total else None,
        "watched": Track.objects.filter(watch__detect=True, watch__enabled=True).exclude(state=Track.State.ENDED).count(),
        "any": Anomaly.objects.exists(),
    }  # fmt: skip
