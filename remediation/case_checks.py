"""The criteria by which a case counts as fixed, as a table shows them: before, now, what it must be, for how long it has held."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from aiops.templatetags.ui import NONE, duration, number
from monitoring.alerts.thresholds import threshold
from remediation.case_words import Sign
from remediation.models import Execution
from remediation.plan import Check, Plan

HOLDS, NOT_YET, NO_DATA = Sign("Holds", "ok", "h-ok"), Sign("Does not hold", "degraded", "c-medium"), Sign("No data", "unknown", "t3")
PLANNED = Sign("Not looked at yet", "clock", "t3")


@dataclass(frozen=True)
class Told:
    name: str
    query: str
    before: str
    now: str
    must: str
    held: str  # "4 of 10 min"
    share: float | None  # of the time it has to hold, per cent
    sign: Sign


def told(execution: Execution, plan: Plan | None) -> list[Told]:
    planned = {one.query: one for one in (plan.success if plan else ())}
    found = [one for one in execution.checks if isinstance(one, dict)]
    if not any("holds" in one or "before" in one for one in found):  # nothing was measured yet
        return [_planned(one) for one in planned.values()]
    return [_told(one, execution) for one in found]


def _planned(check: Check) -> Told:
    limit = threshold(check.query)
    must = f"{limit.op} {number(limit.value)}" if limit else "true"
    held = f"for {duration(check.hold, 2)}" if check.hold else "once"
    return Told(check.name or check.query, check.query, NONE, NONE, must, held, None, PLANNED)


def _told(one: Mapping[str, Any], execution: Execution) -> Told:
    wanted, since = float(one.get("for") or 0), _moment(one.get("since"))
    kept = ((execution.finished_at or timezone.now()) - since).total_seconds() if since else 0.0
    kept = max(0.0, min(kept, wanted))
    held = _of(kept, wanted) if wanted else ("yes" if one.get("holds") else NONE)
    return Told(
        name=str(one.get("name") or one.get("query", "")), query=str(one.get("query", "")), before=_value(one.get("before")),
        now=_value(one.get("now")), must=str(one.get("must", "")), held=held, share=100 * kept / wanted if wanted else None,
        sign=HOLDS if one.get("holds") else NO_DATA if one.get("now") is None and one.get("holds") is None else NOT_YET,
    )  # fmt: skip


def _of(kept: float, wanted: float) -> str:
    """4 of 10 min."""
    size = 1 if wanted < 60 else 60
    return f"{int(kept // size)} of {duration(wanted, 2)}"


def _value(value: Any) -> str:
    return str(number(value)) if isinstance(value, int | float) else str(value) if value else NONE


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
