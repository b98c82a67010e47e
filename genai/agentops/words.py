"""How states, kinds and subjects read on pages: words, icon, tone."""

from typing import NamedTuple

from aiops.templatetags.ui import url_or_none
from genai.tracing.models import AgentRun, AgentStep, SecurityFinding

_Run, _Step, _Finding = AgentRun.State, AgentStep.State, SecurityFinding.Kind


class Sign(NamedTuple):
    label: str
    icon: str
    tone: str  # css class


RUNS: dict[str, Sign] = {
    _Run.RUNNING: Sign("Running", "play", "c-accent"),
    _Run.DONE: Sign("Done", "ok", "h-ok"),
    _Run.FAILED: Sign("Failed", "down", "h-down"),
    _Run.STOPPED: Sign("Stopped", "degraded", "c-medium"),
    _Run.CUT: Sign("Cut off", "degraded", "c-high"),
}
FOUND = ("shield", "c-high")  # instead of a state's, where something was found
KINDS: dict[str, Sign] = {
    AgentStep.Kind.MODEL: Sign("model", "copilot", "model"),
    AgentStep.Kind.TOOL: Sign("tool", "process", "tool"),
    AgentStep.Kind.GUARD: Sign("guard", "shield", "guard"),
}
FINDINGS: dict[str, str] = {
    _Finding.INJECTION: "A text from outside tried to give orders.",
    _Finding.SECRET: "Something that reads like a secret was about to leave.",
    _Finding.PERSONAL: "Personal data were about to leave.",
    _Finding.MISUSE: "A tool was asked for in a way that is not allowed.",
}
EVALUATIONS = {
    "evidence": "share of its claims with evidence that holds",
    "rating": "what people said of it",
    "schema": "whether it fitted its schema",
}
PAGES = {"incident": "incident", "alert": "alert", "resource": "resource", "execution": "execution", "runbook": "runbook"}
NUMBERS = {"incident": "INC-", "execution": "RUN-"}


class Subject(NamedTuple):
    label: str
    url: str


def subject_of(text: str) -> Subject | None:
    """ "incident:7" as a link to what it is; None for nothing and for what has no page."""
    kind, _, key = text.partition(":")
    if not key.isdecimal() or kind not in PAGES:
        return None
    label = f"{NUMBERS[kind]}{key}" if kind in NUMBERS else f"{kind.capitalize()} {key}"
    url = url_or_none(PAGES[kind], int(key))
    return Subject(label, url) if url else None


def sign_of(run: AgentRun) -> Sign:
    """Of its row: what was found in it comes before how it ended."""
    state = RUNS[run.state]
    label = state.label + (f", {run.findings_count} finding{'s' if run.findings_count > 1 else ''}" if run.findings_count else "")
    return Sign(label, *(FOUND if run.findings_count else state[1:]))
