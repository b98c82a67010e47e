"""One case: where it stands, what its steps say, why it was allowed, who said yes, and what became of what it was to mend."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.authentication import person
from accounts.permissions import can, permission_required
from monitoring.dashboards import charts
from remediation import case_acting, case_card, case_chart, case_checks, case_rows, case_story, policy
from remediation.case_acting import NotDone
from remediation.models import Approval, Execution, LogLine, Transition

READ, EXECUTE, APPROVE = "monitoring:read", "remediation:execute", "remediation:approve"
MOST_READ = 500  # lines of one answer
VERBS = {"cancel": case_acting.cancel, "roll_back": case_acting.roll_back}
RELATED = ("rule", "runbook", "version", "alert__rule", "incident", "resource", "requested_by")


def get(pk: int) -> Execution:
    found = Execution.objects.select_related(*RELATED).filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such case.")
    return found


@require_GET
@permission_required(READ)
def execution(request: HttpRequest, pk: int) -> HttpResponse:
    found = get(pk)
    asked = list(Approval.objects.filter(execution=found).select_related("step").prefetch_related("votes__user").order_by("-id"))
    waiting = next((one for one in asked if one.state == Approval.State.WAITING), None)
    card = case_card.Card(found, person(request), waiting)
    transitions = list(Transition.objects.filter(execution=found).order_by("id"))
    may_execute = can(request.user, EXECUTE)
    context = {
        "execution": found, "card": card, "row": case_rows.rows([found])[0], "stages": case_story.stages(found, transitions),
        "steps": case_story.steps(found, card.planned), "approvals": asked, "checks": case_checks.told(found, card.planned),
        "decision": policy.merged(found.decision), "chain": case_story.chain(found), "charted": bool(case_chart.asked(found)[1]),
        "may_execute": may_execute, "may_approve": can(request.user, APPROVE), "live": True, "live_topics": "executions",
        "may_cancel": may_execute and case_acting.may_cancel(found),
        "may_roll_back": may_execute and case_acting.may_roll_back(found) and case_card.can_be_taken_back(card.planned),
    }  # fmt: skip
    return render(request, "remediation/executions/execution.html", context)


@require_POST
@permission_required(EXECUTE)
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """verb: cancel or roll_back, with a reason."""
    found, verb = get(pk), VERBS.get(request.POST.get("verb", ""))
    if verb is None:
        raise BadRequest(f"verb is one of {', '.join(VERBS)}.")
    return attempt(request, pk, lambda: verb(found, person(request), request.POST.get("reason", "")))


def attempt(request: HttpRequest, pk: int, work: Callable[[], str]) -> HttpResponse:
    """What came of it, as a message, where the form stood."""
    try:
        messages.success(request, work())
    except NotDone as fault:
        messages.error(request, str(fault))
    return redirect("approvals") if request.POST.get("back") == "approvals" else redirect("execution", pk)


@require_GET
@permission_required(READ)
def lines(request: HttpRequest, pk: int) -> HttpResponse:
    """What was written since the line `after`: static/js/execution.js reads on with it."""
    after = request.GET.get("after", "0")
    if not (after.isdecimal() and after.isascii() and len(after) < 19):
        raise BadRequest("after is the number of a line.")
    rows = LogLine.objects.filter(step__execution=get(pk), pk__gt=int(after)).order_by("pk")[:MOST_READ]
    return HttpResponse(orjson.dumps({"lines": [told(one) for one in rows]}), content_type="application/json")


def told(line: LogLine) -> dict[str, Any]:
    return {"id": line.pk, "step": line.step_id, "t": line.time.timestamp(), "level": line.level, "text": line.text}


@require_GET
@permission_required(READ)
def output(request: HttpRequest, pk: int) -> HttpResponseBase:
    """All of its lines as text."""
    found = get(pk)
    answer = StreamingHttpResponse(_written(found), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{found.number}.txt"'
    return answer


def _written(found: Execution) -> Iterator[str]:
    yield f"{found.number} {found.title}\n"
    step = 0
    for line in LogLine.objects.filter(step__execution=found).select_related("step").order_by("step_id", "pk").iterator(2000):
        if line.step_id != step:
            step = line.step_id
            yield f"\n{line.step.title}\n"
        mark = "" if line.level == "info" else f"{line.level}: "
        yield f"{timezone.localtime(line.time):%Y-%m-%d %H:%M:%S}  {mark}{line.text}\n"


@require_GET
@permission_required(READ)
def chart(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(charts.dumps(case_chart.data(get(pk))), content_type="application/json")
