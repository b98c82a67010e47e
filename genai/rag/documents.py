"""The only writer of documents and their chunks."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit
from genai.rag import cutting
from genai.rag.cutting import Cut
from genai.rag.models import Chunk, Document
from genai.rag.terms import counted

Kind = Document.Kind
READ = "monitoring:read"
WAITING, READY, FAILED = "waiting", "ready", "failed"


def put(kind: str, key: str, title: str, text: str, permission: str = READ) -> bool:
    """What the platform has itself, as Markdown. False where it is there already as it is."""
    text = text.replace("\0", "")
    digest = hashlib.sha256(f"{title}\n{permission}\n{text}".encode()).hexdigest()
    if Document.objects.filter(kind=kind, key=key, digest=digest).exists():
        return False
    with transaction.atomic():
        document, _ = Document.objects.select_for_update().get_or_create(kind=kind, key=key, defaults={"title": title[:300]})
        document.title, document.permission, document.digest = title[:300], permission, digest
        document.media_type, document.size = "text/markdown", len(text.encode())
        fill(document, text, cutting.markdown(text))
    return True


def fill(document: Document, text: str, cuts: Sequence[Cut]) -> None:
    """Its text and pieces; from now on it is found. Inside a transaction. Vectors come later (embed.py): they take their time."""
    document.chunks.all().delete()
    Chunk.objects.bulk_create(_chunks(document, cuts), batch_size=500)
    document.content, document.state, document.error, document.source = text, READY, "", None
    document.updated_at = timezone.now()
    document.save()


def _chunks(document: Document, cuts: Iterable[Cut]) -> Iterable[Chunk]:
    """A piece is also found by its document's name and by the headings above it."""
    for number, cut in enumerate(cuts, 1):
        terms = counted(f"{document.title} {cut.place} {cut.text}")
        yield Chunk(document=document, number=number, place=cut.place, text=cut.text, terms=terms, length=sum(terms.values()))


def fail(document: Document, reason: str) -> None:
    Document.objects.filter(pk=document.pk).update(state=FAILED, error=reason[:300], source=None, updated_at=timezone.now())


def drop(kind: str, keys: Iterable[str]) -> int:
    """Those whose original is not there any more."""
    gone = Document.objects.filter(kind=kind, key__in=list(keys))
    return gone.delete()[0]


def remove(document: Document, actor: Any) -> None:
    """By a person; only what people put here."""
    with transaction.atomic():
        said = {"title": document.title, "file": document.file_name, "size": document.size}
        name, pk = str(document), document.pk
        Document.objects.filter(pk=pk).delete()
        audit.record("document.removed", target=name, before=said, actor=actor)


def touch(document_ids: Iterable[int]) -> None:
    """Their vectors came: other processes read them again."""
    Document.objects.filter(pk__in=list(document_ids)).update(updated_at=timezone.now())
