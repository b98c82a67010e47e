"""The list of forecasts: what breaks next, all that is forecast, and what cannot be yet. All of its state is in the address."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import CharField, Count, F, Q, QuerySet
from django.db.models import Value as Literal
from django.http import QueryDict
from django.utils import timezone

from aiops.facets import Facet, Value, order_of, without
from forecasting import kept, sparks, track_record, words
from forecasting.models import Forecast, Track, Watch
from forecasting.track_record import Record
from forecasting.tracks import PARTS
from monitoring.dashboards import kinds
from monitoring.store.windows import DAY

PER_PAGE = 50
MOST_COUNTED = 20_000  # tracks whose facets are counted
HORIZONS = {"24h": ("24 h", 1), "7d": ("7 d", 7), "30d": ("30 d", 30), "90d": ("90 d", 90)}
USUAL = "30d"
TABS = {"breach": "Breaches", "all": "All forecasts", "not": "Not predictable yet"}
SORTS = {"breach": "eta", "name": "track__vm", "ratio": "model__ratio", "now": "value"}
FACETS = {"watch": "Metric", "kind": "Kind", "model": "Model", "state": "State"}
UNREADY = (Track.State.LEARNING, Track.State.NOT_PREDICTABLE, Track.State.FAILED)
SPARK_DAYS, SPARK_POINTS = 4, 48
Trait = tuple[int, str, str, str]  # watch, kind, model, state
READS: dict[str, Callable[[Trait], str]] = {
    "watch": lambda one: str(one[0]),
    "kind": lambda one: one[1] or "none",
    "model": lambda one: one[2] or "none",
    "state": lambda one: one[3],
}


@dataclass
class Row:
    """A forecast of the list; `forecast` is None for a track that has none."""

    track: Track
    forecast: Forecast | None
    record: Record
    now: datetime
    spark: sparks.Spark | None = None

    @property
    def icon(self) -> str:
        return kinds.kind(self.track.resource.kind).icon if self.track.resource else "resources"

    @property
    def name(self) -> str:
        return self.track.resource.name if self.track.resource else self.track.vm

    @property
    def what(self) -> str:
        return what(self.track)

    @property
    def state(self) -> words.Sign:
        return words.STATES[self.track.state]

    @property
    def severity(self) -> str:
        return words.urgency(self.forecast.eta if self.forecast else None, self.now)

    @property
    def left(self) -> str:
        return words.until(self.forecast.eta, self.now) if self.forecast else words.NONE

    @property
    def interval(self) -> str:
        return words.between(self.forecast.eta_lo, self.forecast.eta_hi, self.now) if self.forecast else ""

    @property
    def value(self) -> str:
        return words.figure(self.forecast.value if self.forecast else None, self.track.watch.unit)

    @property
    def limit(self) -> str:
        return words.figure(self.forecast.limit if self.forecast else None, self.track.watch.unit)

    @property
    def share(self) -> float | None:
        """How near the limit it is, per cent."""
        one = self.forecast
        if one is None or one.value is None or not one.limit:
            return None
        down = self.track.watch.direction == "down"
        return 100 * (one.limit / one.value if down and one.value else one.value / one.limit)

    @property
    def sentence(self) -> str:
        return f"{self.what} on {self.name}, now {self.value}, limit {self.limit}"


def what(track: Track) -> str:
    """For people: the watch's name, and what tells it from others of the same machine."""
    telling = [track.labels[name] for name in PARTS if track.labels.get(name) and not (name == "device" and "mountpoint" in track.labels)]
    return " ".join([track.watch.name if track.watch.metric else track.metric, *telling[:2]])


