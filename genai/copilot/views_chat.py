"""What the panel and the page ask for while somebody talks: the panel itself, a question, its answer so far, stopping, rating."""

from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.authentication import person
from accounts.permissions import permission_required
from aiops.errors import wants_json
from genai.copilot import answering, conversations, feedback, page_context, page_turns
from genai.copilot.conversations import Refused
from genai.copilot.models import Conversation, Turn
from genai.copilot.page_context import PageContext
from genai.copilot.views import USE, chat, own, own_turn


def page_of(given: Any) -> PageContext:
    """The page that a form or an address describes."""
    return page_context.of_page(given.get("path", ""), given.get("query", ""), given.get("title", ""), given.get("range", ""))


@require_GET
@permission_required(USE)
def panel(request: HttpRequest) -> HttpResponse:
    """?path=, query, title, range: the page it stands on; ?conversation=: the one to go on with, if it is still there."""
    number, found = request.GET.get("conversation", ""), None
    if number.isascii() and number.isdecimal() and len(number) < 19:
        found = conversations.of(person(request)).filter(pk=int(number)).first()
    return render(request, "genai/copilot/_panel.html", chat(request, found, page_of(request.GET)))


@require_POST
@permission_required(USE)
def ask(request: HttpRequest) -> HttpResponseBase:
    """Answers at once: {"conversation", "turn", "url", "html"}; the answer itself comes over the socket. A form without scripts is led
    to the conversation."""
    page = page_of(request.POST)
    found = _conversation(request, page)
    try:
        context = page.context | {"subject": page.subject} if page.subject else found.context
        turn = answering.ask(found, request.POST.get("question", ""), context=context)
    except Refused as fault:
        if not found.turns.exists():
            found.delete()  # begun for this question only: nobody misses it
        return _refused(fault)
    url = reverse("copilot-conversation", args=[found.pk])
    if not wants_json(request):
        return redirect(url)
    return JsonResponse({"conversation": found.pk, "turn": turn.pk, "url": url, "html": _html(request, turn)})


def _conversation(request: HttpRequest, page: PageContext) -> Conversation:
    number = request.POST.get("conversation", "")
    if not number:
        return conversations.start(person(request), subject=page.subject, context=page.context)
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise BadRequest("conversation is the number of one of your conversations.")
    return own(request, int(number))


@require_GET
@permission_required(USE)
def turn(request: HttpRequest, pk: int) -> HttpResponse:
    """As it is now: what was written so far, or the answer."""
    return HttpResponse(_html(request, own_turn(request, pk)))


def _html(request: HttpRequest, found: Turn) -> str:
    return render_to_string("genai/copilot/_turn.html", {"shown": page_turns.one(found, request.user, True)}, request)


@require_POST
@permission_required(USE)
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """What was written stays, marked as half an answer."""
    answering.stop(own_turn(request, pk))
    return JsonResponse({"stopping": True})


@require_POST
@permission_required(USE)
def rate(request: HttpRequest, pk: int) -> HttpResponse:
    """rating: 1, -1, or 0 to take it back."""
    found, text = own_turn(request, pk), request.POST.get("rating", "")
    if text not in ("1", "-1", "0"):
        raise BadRequest("rating is 1, -1 or 0.")
    try:
        feedback.rate(found, int(text), request.POST.get("comment", ""))
    except Refused as fault:
        return _refused(fault)
    return JsonResponse({"rating": found.rating or 0})


def _refused(fault: Refused) -> HttpResponse:
    """Our own limits are reached: try again; anything else is the asker's to mend."""
    response = JsonResponse({"error": fault.sentence}, status=fault.status)
    if fault.status in (429, 503):
        response["Retry-After"] = "5"
    return response
