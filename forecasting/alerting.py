"""How anomalies and predictions are called as alerts. They are opened and ended by monitoring.alerts.lifecycle alone."""

import re
from collections.abc import Mapping
from datetime import timedelta

from forecasting.models import Track, Watch
from monitoring.alerts.lifecycle import fingerprint

SOURCE = "forecasting"
ANOMALY, FORESEEN = "Anomaly", "Foreseen"
HIGH_WITHIN = timedelta(hours=12)


def name_of(watch: Watch, what: str) -> str:
    """FilesystemUsedPercentForeseen."""
    return "".join(word.capitalize() for word in re.split(r"[^a-zA-Z0-9]+", watch.key) if word)[:180] + what


def labels_of(watch: Watch, track: Track, what: str, severity: str) -> dict[str, str]:
    named = {} if watch.metric else {"metric": track.metric}
    return {**track.labels, **named, "alertname": name_of(watch, what), "watch": watch.key, "severity": severity}


def mark_of(track: Track, what: str) -> str:
    """Fingerprint: stays the same while severity and labels that describe change."""
    return fingerprint(SOURCE, {"track": track.key, "what": what})


def shown(value: float, unit: str) -> str:
    """92.4 %, 18.3 GiB, 71 °C."""
    if unit.startswith("bytes"):
        return _bytes(value) + unit.removeprefix("bytes")
    sign: Mapping[str, str] = {"percent": " %", "celsius": " °C", "ratio": "", "": ""}
    return f"{value:.4g}{sign.get(unit, ' ' + unit)}"


def _bytes(value: float) -> str:
    for name in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.3g} {name}"
        value /= 1024
    return f"{value:.3g} TiB"


def span(seconds: float) -> str:
    """3 days, 5 hours, 20 minutes."""
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 1.5 * size or (size == 60):
            count = round(seconds / size)
            return f"{count} {name}" + ("" if count == 1 else "s")
    return ""