@dataclass
class Board:
    query: QueryDict

    @cached_property
    def now(self) -> datetime:
        return timezone.now()

    @cached_property
    def tab(self) -> str:
        return self._one_of("tab", TABS, "breach")

    @cached_property
    def within(self) -> str:
        return self._one_of("within", HORIZONS, USUAL)

    def _one_of(self, name: str, known: Iterable[str], usual: str) -> str:
        asked = self.query.get(name, usual)
        if asked not in known:
            raise BadRequest(f"{name} is one of {', '.join(known)}, not {asked[:40]!r}.")
        return asked

    @cached_property
    def text(self) -> str:
        return self.query.get("q", "").strip().replace("\0", "")[:200]

    @cached_property
    def sort(self) -> tuple[str, bool]:
        return order_of(self.query.get("sort", "breach"), SORTS)

    @cached_property
    def chosen(self) -> dict[str, set[str]]:
        return {name: set(self.query.getlist(name)) - {""} for name in FACETS}

    @property
    def filters_set(self) -> int:
        return sum(map(len, self.chosen.values()))

    # -- rows ------------------------------------------------------------------------------------------------------------
    @property
    def _tracks(self) -> QuerySet[Track]:
        """Of the tab and the words, whatever is ticked."""
        rows = Track.objects.filter(watch__forecast=True, watch__enabled=True)
        if self.tab == "not":
            rows = rows.filter(state__in=UNREADY)
        elif self.tab == "breach":
            rows = rows.filter(state=Track.State.OK, forecasts__latest=True, forecasts__eta__lte=self._edge)
        else:
            rows = rows.filter(forecasts__latest=True)
        return searched(rows, self.text)

    @property
    def _edge(self) -> datetime:
        return self.now + timedelta(days=HORIZONS[self.within][1])

    @cached_property
    def _traits(self) -> list[tuple[int, Trait]]:
        model = Literal("", CharField()) if self.tab == "not" else F("forecasts__model__kind")
        rows = self._tracks.order_by("pk").annotate(kind=model)
        found = rows.values_list("pk", "watch", "resource__kind", "kind", "state")[:MOST_COUNTED]
        return [(pk, (watch, kind or "", model or "", state)) for pk, watch, kind, model, state in found]

    def _kept(self, but: str = "") -> Iterable[tuple[int, Trait]]:
        wanted = {name: values for name, values in self.chosen.items() if values and name != but}
        return ((pk, one) for pk, one in self._traits if all(READS[name](one) in values for name, values in wanted.items()))

    @cached_property
    def page(self) -> Page[Any]:
        rows = self._tracks
        if self.filters_set:
            rows = rows.filter(pk__in=[pk for pk, _ in self._kept()])
        listed: Any = rows.order_by("vm", "pk") if self.tab == "not" else self._ordered(rows)
        page: Page[Any] = Paginator(listed, PER_PAGE).get_page(self.query.get("page"))
        page.object_list = self._shown(list(page.object_list))
        return page

    def _ordered(self, tracks: QuerySet[Track]) -> QuerySet[Forecast]:
        column, descending = self.sort
        field = F(SORTS[column])
        order = field.desc(nulls_last=True) if descending else field.asc(nulls_last=True)
        rows = Forecast.objects.filter(latest=True, track__in=tracks.order_by().values("pk")).order_by(order, "track__vm", "pk")
        return rows.select_related("track__watch", "track__resource", "model").defer("model__state", "model__errors", "model__params")

    def _shown(self, listed: Sequence[Any]) -> list[Row]:
        if self.tab == "not":
            tracks = list(Track.objects.filter(pk__in=[one.pk for one in listed]).select_related("watch", "resource").order_by("vm", "pk"))
            return [Row(one, None, Record(), self.now) for one in tracks]
        records = track_record.of_tracks(one.track_id for one in listed)
        drawn = sparked(listed)
        return [Row(one.track, one, records.get(one.track_id, Record()), self.now, drawn.get(one.track_id)) for one in listed]

    # -- facets ----------------------------------------------------------------------------------------------------------
    def facets(self) -> list[Facet]:
        names = [name for name in FACETS if (name == "state") == (self.tab == "not") or name in ("watch", "kind")]
        found = [self._facet(name) for name in names]
        return [one for one in found if len(one.all) > 1 or any(value.checked for value in one.all)]

    def _facet(self, name: str) -> Facet:
        counts = Counter(READS[name](one) for _, one in self._kept(name))
        for value in self.chosen[name]:
            counts.setdefault(value, 0)
        values = [Value(key, self._label(name, key), count, key in self.chosen[name]) for key, count in counts.items()]
        return Facet(name, FACETS[name], sorted(values, key=lambda one: (-one.count, one.label)))

    def _label(self, name: str, key: str) -> str:
        if name == "watch":
            return self._watches.get(key, "A watch that is gone")
        if name == "kind":
            return kinds.kind(key).one if key != "none" else "No resource"
        if name == "state":
            return words.STATES[key].label if key in words.STATES else key
        return words.model(key) if key != "none" else "None"

    @cached_property
    def _watches(self) -> dict[str, str]:
        return {str(pk): name for pk, name in Watch.objects.values_list("pk", "name")}

    def chips(self) -> list[dict[str, str]]:
        chips = []
        for name, values in self.chosen.items():
            for key in sorted(values):
                chips.append({"title": FACETS[name], "value": self._label(name, key), "url": without(self.query, name, key)})
        return chips


