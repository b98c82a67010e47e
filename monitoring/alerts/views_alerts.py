"""The list of alerts, what is done to those on it, and the short form that silences them."""

from typing import Any

import orjson
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from accounts.permissions import can, permission_required
from aiops import timerange
from aiops.templatetags.ui import clock
from monitoring.alerts import actions, filters, quick_silence, silencing
from monitoring.alerts.board import GROUPS, Board
from monitoring.alerts.models import Alert, Severity
from monitoring.alerts.rows import with_neighbours
from monitoring.alerts.transitions import portions

READ, WRITE = "monitoring:read", "alerts:write"
RANGE = "now-24h"  # of those that ended
MOST_IDS = 20_000  # that a page may act on by its filters
MOST_NAMED = 500  # alerts that an address can name
Given = dict[str, Any]


def _board(request: HttpRequest) -> Board:
    return Board(request.GET, timerange.from_request(request, RANGE), request.user.pk or 0)


@require_GET
@permission_required(READ)
def alerts(request: HttpRequest) -> HttpResponse:
    """With the header X-Fragment the list alone, as the page asks for it when something happened."""
    board = _board(request)
    page, facets = board.page(), board.facets()
    column, descending = board.sort
    context = {
        "board": board, "page": page, "facets": facets, "chips": board.chips(), "totals": board.totals(), "column": column,
        "descending": descending, "groups": GROUPS, "group": board.group, "may_write": can(request.user, WRITE),
        "timerange": board.span, "live": True, "any_state": board.query.getlist("state") == ["any"],
    }  # fmt: skip
    if "X-Fragment" in request.headers:
        return render(request, "monitoring/alerts/_board.html", context | {"alone": True})
    context["may_gather"] = can(request.user, "incidents:write")
    context["people"] = User.objects.filter(is_active=True).order_by("name") if context["may_write"] else []
    return render(request, "monitoring/alerts/alerts.html", context)


@require_GET
@permission_required(READ)
def ids(request: HttpRequest) -> JsonResponse:
    """Of all alerts that the address finds, in its order: what a page acts on in portions."""
    found = _board(request).ordered
    return JsonResponse({"ids": [one.pk for one in found[:MOST_IDS]], "total": len(found)})


# -- doing -----------------------------------------------------------------------------------------------------------------
def given(request: HttpRequest) -> Given:
    try:
        found = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise BadRequest("The body is a JSON object.")
    return found


def ids_of(value: Any, most: int) -> list[int]:
    fits = isinstance(value, list) and all(type(one) is int and 0 < one <= filters.LARGEST_ID for one in value)
    if not fits or not value:
        raise BadRequest("alerts is a list of ids.")
    if len(value) > most:
        raise BadRequest(f"At most {most:,} alerts at a time.")
    return list(dict.fromkeys(value))


@require_POST
@permission_required(WRITE)
def act(request: HttpRequest) -> JsonResponse:
    """{"action", "alerts": [ids], "note"?, "assignee"?, "severity"?} → {"changed": how many}."""
    asked = given(request)
    verb, note = asked.get("action"), asked.get("note", "")
    if verb not in actions.VERBS:
        raise BadRequest(f"action is one of {', '.join(actions.VERBS)}.")
    if not isinstance(note, str) or len(note) > actions.LONGEST_NOTE or "\0" in note:
        raise BadRequest(f"A note has at most {actions.LONGEST_NOTE:,} characters.")
    if verb == "comment" and not note.strip():
        raise BadRequest("A comment says something.")
    found = ids_of(asked.get("alerts"), actions.MOST_AT_ONCE)
    person: Any = request.user
    changed = actions.perform(verb, found, person, note.strip(), _person(verb, asked), _severity(verb, asked))
    return JsonResponse({"changed": len(changed), "asked": len(found)})


def _person(verb: str, asked: Given) -> User | None:
    pk = asked.get("assignee")
    if verb != "assign" or pk is None:
        return None
    found = User.objects.filter(pk=pk, is_active=True).first() if type(pk) is int and 0 < pk <= filters.LARGEST_ID else None
    if found is None:
        raise BadRequest("There is no such person.")
    return found


def _severity(verb: str, asked: Given) -> str:
    severity = asked.get("severity", "")
    if verb == "rate" and severity not in Severity.values:
        raise BadRequest(f"severity is one of {', '.join(Severity.values)}.")
    return str(severity)


# -- silencing -------------------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def silence_form(request: HttpRequest) -> HttpResponse:
    """For ?alert=, which may stand there several times, or for as many as can be ticked, {"alerts": [ids]}: how long, what, why."""
    wanted = ids_of(given(request).get("alerts"), MOST_IDS) if request.method == "POST" else _named(request)
    rows = with_neighbours(Alert.objects.defer("evidence", "annotations", "fires", "suppressed_by"))
    found = [row for ids in portions(sorted(wanted)) for row in rows.filter(pk__in=ids).order_by("pk")]
    if not found:
        raise Http404("These alerts are not there any more.")
    proposed = quick_silence.proposals(found)
    hidden = quick_silence.hides(proposed[0].matchers)
    context = {
        "proposals": [(orjson.dumps(one.matchers).decode(), one) for one in proposed], "presets": quick_silence.PRESETS,
        "firing": hidden.firing, "token": f"{found[0].pk}-{len(found)}",
    }  # fmt: skip
    return render(request, "monitoring/alerts/_silence_form.html", context)


def _named(request: HttpRequest) -> list[int]:
    given_ids = request.GET.getlist("alert")
    wanted = [pk for pk in map(filters.as_id, given_ids) if pk is not None]
    if not wanted or len(wanted) < len(given_ids) or len(wanted) > MOST_NAMED:
        raise BadRequest(f"alert is the id of an alert, at most {MOST_NAMED} times.")
    return wanted


@require_POST
@permission_required(READ)
def silence_preview(request: HttpRequest) -> JsonResponse:
    """{"matchers", "preset", "until"?} → how many it would hide now, and when it would end, in the reader's words."""
    asked = given(request)
    found = quick_silence.hides(quick_silence.read_matchers(asked.get("matchers")))
    end = quick_silence.ends_at(str(asked.get("preset", "")), str(asked.get("until", "")), timezone.now(), _zone(request))
    return JsonResponse({"firing": found.firing, "suppressed": found.suppressed, "ends": str(clock(end)), "ends_at": end.isoformat()})


@require_POST
@permission_required(WRITE)
def silence(request: HttpRequest) -> JsonResponse:
    """{"matchers", "preset", "until"?, "reason"} → the silence, which holds at once."""
    asked, now = given(request), timezone.now()
    matchers = quick_silence.read_matchers(asked.get("matchers"))
    end = quick_silence.ends_at(str(asked.get("preset", "")), str(asked.get("until", "")), now, _zone(request))
    made = quick_silence.silence(matchers, str(asked.get("reason", "")), now, end, _zone(request))
    hidden = quick_silence.hides(matchers)
    person: Any = request.user
    silencing.create(made, person)
    return JsonResponse({"silence": made.pk, "firing": hidden.firing, "ends_at": end.isoformat()}, status=201)


def _zone(request: HttpRequest) -> str:
    return str(getattr(request.user, "time_zone", "UTC"))
