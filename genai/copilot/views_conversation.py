"""What a person does with a conversation of theirs: name it, share it, take it along, remove it."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import permission_required
from genai.copilot import conversations, export
from genai.copilot.conversations import Refused
from genai.copilot.views import USE, own


@require_POST
@permission_required(USE)
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        conversations.rename(own(request, pk), request.POST.get("title", ""))
    except Refused as fault:
        raise BadRequest(fault.sentence) from None
    return redirect("copilot-conversation", pk)


@require_POST
@permission_required(USE)
def share(request: HttpRequest, pk: int) -> HttpResponse:
    """on=1 makes the link, on=0 takes it back."""
    found, on = own(request, pk), request.POST.get("on", "")
    if on not in ("0", "1"):
        raise BadRequest("on is 1 or 0.")
    if on == "1":
        conversations.share(found)
        messages.success(request, "Shared. Whoever opens the link signs in and sees what their role may see.")
    else:
        conversations.unshare(found)
        messages.success(request, "No longer shared. The link leads nowhere.")
    return redirect("copilot-conversation", pk)


@require_POST
@permission_required(USE)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    conversations.delete(own(request, pk))
    messages.success(request, "The conversation is deleted.")
    return redirect("copilot")


@require_GET
@permission_required(USE)
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """All of it as Markdown, with its sources."""
    found = own(request, pk)
    response = HttpResponse(export.markdown(found, request.user), content_type="text/markdown; charset=utf-8")
    name = slugify(found.title)[:60] or f"conversation-{found.pk}"
    response["Content-Disposition"] = f'attachment; filename="{name}.md"'
    return response
