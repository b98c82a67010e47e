"""What AI agents do: executions, the agents themselves, how good they are, prompts, and what looked like an attack."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import BadRequest
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.authentication import person
from accounts.permissions import can, permission_required
from aiops import timerange
from aiops.timerange import TimeRange
from genai.agentops import cost_chart, figures, judged, listing, safety, seeing, words
from genai.tracing.models import Agent, SecurityFinding

READ, CONFIGURE = "monitoring:read", "genai:configure"
DEFAULT = "now-24h"
JUDGED = timedelta(days=30)
Context = dict[str, Any]


@require_GET
@permission_required(READ)
def agents(request: HttpRequest) -> HttpResponse:
    span = timerange.from_request(request, DEFAULT)
    tab = request.GET.get("tab", "executions")
    if tab not in _TABS:
        raise BadRequest(f"tab must be one of {', '.join(_TABS)}, not {tab[:20]!r}.")
    context = {
        "timerange": span, "live": True, "live_topics": "system", "tab": tab, "tabs": _tabs(request, span), "tiles": _tiles(request, span),
        "sees_all": can(request.user, CONFIGURE), "target": figures.TARGET, **_TABS[tab](request, span),
    }  # fmt: skip
    return render(request, "genai/agentops/agents.html", context)


def _tiles(request: HttpRequest, span: TimeRange) -> Context:
    runs = seeing.runs(request.user)
    now = figures.of(runs, span.start, span.end)
    before = figures.of(runs, span.start - (span.end - span.start), span.start)
    found = seeing.findings(request.user).filter(state=SecurityFinding.State.OPEN)
    kinds = dict(found.order_by().values_list("kind").annotate(n=Count("pk")))
    return {
        "now": now, "more": now.count - before.count, "budget": safety.dollars_today(), "open": sum(kinds.values()),
        "attacks": kinds.get(SecurityFinding.Kind.INJECTION, 0), "median": now.latency_median,
        "p95": now.latency_p95,
    }  # fmt: skip


def _tabs(request: HttpRequest, span: TimeRange) -> list[dict[str, Any]]:
    runs = figures.within(seeing.runs(request.user), span.start, span.end)
    found = seeing.findings(request.user).filter(state=SecurityFinding.State.OPEN)
    return [
        {"key": "executions", "label": "Executions", "count": runs.count()},
        {"key": "agents", "label": "Agents", "count": Agent.objects.count()},
        {"key": "evaluations", "label": "Evaluations"},
        {"key": "prompts", "label": "Prompts"},
        {"key": "security", "label": "Security", "count": found.count()},
    ]


# -- one tab each --------------------------------------------------------------------------------------------------------
def _executions(request: HttpRequest, span: TimeRange) -> Context:
    found = listing.Listing(request.GET, request.user, span)
    column, descending = found.sort
    page = found.page()
    return {
        "listing": found, "page": page, "rows": [(run, words.sign_of(run)) for run in page.object_list], "column": column,
        "descending": descending, "chart": cost_chart.of(seeing.runs(request.user)), "judged": _judged(request),
        "any": seeing.runs(request.user).exists(),
    }  # fmt: skip


def _agents(request: HttpRequest, span: TimeRange) -> Context:
    sums = figures.by_agent(seeing.runs(request.user), span.start, span.end)
    rows = [(agent, sums.get(agent.pk, figures.Figures())) for agent in Agent.objects.select_related("resource")]
    return {"agents": sorted(rows, key=lambda row: (-row[1].count, row[0].name)), "judged": _judged(request)}


def _judged(request: HttpRequest) -> list[judged.Judged]:
    return judged.by_agent(seeing.evaluations(request.user), timezone.now() - JUDGED)


def _evaluations(request: HttpRequest, span: TimeRange) -> Context:
    rows = seeing.evaluations(request.user)
    return {"measures": judged.by_measure(rows, span.start, span.end), "worst": judged.worst(rows, span.start, span.end)}


def _prompts(request: HttpRequest, span: TimeRange) -> Context:
    return {"prompts": judged.prompts()}


def _security(request: HttpRequest, span: TimeRange) -> Context:
    shown = safety.Shown(request.GET, seeing.findings(request.user))
    return {"shown": shown, "page": shown.page(), "may_dismiss": can(person(request), CONFIGURE), "why": words.FINDINGS}


_TABS = {"executions": _executions, "agents": _agents, "evaluations": _evaluations, "prompts": _prompts, "security": _security}
