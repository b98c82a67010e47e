"""What people do on the pages of incidents. Each ends on the incident, with one sentence about what came of it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.permissions import permission_required
from monitoring.incidents import arrange, lifecycle
from monitoring.incidents.lifecycle import Refused
from monitoring.incidents.models import Incident

WRITE = "incidents:write"
LARGEST_ID = 2**62
MOST_IDS = 10_000
TABS = ("alerts", "timeline", "review")


def _attempt(request: HttpRequest, pk: int, work: Callable[[], Any], said: str) -> HttpResponse:
    """`said` may hold {}: what the work returned."""
    try:
        result = work()
    except Incident.DoesNotExist as gone:
        raise Http404("There is no such incident.") from gone
    except Refused as refused:
        messages.error(request, str(refused))
        return _back(request, pk)
    messages.success(request, said.format(result))
    return _back(request, pk)


def _back(request: HttpRequest, pk: int) -> HttpResponse:
    tab = request.POST.get("tab", "")
    return redirect(f"{reverse('incident', args=[pk])}{f'?tab={tab}' if tab in TABS else ''}")


def _ids(request: HttpRequest, name: str) -> list[int]:
    """BadRequest for what is no id."""
    given = request.POST.getlist(name)[:MOST_IDS]
    if not all(one.isdecimal() and one.isascii() and 0 < int(one[:20]) <= LARGEST_ID for one in given):
        raise BadRequest(f"{name} is a list of ids.")
    return [int(one) for one in given]


def _actor(request: HttpRequest) -> User:
    person: Any = request.user
    found: User = person
    return found


@require_POST
@permission_required(WRITE)
def new(request: HttpRequest) -> HttpResponse:
    """By hand; with `alert`, from these alerts."""
    try:
        made = lifecycle.open_by_hand(request.POST.get("title", ""), request.POST.get("severity", ""), _actor(request))
        if ids := _ids(request, "alert"):
            arrange.add(made.pk, ids, _actor(request))
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("incidents")
    messages.success(request, f"{made.number} is open.")
    return redirect("incident", made.pk)


@require_POST
@permission_required(WRITE)
def act(request: HttpRequest, pk: int) -> HttpResponse:
    verb, note = request.POST.get("verb", ""), request.POST.get("note", "").strip()[:5000]
    if verb not in lifecycle.VERBS:
        raise BadRequest(f"verb is one of {', '.join(lifecycle.VERBS)}.")
    if not Incident.objects.filter(pk=pk).exists():
        raise Http404("There is no such incident.")
    changed = lifecycle.move([pk], verb, _actor(request), note, request.POST.get("with_alerts") == "on")
    if changed:
        messages.success(request, f"INC-{pk} is {lifecycle.VERBS[verb].past}.")
    else:
        messages.warning(request, "Nothing to change: it was so already.")
    return _back(request, pk)


@require_POST
@permission_required(WRITE)
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    given: dict[str, Any] = {name: request.POST[name] for name in ("title", "severity", "notes_md") if name in request.POST}
    given |= {"notes_md": given["notes_md"].replace("\r\n", "\n")} if "notes_md" in given else {}
    if "commander" in request.POST:
        given["commander"] = _person(request.POST["commander"])
    return _attempt(request, pk, lambda: lifecycle.edit(pk, _actor(request), **given), "Saved.")


def _person(text: str) -> User | None:
    if not text:
        return None
    fits = text.isdecimal() and text.isascii() and len(text) < 19
    found = User.objects.filter(pk=int(text), is_active=True).first() if fits else None
    if found is None:
        raise BadRequest("There is no such person.")
    return found


@require_POST
@permission_required(WRITE)
def note(request: HttpRequest, pk: int) -> HttpResponse:
    return _attempt(request, pk, lambda: lifecycle.note(pk, _actor(request), request.POST.get("text", "")), "Noted.")


@require_POST
@permission_required(WRITE)
def merge(request: HttpRequest, pk: int) -> HttpResponse:
    """Others into this one, or with `into` this one into another."""
    into = _ids(request, "into")
    target, sources = (into[0], [pk]) if into else (pk, _ids(request, "incident"))
    said = request.POST.get("note", "").strip()[:5000]
    return _attempt(request, target, lambda: arrange.merge(target, sources, _actor(request), said), "Merged into {0.number}.")


@require_POST
@permission_required(WRITE)
def members(request: HttpRequest, pk: int) -> HttpResponse:
    """Alerts are added, taken out, or split off."""
    what, ids = request.POST.get("what", ""), _ids(request, "alert")
    if not ids:
        messages.warning(request, "Tick some alerts first.")
        return _back(request, pk)
    if what == "split":
        return _split(request, pk, ids)
    works: dict[str, tuple[Callable[[], Any], str]] = {
        "add": (lambda: len(arrange.add(pk, ids, _actor(request))), "Alerts added: {}."),
        "take_out": (lambda: len(arrange.take_out(pk, ids, _actor(request))), "Alerts taken out: {}."),
    }
    if what not in works:
        raise BadRequest("what is one of add, take_out, split.")
    return _attempt(request, pk, *works[what])


def _split(request: HttpRequest, pk: int, ids: list[int]) -> HttpResponse:
    try:
        made = arrange.split(pk, ids, _actor(request), request.POST.get("title", ""))
    except Incident.DoesNotExist as gone:
        raise Http404("There is no such incident.") from gone
    except Refused as refused:
        messages.error(request, str(refused))
        return _back(request, pk)
    messages.success(request, f"{made.number} is open, split off INC-{pk}.")
    return redirect("incident", made.pk)
