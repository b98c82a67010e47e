"""The list of documents, the page of one, and what a search found, as the pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString

from aiops.facets import Facet, Value
from genai.rag import documents
from genai.rag.documents import Kind
from genai.rag.find import Found, permitted
from genai.rag.models import Chunk, Document
from monitoring.incidents import review
from remediation.models import Runbook

ICONS = {Kind.UPLOAD: "note", Kind.RUNBOOK: "remediation", Kind.INCIDENT: "incidents", Kind.NOTE: "user"}
# state → icon, tone, word
STATES = {
    "waiting": ("clock", "t3", "Being read"),
    "ready": ("ok", "h-ok", "Ready"),
    "failed": ("down", "h-down", "Not readable"),
}
EXCERPT, PIECES = 280, 200  # characters of a hit; pieces on one page of a document


def visible(actor: Any) -> QuerySet[Document]:
    return Document.objects.filter(permission__in=permitted(actor)).defer("content", "source")


def facet(actor: Any, chosen: Sequence[str]) -> Facet:
    counts = dict(visible(actor).order_by().values_list("kind").annotate(Count("pk")))
    values = [
        Value(kind.value, str(kind.label), counts.get(kind.value, 0), kind.value in chosen, ICONS[kind])
        for kind in Kind
        if counts.get(kind.value) or kind.value in chosen
    ]
    return Facet("kind", "Kind", values)


@dataclass
class Row:
    document: Document

    @property
    def icon(self) -> str:
        return ICONS[Kind(self.document.kind)]

    @property
    def state(self) -> tuple[str, str, str]:
        return STATES[self.document.state]

    @property
    def removable(self) -> bool:
        return self.document.kind == Kind.UPLOAD

    @cached_property
    def origin(self) -> str:
        """The page of what it was made from; empty for uploads."""
        return origin(self.document)


def origin(document: Document) -> str:
    try:
        if document.kind == Kind.RUNBOOK:
            pk = Runbook.objects.filter(key=document.key).values_list("pk", flat=True).first()
            return reverse("runbook", args=[pk]) if pk else ""
        if document.kind in (Kind.INCIDENT, Kind.NOTE) and document.key.isdecimal():
            return reverse("incident", args=[int(document.key)])
    except NoReverseMatch:
        return ""
    return ""


@dataclass
class Hit:
    found: Found

    @property
    def row(self) -> Row:
        return Row(self.found.document)

    @property
    def url(self) -> str:
        return address(self.found.document.pk, self.found.chunk.number)

    @property
    def excerpt(self) -> str:
        text = " ".join(self.found.chunk.text.split())
        return text if len(text) <= EXCERPT else f"{text[:EXCERPT].rsplit(' ', 1)[0]} …"


def address(document: int, number: int = 0) -> str:
    """At one piece, whichever page of the document shows it."""
    return reverse("document", args=[document]) + (f"?piece={number}#chunk-{number}" if number else "")


def page_of(piece: str) -> str:
    """Of the document's pages, the one with the piece; the first for what is no number."""
    return str((int(piece) - 1) // PIECES + 1) if piece.isdecimal() and piece.isascii() and len(piece) < 10 else "1"


@dataclass
class Piece:
    """A chunk on its document's page. The place is told where it differs from the one before."""

    chunk: Chunk
    place: str
    markdown: bool

    @property
    def html(self) -> SafeString:
        return review.html(self.chunk.text)


def pieces(document: Document, asked: str | None) -> Page[Any]:
    rows = document.chunks.defer("terms", "vector").order_by("number")
    page: Page[Any] = Paginator(rows, PIECES).get_page(asked)
    before = ""
    found = []
    for chunk in page.object_list:
        found.append(Piece(chunk, chunk.place if chunk.place != before else "", document.media_type == "text/markdown"))
        before = chunk.place
    page.object_list = found
    return page


def waiting(actor: Any) -> bool:
    return visible(actor).filter(state=documents.WAITING).exists()
