"""Watches: the list, one with its form, what an expression answers now, switched on and off."""

from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import can, permission_required
from forecasting import feedback, track_record, watch_form, watches, words
from forecasting.models import Adjustment, Anomaly, Track, Watch

READ, WRITE = "monitoring:read", "forecasts:write"
MOVES = 10  # of its sensitivity that are shown
UNREADY = (Track.State.LEARNING, Track.State.NOT_PREDICTABLE, Track.State.FAILED)


@require_GET
@permission_required(READ)
def listing(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip().replace("\0", "")[:200]
    rows = Watch.objects.annotate(
        series=Count("tracks", filter=~Q(tracks__state=Track.State.ENDED)), foretold=Count("tracks", filter=Q(tracks__state=Track.State.OK))
    )
    for word in text.split()[:10]:
        rows = rows.filter(Q(name__icontains=word) | Q(metric__icontains=word) | Q(expr__icontains=word))
    open_ones = dict(Anomaly.objects.filter(ended_at=None).order_by().values_list("track__watch").annotate(Count("pk")))
    listed = [(one, open_ones.get(one.pk, 0)) for one in rows.order_by("-enabled", "name")]
    context = {"rows": listed, "text": text, "may_write": can(request.user, WRITE), "total": Watch.objects.count()}
    return render(request, "forecasting/watches.html", context)


def get(pk: int) -> Watch:
    found = Watch.objects.filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such watch.")
    return found


@require_http_methods(["GET", "POST"])
@permission_required(READ)
def watch(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _edited(request, get(pk))


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def new(request: HttpRequest) -> HttpResponseBase:
    fresh = Watch(expr=request.GET.get("expr", "")[: watches.LONGEST_EXPR])
    return _edited(request, fresh)


def _edited(request: HttpRequest, found: Watch) -> HttpResponseBase:
    form = watch_form.Form(found)
    if request.method == "POST":
        _may(request)
        form = watch_form.read(request.POST, get(found.pk) if found.pk else Watch())
        if not form.count and _saved(request, form, found):
            return redirect("watch", form.watch.pk)
    return render(request, "forecasting/watch.html", _context(request, form), status=400 if form.count else 200)


def _saved(request: HttpRequest, form: watch_form.Form, found: Watch) -> bool:
    """Onto the row as it is stored, so that what changed can be told."""
    target = get(found.pk) if found.pk else Watch()
    try:
        form.watch = watches.save(target, form.values, request.user)  # type: ignore[arg-type]  # signed in: permission_required
    except watches.NotChangeable as fault:
        form.refuse("name", str(fault))
        return False
    return True


def _may(request: HttpRequest) -> None:
    if not can(request.user, WRITE):
        raise PermissionDenied(f"This needs the permission {WRITE}, which your role does not have.")


def _context(request: HttpRequest, form: watch_form.Form) -> dict[str, Any]:
    one = form.watch
    tracks = Track.objects.filter(watch=one) if one.pk else Track.objects.none()
    states = dict(tracks.order_by().values_list("state").annotate(Count("pk")))
    records = {record.key: record for record in track_record.by("metric")} if one.pk else {}
    return {
        "form": form, "watch": one, "faults": form.faults, "may_write": can(request.user, WRITE),
        "directions": Watch.Direction.choices, "mutings": Watch.Muting.choices, "units": list(words.UNITS),
        "states": [(words.STATES[state], count) for state, count in sorted(states.items())], "record": records.get(one.metric),
        "moves": Adjustment.objects.filter(watch=one).order_by("-time")[:MOVES] if one.pk else [],
        "preview": watch_form.preview(one.expr, one.unit) if one.expr else None,
    }  # fmt: skip


@require_GET
@permission_required(READ)
def preview(request: HttpRequest) -> HttpResponse:
    """A fragment: what ?expr= answers now, or where it is wrong."""
    found = watch_form.preview(request.GET.get("expr", ""), request.GET.get("unit", "")[:32])
    return render(request, "forecasting/_preview.html", {"preview": found})


@require_POST
@permission_required(WRITE)
def act(request: HttpRequest, pk: int) -> HttpResponseBase:
    """switch (on or off), delete, or revert a move of its sensitivity."""
    found, verb = get(pk), request.POST.get("do", "")
    if verb == "switch":
        watches.save(found, {"enabled": not found.enabled}, request.user)  # type: ignore[arg-type]  # signed in: permission_required
    elif verb == "delete":
        _removed(request, found)
        return redirect("watches")
    elif verb == "revert":
        move = Adjustment.objects.filter(watch=found, pk=_id(request.POST.get("move", ""))).first()
        if move is None:
            raise Http404("There is no such change.")
        _reverted(request, move)
    else:
        raise BadRequest(f"do is switch, delete or revert, not {verb[:40]!r}.")
    return redirect("watches" if request.POST.get("back") == "list" else "watch", *([] if request.POST.get("back") == "list" else [pk]))


def _id(text: str) -> int:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else 0


def _reverted(request: HttpRequest, move: Adjustment) -> None:
    try:
        feedback.revert(move, request.user)  # type: ignore[arg-type]  # signed in: permission_required
    except feedback.NotAdjustable as fault:
        raise BadRequest(str(fault)) from None


def _removed(request: HttpRequest, found: Watch) -> None:
    try:
        watches.remove(found, request.user)  # type: ignore[arg-type]  # signed in: permission_required
    except watches.NotChangeable as fault:
        raise BadRequest(str(fault)) from None
