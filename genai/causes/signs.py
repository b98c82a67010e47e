"""What else is known of the time: changes, remediation, other alerts, what was unusual or foretold, and how it went before."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from aiops.templatetags.ui import NBSP
from forecasting import words as foretold_words
from forecasting.models import Anomaly, Forecast, Foresight
from genai.causes import words
from genai.causes.neighbours import Neighbours
from genai.causes.scene import Scene
from monitoring.alerts.models import Alert
from monitoring.incidents import similar
from monitoring.incidents.causes import AFTER, BEFORE, TELLING
from monitoring.incidents.models import Incident
from monitoring.inventory.models import ResourceChange
from remediation.models import Execution

MOST = 40  # of each kind
SOON = timedelta(minutes=5)
ALIKE = 0.4
SILENT = ("stale", "gone")
# How likely it is by itself that this is the cause, where it lies best in time and nothing else speaks for it.
WEIGHTS = {"change": 0.25, "silent": 0.5, "execution": 0.3, "alert": 0.35, "forecast": 0.4, "anomaly": 0.12, "past": 0.3}


@dataclass(frozen=True)
class Sign:
    """Something that speaks for a resource as the cause. `refers`: kind of evidence, reference, title, what it shows."""

    kind: str
    resource: int | None
    time: datetime | None
    text: str  # a sentence without its full stop
    title: str  # of a hypothesis that rests on it alone
    weight: float
    refers: tuple[tuple[str, dict[str, Any], str, str], ...]
    guess: str = ""  # what is only concluded
    against: bool = False
    family: str = ""  # of the figures of the resource in trouble, where it speaks of those only
    facts: dict[str, Any] = field(default_factory=dict)


def of(scene: Scene, around: Neighbours) -> list[Sign]:
    """A fixed number of statements."""
    found = [*_changes(scene, around), *_executions(scene, around), *_alerts(scene, around)]
    return [*found, *_anomalies(scene, around), *_forecasts(scene, around), *_past(scene)]


def _near(scene: Scene, time: datetime, within: timedelta = BEFORE) -> float:
    """1 at the beginning of the trouble, 0 well before it or after it."""
    lead = scene.onset - time
    if scene.subject.startswith("window"):
        return 1.0 if scene.start <= time <= scene.end else 1 - min(1.0, abs(lead) / within)
    return 1 - min(1.0, lead / within) if lead >= timedelta(0) else max(0.0, 0.6 - abs(lead) / timedelta(minutes=10))


def _span(scene: Scene) -> tuple[datetime, datetime]:
    last = scene.end if scene.subject.startswith("window") else scene.onset + AFTER
    return min(scene.start, scene.onset - BEFORE), last


def _changes(scene: Scene, around: Neighbours) -> Iterator[Sign]:
    """That something stopped reporting is a change too, where others need it."""
    wanted = Q(kind__in=TELLING) | Q(kind=ResourceChange.Kind.STATE, after__in=SILENT)
    rows = ResourceChange.objects.filter(wanted, resource__in=list(around.places), time__range=_span(scene)).order_by("-time")
    for row in rows[:MOST]:
        silent = row.kind == ResourceChange.Kind.STATE
        own = silent and row.resource_id == scene.alerting
        weight = WEIGHTS["silent" if silent else "change"] * _near(scene, row.time) * (0.3 if own else 1.0)
        text = f"{row.resource_name}: {_lowered(row.text)}, {words.apart(row.time, scene.onset, scene.what)}"
        yield Sign(
            "silent" if silent else "change", row.resource_id, row.time, text, f"{row.resource_name}: {row.text}", weight,
            (("change", {"id": row.pk}, f"{row.resource_name}: {row.text}", words.apart(row.time, scene.onset, scene.what)),),
            "" if silent else "That this change caused it is a guess: it came first, and changes often are the cause",
        )  # fmt: skip


def _executions(scene: Scene, around: Neighbours) -> Iterator[Sign]:
    """What remediation did to these resources before: also a cure can be the cause."""
    rows = Execution.objects.filter(resource__in=list(around.places), dry_run=False, started_at__range=_span(scene))
    for row in rows.order_by("-started_at")[:MOST]:
        assert row.started_at is not None
        if row.started_at > scene.onset and not scene.subject.startswith("window"):
            continue
        when = words.apart(row.started_at, scene.onset, scene.what)
        yield Sign(
            "execution", row.resource_id, row.started_at, f"{row.number} “{row.title}” ran on {row.target}, {when}",
            f"{row.title} ran on {row.target}", WEIGHTS["execution"] * _near(scene, row.started_at),
            (("execution", {"id": row.pk}, f"{row.number} {row.title}", when),),
            "That what it did caused the trouble is a guess",
        )  # fmt: skip


def _alerts(scene: Scene, around: Neighbours) -> Iterator[Sign]:
    """Of other resources, and other ones of the same; what began well after the trouble is an effect."""
    rows = Alert.objects.filter(resource__in=list(around.places), started_at__range=(scene.start, max(scene.end, scene.onset + SOON)))
    rows = rows.exclude(fired_at=None).exclude(pk__in=[one.pk for one in scene.alerts[:1]]).select_related("resource")
    for row in rows.order_by("started_at")[:MOST]:
        own = row.resource_id == scene.alerting
        late = row.started_at > scene.onset + (timedelta(0) if own else SOON)
        if own and late:
            continue  # more of the same trouble
        when = words.apart(row.started_at, scene.onset, scene.what)
        name = around.name(row.resource_id)
        yield Sign(
            "alert", row.resource_id, row.started_at, f"“{_about(row, name)}” began to hold {when}", _about(row, name),
            WEIGHTS["alert"] * (0.1 if late else _near(scene, row.started_at, timedelta(minutes=90))),
            (("alert", {"id": row.pk}, _about(row, name), when),), against=late,
        )  # fmt: skip


def _about(row: Alert, name: str) -> str:
    summary = row.summary
    return (summary if name in summary else f"{summary} on {name}")[:200]


def _anomalies(scene: Scene, around: Neighbours) -> Iterator[Sign]:
    rows = Anomaly.objects.filter(track__resource__in=list(around.places), started_at__range=(scene.start, scene.end))
    for row in rows.select_related("track__watch").order_by("-score")[:MOST]:
        name, watch = around.name(row.track.resource_id), row.track.watch
        value = foretold_words.figure(row.value, watch.unit)
        shows = f"{value}, {row.reason}, score {row.score:.2f}"
        text = f"{watch.name} on {name} was unusual ({shows}), {words.apart(row.started_at, scene.onset, scene.what)}"
        yield Sign(
            "anomaly", row.track.resource_id, row.started_at, text, f"{watch.name} on {name} was unusual",
            WEIGHTS["anomaly"] * row.score * _near(scene, row.started_at, timedelta(minutes=90)),
            (("anomaly", {"id": row.pk}, f"{watch.name} on {name}", shows),),
        )  # fmt: skip


def _forecasts(scene: Scene, around: Neighbours) -> Iterator[Sign]:
    """Limits that were foretold to be reached about now: the trouble was to be expected."""
    rows = Foresight.objects.filter(
        track__resource__in=list(around.places), opened_at__lte=scene.end, eta__lte=scene.end + timedelta(days=1)
    )
    rows = rows.filter(Q(closed_at=None) | Q(closed_at__gte=scene.start)).select_related("track__watch").order_by("eta")[:MOST]
    latest = {one.track_id: one for one in Forecast.objects.filter(track__in=[row.track_id for row in rows], latest=True)}
    for row in rows:
        name, watch = around.name(row.track.resource_id), row.track.watch
        if row.track_id not in latest:
            continue
        limit = foretold_words.figure(row.limit, watch.unit)
        reached = row.reached_at is not None and row.reached_at <= scene.end
        text = f"{watch.name} on {name} was foretold to reach {limit}" + (", and did" if reached else "")
        yield Sign(
            "forecast", row.track.resource_id, row.reached_at or row.eta, text, f"{watch.name} on {name} reached {limit}, as foretold",
            WEIGHTS["forecast"] * (1.0 if reached else 0.4), (("forecast", {"id": latest[row.track_id].pk}, text, limit),),
        )  # fmt: skip


def _past(scene: Scene) -> Iterator[Sign]:
    """Incidents that looked like this one, what they were about, and what helped."""
    if scene.incident is None:
        return
    for one in [alike for alike in similar.similar(scene.incident) if alike.score >= ALIKE][:3]:
        past = one.incident
        helped = _helped(past)
        refers: list[tuple[str, dict[str, Any], str, str]] = [
            ("incident", {"id": past.pk}, f"{past.number} {past.title}", f"{one.share}{NBSP}% alike: {one.shared}")
        ]
        text = f"{past.number} “{past.title}” was {one.share}{NBSP}% alike ({one.shared})"
        if helped is not None:
            text += f"; {helped.number} “{helped.title}” helped then"
            refers.append(("execution", {"id": helped.pk}, f"{helped.number} {helped.title}", "was verified to have helped"))
        yield Sign(
            "past", _root_resource(past), None, text, f"The same as {past.number}: {past.title}", WEIGHTS["past"] * one.score,
            tuple(refers),
            f"That it is the same trouble as {past.number} is a guess from what is alike", facts={"incident": past.pk},
        )  # fmt: skip


def _helped(past: Incident) -> Execution | None:
    rows = Execution.objects.filter(Q(incident=past) | Q(alert__memberships__incident=past), dry_run=False)
    return rows.filter(verification=Execution.Verification.HELD).order_by(F("finished_at").desc(nulls_last=True)).first()


def _root_resource(past: Incident) -> int | None:
    return Alert.objects.filter(pk=past.root_alert_id).values_list("resource", flat=True).first() if past.root_alert_id else None


def _lowered(text: str) -> str:
    """In the middle of a sentence; what begins with a name or an abbreviation stays."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]