def searched(rows: QuerySet[Track], text: str) -> QuerySet[Track]:
    for word in text.split()[:10]:
        named = Q(vm__icontains=word) | Q(series__icontains=word) | Q(watch__name__icontains=word) | Q(resource__name__icontains=word)
        rows = rows.filter(named)
    return rows


# -- figures above the list ----------------------------------------------------------------------------------------------
def breaches(now: datetime) -> dict[str, tuple[int, int]]:
    """{horizon: (forecasts that reach their limit within it, resources)}."""
    reached = Forecast.objects.filter(latest=True, track__state=Track.State.OK, track__watch__enabled=True, track__watch__forecast=True)
    found = {}
    for key, (_, days) in HORIZONS.items():
        one = reached.filter(eta__lte=now + timedelta(days=days)).aggregate(n=Count("pk"), vms=Count("track__vm", distinct=True))
        found[key] = (one["n"], one["vms"])
    return found


def standing() -> dict[str, Any]:
    """Of all tracks that are to be forecast: how many are, how many stay quiet, and when the last run was."""
    rows = Track.objects.filter(watch__forecast=True, watch__enabled=True).order_by().values_list("state").annotate(Count("pk"))
    counts = {str(state): count for state, count in rows}
    last = Forecast.objects.filter(latest=True).order_by("-made_at").values_list("made_at", flat=True).first()
    unready = sum(counts.get(state, 0) for state in UNREADY)
    return {"forecast": counts.get(Track.State.OK, 0), "quiet": unready, "last": last, "any": bool(counts), "counts": counts}


# -- sparklines ----------------------------------------------------------------------------------------------------------
def sparked(listed: Sequence[Forecast]) -> dict[int, sparks.Spark]:
    """{track's id: its sparkline}."""
    past = pasts([one.track_id for one in listed])
    return {
        one.track_id: sparks.forecast(past.get(one.track_id, np.empty(0)), *_ahead(one), one.limit)
        for one in listed
        if one.points or one.track_id in past
    }


def _ahead(one: Forecast) -> tuple[list[float], list[float], list[float]]:
    return one.points.get("mean", []), one.points.get("lo80", []), one.points.get("hi80", [])


def pasts(tracks: Sequence[int]) -> dict[int, kept.Floats]:
    """The last days of each, thinned; as the last run knew them."""
    found = {}
    for pk, (t, values) in kept.of_many(tracks).items():
        recent = values[t > t[-1] - SPARK_DAYS * DAY] if len(t) else values
        found[pk] = recent[:: -max(1, len(recent) // SPARK_POINTS)][::-1]
    return found
