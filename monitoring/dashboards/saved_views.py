"""Views of the explorer and of lists: listed, saved, shared, deleted. Each change is an entry of the audit trail."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit
from accounts.permissions import can, permission_required
from monitoring.dashboards import explorer, kept_pages
from monitoring.dashboards.models import STATE_LENGTH, SavedView

READ, WRITE, MANAGE = "monitoring:read", "monitoring:write", "users:manage"
BESIDE = 5  # listed beside the explorer's queries
PER_PAGE = 100
MOST = 500  # of one person
EXPLORER = "explorer"


def visible(user: Any, page: str = "") -> QuerySet[SavedView]:
    """Of one page, or of all."""
    rows = SavedView.objects.filter(Q(owner=user) | Q(shared=True)).select_related("owner")
    return rows.filter(page=page) if page else rows


def listed(user: Any, page: str = EXPLORER) -> dict[str, Any]:
    """For a page: the newest, and how many there are."""
    rows = visible(user, page)
    return {"saved": list(rows.order_by("-updated")[:BESIDE]), "view_count": rows.count()}


@require_http_methods(["GET", "POST"])
@permission_required(READ)
def of_page(request: HttpRequest, page: str) -> HttpResponseBase:
    """A page's own menu of views; a POST keeps another."""
    if kept_pages.of(page) is None:
        raise Http404("This page keeps no views.")
    if request.method == "POST":
        _save(request, request.POST, page)
    context = {**listed(request.user, page), "may_share": can(request.user, WRITE), "of": page}
    return render(request, "monitoring/dashboards/_view_menu.html", context)


@require_http_methods(["GET", "POST"])
@permission_required(READ)
def views(request: HttpRequest) -> HttpResponseBase:
    """The list; a POST of name, state and shared keeps a view, over one's own of the same name, and answers with the short list."""
    if request.method == "POST":
        _save(request, request.POST, EXPLORER)
        return render(request, "monitoring/dashboards/_saved.html", listed(request.user))
    text = request.GET.get("q", "").strip()[:100]
    found = visible(request.user).filter(name__icontains=text) if text else visible(request.user)
    page = Paginator(found.order_by("name", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "text": text, "may_share": can(request.user, WRITE), "may_manage": can(request.user, MANAGE)}
    return render(request, "monitoring/dashboards/saved_views.html", context)


@transaction.atomic
def _save(request: HttpRequest, given: QueryDict, page: str) -> None:
    name, state, shared = _name(given), _state(given, page), _shared(request, given)
    view = SavedView.objects.select_for_update().filter(owner_id=request.user.pk, page=page, name=name).first()
    if view is None and SavedView.objects.filter(owner_id=request.user.pk).count() >= MOST:
        raise BadRequest(f"You have {MOST} saved views; delete one first.")
    before = audit.snapshot(view) if view else {}
    view = view or SavedView(owner=request.user, page=page, name=name)  # type: ignore[misc]  # signed in: permission_required
    view.state, view.shared = state, shared
    view.save()
    _record("view_changed" if before else "view_saved", view, before)


def _name(given: QueryDict) -> str:
    name = " ".join(given.get("name", "").split())
    if not 1 <= len(name) <= 100:
        raise BadRequest("A name has 1 to 100 characters.")
    return name


def _state(given: QueryDict, page: str) -> str:
    """Checked and in one order, so that nothing but a view of this page is kept."""
    text = given.get("state", "").removeprefix("?")
    if len(text) > STATE_LENGTH:
        raise BadRequest(f"A view's address has at most {STATE_LENGTH:,} characters; this one has {len(text):,}.")
    kept = kept_pages.of(page)
    pairs = [(name, value) for name, value in parse_qsl(text) if kept and kept.parameters.fullmatch(name)]
    state = urlencode(pairs)
    if page == EXPLORER and not explorer.state_of(QueryDict(state)).queries:
        raise BadRequest("There is no query to keep; write one first.")
    if not state:
        raise BadRequest("There is nothing to keep; search, filter, sort or group first.")
    return state


def _shared(request: HttpRequest, given: QueryDict) -> bool:
    shared = given.get("shared", "") in {"on", "true", "1"}
    if shared and not can(request.user, WRITE):
        raise PermissionDenied(f"Sharing a view needs the permission {WRITE}, which your role does not have.")
    return shared


def _record(action: str, view: SavedView, before: dict[str, Any]) -> None:
    after = {key: value for key, value in audit.snapshot(view).items() if key != "updated"}
    audit.record(
        f"{view.page}.{action}", target=view, **audit.changes({key: value for key, value in before.items() if key != "updated"}, after)
    )


def _own(request: HttpRequest, pk: int) -> SavedView:
    """A person's own; of another's a shared one, for those who manage people. What one may not see is not there."""
    view = visible(request.user).filter(pk=pk).first()
    if view is None:
        raise Http404("This view is not there; it may have been deleted, or its owner no longer shares it.")
    if view.owner_id != request.user.pk and not can(request.user, MANAGE):
        raise PermissionDenied("Only its owner changes a view.")
    return view


@require_POST
@permission_required(READ)
@transaction.atomic
def change(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A new name, shared or not."""
    view = _own(request, pk)
    before, name = audit.snapshot(view), _name(request.POST)
    if SavedView.objects.filter(owner=view.owner, page=view.page, name=name).exclude(pk=pk).exists():
        raise BadRequest(f"There is a view named {name!r} already.")
    view.shared = _shared(request, request.POST)
    view.name = name
    view.save()
    _record("view_changed", view, before)
    return redirect("saved-views")


@require_POST
@permission_required(READ)
@transaction.atomic
def delete(request: HttpRequest, pk: int) -> HttpResponseBase:
    view = _own(request, pk)
    before = audit.snapshot(view)
    target, page = str(view), view.page
    view.delete()
    audit.record(f"{page}.view_deleted", target=target, before=before)
    return redirect("saved-views")
