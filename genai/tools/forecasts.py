"""What is foreseen, and what is unusual: limits that are going to be reached, and anomalies."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from forecasting import forecast_board
from forecasting import words as foretold
from forecasting.models import Anomaly, Forecast, Track, Watch
from genai.evidence.kinds import address
from genai.evidence.models import Evidence
from genai.tools import base, citing, subjects, times, words
from genai.tools.base import Context, Json, Result, Tool
from genai.tools.words import said

USUAL = 15
DAY = timedelta(hours=24)
ALIKE = {  # how people call it -> words in the names of what is watched
    "disk": ("file system", "inode", "filesystem", "disk"),
    "disks": ("file system", "inode", "filesystem", "disk"),
    "storage": ("file system", "inode", "filesystem", "disk"),
    "volume": ("file system", "filesystem"),
    "volumes": ("file system", "filesystem"),
    "ram": ("memory",),
    "processor": ("cpu",),
}


def forecasts(given: Json, context: Context) -> Result:
    """Which reach their limit within the time, the earliest first; with `all` also those that do not."""
    until = _until(given, context)
    rows = _chosen(given, context)
    reaching = rows.filter(eta__lte=until).order_by("eta", "track__vm", "pk")
    total, limit = reaching.count(), given.get("limit", USUAL)
    found = [*reaching[:limit]]
    if given.get("all"):
        found += rows.exclude(pk__in=[one.pk for one in found]).order_by("track__vm", "pk")[: max(0, limit - len(found))]
    notes = [_cite(one, context.now) if place < citing.MOST_ROWS else None for place, one in enumerate(found)]
    told = [f"{words.cited(note)}{line(one, context.now)}" for one, note in zip(found, notes, strict=True)]
    head = (
        f"{total:,} of {words.many(rows.count(), 'forecast')} reach the limit by {words.moment(until)}, the earliest first{_quiet(given)}"
    )
    cells = [_cells(one, context.now) for one in found]
    blocks = [words.table("Forecasts", ["Resource", "What", "Now", "Limit", "Reached in"], cells)] if cells else []
    data = {"total": total, "until": until.isoformat(), "forecasts": [one.pk for one in found], "tracks": [one.track_id for one in found]}
    return Result(words.lines(head, told, total - len(found)), data, [one for one in notes if one], blocks)


def _until(given: Json, context: Context) -> datetime:
    """The end of the month, of the week, or so many days ahead."""
    here = context.now.astimezone(times.zone_of(context))
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    if given.get("by") == "month":
        return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    if given.get("by") == "week":
        return midnight + timedelta(days=7 - here.weekday())
    return context.now + timedelta(days=given.get("days", 30))


def _chosen(given: Json, context: Context) -> QuerySet[Forecast]:
    rows = Forecast.objects.filter(latest=True, track__state=Track.State.OK, track__watch__forecast=True, track__watch__enabled=True)
    for word in given.get("words", "").lower().split()[:10]:
        rows = rows.filter(_named(word))
    if name := given.get("resource"):
        rows = rows.filter(track__resource=subjects.resource(name, context))
    return rows.select_related("track__watch", "track__resource")


def _named(word: str) -> Q:
    found = Q()
    for text in ALIKE.get(word, (word,)):
        found |= Q(track__watch__name__icontains=text) | Q(track__vm__icontains=text) | Q(track__series__icontains=text)
    return found


def _quiet(given: Json) -> str:
    """How many series of these there is no forecast of: silence must not read as "all is well"."""
    unready = Track.objects.filter(watch__forecast=True, watch__enabled=True, state__in=forecast_board.UNREADY)
    names = [text for word in given.get("words", "").lower().split() for text in ALIKE.get(word, ())]
    if names:
        watches = [one.pk for one in Watch.objects.filter(forecast=True) if any(text in one.name.lower() for text in names)]
        unready = unready.filter(watch__in=watches)
    many = unready.count()
    return f" ({many:,} more series cannot be forecast yet)" if many else ""


def line(one: Forecast, now: datetime) -> str:
    unit = one.track.watch.unit
    value, limit = foretold.figure(one.value, unit), foretold.figure(one.limit, unit)
    head = f"{said(owner(one.track), 120)}: {said(forecast_board.what(one.track), 120)}, now {value}, limit {limit}"
    if one.eta is None:
        return f"{head}: not foreseen to reach it{f' ({said(one.fault, 120)})' if one.fault else ''}"
    sure = f", 80 % between {words.moment(one.eta_lo)} and {words.moment(one.eta_hi) if one.eta_hi else 'never'}" if one.eta_lo else ""
    return f"{head}: reached in {foretold.until(one.eta, now)}, {words.moment(one.eta)}{sure}"


def owner(track: Track) -> str:
    return track.resource.name if track.resource else track.vm


def _cite(one: Forecast, now: datetime) -> Evidence | None:
    title = f"{owner(one.track)}: {forecast_board.what(one.track)}"
    eta = f"reaches {foretold.figure(one.limit, one.track.watch.unit)} {words.moment(one.eta)}" if one.eta else "does not reach its limit"
    return citing.of("forecast", one.pk, said(title), eta, start=one.made_at, end=one.eta)


def _cells(one: Forecast, now: datetime) -> list[tuple[str, str]]:
    unit = one.track.watch.unit
    return [
        (owner(one.track), address("forecast", one.track_id)), (forecast_board.what(one.track), ""), (foretold.figure(one.value, unit), ""),
        (foretold.figure(one.limit, unit), ""), (foretold.until(one.eta, now), ""),
    ]  # fmt: skip


# -- anomalies -------------------------------------------------------------------------------------------------------------
def anomalies(given: Json, context: Context) -> Result:
    start, end = times.window(given, context, DAY)
    rows = Anomaly.objects.filter(started_at__lt=end, score__gte=given.get("least", 60) / 100).exclude(feedback__in=("expected", "noise"))
    rows = rows.filter(Q(ended_at=None) if given.get("open") else Q(ended_at=None) | Q(ended_at__gte=start))
    if name := given.get("resource"):
        rows = rows.filter(track__resource=subjects.resource(name, context))
    for word in given.get("words", "").split()[:10]:
        rows = rows.filter(Q(track__vm__icontains=word) | Q(track__series__icontains=word) | Q(track__watch__name__icontains=word))
    total, limit = rows.count(), given.get("limit", USUAL)
    found = list(rows.select_related("track__watch", "track__resource").order_by("-score", "-started_at")[:limit])
    notes = [_cite_anomaly(one) if place < citing.MOST_ROWS else None for place, one in enumerate(found)]
    told = [f"{words.cited(note)}{_unusual(one)}" for one, note in zip(found, notes, strict=True)]
    cells = [[(owner(one.track), address("anomaly", one.pk)), (forecast_board.what(one.track), ""), (_value(one), ""),
              (words.moment(one.started_at), "")] for one in found]  # fmt: skip
    blocks = [words.table("Anomalies", ["Resource", "What", "Value", "Began"], cells)] if cells else []
    head = f"{words.many(total, 'anomaly', 'anomalies')} from {words.moment(start)} to {words.moment(end)}, the worst first"
    data = {"total": total, "anomalies": [one.pk for one in found]}
    return Result(words.lines(head, told, total - len(found)), data, [one for one in notes if one], blocks)


def _value(one: Anomaly) -> str:
    unit = one.track.watch.unit
    usual = foretold.ranged(one.low, one.high, unit)
    return f"{foretold.figure(one.value, unit)}{f', usual {usual}' if usual != foretold.NONE else ''}"


def _unusual(one: Anomaly) -> str:
    head = f"{said(owner(one.track), 120)}: {said(forecast_board.what(one.track), 120)} {_value(one)}"
    span = f"began {words.moment(one.started_at)}, {words.lasted(one.started_at, one.ended_at)}"
    return f"{head} ({said(one.reason, 64)}, score {round(100 * one.score)}), {span}"


def _cite_anomaly(one: Anomaly) -> Evidence | None:
    title = f"{owner(one.track)}: {forecast_board.what(one.track)}"
    return citing.of("anomaly", one.pk, said(title), _value(one), start=one.started_at, end=one.ended_at)


_WORDS = base.text("disk, memory, cpu, a resource's name …", 200)
FORECASTS = Tool(
    "forecasts",
    "Which watched values (disks, memory …) are foreseen to reach their limit, and when, with the 80 % interval. For 'which disks fill'.",
    base.takes(
        words=_WORDS,
        resource=base.text("only of the resource of this name", 255),
        by=base.one_of("by the end of this week or month", "week", "month"),
        days=base.number("within so many days; default 30", 1, 365),
        all=base.yes_or_no("also those that do not reach it"),
        limit=base.LIMIT,
    ),
    "monitoring:read",
    forecasts,
)
ANOMALIES = Tool(
    "anomalies",
    "What was unusual in a time (default: the last day), against its own past; the worst first.",
    base.takes(
        words=_WORDS,
        resource=base.text("only of the resource of this name", 255),
        open=base.yes_or_no("only those that go on"),
        least=base.number("score from 0 to 100; default 60", 0, 100),
        start=base.START,
        end=base.END,
        limit=base.LIMIT,
    ),
    "monitoring:read",
    anomalies,
)
