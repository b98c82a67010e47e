"""How outcomes of calls and the health of models are called and drawn."""

from collections.abc import Mapping

from genai.models import Completion
from remediation.case_words import Sign

Outcome = Completion.Outcome

OUTCOMES: Mapping[str, Sign] = {
    Outcome.OK: Sign("Answered", "ok", "h-ok"),
    Outcome.CACHED: Sign("From the cache", "copy", "h-ok"),
    Outcome.CUT: Sign("Cut off", "degraded", "c-medium"),
    Outcome.STOPPED: Sign("Stopped", "stop", "h-unknown"),
    Outcome.INVALID: Sign("Did not fit", "degraded", "c-medium"),
    Outcome.BUDGET: Sign("Over budget", "lock", "c-medium"),
    Outcome.FAILED: Sign("Failed", "down", "c-critical"),
    Outcome.UNCONFIGURED: Sign("No model", "unknown", "h-unknown"),
}
HEALTH: Mapping[str, Sign] = {
    "ok": Sign("Works", "ok", "h-ok"),
    "waiting": Sign("Not checked yet", "clock", "h-unknown"),
    "failing": Sign("Failing", "degraded", "c-medium"),
    "disabled": Sign("Switched off", "pause", "h-unknown"),
}

__all__ = ["HEALTH", "OUTCOMES", "Sign"]
