"""Alerts of kind anomaly, for watches that want them: what is open is told of, what is not any more is ended. Idempotent."""

from forecasting import alerting
from forecasting.alerting import ANOMALY, SOURCE, shown
from forecasting.models import Anomaly, Watch
from monitoring.alerts import lifecycle
from monitoring.alerts.models import Alert
from monitoring.alerts.observations import Observation

SEVERITY = "low"


def tell(watch: Watch) -> int:
    """Returns how many observations were made."""
    name = alerting.name_of(watch, ANOMALY)
    rows = Alert.objects.filter(source=SOURCE, kind=Alert.Kind.ANOMALY, name=name).exclude(state=Alert.State.RESOLVED)
    told = set(rows.values_list("fingerprint", flat=True))
    if not (watch.alert_anomalies or told):
        return 0
    found = Anomaly.objects.filter(track__watch=watch, ended_at=None).select_related("track") if watch.alert_anomalies else ()
    open_now = {one.fingerprint: one for one in (_observed(watch, anomaly) for anomaly in found)}
    ended = [Observation(mark, "resolved", reason="the series is calm again") for mark in told - set(open_now)]
    lifecycle.observe([*open_now.values(), *ended])
    return len(open_now) + len(ended)


def _observed(watch: Watch, anomaly: Anomaly) -> Observation:
    track = anomaly.track
    band = (
        "" if anomaly.low is None or anomaly.high is None else f", expected {shown(anomaly.low, '')} to {shown(anomaly.high, watch.unit)}"
    )
    said = {
        "summary": f"{track.vm}: {watch.name} is unusual ({shown(anomaly.value, watch.unit)}{band})",
        "description": f"{track.series}: {anomaly.reason.replace('_', ' ')}, score {anomaly.score:.2f}.",
    }
    return Observation(
        alerting.mark_of(track, ANOMALY),
        "firing",
        name=alerting.name_of(watch, ANOMALY),
        value=anomaly.value,
        labels=alerting.labels_of(watch, track, ANOMALY, SEVERITY),
        annotations=said,
        severity=SEVERITY,
        source=SOURCE,
        resource=track.resource_id,
        started_at=anomaly.started_at,
        kind=Alert.Kind.ANOMALY,
        evidence={"expr": watch.expr, "value": anomaly.value, "anomaly": anomaly.pk, "score": anomaly.score, "reason": anomaly.reason},
        reason=anomaly.reason,
    )
