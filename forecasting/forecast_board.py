"""The list of forecasts: what breaks next, all that is forecast, and what cannot be yet. All of its state is in the address."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, reduce
from operator import or_
from typing import Any

import numpy as np
from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Q, QuerySet
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
HORIZONS = {"24h": ("24 h", 1), "7d": ("7 d", 7), "30d": ("30 d", 30), "90d": ("90 d", 90)}
USUAL = "30d"
TABS = {"breach": "Breaches", "all": "All forecasts", "not": "Not predictable yet"}
SORTS = {"breach": "eta", "name": "track__vm", "ratio": "model__ratio", "now": "value"}
FACETS = {"watch": "Metric", "kind": "Kind", "model": "Model", "state": "State"}
UNREADY = (Track.State.LEARNING, Track.State.NOT_PREDICTABLE, Track.State.FAILED)
SPARK_DAYS, SPARK_POINTS = 4, 48
FIELDS = {"watch": "watch", "kind": "resource__kind", "model": "model__kind", "state": "state"}  # of a track, but for the model
Traits = tuple[dict[str, str], int]  # {facet: value}, how many have all of them


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
        """Of the facets that this tab has."""
        last = "state" if self.tab == "not" else "model"
        return {name: set(self.query.getlist(name)) - {""} for name in ("watch", "kind", last)}

    @property
    def filters_set(self) -> int:
        return sum(map(len, self.chosen.values()))

    # -- rows ------------------------------------------------------------------------------------------------------------
    @property
    def _found(self) -> QuerySet[Any]:
        """Of the tab and the words, whatever is ticked: tracks where there is no forecast, else forecasts."""
        if self.tab == "not":
            return searched(Track.objects.filter(watch__forecast=True, watch__enabled=True, state__in=UNREADY), self.text)
        rows = Forecast.objects.filter(latest=True, track__watch__forecast=True, track__watch__enabled=True)
        if self.tab == "breach":
            rows = rows.filter(track__state=Track.State.OK, eta__lte=self._edge)
        return searched(rows, self.text, "track__")

    @property
    def _edge(self) -> datetime:
        return self.now + timedelta(days=HORIZONS[self.within][1])

    def _field(self, name: str) -> str:
        return FIELDS[name] if self.tab == "not" or name == "model" else f"track__{FIELDS[name]}"

    @cached_property
    def _traits(self) -> list[Traits]:
        """Counted by the database: one row for each way to be."""
        fields = [self._field(name) for name in self.chosen]
        found = self._found.order_by().values_list(*fields).annotate(Count("pk"))
        return [({name: str(value or "none") for name, value in zip(self.chosen, row[:-1], strict=True)}, row[-1]) for row in found]

    def _kept(self, but: str) -> Iterable[Traits]:
        wanted = {name: values for name, values in self.chosen.items() if values and name != but}
        return ((one, n) for one, n in self._traits if all(one[name] in values for name, values in wanted.items()))

    def _ticked(self) -> QuerySet[Any]:
        rows = self._found
        for name, values in self.chosen.items():
            if values:
                rows = rows.filter(among(self._field(name), {value for value in values if name != "watch" or value.isdecimal()}))
        return rows

    @cached_property
    def page(self) -> Page[Any]:
        page: Page[Any] = Paginator(self._ordered().values_list("pk", flat=True), PER_PAGE).get_page(self.query.get("page"))
        page.object_list = self._shown(list(page.object_list))
        return page

    def _ordered(self) -> QuerySet[Any]:
        if self.tab == "not":
            return self._ticked().order_by("vm", "pk")
        column, descending = self.sort
        field = F(SORTS[column])
        order = field.desc(nulls_last=True) if descending else field.asc(nulls_last=True)
        return self._ticked().order_by(order, "track__vm", "pk")

    def _shown(self, ids: Sequence[int]) -> list[Row]:
        if self.tab == "not":
            tracks = Track.objects.select_related("watch", "resource").in_bulk(ids)
            return [Row(tracks[pk], None, Record(), self.now) for pk in ids if pk in tracks]
        rows = Forecast.objects.select_related("track__watch", "track__resource", "model")
        found = rows.defer("model__state", "model__errors", "model__params").in_bulk(ids)
        listed = [found[pk] for pk in ids if pk in found]
        records = track_record.of_tracks(one.track_id for one in listed)
        drawn = sparked(listed)
        return [Row(one.track, one, records.get(one.track_id, Record()), self.now, drawn.get(one.track_id)) for one in listed]

    # -- facets ----------------------------------------------------------------------------------------------------------
    def facets(self) -> list[Facet]:
        found = [self._facet(name) for name in self.chosen]
        return [one for one in found if len(one.all) > 1 or any(value.checked for value in one.all)]

    def _facet(self, name: str) -> Facet:
        counts: Counter[str] = Counter()
        for one, n in self._kept(name):
            counts[one[name]] += n
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


def searched(rows: QuerySet[Any], text: str, to: str = "") -> QuerySet[Any]:
    """to: the way from a row to its track."""
    for word in text.split()[:10]:
        fields = ("vm", "series", "watch__name", "resource__name")
        rows = rows.filter(reduce(or_, (Q(**{f"{to}{field}__icontains": word}) for field in fields)))
    return rows


def among(field: str, values: Iterable[str]) -> Q:
    """Those that have one of the values; "none" is none."""
    known = set(values)
    found = Q(**{f"{field}__in": sorted(known - {"none"})})
    return found | Q(**{f"{field}__isnull": True}) if "none" in known else found


# -- figures above the list ----------------------------------------------------------------------------------------------
def breaches(now: datetime) -> dict[str, tuple[int, int]]:
    """{horizon: (forecasts that reach their limit within it, resources)}."""
    reached = Forecast.objects.filter(latest=True, track__state=Track.State.OK, track__watch__enabled=True, track__watch__forecast=True)
    edges = {key: now + timedelta(days=days) for key, (_, days) in HORIZONS.items()}
    counts = [Count("pk", filter=Q(eta__lte=edge)) for edge in edges.values()]
    named = dict(zip((f"n{key}" for key in edges), counts, strict=True))
    rows = reached.filter(eta__lte=max(edges.values())).order_by().values_list("track__vm").annotate(**named)
    found = list(zip(*(row[1:] for row in rows), strict=True)) or [()] * len(edges)
    return {key: (sum(column), sum(map(bool, column))) for key, column in zip(edges, found, strict=True)}


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
