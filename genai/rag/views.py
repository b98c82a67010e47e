"""Documents: what there is, one of them, search, upload and removal."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.authentication import person
from accounts.permissions import PERMISSIONS, can, permission_required
from genai.rag import board, documents, encoder, upload
from genai.rag.find import LONGEST_QUERY, find, permitted
from genai.rag.models import Document

READ, WRITE = "monitoring:read", "documents:write"
PER_PAGE, FOUND, AT_ONCE = 50, 20, 20


@require_GET
@permission_required(READ)
def listing(request: HttpRequest) -> HttpResponse:
    text, kinds = request.GET.get("q", "").strip()[:LONGEST_QUERY], request.GET.getlist("kind")
    if unknown := sorted(set(kinds) - set(documents.Kind.values)):
        raise BadRequest(f"kind is one of {', '.join(documents.Kind.values)}, not {unknown[0][:40]!r}.")
    rows = _rows(request.user, kinds)
    page: Any = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = [board.Row(one) for one in page.object_list]
    hits = [board.Hit(one) for one in find(text, request.user, limit=FOUND, kinds=kinds or None)] if text else []
    context = {
        "text": text, "page": page, "hits": hits, "facets": [board.facet(request.user, kinds)], "filters_set": len(kinds),
        "total": board.visible(request.user).count(), "may_write": can(request.user, WRITE), "waiting": board.waiting(request.user),
        "by_meaning": encoder.folder() is not None,
    }  # fmt: skip
    return render(request, "genai/rag/documents.html", context)


def _rows(actor: Any, kinds: list[str]) -> QuerySet[Document]:
    rows = board.visible(actor).annotate(pieces=Count("chunks")).select_related("created_by")
    return (rows.filter(kind__in=kinds) if kinds else rows).order_by("-updated_at", "-pk")


def get(request: HttpRequest, pk: int) -> Document:
    found = board.visible(request.user).select_related("created_by").filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such document, or it is not for you.")
    return found


@require_GET
@permission_required(READ)
def one(request: HttpRequest, pk: int) -> HttpResponse:
    document = get(request, pk)
    page = board.pieces(document, request.GET.get("page") or board.page_of(request.GET.get("piece", "")))
    context = {"document": document, "row": board.Row(document), "page": page, "may_write": can(request.user, WRITE)}
    return render(request, "genai/rag/document.html", context)


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def add(request: HttpRequest) -> HttpResponseBase:
    error = ""
    if request.method == "POST":
        try:
            return _taken(request)
        except upload.Refused as fault:
            error = str(fault)
    allowed = [(name, PERMISSIONS[name][0]) for name in permitted(request.user)]
    context = {"error": error, "permissions": allowed, "chosen": request.POST.get("permission", documents.READ), "limit": upload.MOST_BYTES}
    return render(request, "genai/rag/upload.html", context, status=422 if error else 200)


def _taken(request: HttpRequest) -> HttpResponseBase:
    """Each file is a document of its own. Raises Refused at the first that cannot be taken; those before it stay."""
    files, permission = request.FILES.getlist("file"), request.POST.get("permission", documents.READ)
    if not files:
        raise upload.Refused("Choose a file.")
    if len(files) > AT_ONCE:
        raise upload.Refused(f"At most {AT_ONCE} files at once.")
    if permission not in permitted(request.user):
        raise PermissionDenied("A document can only be shown to people with a permission that you have yourself.")
    title, user, taken = request.POST.get("title", "") if len(files) == 1 else "", person(request), []
    for file in files:
        if (file.size or 0) > upload.MOST_BYTES:
            raise upload.Refused(f"{file.name}: at most {upload.MOST_BYTES // 2**20} MB are read.")
        taken.append(upload.take(str(file.name), file.read(), user, title=title, permission=permission, user=user))
    messages.success(request, f"{taken[0].title} is being read." if len(taken) == 1 else f"{len(taken)} documents are being read.")
    return redirect("document", taken[0].pk) if len(taken) == 1 else redirect("documents")


@require_POST
@permission_required(WRITE)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    document = get(request, pk)
    if document.kind != documents.Kind.UPLOAD:
        raise BadRequest("It follows what the platform has: change the runbook or the incident itself.")
    documents.remove(document, person(request))
    messages.success(request, f"{document.title} was removed.")
    return redirect("documents")
