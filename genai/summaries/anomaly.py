"""An anomaly, for whoever wants to know whether it is real: what speaks for it and against it. A model may be asked for its opinion,
which changes nothing by itself."""

from collections.abc import Iterator
from datetime import timedelta

from forecasting import words
from forecasting.models import Anomaly
from genai.summaries.alert import cite as alert_cite
from genai.summaries.facts import Cite, Facts, Line, plural, said, when
from monitoring.alerts.models import Alert

NEAR = timedelta(minutes=45)
VERDICTS = {"real": "Real trouble", "noise": "Noise", "unsure": "Unsure"}
SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": list(VERDICTS)}, "reason": {"type": "string"}},
    "required": ["verdict", "reason"],
    "additionalProperties": False,
}


def gather(pk: int) -> Facts | None:
    found = Anomaly.objects.select_related("track__watch", "track__resource").filter(pk=pk).first()
    if found is None:
        return None
    facts = Facts(f"anomaly:{pk}", str(found.track)[:300])
    facts.say(*_what(found))
    facts.say(*_around(found))
    return facts


def cite(found: Anomaly) -> Cite:
    return Cite("anomaly", {"id": found.pk}, f"{found.track}"[:300], start=found.started_at, end=found.seen_at)


def _what(found: Anomaly) -> Iterator[Line]:
    unit = found.track.watch.unit
    usual = f", usual {words.ranged(found.low, found.high, unit)}" if found.low is not None and found.high is not None else ""
    yield Line(
        f"{said(found.track, 200)} was {words.figure(found.value, unit)} at {when(found.peak_at)}{usual}: score {found.score:.0%}.",
        (cite(found),),
    )
    agreeing = [name for name, score in found.channels.items() if isinstance(score, int | float) and score >= 0.5]
    if found.channels:
        yield Line(f"{len(agreeing)} of {plural(len(found.channels), 'detector')} agree: {said(found.reason)}.", (cite(found),))


def _around(found: Anomaly) -> Iterator[Line]:
    began = (found.started_at - NEAR, found.started_at + NEAR)
    others = Anomaly.objects.filter(started_at__range=began).exclude(pk=found.pk).count()
    yield Line(f"{plural(others, 'other anomaly', 'other anomalies')} began within 45 minutes of it.", (cite(found),))
    resource = found.track.resource
    alert = Alert.objects.filter(resource=resource, started_at__range=began).select_related("resource").first() if resource else None
    if alert is not None:
        yield Line(f"{said(alert.name, 200)} fired on the same resource at {when(alert.started_at)}.", (alert_cite(alert),))
    rated = Anomaly.objects.filter(track=found.track).exclude(feedback="").exclude(pk=found.pk)
    noise = rated.filter(feedback=Anomaly.Feedback.NOISE).count()
    if noise:
        yield Line(f"People called {plural(noise, 'earlier one')} of this series noise.", (cite(found),))
