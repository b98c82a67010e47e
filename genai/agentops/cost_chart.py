"""What each agent took, a day at a time: dollars where models cost something, tokens where they do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import TruncDay
from django.utils import timezone

from aiops.templatetags.ui import number
from genai.tracing.models import AgentRun
from monitoring.dashboards.charts import script

DAYS = 14
MOST = 5  # agents with a colour of their own; the others together
DEAR = 2.0  # dollars of the dearest day, above which the axis has dollars and not cents
Day = tuple[str, datetime, float]


@dataclass(frozen=True)
class Chart:
    title: str
    unit: str
    sentence: str
    data: str  # JSON for static/js/charts.js; empty: nothing to draw


def of(runs: QuerySet[AgentRun]) -> Chart:
    """`runs`: those the person may see."""
    days = _days()
    since = runs.filter(started_at__gte=days[0]).annotate(day=TruncDay("started_at", tzinfo=UTC)).order_by()
    rows = since.values_list("agent__name", "day").annotate(dollars=Sum("cost"), tokens=Sum(F("tokens_in") + F("tokens_out")))
    found = [(name, day, float(dollars), float(tokens)) for name, day, dollars, tokens in rows]
    dearest = max((sum(one[2] for one in found if one[1] == day) for day in days), default=0.0)
    if dearest >= 0.01:
        by, unit, title = (1, "$", "Cost by agent") if dearest >= DEAR else (100, "US cents", "Cost by agent")
        return _drawn(title, unit, days, [(name, day, dollars * by) for name, day, dollars, _ in found])
    return _drawn("Tokens by agent", "tokens", days, [(name, day, tokens) for name, day, _, tokens in found])


def _days() -> list[datetime]:
    today = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]


def _drawn(title: str, unit: str, days: Sequence[datetime], rows: Sequence[Day]) -> Chart:
    sums = {name: sum(row[2] for row in rows if row[0] == name) for name in dict.fromkeys(row[0] for row in rows)}
    names = sorted((name for name in sums if sums[name]), key=lambda name: -sums[name])
    own, rest = (names, []) if len(names) <= MOST + 1 else (names[:MOST], names[MOST:])
    series = [_series(place, name, [name], days, rows) for place, name in enumerate(own, start=1)]
    if rest:
        series.append(_series(MOST + 1, f"{len(rest)} others", rest, days, rows))
    said = ", ".join(f"{name} {number(sums[name], 1)}" for name in own) or "nothing"
    sign = "$" if unit == "$" else ""
    spec = {"t": [day.timestamp() + 43_200 for day in days], "unit": sign, "series": series, "stacked": True, "bars": True, "alone": True}
    return Chart(title, f"{unit} a day, {DAYS} days", f"{title}, {unit} in {DAYS} days: {said}", script(spec) if series else "")


def _series(place: int, label: str, names: Sequence[str], days: Sequence[datetime], rows: Sequence[Day]) -> dict[str, Any]:
    data = [sum(row[2] for row in rows if row[0] in names and row[1] == day) for day in days]
    return {"id": str(place), "label": label, "color": place, "data": [round(value, 4) for value in data]}
