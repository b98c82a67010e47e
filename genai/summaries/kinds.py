"""Every kind of summary: what it is about, how its facts are gathered, what a model is asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from genai.summaries import alert, anomaly, incident, review, risk, runbook
from genai.summaries.facts import Facts

READ = "monitoring:read"


@dataclass(frozen=True)
class Kind:
    """`asked`: a model words it only when a person asks for it. `schema`: the answer is JSON; `said` names its text."""

    key: str  # as addresses and rows have it
    title: str
    purpose: str
    gather: Callable[[int], Facts | None]
    permission: str = READ
    asked: bool = False
    schema: Mapping[str, Any] | None = None
    said: str = ""
    longest: int = 700  # tokens of an answer
    icon: str = "copilot"


_PICK: dict[str, Any] = {"schema": runbook.SCHEMA, "said": "reason", "longest": 300}
KINDS: dict[str, Kind] = {
    one.key: one
    for one in (
        Kind("alert", "In short", "alert_insight", alert.gather),
        Kind("incident", "In short", "incident_summary", incident.gather),
        Kind("review", "Draft of the review", "incident_review", review.gather, asked=True, longest=1500),
        Kind("risk", "Why this risk", "risk", risk.gather, longest=400),
        Kind("anomaly", "Is it real?", "anomaly_check", anomaly.gather, asked=True, schema=anomaly.SCHEMA, said="reason", longest=300),
        Kind("runbook-alert", "Worth trying", "runbook_suggestion", runbook.gather_alert, **_PICK),
        Kind("runbook-incident", "Worth trying", "runbook_suggestion", runbook.gather_incident, **_PICK),
    )
}
