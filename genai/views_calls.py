"""The log of calls with what they cost, and one call. For those who configure the assistant: it shows what everybody asked."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts.permissions import permission_required
from genai import call_list
from genai.call_words import OUTCOMES
from genai.models import Completion, ModelProvider

CONFIGURE = "genai:configure"


@require_GET
@permission_required(CONFIGURE)
def calls(request: HttpRequest) -> HttpResponse:
    board = call_list.Board(request.GET)
    page = board.page()
    context = {
        "board": board, "page": page, "facets": board.facets(), "chips": board.chips(), "figures": call_list.figures(board.rows),
        "by_purpose": call_list.spending(board.rows, "purpose"), "by_model": call_list.spending(board.rows.exclude(model=""), "model"),
        "spans": call_list.SPAN_WORDS, "outcomes": OUTCOMES, "any": page.paginator.count or Completion.objects.exists(),
        "models": ModelProvider.objects.exists(),
    }  # fmt: skip
    return render(request, "genai/door/calls.html", context)


@require_GET
@permission_required(CONFIGURE)
def call(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Completion.objects.select_related("user", "provider", "prompt_version__prompt", "run"), pk=pk)
    context = {"call": found, "sign": OUTCOMES[found.outcome], "said": _said(found.prompt), "masked": sorted(found.masked.items())}
    return render(request, "genai/door/call.html", context)


def _said(prompt: str) -> list[dict[str, Any]]:
    """As it was put down: messages one after the other, each under who said it."""
    parts: list[dict[str, Any]] = []
    for line in prompt.splitlines():
        if line in ("system:", "user:", "assistant:", "tool:") and (not parts or parts[-1]["lines"][-1:] == [""]):
            parts.append({"role": line[:-1], "lines": []})
        elif parts:
            parts[-1]["lines"].append(line)
    return [{"role": one["role"], "text": "\n".join(one["lines"]).strip()} for one in parts]
