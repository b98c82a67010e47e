"""The copilot's pages: a new conversation beside the earlier ones, one of them, and one that somebody shared."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.authentication import person
from accounts.permissions import permission_required
from genai import complete
from genai.copilot import answering, conversations, events, examples, page_context, page_turns
from genai.copilot.models import Conversation, Turn
from genai.copilot.page_context import PageContext

USE, READ = "genai:use", "monitoring:read"
PER_PAGE = 20
LONGEST_SEARCH = 200
Context = dict[str, Any]


@require_GET
@permission_required(USE)
def copilot(request: HttpRequest) -> HttpResponse:
    """?ask= is written into the field, and sent by nobody but the reader."""
    page = page_context.of_page("", span=request.GET.get("range", ""))
    asked = request.GET.get("ask", "").replace("\0", "")[: answering.LONGEST_QUESTION]
    return render(request, "genai/copilot/copilot.html", chat(request, None, page) | history(request) | {"asked": asked})


@require_GET
@permission_required(USE)
def conversation(request: HttpRequest, pk: int) -> HttpResponse:
    """?all=1: also what is further up than one page takes."""
    found = own(request, pk)
    page = page_context.of_subject(found.subject, found.context.get("title", ""), found.context.get("range", ""))
    return render(request, "genai/copilot/copilot.html", chat(request, found, page) | history(request) | {"live": False})


@require_GET
@permission_required(USE)
def listing(request: HttpRequest) -> HttpResponse:
    """The earlier conversations alone: ?q= searches, ?in=panel for the panel."""
    inside = "panel" if request.GET.get("in") == "panel" else "page"
    return render(request, "genai/copilot/_history.html", history(request) | {"inside": inside})


@require_GET
@permission_required(READ)
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """Read only; each sees of it what their own role may see."""
    found = conversations.shared(token)
    if found is None:
        raise Http404("There is no such conversation, or it is no longer shared.")
    turns, earlier = page_turns.of_conversation(found, request.user, "all" in request.GET)
    context = {
        "conversation": found, "turns": turns, "earlier": earlier, "icon": page_turns.subject_icon(found.subject),
        "mine": found.user_id == person(request).pk,
    }  # fmt: skip
    return render(request, "genai/copilot/shared.html", context)


# -- what the pages are made of --------------------------------------------------------------------------------------------
def own(request: HttpRequest, pk: int) -> Conversation:
    try:
        return conversations.own(person(request), pk)
    except Conversation.DoesNotExist:
        raise Http404("There is no such conversation among yours.") from None


def own_turn(request: HttpRequest, pk: int) -> Turn:
    try:
        return conversations.own_turn(person(request), pk)
    except Turn.DoesNotExist:
        raise Http404("There is no such question among yours.") from None


def chat(request: HttpRequest, found: Conversation | None, page: PageContext) -> Context:
    """The questions and answers, and the field for the next one."""
    turns, earlier = page_turns.of_conversation(found, request.user, "all" in request.GET) if found else ([], 0)
    share = request.build_absolute_uri(reverse("copilot-shared", args=[found.share])) if found and found.share else ""
    return {
        "conversation": found, "turns": turns, "earlier": earlier, "about": page, "examples": examples.fitting(page),
        "icon": page_turns.subject_icon(page.subject), "topic": events.topic_of(person(request).pk), "model": complete.available(),
        "why_not": complete.why_not(), "longest": answering.LONGEST_QUESTION, "share_url": share,
    }  # fmt: skip


def history(request: HttpRequest) -> Context:
    words = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    page: Page[Conversation] = Paginator(conversations.of(person(request), words), PER_PAGE).get_page(request.GET.get("page"))
    rows = [{"row": row, "icon": page_turns.subject_icon(row.subject)} for row in page.object_list]
    return {"page": page, "rows": rows, "words": words, "any": bool(rows or words)}
