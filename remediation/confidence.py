"""How sure an alert is of what it says, 0–1."""

from typing import Any

from monitoring.alerts.models import Alert

LIMIT_WITHIN_INTERVAL, LIMIT_BY_MEAN = 0.9, 0.5  # the 80 % interval's far end reaches the limit; only the mean does
SAID_IN = ("confidence", "probability")


def of(alert: Alert) -> float | None:
    """What is measured is sure. Predictions say it themselves, in their evidence, labels or annotations, else by how far their interval
    reaches; an anomaly by its score. None where nobody says it."""
    for said in (alert.evidence, alert.labels, alert.annotations):
        for name in SAID_IN:
            if (found := _ratio(said.get(name))) is not None:
                return found
    if alert.kind == Alert.Kind.REAL:
        return 1.0
    if alert.kind == Alert.Kind.ANOMALY:
        return _ratio(alert.evidence.get("score"))
    if alert.evidence.get("eta_hi"):
        return LIMIT_WITHIN_INTERVAL
    return LIMIT_BY_MEAN if alert.evidence.get("eta") else None


def _ratio(given: Any) -> float | None:
    """0.93, "0.93" or "93%"; None for what is neither."""
    try:
        text = str(given).strip()
        found = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None
    return found if 0 <= found <= 1 else found / 100 if 1 < found <= 100 else None
