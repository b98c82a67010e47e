"""One execution: what it did step by step, what each step was asked and said, how good it was, what was found in it."""

from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts.permissions import can, permission_required
from genai.agentops import seeing, waterfall, words
from genai.tracing.models import AgentRun, AgentStep, SecurityFinding

READ, CONFIGURE = "monitoring:read", "genai:configure"
MOST_STEPS = 500
Context = dict[str, Any]


def found(request: HttpRequest, pk: int) -> AgentRun:
    """404 also for another person's."""
    return get_object_or_404(seeing.runs(request.user).select_related("agent", "user"), pk=pk)


@require_GET
@permission_required(READ)
def execution(request: HttpRequest, pk: int) -> HttpResponse:
    run = found(request, pk)
    steps, findings = list(run.steps.all()[:MOST_STEPS]), list(run.findings.select_related("step"))
    step = _asked_step(request, steps)
    context = {
        "run": run, "sign": words.sign_of(run), "subject": words.subject_of(run.subject), "drawn": waterfall.of(run, steps, findings),
        "step": step, "arguments": waterfall.arguments_of(step) if step else [], "masked": _masked(run), "findings": findings,
        "evaluations": run.evaluations.order_by("name", "judged_by"), "measures": words.EVALUATIONS, "why": words.FINDINGS,
        "calls": _calls(run), "may_dismiss": can(request.user, CONFIGURE), "more_steps": max(0, run.steps_count - MOST_STEPS),
        "live": run.state == AgentRun.State.RUNNING,
    }  # fmt: skip
    return render(request, "genai/agentops/execution.html", context)


def _asked_step(request: HttpRequest, steps: list[AgentStep]) -> AgentStep | None:
    """?step=; else the first that was refused or failed, else the first."""
    text = request.GET.get("step", "")
    if not text:
        bad = (one for one in steps if one.state in (AgentStep.State.REFUSED, AgentStep.State.FAILED))
        return next(bad, steps[0] if steps else None)
    if not (text.isdecimal() and text.isascii() and len(text) < 10):
        raise BadRequest("step is the number of a step.")
    if (wanted := next((one for one in steps if one.number == int(text)), None)) is None:
        raise Http404(f"There is no step {text}.")
    return wanted


def _masked(run: AgentRun) -> list[tuple[str, int]]:
    """What models were not told, by kind."""
    sums: dict[str, int] = {}
    for counted in run.completions.values_list("masked", flat=True):
        for kind, count in (counted or {}).items():
            sums[kind] = sums.get(kind, 0) + int(count)
    return sorted(sums.items())


def _calls(run: AgentRun) -> list[Any]:
    return list(run.completions.select_related("prompt_version__prompt").order_by("id")[:50])


@require_GET
@permission_required(READ)
def as_text(request: HttpRequest, pk: int) -> HttpResponse:
    run = found(request, pk)
    steps = list(run.steps.all()[:MOST_STEPS])
    said = waterfall.as_text(run, waterfall.of(run, steps, []))
    return HttpResponse(said, "text/plain; charset=utf-8", headers={"Content-Disposition": f'inline; filename="execution-{run.pk}.txt"'})


def finding_of(request: HttpRequest, pk: int) -> SecurityFinding:
    return get_object_or_404(seeing.findings(request.user), pk=pk)
